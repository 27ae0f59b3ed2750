"""What the server events of OpenAI's Realtime protocol (GA) mean in our words.

The reading half of `openai_wire`, pure and without memory: one frame in, at most one event out, never an exception.
Each event is read by a small model that names only the fields acted upon: what is added to the protocol passes by.
"""

import binascii
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, ValidationError, ValidatorFunctionWrapHandler, WrapValidator
from pydantic_core import from_json

from agent_worker.realtime.base import (
    FunctionCallReady,
    InputCommitted,
    InputTranscribed,
    InputTranscriptDelta,
    InputTranscriptionFailed,
    InputVoiceStarted,
    InputVoiceStopped,
    ItemDeleted,
    ItemTruncated,
    ModelError,
    OutputAudio,
    OutputAudioDone,
    OutputItemStarted,
    OutputTranscript,
    RealtimeEvent,
    ResponseEnded,
    ResponseStarted,
    ResponseStatus,
    UnknownEvent,
    Usage,
)

MALFORMED: Final = "malformed_event"
"""`ModelError.code` of a frame that could not be read: the one code that is ours and not the provider's."""

REQUEST_EVENT_ID: Final = "response_"
"""Event ids of response.create begin so; the rest is our request id. An error names the event id that it answers."""


@dataclass(frozen=True, slots=True)
class SessionCreated:
    """The server is there (session.created); it takes a configuration now."""

    session_id: str


@dataclass(frozen=True, slots=True)
class SessionUpdated:
    """The server has taken a configuration (session.updated)."""


WireEvent = RealtimeEvent | SessionCreated | SessionUpdated
"""What a frame can mean: an event for the session, or one of the two that only the opening of a connection needs."""


def read(frame: str | bytes) -> WireEvent | None:
    """What a frame means; None for one that says nothing new.

    Never raises: a frame that cannot be read becomes a `ModelError` with the code `MALFORMED`, an event of an
    unknown type an `UnknownEvent`.
    """
    try:
        raw = from_json(frame)
    except ValueError:
        return _malformed("The model sent a frame that is not JSON.")
    match raw:
        case {"type": str(kind)}:
            pass
        case _:
            return _malformed("The model sent JSON that is not an event: it has no type.")
    reader = _READERS.get(kind)
    if reader is None:
        return None if kind in _SAYS_NOTHING_NEW else UnknownEvent(type=kind, raw=raw)
    try:
        return reader(raw)
    except ValidationError as exc:
        fields = ", ".join(sorted({".".join(map(str, problem["loc"])) for problem in exc.errors()}))
        return _malformed(f"The model sent a {kind} whose {fields} cannot be read.")
    except ValueError:
        return _malformed(f"The model sent a {kind} whose audio is not base64.")


def _malformed(message: str) -> ModelError:
    return ModelError(code=MALFORMED, message=message)


def _none_if_odd(value: Any, validate: ValidatorFunctionWrapHandler) -> Any:
    try:
        return validate(value)
    except ValidationError:
        return None


_LENIENT: Final = WrapValidator(_none_if_odd)
"""For what can be done without: a value of another shape counts as not given, the rest of the event still counts."""

_OptionalText = Annotated[str | None, _LENIENT]
_OptionalCount = Annotated[int | None, _LENIENT]


class _Wire(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class _Session(_Wire):
    id: _OptionalText = None


class _SessionEvent(_Wire):
    session: Annotated[_Session | None, _LENIENT] = None


class _ItemEvent(_Wire):
    item_id: str


class _InputTranscriptDelta(_ItemEvent):
    delta: _OptionalText = None


class _InputTranscript(_ItemEvent):
    transcript: _OptionalText = None


class _Error(_Wire):
    type: _OptionalText = None
    code: _OptionalText = None
    message: _OptionalText = None
    event_id: _OptionalText = None


class _TranscriptionFailed(_ItemEvent):
    error: Annotated[_Error | None, _LENIENT] = None


class _ErrorEvent(_Wire):
    error: Annotated[_Error | None, _LENIENT] = None


class _Truncated(_ItemEvent):
    audio_end_ms: int


class _Part(_ItemEvent):
    response_id: str
    content_index: int = 0


class _Audio(_Part):
    delta: str


class _Transcript(_Part):
    delta: str
    audio_start_ms: _OptionalCount = None


class _OutputItem(_Wire):
    id: str
    type: str


class _OutputItemEvent(_Wire):
    response_id: str
    item: _OutputItem


class _Call(_OutputItem):
    call_id: str
    name: str
    arguments: str


class _CallEvent(_Wire):
    response_id: str
    item: _Call


class _TokenDetails(_Wire):
    audio_tokens: _OptionalCount = None
    cached_tokens: _OptionalCount = None


class _Usage(_Wire):
    input_tokens: _OptionalCount = None
    output_tokens: _OptionalCount = None
    input_token_details: Annotated[_TokenDetails | None, _LENIENT] = None
    output_token_details: Annotated[_TokenDetails | None, _LENIENT] = None


class _StatusDetails(_Wire):
    reason: _OptionalText = None
    error: Annotated[_Error | None, _LENIENT] = None


class _Metadata(_Wire):
    request_id: _OptionalText = None


class _Response(_Wire):
    id: str
    status: _OptionalText = None
    status_details: Annotated[_StatusDetails | None, _LENIENT] = None
    usage: Annotated[_Usage | None, _LENIENT] = None
    metadata: Annotated[_Metadata | None, _LENIENT] = None

    @property
    def request_id(self) -> str | None:
        return self.metadata.request_id if self.metadata is not None else None


class _ResponseEvent(_Wire):
    response: _Response


_Raw = Mapping[str, Any]


def _item_id(raw: _Raw) -> str:
    return _ItemEvent.model_validate(raw).item_id


def _session_created(raw: _Raw) -> WireEvent:
    session = _SessionEvent.model_validate(raw).session
    return SessionCreated((session.id if session is not None else None) or "")


def _input_transcript_delta(raw: _Raw) -> WireEvent:
    event = _InputTranscriptDelta.model_validate(raw)
    return InputTranscriptDelta(event.item_id, event.delta or "")


def _input_transcribed(raw: _Raw) -> WireEvent:
    event = _InputTranscript.model_validate(raw)
    return InputTranscribed(event.item_id, event.transcript or "")


def _input_transcription_failed(raw: _Raw) -> WireEvent:
    event = _TranscriptionFailed.model_validate(raw)
    return InputTranscriptionFailed(event.item_id, _words_of(event.error))


def _response_started(raw: _Raw) -> WireEvent:
    response = _ResponseEvent.model_validate(raw).response
    return ResponseStarted(response_id=response.id, request_id=response.request_id)


def _output_item_started(raw: _Raw) -> WireEvent | None:
    event = _OutputItemEvent.model_validate(raw)
    if event.item.type != "message":
        return None
    return OutputItemStarted(response_id=event.response_id, item_id=event.item.id)


def _output_audio(raw: _Raw) -> WireEvent:
    event = _Audio.model_validate(raw)
    return OutputAudio(
        response_id=event.response_id,
        item_id=event.item_id,
        content_index=event.content_index,
        pcm=binascii.a2b_base64(event.delta, strict_mode=True),
    )


def _output_transcript(raw: _Raw) -> WireEvent:
    event = _Transcript.model_validate(raw)
    return OutputTranscript(
        response_id=event.response_id,
        item_id=event.item_id,
        content_index=event.content_index,
        delta=event.delta,
        start_ms=event.audio_start_ms,
    )


def _output_audio_done(raw: _Raw) -> WireEvent:
    event = _Part.model_validate(raw)
    return OutputAudioDone(response_id=event.response_id, item_id=event.item_id, content_index=event.content_index)


def _output_item_done(raw: _Raw) -> WireEvent | None:
    # The call's arguments are complete only here: output_item.added carries them empty.
    if _OutputItemEvent.model_validate(raw).item.type != "function_call":
        return None
    event = _CallEvent.model_validate(raw)
    return FunctionCallReady(
        response_id=event.response_id,
        item_id=event.item.id,
        call_id=event.item.call_id,
        name=event.item.name,
        arguments=event.item.arguments,
    )


def _response_ended(raw: _Raw) -> WireEvent:
    response = _ResponseEvent.model_validate(raw).response
    try:
        status = ResponseStatus(response.status or ResponseStatus.COMPLETED)
    except ValueError:
        status = ResponseStatus.INCOMPLETE
    details = response.status_details
    message = ""
    if details is not None and status in (ResponseStatus.FAILED, ResponseStatus.INCOMPLETE):
        message = _words_of(details.error) or details.reason or ""
    return ResponseEnded(
        response_id=response.id,
        request_id=response.request_id,
        status=status,
        message=message,
        usage=_usage(response.usage),
    )


def _usage(usage: _Usage | None) -> Usage:
    if usage is None:
        return Usage()
    inputs = usage.input_token_details or _TokenDetails()
    outputs = usage.output_token_details or _TokenDetails()
    return Usage(
        input_tokens=usage.input_tokens or 0,
        output_tokens=usage.output_tokens or 0,
        cached_tokens=inputs.cached_tokens or 0,
        input_audio_tokens=inputs.audio_tokens or 0,
        output_audio_tokens=outputs.audio_tokens or 0,
    )


def _item_truncated(raw: _Raw) -> WireEvent:
    event = _Truncated.model_validate(raw)
    return ItemTruncated(item_id=event.item_id, audio_end_ms=event.audio_end_ms)


def _error(raw: _Raw) -> WireEvent:
    error = _ErrorEvent.model_validate(raw).error or _Error()
    request_id = None
    if error.event_id is not None and error.event_id.startswith(REQUEST_EVENT_ID):
        request_id = error.event_id.removeprefix(REQUEST_EVENT_ID)
    return ModelError(
        code=error.code or error.type or "",
        message=error.message or "The model reported an error without saying which.",
        request_id=request_id,
    )


def _words_of(error: _Error | None) -> str:
    if error is None:
        return ""
    return ": ".join(word for word in (error.code or error.type, error.message) if word)


_READERS: Final[Mapping[str, Callable[[_Raw], WireEvent | None]]] = {
    "session.created": _session_created,
    "session.updated": lambda _: SessionUpdated(),
    "input_audio_buffer.committed": lambda raw: InputCommitted(_item_id(raw)),
    "input_audio_buffer.speech_started": lambda raw: InputVoiceStarted(item_id=_item_id(raw)),
    "input_audio_buffer.speech_stopped": lambda raw: InputVoiceStopped(item_id=_item_id(raw)),
    "conversation.item.input_audio_transcription.delta": _input_transcript_delta,
    "conversation.item.input_audio_transcription.completed": _input_transcribed,
    "conversation.item.input_audio_transcription.failed": _input_transcription_failed,
    "conversation.item.deleted": lambda raw: ItemDeleted(_item_id(raw)),
    "conversation.item.truncated": _item_truncated,
    "response.created": _response_started,
    "response.output_item.added": _output_item_started,
    "response.output_audio.delta": _output_audio,
    "response.output_audio_transcript.delta": _output_transcript,
    "response.output_audio.done": _output_audio_done,
    "response.output_item.done": _output_item_done,
    "response.done": _response_ended,
    "error": _error,
}

_SAYS_NOTHING_NEW: Final = frozenset(
    {
        "conversation.created",
        "conversation.item.added",
        "conversation.item.created",
        "conversation.item.done",
        "input_audio_buffer.cleared",
        "rate_limits.updated",
        "response.content_part.added",
        "response.content_part.done",
        "response.function_call_arguments.delta",
        "response.function_call_arguments.done",
        "response.output_audio_transcript.done",
    }
)
"""Known events that repeat what another one says, so that only what is really unknown is reported as unknown."""
