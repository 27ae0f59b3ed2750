"""Every event that the server sends, as the JSON that goes onto the wire. Pure.

Names and fields are those of the OpenAI Realtime protocol (GA). `event_id` is not set here: the protocol numbers
the events as it sends them.
"""

from base64 import b64encode
from collections.abc import Sequence
from typing import Any, Final

from agent_worker.localmodel.refusals import EventRefusedError

Json = dict[str, Any]

REQUESTS_PER_MINUTE: Final = 1000
"""What `rate_limits.updated` reports. Nothing is limited here; clients want to see the event."""


def error(refusal: EventRefusedError, event_id: str | None, *, kind: str = "invalid_request_error") -> Json:
    """`error`: something that the client sent was refused. `event_id` is the client's own, if it gave one."""
    return {
        "type": "error",
        "error": {
            "type": kind,
            "code": refusal.code,
            "message": str(refusal),
            "param": refusal.param,
            "event_id": event_id,
        },
    }


def session_created(session: Json) -> Json:
    """`session.created`: the first event of all."""
    return {"type": "session.created", "session": session}


def session_updated(session: Json) -> Json:
    """`session.updated`, with the whole session as it is now."""
    return {"type": "session.updated", "session": session}


# The user's audio. ---------------------------------------------------------------------------------------------


def input_committed(item_id: str, previous_item_id: str | None) -> Json:
    """`input_audio_buffer.committed`: the buffered audio became an item."""
    return {"type": "input_audio_buffer.committed", "item_id": item_id, "previous_item_id": previous_item_id}


def input_cleared() -> Json:
    """`input_audio_buffer.cleared`."""
    return {"type": "input_audio_buffer.cleared"}


def speech_started(item_id: str, audio_start_ms: int) -> Json:
    """`input_audio_buffer.speech_started`; the time counts all audio of the session and includes the padding."""
    return {
        "type": "input_audio_buffer.speech_started",
        "item_id": item_id,
        "audio_start_ms": audio_start_ms,
    }


def speech_stopped(item_id: str, audio_end_ms: int) -> Json:
    """`input_audio_buffer.speech_stopped`."""
    return {"type": "input_audio_buffer.speech_stopped", "item_id": item_id, "audio_end_ms": audio_end_ms}


def input_timed_out(item_id: str, audio_start_ms: int, audio_end_ms: int) -> Json:
    """`input_audio_buffer.timeout_triggered`: nobody spoke after a reply; the silence becomes an item."""
    return {
        "type": "input_audio_buffer.timeout_triggered",
        "item_id": item_id,
        "audio_start_ms": audio_start_ms,
        "audio_end_ms": audio_end_ms,
    }


def transcription_delta(item_id: str, content_index: int, delta: str) -> Json:
    """`conversation.item.input_audio_transcription.delta`."""
    return {
        "type": "conversation.item.input_audio_transcription.delta",
        "item_id": item_id,
        "content_index": content_index,
        "delta": delta,
    }


def transcription_completed(item_id: str, content_index: int, transcript: str, seconds: float) -> Json:
    """`conversation.item.input_audio_transcription.completed`, charged by the duration of the audio."""
    return {
        "type": "conversation.item.input_audio_transcription.completed",
        "item_id": item_id,
        "content_index": content_index,
        "transcript": transcript,
        "usage": {"type": "duration", "seconds": round(seconds, 3)},
    }


def transcription_failed(item_id: str, content_index: int, message: str) -> Json:
    """`conversation.item.input_audio_transcription.failed`."""
    return {
        "type": "conversation.item.input_audio_transcription.failed",
        "item_id": item_id,
        "content_index": content_index,
        "error": {
            "type": "server_error",
            "code": "transcription_unavailable",
            "message": message,
            "param": None,
        },
    }


# Items of the conversation. ------------------------------------------------------------------------------------


def item_added(item: Json, previous_item_id: str | None) -> Json:
    """`conversation.item.added`; `previous_item_id` None means that it stands first."""
    return {"type": "conversation.item.added", "previous_item_id": previous_item_id, "item": item}


def item_done(item: Json, previous_item_id: str | None) -> Json:
    """`conversation.item.done`: the item will not grow any more."""
    return {"type": "conversation.item.done", "previous_item_id": previous_item_id, "item": item}


def item_retrieved(item: Json) -> Json:
    """`conversation.item.retrieved`, with the item's stored audio."""
    return {"type": "conversation.item.retrieved", "item": item}


def item_deleted(item_id: str) -> Json:
    """`conversation.item.deleted`."""
    return {"type": "conversation.item.deleted", "item_id": item_id}


def item_truncated(item_id: str, content_index: int, audio_end_ms: int) -> Json:
    """`conversation.item.truncated`."""
    return {
        "type": "conversation.item.truncated",
        "item_id": item_id,
        "content_index": content_index,
        "audio_end_ms": audio_end_ms,
    }


# A response. ---------------------------------------------------------------------------------------------------


def response_created(response: Json) -> Json:
    """`response.created`: the first event of a response."""
    return {"type": "response.created", "response": response}


def response_done(response: Json) -> Json:
    """`response.done`: sent for every response, however it ended."""
    return {"type": "response.done", "response": response}


def rate_limits_updated() -> Json:
    """`rate_limits.updated`, after each response."""
    limit = {"limit": REQUESTS_PER_MINUTE, "remaining": REQUESTS_PER_MINUTE, "reset_seconds": 0.0}
    return {
        "type": "rate_limits.updated",
        "rate_limits": [{"name": "requests", **limit}, {"name": "tokens", **limit}],
    }


def output_item_added(response_id: str, index: int, item: Json) -> Json:
    """`response.output_item.added`."""
    return {
        "type": "response.output_item.added",
        "response_id": response_id,
        "output_index": index,
        "item": item,
    }


def output_item_done(response_id: str, index: int, item: Json) -> Json:
    """`response.output_item.done`."""
    return {
        "type": "response.output_item.done",
        "response_id": response_id,
        "output_index": index,
        "item": item,
    }


class PartEvents:
    """The events about one content part: all carry the same four coordinates."""

    def __init__(self, *, response_id: str, item_id: str, output_index: int) -> None:
        self._where: Json = {
            "response_id": response_id,
            "item_id": item_id,
            "output_index": output_index,
            "content_index": 0,
        }

    def _event(self, kind: str, **fields: Any) -> Json:
        return {"type": kind, **self._where, **fields}

    def part_added(self, part: Json) -> Json:
        """`response.content_part.added`; the part's type is "audio" or "text", other than in items."""
        return self._event("response.content_part.added", part=part)

    def part_done(self, part: Json) -> Json:
        """`response.content_part.done`."""
        return self._event("response.content_part.done", part=part)

    def audio_delta(self, data: bytes) -> Json:
        """`response.output_audio.delta`, in the response's format."""
        return self._event("response.output_audio.delta", delta=b64encode(data).decode("ascii"))

    def audio_done(self) -> Json:
        """`response.output_audio.done`."""
        return self._event("response.output_audio.done")

    def transcript_delta(self, delta: str, audio_start_ms: int) -> Json:
        """`response.output_audio_transcript.delta`.

        `audio_start_ms` is ours: where in the item's audio these words begin. Clients ignore keys that they
        do not know.
        """
        return self._event("response.output_audio_transcript.delta", delta=delta, audio_start_ms=audio_start_ms)

    def transcript_done(self, transcript: str) -> Json:
        """`response.output_audio_transcript.done`."""
        return self._event("response.output_audio_transcript.done", transcript=transcript)

    def text_delta(self, delta: str) -> Json:
        """`response.output_text.delta`."""
        return self._event("response.output_text.delta", delta=delta)

    def text_done(self, text: str) -> Json:
        """`response.output_text.done`."""
        return self._event("response.output_text.done", text=text)


def function_call(
    response_id: str, item_id: str, output_index: int, *, call_id: str, name: str, arguments: str
) -> Sequence[Json]:
    """`response.function_call_arguments.delta` and `.done`: the arguments are known at once, so one delta."""
    where = {
        "response_id": response_id,
        "item_id": item_id,
        "output_index": output_index,
        "call_id": call_id,
    }
    return (
        {"type": "response.function_call_arguments.delta", **where, "delta": arguments},
        {"type": "response.function_call_arguments.done", **where, "name": name, "arguments": arguments},
    )
