"""Replies that are made beside the conversation: the application reads them, nobody hears them, no history has them.

ask (application) -> request out of band -> model;  its text -> whoever asked
"""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final
from uuid import uuid4

from agent_worker.errors import RealtimeError, RealtimeLostError, SpeechError
from agent_worker.history.items import Item, Message, Role
from agent_worker.realtime import base as rt

log = logging.getLogger(__name__)

MOST_WAITING: Final = 16
"""Questions at a time."""
_REMEMBERED: Final = 256
_ASKED: Final = "ask_"


@dataclass(slots=True)
class _Reply:
    """One that is being made, and its words by item and part."""

    request_id: str
    parts: defaultdict[tuple[str, int], str] = field(default_factory=lambda: defaultdict(str))


class Asides:
    """Asks, and keeps what belongs to these replies away from the conversation.

    Args:
        send: Sends the model a command.
        capabilities: What the model can do.

    """

    def __init__(self, *, send: Callable[[rt.RealtimeCommand], None], capabilities: rt.Capabilities) -> None:
        self._send = send
        self._capabilities = capabilities
        self._waiting: dict[str, asyncio.Future[str]] = {}
        self._replies: dict[str, _Reply] = {}

    async def ask(self, instructions: str, *, text: str | None, items: Iterable[str], seconds: float) -> str:
        """What the model answers; see `AgentSession.ask`."""
        if not self._capabilities.out_of_band:
            raise SpeechError("This model answers in the conversation alone (Capabilities.out_of_band).")
        if len(self._waiting) >= MOST_WAITING:
            raise SpeechError(f"{MOST_WAITING} questions wait for an answer already: await some of them first.")
        request_id = f"{_ASKED}{uuid4().hex[:20]}"
        written = rt.Modality.TEXT if self._capabilities.text_output else None
        looked_at: list[Item | rt.ItemReference] = [rt.ItemReference(item_id) for item_id in items]
        if text is not None:
            looked_at.append(Message(id=f"{request_id}_text", role=Role.USER, text=text))
        answer = self._waiting[request_id] = asyncio.get_running_loop().create_future()
        try:
            self._send(
                rt.CreateResponse(
                    request_id=request_id,
                    instructions=instructions,
                    tools=(),
                    tool_choice="none",
                    modality=written,
                    in_conversation=False,
                    input=tuple(looked_at) or None,
                )
            )
            async with asyncio.timeout(seconds):
                return await answer
        except TimeoutError:
            raise RealtimeError(f"The model has not answered within {seconds:g} s what it was asked.") from None
        finally:
            del self._waiting[request_id]
            self._stop(request_id)

    def receive(self, event: rt.RealtimeEvent) -> bool:
        """Whether this belongs to such a reply, and thus to nobody else."""
        match event:
            case rt.ResponseStarted(request_id=request_id):
                if event.in_conversation and request_id not in self._waiting:
                    return False
                self._started(event.response_id, request_id or "")
            case rt.OutputText() | rt.OutputTranscript() if event.response_id in self._replies:
                self._replies[event.response_id].parts[event.item_id, event.content_index] += event.delta
            case rt.OutputTextDone() if event.response_id in self._replies:
                self._replies[event.response_id].parts[event.item_id, event.content_index] = event.text
            case rt.ResponseEnded(response_id=response_id, request_id=request_id):
                reply = self._replies.pop(response_id, None)
                if reply is None and request_id not in self._waiting:
                    return False
                self._ended(reply or _Reply(request_id or ""), event)
            case rt.ModelError(request_id=str(request_id), message=message) if request_id.startswith(_ASKED):
                self._resolve(request_id, RealtimeError(message))
            case (
                rt.OutputItemStarted()
                | rt.OutputPartStarted()
                | rt.OutputAudio()
                | rt.OutputAudioDone()
                | rt.FunctionCallReady()
            ):
                return event.response_id in self._replies
            case _:
                return False
        return True

    def _started(self, response_id: str, request_id: str) -> None:
        self._replies[response_id] = _Reply(request_id)
        if len(self._replies) > _REMEMBERED:
            del self._replies[next(iter(self._replies))]
        if request_id not in self._waiting:
            self._stop(request_id)

    def _ended(self, reply: _Reply, event: rt.ResponseEnded) -> None:
        if event.status is rt.ResponseStatus.COMPLETED:
            self._resolve(reply.request_id, "".join(reply.parts.values()))
            return
        why = event.message or f"the reply is {event.status.value}"
        self._resolve(reply.request_id, RealtimeError(f"The model has not answered what it was asked: {why}"))

    def _resolve(self, request_id: str, answer: str | RealtimeError) -> None:
        waiting = self._waiting.get(request_id)
        if waiting is None or waiting.done():
            log.debug("an answer beside the conversation that nobody waits for: %s", request_id)
        elif isinstance(answer, RealtimeError):
            waiting.set_exception(answer)
        else:
            waiting.set_result(answer)

    def _stop(self, request_id: str) -> None:
        """Nobody waits for this one (any more): what would still be made of it is not paid for."""
        for response_id, reply in self._replies.items():
            if reply.request_id == request_id and self._capabilities.cancel_response:
                with suppress(RealtimeLostError):
                    self._send(rt.CancelResponse(response_id))
