"""How long a model took to the first output of each reply: events in, the same events with figures out. Pure."""

from dataclasses import replace
from typing import Final

from agent_worker.realtime import base as rt

_REPLIES: Final = 64
"""Replies that are timed at once: more can only be ones that never ended."""


class ReplyTimes:
    """One connection's replies, each from its request, or else from the end of the user's turn."""

    def __init__(self) -> None:
        self._asked: dict[str, float] = {}
        self._began: dict[str, float] = {}
        self._first: dict[str, float] = {}
        self._turn_ended: float | None = None

    def sent(self, command: rt.RealtimeCommand, now: float) -> None:
        """A command goes out."""
        if isinstance(command, rt.CreateResponse):
            _keep(self._asked, command.request_id, now)

    def saw(self, event: rt.RealtimeEvent, now: float) -> rt.RealtimeEvent:
        """An event comes in; the end of a reply goes on with its figure."""
        match event:
            case rt.OutputAudio(response_id=response_id) | rt.OutputText(response_id=response_id):
                if response_id not in self._first and response_id in self._began:
                    _keep(self._first, response_id, now - self._began[response_id])
            case rt.InputVoiceStopped() | rt.InputCommitted():
                self._turn_ended = now
            case rt.ResponseStarted(response_id=response_id, request_id=request_id):
                asked = self._turn_ended if request_id is None else self._asked.pop(request_id, None)
                _keep(self._began, response_id, now if asked is None else asked)
            case rt.ResponseEnded(response_id=response_id):
                self._began.pop(response_id, None)
                return replace(event, first_output_seconds=self._first.pop(response_id, None))
            case _:
                pass
        return event


def _keep(times: dict[str, float], name: str, seconds: float) -> None:
    times[name] = seconds
    if len(times) > _REPLIES:
        del times[next(iter(times))]
