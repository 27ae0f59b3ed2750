"""What OpenAI's Realtime protocol tells of a reply, in our words: `openai_events` for all of response.*. Pure."""

import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from agent_worker.realtime import base as rt
from agent_worker.realtime import openai_models as wire
from agent_worker.realtime.openai_errors import policy_of_failure
from agent_worker.realtime.openai_usage import usage_of

Raw = Mapping[str, Any]

REQUEST_ID: Final = "request_id"
"""The key of a response's metadata that holds our request id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TranscriptDone:
    """All words of a part's audio (response.output_audio_transcript.done): news where no delta came before."""

    response_id: str
    item_id: str
    content_index: int
    text: str


def _request_of(response: wire.WireResponse) -> tuple[str | None, dict[str, str]]:
    """Our request id, and what else the request's metadata said."""
    metadata = {key: value for key, value in (response.metadata or {}).items() if isinstance(value, str)}
    return metadata.pop(REQUEST_ID, None), metadata


def response_started(raw: Raw) -> rt.ResponseStarted:
    """response.created"""
    response = wire.ResponseEvent.model_validate(raw).response
    request_id, metadata = _request_of(response)
    return rt.ResponseStarted(response_id=response.id, request_id=request_id, metadata=metadata)


def item_started(raw: Raw) -> rt.OutputItemStarted | None:
    """response.output_item.added; only messages are of interest so early"""
    event = wire.OutputItemEvent.model_validate(raw)
    if event.item.type != "message":
        return None
    return rt.OutputItemStarted(response_id=event.response_id, item_id=event.item.id)


def part_started(raw: Raw) -> rt.OutputPartStarted:
    """response.content_part.added"""
    event = wire.PartEvent.model_validate(raw)
    spoken = event.part is None or event.part.type not in ("text", "output_text")
    return rt.OutputPartStarted(
        response_id=event.response_id,
        item_id=event.item_id,
        content_index=event.content_index,
        modality=rt.Modality.AUDIO if spoken else rt.Modality.TEXT,
    )


def audio(raw: Raw) -> rt.OutputAudio:
    """response.output_audio.delta"""
    # The one event that comes often and is long: read by hand, with the model only to say what is wrong.
    match raw:
        case {
            "response_id": str(response_id),
            "item_id": str(item_id),
            "content_index": int(index),
            "delta": str(delta),
        }:
            pass
        case _:
            event = wire.PartDelta.model_validate(raw)
            response_id, item_id, index, delta = event.response_id, event.item_id, event.content_index, event.delta
    return rt.OutputAudio(
        response_id=response_id,
        item_id=item_id,
        content_index=index,
        pcm=binascii.a2b_base64(delta, strict_mode=True),
    )


def transcript(raw: Raw) -> rt.OutputTranscript:
    """response.output_audio_transcript.delta"""
    event = wire.PartDelta.model_validate(raw)
    return rt.OutputTranscript(
        response_id=event.response_id,
        item_id=event.item_id,
        content_index=event.content_index,
        delta=event.delta,
        start_ms=event.audio_start_ms,
    )


def transcript_done(raw: Raw) -> TranscriptDone:
    """response.output_audio_transcript.done"""
    event = wire.PartDone.model_validate(raw)
    return TranscriptDone(
        response_id=event.response_id,
        item_id=event.item_id,
        content_index=event.content_index,
        text=event.transcript or "",
    )


def audio_done(raw: Raw) -> rt.OutputAudioDone:
    """response.output_audio.done"""
    event = wire.Part.model_validate(raw)
    return rt.OutputAudioDone(response_id=event.response_id, item_id=event.item_id, content_index=event.content_index)


def text(raw: Raw) -> rt.OutputText:
    """response.output_text.delta"""
    event = wire.PartDelta.model_validate(raw)
    return rt.OutputText(
        response_id=event.response_id, item_id=event.item_id, content_index=event.content_index, delta=event.delta
    )


def text_done(raw: Raw) -> rt.OutputTextDone:
    """response.output_text.done"""
    event = wire.PartDone.model_validate(raw)
    return rt.OutputTextDone(
        response_id=event.response_id,
        item_id=event.item_id,
        content_index=event.content_index,
        text=event.text or "",
    )


def item_done(raw: Raw) -> rt.FunctionCallReady | rt.HostedToolApprovalAsked | None:
    """response.output_item.done"""
    # Arguments are complete only here: response.output_item.added carries them empty.
    match wire.OutputItemEvent.model_validate(raw).item.type:
        case "function_call":
            event = wire.CallEvent.model_validate(raw)
            return rt.FunctionCallReady(
                response_id=event.response_id,
                item_id=event.item.id,
                call_id=event.item.call_id,
                name=event.item.name,
                arguments=event.item.arguments,
            )
        case "mcp_approval_request":
            asked = wire.ApprovalEvent.model_validate(raw)
            return rt.HostedToolApprovalAsked(
                response_id=asked.response_id,
                approval_id=asked.item.id,
                server=asked.item.server_label,
                name=asked.item.name,
                arguments=asked.item.arguments,
            )
        case _:
            return None


def response_ended(raw: Raw) -> rt.ResponseEnded:
    """response.done"""
    response = wire.ResponseEvent.model_validate(raw).response
    request_id, metadata = _request_of(response)
    status = _status(response.status)
    details = response.status_details or wire.StatusDetails()
    error = details.error or wire.WireError()
    message, code, policy = "", "", rt.ErrorPolicy.WARN
    if status in (rt.ResponseStatus.FAILED, rt.ResponseStatus.INCOMPLETE):
        message = words_of(error) or details.reason or ""
        code = error.code or error.type or details.reason or ""
    if status is rt.ResponseStatus.FAILED:
        policy = policy_of_failure(error.code or "", error.type or "")
    return rt.ResponseEnded(
        response_id=response.id,
        request_id=request_id,
        status=status,
        message=message,
        code=code,
        policy=policy,
        usage=usage_of(response.usage),
        metadata=metadata,
    )


def _status(word: str | None) -> rt.ResponseStatus:
    try:
        return rt.ResponseStatus(word or rt.ResponseStatus.COMPLETED)
    except ValueError:
        return rt.ResponseStatus.INCOMPLETE


def words_of(error: wire.WireError | None) -> str:
    """Code and message of an error, as far as it has them."""
    if error is None:
        return ""
    return ": ".join(word for word in (error.code or error.type, error.message) if word)
