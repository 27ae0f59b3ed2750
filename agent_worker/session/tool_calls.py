"""What becomes of the tools that a reply asks for: run, or refused with the reason, and the conversation told.

reply ended -> ToolCalls -> toolbox (outputs to both histories) -> tools finished -> conversation
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Final

from agent_worker.history.items import FunctionCall, Image
from agent_worker.realtime import base as rt
from agent_worker.rooms.base import Room
from agent_worker.session.handle import Speeches, SpeechHandle
from agent_worker.session.model_feed import MadeReply
from agent_worker.session.seat import Seat
from agent_worker.speech import events as ev
from agent_worker.speech.options import SpeechOptions
from agent_worker.speech.queue import CONTINUED

_CALLS_COUNT: Final = {rt.ResponseStatus.COMPLETED, rt.ResponseStatus.LOST}
"""What the model had asked for in full when its connection broke is done."""


class ToolCalls:
    """The tool calls of one session.

    Args:
        seat: Whose tools they are, and who may hand over.
        room: Where they are shown.
        speeches: The handles of what the agent says.
        options: How the conversation behaves now.
        send: Sends the model a command.
        show: Has the model look at what a tool brought; None: it has no eyes.
        post: Posts an event to the conversation.
        reconfigure: Has the model and the conversation follow another agent.
        start: Starts a task that ends with the session.

    """

    def __init__(
        self,
        *,
        seat: Seat,
        room: Room,
        speeches: Speeches,
        options: Callable[[], SpeechOptions],
        send: Callable[[rt.RealtimeCommand], None],
        show: Callable[[str, tuple[Image, ...]], None] | None,
        post: Callable[[ev.Event], None],
        reconfigure: Callable[[], None],
        start: Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]],
    ) -> None:
        self._seat = seat
        self._room = room
        self._speeches = speeches
        self._options = options
        self._send = send
        self._show = show
        self._post = post
        self._reconfigure = reconfigure
        self._start = start

    def reply_made(self, request_id: str, made: MadeReply) -> None:
        """A reply has ended, and the conversation knows of it; `request_id` is "" for one that nobody wanted."""
        if not made.calls:
            return
        speech_id, _, step = request_id.rpartition(".")
        speech = self._speeches.get(speech_id)
        status = made.ended.status
        if status not in _CALLS_COUNT | {rt.ResponseStatus.CANCELLED}:
            self._refuse(made.calls, "the reply that called it was not finished")
        elif speech is None or status is rt.ResponseStatus.CANCELLED:
            self._refuse(made.calls, "the user interrupted before it ran")
        elif int(step.partition(CONTINUED)[0]) >= self._options().max_tool_steps:
            # It was told to call none any more (U-5), and is not asked again.
            self._refuse(made.calls, "too many tools were called one after the other for one answer")
            self._post(ev.ToolsFinished(speech_id, reply=False))
        else:
            self._start(self._run(speech, made.calls))

    def _refuse(self, calls: tuple[FunctionCall, ...], why: str) -> None:
        self._seat.toolbox.refuse(calls, why, send=self._send)

    async def _run(self, speech: SpeechHandle, calls: tuple[FunctionCall, ...]) -> None:
        answered = await self._seat.toolbox.answer(speech, calls, room=self._room, send=self._send, show=self._show)
        finished = ev.ToolsFinished(speech.id, answered.reply)
        if answered.agent is not None and answered.reply:
            # Who takes over speaks about the result.
            await self._seat.hand_over(answered.agent, self._reconfigure, told=lambda: self._post(finished))
            return
        self._post(finished)
        if answered.agent is not None:
            await self._seat.hand_over(answered.agent, self._reconfigure)
