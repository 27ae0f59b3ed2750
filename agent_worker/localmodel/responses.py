"""One response, from `response.created` to `response.done`: what the brain planned becomes events and items. Pure.

The order of events is that of the real service (captured): an item is added to the response, then to the
conversation; it is done in the conversation, then in the response.
"""

import json
import sys
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final, Literal

from agent_worker.cascade.base import TimedWord
from agent_worker.history.items import Role
from agent_worker.localmodel import events
from agent_worker.localmodel.actions import Speak
from agent_worker.localmodel.conversation import TEXT_TOKEN_CHARACTERS, Conversation
from agent_worker.localmodel.dialogue import Call, ForgetReminders, Pause, Plan, Remind, Say, Situation
from agent_worker.localmodel.events import Json, PartEvents
from agent_worker.localmodel.formats import FormatEncoder
from agent_worker.localmodel.items import CallItem, Item, ItemStatus, Message, Part, PartKind, wire
from agent_worker.localmodel.names import Names
from agent_worker.localmodel.settings import AudioFormat

OUTPUT_AUDIO_TOKEN_MS: Final = 50
"""One token of the model's audio, as the protocol's provider counts."""


class ResponseStatus(StrEnum):
    """How far a response has come; the words are the wire's."""

    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"
    CANCELLED = "cancelled"
    INCOMPLETE = "incomplete"
    FAILED = "failed"


_TOO_LONG: Final[Json] = {"type": ResponseStatus.INCOMPLETE.value, "reason": "max_output_tokens"}


class CancelReason(StrEnum):
    """Who cancelled a response."""

    CLIENT = "client_cancelled"
    TURN = "turn_detected"


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What a response was asked to be: the session's settings with the request's on top."""

    modality: str
    """"audio" or "text"."""
    audio_format: AudioFormat
    voice: str
    speed: float
    max_output_tokens: int | Literal["inf"]
    in_conversation: bool
    """False: out of band. Its items are nobody's history."""
    metadata: dict[str, str] | None
    situation: Situation
    """Without the history, when that is the conversation's as it is at the time of thinking."""
    has_own_input: bool
    """The situation's history is what the client sent along."""


class Response:
    """Turns a plan into events, step by step.

    Args:
        response_id: Its id.
        order: What it was asked to be.
        conversation: Where its items go: the session's, or one of its own when it is out of band.
        conversation_id: What the wire calls the session's conversation.
        names: Where ids come from.

    """

    def __init__(
        self,
        response_id: str,
        order: Order,
        *,
        conversation: Conversation,
        conversation_id: str,
        names: Names,
    ) -> None:
        self.id = response_id
        self.order = order
        self.status = ResponseStatus.IN_PROGRESS
        self._conversation = conversation
        self._conversation_id = conversation_id
        self._names = names
        self.reminders: list[Remind | ForgetReminders] = []
        """What is to be said later, or no longer, as far as the plan has come to it."""
        self.resting: float | None = None
        """Seconds for which the plan rests from now on, until it proceeds; None: it does not."""
        self._plan: Plan = ()
        self._output: list[Json] = []
        self._speech: _Speech | None = None
        self._details: Json | None = None
        self._input_tokens = (0, 0)
        self._output_tokens = [0, 0]

    @property
    def is_over(self) -> bool:
        """Whether `response.done` was said of it."""
        return self.status is not ResponseStatus.IN_PROGRESS

    def created(self) -> Json:
        """`response.created`."""
        return events.response_created(self._resource())

    def follow(self, plan: Plan) -> tuple[list[Json], Speak | None]:
        """Begin with what the brain planned; see `proceed`."""
        self._input_tokens = self._conversation.tokens()
        self._plan = plan
        return self.proceed()

    def proceed(self) -> tuple[list[Json], Speak | None]:
        """Do the next steps, as far as the next speech or the end.

        Returns:
            Events to send, and the speech that is to be made before it goes on. Without a speech it is over, or
            `resting`.

        """
        out: list[Json] = []
        self.resting = None
        if self._speech is not None:
            out += self._close_speech(ItemStatus.COMPLETED)
        while self._plan:
            if self._left <= 0:
                return out + self._break_off(ResponseStatus.INCOMPLETE, _TOO_LONG), None
            step, *rest = self._plan
            self._plan = tuple(rest)
            match step:
                case Call():
                    out += self._call(step)
                case Remind():
                    self.reminders.append(step)
                case ForgetReminders():
                    self.reminders.append(step)
                case Pause(seconds):
                    self.resting = seconds
                    return out, None
                case Say() if self.order.modality == "text":
                    out += self._write(step)
                case Say():
                    return out + self._open_speech(step), self._spoken(step)
        return out + self._end(ResponseStatus.COMPLETED, None), None

    def speech(self, pcm: bytes, words: tuple[TimedWord, ...]) -> list[Json]:
        """A piece of the speech: the words that begin in it go just before it."""
        speech = self._speech
        if speech is None:
            return []
        out: list[Json] = []
        for word in words:
            delta = f" {word.text}" if speech.transcript else word.text
            speech.transcript += delta
            out.append(speech.events.transcript_delta(delta, word.start_ms))
        self._conversation.sound(speech.item.id, pcm, words)
        data = speech.encoder.feed(pcm)
        if data:
            out.append(speech.events.audio_delta(data))
        if self._left <= sum(self._cost_of(speech)):
            out += self._break_off(ResponseStatus.INCOMPLETE, _TOO_LONG)
        return out

    def cancel(self, reason: CancelReason) -> list[Json]:
        """Stop where it is: the tail of events still comes."""
        return self._break_off(
            ResponseStatus.CANCELLED, {"type": ResponseStatus.CANCELLED.value, "reason": reason.value}
        )

    def fail(self, message: str) -> list[Json]:
        """It cannot be made."""
        fault = {"type": "server_error", "code": "server_error", "message": message}
        return self._break_off(ResponseStatus.FAILED, {"type": ResponseStatus.FAILED.value, "error": fault})

    # Items. ----------------------------------------------------------------------------------------------------

    def _call(self, step: Call) -> list[Json]:
        arguments = json.dumps(dict(step.arguments))
        call = CallItem(
            id=self._names.next("item"),
            call_id=self._names.next("call"),
            name=step.name,
            arguments="",
            status=ItemStatus.IN_PROGRESS,
        )
        out = self._add(call)
        out += events.function_call(
            self.id,
            call.id,
            len(self._output),
            call_id=call.call_id,
            name=call.name,
            arguments=arguments,
        )
        self._spend(len(arguments) // TEXT_TOKEN_CHARACTERS + 1)
        return out + self._finish(replace(call, arguments=arguments, status=ItemStatus.COMPLETED))

    def _write(self, step: Say) -> list[Json]:
        item = self._message(step)
        part = self._part_events(item.id)
        out = self._add(item)
        out.append(part.part_added({"type": "text", "text": ""}))
        text = ""
        for number, word in enumerate(step.text.split(" ")):
            delta = f" {word}" if number else word
            if _text_tokens(text + delta) > self._left:
                break
            text += delta
            out.append(part.text_delta(delta))
        is_whole = text == step.text
        out.append(part.text_done(text))
        out.append(part.part_done({"type": "text", "text": text}))
        # What was cut off would be the next thing to say: with nothing left for it the response ends there.
        self._spend(_text_tokens(text) if is_whole else self._left)
        self._plan = self._plan if is_whole else (step, *self._plan)
        parts = (Part(PartKind.OUTPUT_TEXT, text),)
        status = ItemStatus.COMPLETED if is_whole else ItemStatus.INCOMPLETE
        return out + self._finish(replace(item, parts=parts, status=status))

    def _open_speech(self, step: Say) -> list[Json]:
        item = self._message(step)
        out = self._add(item)
        self._speech = _Speech(item, self._part_events(item.id), FormatEncoder(self.order.audio_format))
        out.append(self._speech.events.part_added({"type": "audio", "transcript": ""}))
        return out

    def _close_speech(self, status: ItemStatus) -> list[Json]:
        speech = self._speech
        assert speech is not None
        self._speech = None
        rest = speech.encoder.finish()
        out = [
            *([speech.events.audio_delta(rest)] if rest else []),
            speech.events.audio_done(),
            speech.events.transcript_done(speech.transcript),
            speech.events.part_done({"type": "audio", "transcript": speech.transcript}),
        ]
        self._spend(*self._cost_of(speech))
        # A truncation may have come before the end: what was heard is then known better than here.
        known = self._conversation.find(speech.item.id)
        heard = known.heard if isinstance(known, Message) else None
        if heard is None and status is ItemStatus.INCOMPLETE:
            heard = len(self._conversation.words(speech.item.id))
        transcript = speech.transcript if known is None or not _is_cut(known) else None
        parts = (Part(PartKind.OUTPUT_AUDIO, transcript),)
        return out + self._finish(replace(speech.item, parts=parts, status=status, heard=heard))

    def _message(self, step: Say) -> Message:
        return Message(
            id=self._names.next("item"),
            role=Role.ASSISTANT,
            parts=(),
            status=ItemStatus.IN_PROGRESS,
            said=step,
        )

    def _part_events(self, item_id: str) -> PartEvents:
        return PartEvents(response_id=self.id, item_id=item_id, output_index=len(self._output))

    def _spoken(self, step: Say) -> Speak:
        return Speak(
            response_id=self.id,
            text=step.text,
            voice=step.voice or self.order.voice,
            speed=self.order.speed * (step.speed or 1.0),
            language=step.language,
        )

    def _add(self, item: Item) -> list[Json]:
        behind = self._conversation.add(item)
        out = [events.output_item_added(self.id, len(self._output), wire(item))]
        if self.order.in_conversation:
            out.append(events.item_added(wire(item), behind))
        return out

    def _finish(self, item: Item) -> list[Json]:
        out: list[Json] = []
        # A client may have deleted the item while it was made.
        if self._conversation.find(item.id) is not None:
            self._conversation.put(item)
            if self.order.in_conversation:
                out.append(events.item_done(wire(item), self._conversation.previous_of(item.id)))
        out.append(events.output_item_done(self.id, len(self._output), wire(item)))
        self._output.append(wire(item))
        return out

    @property
    def _left(self) -> int:
        """Tokens that may still be made."""
        limit = self.order.max_output_tokens
        return sys.maxsize if limit == "inf" else limit - sum(self._output_tokens)

    def _spend(self, text: int, audio: int = 0) -> None:
        self._output_tokens[0] += text
        self._output_tokens[1] += audio

    def _cost_of(self, speech: "_Speech") -> tuple[int, int]:
        sounded = self._conversation.milliseconds(speech.item.id)
        return len(speech.transcript) // TEXT_TOKEN_CHARACTERS, sounded // OUTPUT_AUDIO_TOKEN_MS

    # The end. --------------------------------------------------------------------------------------------------

    def _break_off(self, status: ResponseStatus, details: Json) -> list[Json]:
        self._plan = ()
        out = self._close_speech(ItemStatus.INCOMPLETE) if self._speech is not None else []
        return out + self._end(status, details)

    def _end(self, status: ResponseStatus, details: Json | None) -> list[Json]:
        self.status = status
        self._details = details
        return [events.response_done(self._resource()), events.rate_limits_updated()]

    def _resource(self) -> Json:
        return {
            "object": "realtime.response",
            "id": self.id,
            "status": self.status.value,
            "status_details": self._details,
            "output": list(self._output),
            "conversation_id": self._conversation_id if self.order.in_conversation else None,
            "output_modalities": [self.order.modality],
            "max_output_tokens": self.order.max_output_tokens,
            "audio": {
                "output": {"format": self.order.audio_format.model_dump(mode="json"), "voice": self.order.voice}
            },
            "usage": self._usage() if self.is_over else None,
            "metadata": self.order.metadata,
        }

    def _usage(self) -> Json:
        text_in, audio_in = self._input_tokens
        text_out, audio_out = self._output_tokens
        nothing_cached = {"text_tokens": 0, "audio_tokens": 0, "image_tokens": 0}
        return {
            "total_tokens": text_in + audio_in + text_out + audio_out,
            "input_tokens": text_in + audio_in,
            "output_tokens": text_out + audio_out,
            "input_token_details": {
                "text_tokens": text_in,
                "audio_tokens": audio_in,
                "image_tokens": 0,
                "cached_tokens": 0,
                "cached_tokens_details": nothing_cached,
            },
            "output_token_details": {"text_tokens": text_out, "audio_tokens": audio_out},
        }


class _Speech:
    """The speech that is being made."""

    def __init__(self, item: Message, part: PartEvents, encoder: FormatEncoder) -> None:
        self.item = item
        self.events = part
        self.encoder = encoder
        self.transcript = ""


def _text_tokens(text: str) -> int:
    return len(text) // TEXT_TOKEN_CHARACTERS + 1


def _is_cut(item: Item) -> bool:
    return isinstance(item, Message) and item.heard is not None
