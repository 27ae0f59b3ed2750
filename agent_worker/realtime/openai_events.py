"""What the server events of OpenAI's Realtime protocol mean in our words.

The reading half of `openai_wire`, pure and without memory: one frame in, at most one event out, never an exception.
All 46 events of GA are known, and those of the beta protocol by their names in GA.
"""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from pydantic import ValidationError
from pydantic_core import from_json

from agent_worker.realtime import base as rt
from agent_worker.realtime import openai_models as wire
from agent_worker.realtime import openai_replies as replies
from agent_worker.realtime.openai_errors import ITEM_COMMANDS, MALFORMED, command_of, policy_of
from agent_worker.realtime.openai_items import read_item
from agent_worker.realtime.openai_usage import usage_of

_QUOTED: Final = re.compile(r"'([^']+)'")


@dataclass(frozen=True, slots=True)
class SessionCreated:
    """The server is there (session.created); it takes a configuration now."""

    session_id: str
    expires_at: float | None = None
    """When the session will end, in seconds since 1970; None: the server does not say."""


WireEvent = rt.RealtimeEvent | SessionCreated | replies.TranscriptDone
"""What a frame can mean: an event for the session, or one that only the connection and its codec need."""


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
        return None if kind in REPEATING else rt.UnknownEvent(type=kind, raw=raw)
    try:
        return reader(raw)
    except ValidationError as exc:
        fields = ", ".join(sorted({".".join(map(str, problem["loc"])) for problem in exc.errors()}))
        return _malformed(f"The model sent a {kind} whose {fields} cannot be read.")
    except ValueError:
        return _malformed(f"The model sent a {kind} whose audio is not base64.")


def _malformed(message: str) -> rt.ModelError:
    return rt.ModelError(code=MALFORMED, message=message)


_Raw = replies.Raw


def _item_id(raw: _Raw) -> str:
    return wire.ItemEvent.model_validate(raw).item_id


def _session_created(raw: _Raw) -> WireEvent:
    session = wire.SessionEvent.model_validate(raw).session or wire.WireSession()
    return SessionCreated(session.id or "", session.expires_at)


# The user's audio. ---------------------------------------------------------------------------------------------


def _input_transcript_delta(raw: _Raw) -> WireEvent:
    event = wire.InputDelta.model_validate(raw)
    return rt.InputTranscriptDelta(event.item_id, event.delta or "")


def _input_transcribed(raw: _Raw) -> WireEvent:
    event = wire.InputTranscript.model_validate(raw)
    return rt.InputTranscribed(
        event.item_id,
        event.transcript or "",
        usage=usage_of(event.usage),
        confidence=_confidence(event.logprobs),
    )


def _confidence(tokens: Sequence[wire.TokenProbability] | None) -> float | None:
    """The geometric mean of the tokens' probabilities."""
    if not tokens:
        return None
    return min(1.0, math.exp(min(0.0, sum(token.logprob for token in tokens) / len(tokens))))


def _input_segment(raw: _Raw) -> WireEvent:
    event = wire.Segment.model_validate(raw)
    return rt.InputSegment(
        item_id=event.item_id,
        speaker=event.speaker or "",
        text=event.text or "",
        start_ms=round(1000 * (event.start or 0.0)),
        end_ms=round(1000 * (event.end or 0.0)),
    )


def _input_transcription_failed(raw: _Raw) -> WireEvent:
    event = wire.TranscriptionFailed.model_validate(raw)
    return rt.InputTranscriptionFailed(event.item_id, replies.words_of(event.error))


def _input_timed_out(raw: _Raw) -> WireEvent:
    event = wire.TimedOut.model_validate(raw)
    return rt.InputTimedOut(
        item_id=event.item_id, audio_start_ms=event.audio_start_ms or 0, audio_end_ms=event.audio_end_ms or 0
    )


# History, hosted tools, the session. ---------------------------------------------------------------------------


def _item_added(raw: _Raw) -> WireEvent:
    event = wire.ItemAddedEvent.model_validate(raw)
    return rt.ItemAdded(item_id=event.item.id, previous_item_id=event.previous_item_id)


def _item_truncated(raw: _Raw) -> WireEvent:
    event = wire.Truncated.model_validate(raw)
    return rt.ItemTruncated(item_id=event.item_id, audio_end_ms=event.audio_end_ms)


def _item_retrieved(raw: _Raw) -> WireEvent:
    kept = wire.RetrievedEvent.model_validate(raw).item
    item_id = wire.NewItem.model_validate(kept).id
    item, pcm = read_item(kept)
    return rt.ItemRetrieved(item_id=item_id, item=item, pcm=pcm)


def _hosted_tools_listed(state: rt.HostedToolState) -> Callable[[_Raw], WireEvent]:
    return lambda raw: rt.HostedToolsListed(item_id=_item_id(raw), state=state)


def _hosted_tool_called(state: rt.HostedToolState) -> Callable[[_Raw], WireEvent]:
    return lambda raw: rt.HostedToolCalled(item_id=_item_id(raw), state=state)


def _playback_stopped(*, cleared: bool) -> Callable[[_Raw], WireEvent]:
    return lambda raw: rt.PlaybackStopped(
        response_id=wire.PlaybackEvent.model_validate(raw).response_id, cleared=cleared
    )


def _rate_limits(raw: _Raw) -> WireEvent:
    return rt.RateLimits(
        tuple(
            rt.RateLimit(
                name=limit.name or "",
                limit=round(limit.limit or 0),
                remaining=round(limit.remaining or 0),
                reset_seconds=limit.reset_seconds or 0.0,
            )
            for limit in wire.RateLimitsEvent.model_validate(raw).rate_limits
        )
    )


def _error(raw: _Raw) -> WireEvent:
    error = wire.ErrorEvent.model_validate(raw).error or wire.WireError()
    code, kind = error.code or "", error.type or ""
    message = error.message or "The model reported an error without saying which."
    refused, subject = command_of(error.event_id, code)
    item_id = None
    if refused in ITEM_COMMANDS:
        quoted = _QUOTED.search(message)
        item_id = subject or (quoted.group(1) if quoted is not None else None)
    return rt.ModelError(
        code=code or kind,
        message=message,
        request_id=(subject or None) if refused is rt.Refused.RESPONSE else None,
        refused=refused,
        item_id=item_id,
        policy=policy_of(code, kind, message, answers_request=bool(error.event_id)),
    )


_TRANSCRIPTION: Final = "conversation.item.input_audio_transcription"

_READERS: Final[Mapping[str, Callable[[_Raw], WireEvent | None]]] = {
    "session.created": _session_created,
    "session.updated": lambda _: rt.SettingsApplied(),
    "input_audio_buffer.committed": lambda raw: rt.InputCommitted(_item_id(raw)),
    "input_audio_buffer.cleared": lambda _: rt.InputCleared(),
    "input_audio_buffer.speech_started": lambda raw: rt.InputVoiceStarted(item_id=_item_id(raw)),
    "input_audio_buffer.speech_stopped": lambda raw: rt.InputVoiceStopped(item_id=_item_id(raw)),
    "input_audio_buffer.timeout_triggered": _input_timed_out,
    "input_audio_buffer.dtmf_event_received": lambda raw: rt.KeyPressed(wire.Dtmf.model_validate(raw).event),
    f"{_TRANSCRIPTION}.delta": _input_transcript_delta,
    f"{_TRANSCRIPTION}.completed": _input_transcribed,
    f"{_TRANSCRIPTION}.segment": _input_segment,
    f"{_TRANSCRIPTION}.failed": _input_transcription_failed,
    "conversation.item.added": _item_added,
    "conversation.item.created": _item_added,
    "conversation.item.deleted": lambda raw: rt.ItemDeleted(_item_id(raw)),
    "conversation.item.truncated": _item_truncated,
    "conversation.item.retrieved": _item_retrieved,
    "response.created": replies.response_started,
    "response.output_item.added": replies.item_started,
    "response.content_part.added": replies.part_started,
    "response.output_audio.delta": replies.audio,
    "response.output_audio.done": replies.audio_done,
    "response.output_audio_transcript.delta": replies.transcript,
    "response.output_audio_transcript.done": replies.transcript_done,
    "response.output_text.delta": replies.text,
    "response.output_text.done": replies.text_done,
    "response.output_item.done": replies.item_done,
    "response.done": replies.response_ended,
    "mcp_list_tools.in_progress": _hosted_tools_listed(rt.HostedToolState.IN_PROGRESS),
    "mcp_list_tools.completed": _hosted_tools_listed(rt.HostedToolState.COMPLETED),
    "mcp_list_tools.failed": _hosted_tools_listed(rt.HostedToolState.FAILED),
    "response.mcp_call.in_progress": _hosted_tool_called(rt.HostedToolState.IN_PROGRESS),
    "response.mcp_call.completed": _hosted_tool_called(rt.HostedToolState.COMPLETED),
    "response.mcp_call.failed": _hosted_tool_called(rt.HostedToolState.FAILED),
    "output_audio_buffer.started": lambda raw: rt.PlaybackStarted(
        response_id=wire.PlaybackEvent.model_validate(raw).response_id
    ),
    "output_audio_buffer.stopped": _playback_stopped(cleared=False),
    "output_audio_buffer.cleared": _playback_stopped(cleared=True),
    "rate_limits.updated": _rate_limits,
    "error": _error,
    # The names of the beta protocol.
    "response.audio.delta": replies.audio,
    "response.audio.done": replies.audio_done,
    "response.audio_transcript.delta": replies.transcript,
    "response.audio_transcript.done": replies.transcript_done,
    "response.text.delta": replies.text,
    "response.text.done": replies.text_done,
}

REPEATING: Final = frozenset(
    {
        "conversation.created",
        "conversation.item.done",
        "response.content_part.done",
        "response.function_call_arguments.delta",
        "response.function_call_arguments.done",
        "response.mcp_call_arguments.delta",
        "response.mcp_call_arguments.done",
    }
)
"""Known events that repeat what another one says, so that only what is really unknown is reported as unknown."""
