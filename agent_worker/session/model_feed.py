"""What the model says, turned into what happens in the conversation: words to the lines, calls to the tools."""

import logging
from collections.abc import Callable
from typing import assert_never

from agent_worker.history.items import FunctionCall
from agent_worker.media.ledger import Part
from agent_worker.realtime import base as rt
from agent_worker.session.lines import AgentLines, UserLines
from agent_worker.speech import events as ev

log = logging.getLogger(__name__)

RunTools = Callable[[str, tuple[FunctionCall, ...]], None]
"""Given the id of a speech and the calls of its reply, has them run."""


class ModelFeed:
    """Takes the model's events one by one.

    Args:
        post: Posts an event to the conversation.
        user_lines: The user's lines.
        agent_lines: The agent's lines.
        run_tools: Has a reply's tools run.
        refuse_tools: Answers the calls of a reply that was cut before they ran.

    """

    def __init__(
        self,
        *,
        post: Callable[[ev.Event], None],
        user_lines: UserLines,
        agent_lines: AgentLines,
        run_tools: RunTools,
        refuse_tools: Callable[[tuple[FunctionCall, ...]], None],
    ) -> None:
        self._post = post
        self._user_lines = user_lines
        self._agent_lines = agent_lines
        self._run_tools = run_tools
        self._refuse_tools = refuse_tools
        self._calls: dict[str, list[FunctionCall]] = {}
        self._requests: dict[str, str | None] = {}

    def receive(self, event: rt.RealtimeEvent) -> None:
        """What an event means here."""
        match event:
            case (
                rt.InputCommitted()
                | rt.InputTranscriptDelta()
                | rt.InputTranscribed()
                | rt.InputTranscriptionFailed()
                | rt.InputVoiceStarted()
                | rt.InputVoiceStopped()
            ):
                self._about_the_user(event)
            case (
                rt.ResponseStarted()
                | rt.OutputItemStarted()
                | rt.OutputAudio()
                | rt.OutputTranscript()
                | rt.OutputAudioDone()
                | rt.FunctionCallReady()
                | rt.ResponseEnded()
            ):
                self._about_a_reply(event)
            case rt.ModelError(code=code, message=message, request_id=request_id):
                log.warning("! the model refused something: %s (%s)", message, code or "no code")
                if request_id is not None:
                    self._post(ev.ReplyEnded(response_id="", request_id=request_id, failure=message))
            case rt.ItemDeleted() | rt.ItemTruncated() | rt.UnknownEvent():
                pass
            case _:
                assert_never(event)

    def _about_the_user(
        self,
        event: rt.InputCommitted
        | rt.InputTranscriptDelta
        | rt.InputTranscribed
        | rt.InputTranscriptionFailed
        | rt.InputVoiceStarted
        | rt.InputVoiceStopped,
    ) -> None:
        match event:
            case rt.InputCommitted(item_id=item_id):
                self._user_lines.named(item_id)
                self._post(ev.TurnCommitted(item_id))
            case rt.InputTranscriptDelta(item_id=item_id, delta=delta):
                self._user_lines.grow(item_id, delta)
            case rt.InputTranscribed(item_id=item_id, text=text):
                self._user_lines.finish(item_id, text)
                self._post(ev.TurnTranscribed(item_id, text))
            case rt.InputTranscriptionFailed(item_id=item_id, message=message):
                log.warning("! no transcript of %s: %s", item_id, message)
                self._user_lines.finish(item_id, "")
                self._post(ev.TurnTranscribed(item_id, None))
            case rt.InputVoiceStarted() | rt.InputVoiceStopped():
                # The local detector owns the turns; the model's own is switched off.
                pass
            case _:
                assert_never(event)

    def _about_a_reply(
        self,
        event: rt.ResponseStarted
        | rt.OutputItemStarted
        | rt.OutputAudio
        | rt.OutputTranscript
        | rt.OutputAudioDone
        | rt.FunctionCallReady
        | rt.ResponseEnded,
    ) -> None:
        match event:
            case rt.ResponseStarted(response_id=response_id, request_id=request_id):
                self._requests[response_id] = request_id
                self._post(ev.ReplyStarted(response_id=response_id, request_id=request_id))
            case rt.OutputItemStarted():
                pass
            case rt.OutputAudio(response_id=response_id, item_id=item_id, content_index=content_index, pcm=pcm):
                self._post(
                    ev.ReplyAudioArrived(
                        response_id=response_id, item_id=item_id, content_index=content_index, pcm=pcm
                    )
                )
            case rt.OutputTranscript(item_id=item_id, content_index=content_index, delta=delta, start_ms=start_ms):
                self._agent_lines.add(Part(item_id, content_index), delta, start_ms)
            case rt.OutputAudioDone(item_id=item_id, content_index=content_index):
                self._agent_lines.complete(Part(item_id, content_index))
            case rt.FunctionCallReady(response_id=response_id):
                call = FunctionCall(
                    id=event.item_id, call_id=event.call_id, name=event.name, arguments=event.arguments
                )
                self._calls.setdefault(response_id, []).append(call)
            case rt.ResponseEnded():
                self._reply_ended(event)
            case _:
                assert_never(event)

    def _reply_ended(self, event: rt.ResponseEnded) -> None:
        request_id = self._requests.pop(event.response_id, None) or event.request_id
        calls = tuple(self._calls.pop(event.response_id, ()))
        failed = event.status is rt.ResponseStatus.FAILED
        runs = bool(calls) and request_id is not None and event.status is rt.ResponseStatus.COMPLETED
        self._post(
            ev.ReplyEnded(
                response_id=event.response_id,
                request_id=request_id,
                tool_calls=len(calls) if runs else 0,
                failure=event.message or "the model failed" if failed else "",
            )
        )
        if runs and request_id is not None:
            self._run_tools(request_id.rpartition(".")[0], calls)
        elif calls:
            self._refuse_tools(calls)
