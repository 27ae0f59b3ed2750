"""Server frames to events: a row for each event, and whatever else a server may say."""

import copy
import json
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent_worker.realtime.base import (
    ConnectionExpires,
    ConnectionLost,
    ConnectionRestored,
    ErrorPolicy,
    InputTranscribed,
    ModelError,
    OutputTranscript,
    RealtimeEvent,
    Refused,
    ResponseEnded,
    ResponseStarted,
    ResponseStatus,
    UnknownEvent,
    Usage,
)
from agent_worker.realtime.openai_errors import MALFORMED
from agent_worker.realtime.openai_events import SessionCreated, WireEvent, read
from agent_worker.realtime.openai_replies import TranscriptDone
from agent_worker.realtime.openai_wire import Codec
from tests.agent_worker.realtime.server_samples import OURS, PART, SAMPLES, framed, response

EVENTS: dict[str, tuple[dict[str, Any], WireEvent | None]] = SAMPLES | {
    "session.created without a session": ({"type": "session.created"}, SessionCreated("")),
    "nothing was understood": (
        {
            "type": "conversation.item.input_audio_transcription.completed",
            "item_id": "item_1",
            "transcript": None,
        },
        InputTranscribed("item_1", ""),
    ),
    "how sure the words are": (
        {
            "type": "conversation.item.input_audio_transcription.completed",
            "item_id": "item_1",
            "transcript": "two words",
            "logprobs": [{"token": "two", "logprob": -0.5}, {"token": " words", "logprob": -1.5, "bytes": [1]}],
        },
        InputTranscribed("item_1", "two words", confidence=math.exp(-1.0)),
    ),
    "nobody knows how sure they are": (
        {
            "type": "conversation.item.input_audio_transcription.completed",
            "item_id": "item_1",
            "transcript": "two words",
            "logprobs": [{"token": "two"}],
        },
        InputTranscribed("item_1", "two words"),
    ),
    "a reply begins that nobody here asked for": (
        {"type": "response.created", "response": response(metadata={"other": "x"})},
        ResponseStarted(response_id="resp_1", request_id=None, metadata={"other": "x"}),
    ),
    "a call begins: its arguments are not there yet": (
        {
            "type": "response.output_item.added",
            "response_id": "resp_1",
            "output_index": 0,
            "item": {"id": "item_1", "type": "function_call", "call_id": "c", "name": "f", "arguments": ""},
        },
        None,
    ),
    "words of a model that knows when it says them": (
        {
            "type": "response.output_audio_transcript.delta",
            **PART,
            "delta": "noon",
            "audio_start_ms": 480,
        },
        OutputTranscript(**OURS, delta="noon", start_ms=480),
    ),
    "a message is complete": (
        {
            "type": "response.output_item.done",
            "response_id": "resp_1",
            "item": {"id": "item_1", "type": "message", "content": []},
        },
        None,
    ),
    "a reply was cancelled": (
        {
            "type": "response.done",
            "response": response(
                status="cancelled", status_details={"type": "cancelled", "reason": "client_cancelled"}
            ),
        },
        ResponseEnded(response_id="resp_1", request_id=None, status=ResponseStatus.CANCELLED),
    ),
    "a reply failed": (
        {
            "type": "response.done",
            "response": response(
                status="failed",
                status_details={
                    "type": "failed",
                    "error": {"type": "x", "code": "insufficient_quota", "message": "Pay first"},
                },
            ),
        },
        ResponseEnded(
            response_id="resp_1",
            request_id=None,
            status=ResponseStatus.FAILED,
            message="insufficient_quota: Pay first",
            code="insufficient_quota",
            policy=ErrorPolicy.FATAL,
        ),
    ),
    "a reply was too long": (
        {
            "type": "response.done",
            "response": response(status="incomplete", status_details={"reason": "max_output_tokens"}),
        },
        ResponseEnded(
            response_id="resp_1",
            request_id=None,
            status=ResponseStatus.INCOMPLETE,
            message="max_output_tokens",
            code="max_output_tokens",
        ),
    ),
    "a reply ended in a way that is not known": (
        {"type": "response.done", "response": response(status="evaporated")},
        ResponseEnded(response_id="resp_1", request_id=None, status=ResponseStatus.INCOMPLETE),
    ),
    "usage of an odd shape costs nothing": (
        {
            "type": "response.done",
            "response": response(usage={"input_tokens": "many", "output_tokens": 3, "input_token_details": 5}),
        },
        ResponseEnded(
            response_id="resp_1",
            request_id=None,
            status=ResponseStatus.COMPLETED,
            usage=Usage(output_tokens=3),
        ),
    ),
    "an error that answers a request": (
        {
            "type": "error",
            "error": {
                "type": "invalid_request_error",
                "code": "conversation_already_has_active_response",
                "message": "Busy",
                "param": None,
                "event_id": "response_r7",
            },
        },
        ModelError(
            code="conversation_already_has_active_response",
            message="Busy",
            request_id="r7",
            refused=Refused.RESPONSE,
            policy=ErrorPolicy.FAIL_REQUEST,
        ),
    ),
    "an error that answers something else": (
        {
            "type": "error",
            "error": {
                "type": "invalid_request_error",
                "code": "item_delete_invalid_item_id",
                "message": "No such item",
                "event_id": "delete_item_9",
            },
        },
        ModelError(
            code="item_delete_invalid_item_id",
            message="No such item",
            refused=Refused.DELETE,
            item_id="item_9",
            policy=ErrorPolicy.IGNORE,
        ),
    ),
    "an error with a type alone": (
        {"type": "error", "error": {"type": "server_error", "message": "Oh", "code": None, "event_id": None}},
        ModelError(code="server_error", message="Oh", policy=ErrorPolicy.RECONNECT),
    ),
    "an error without an error": (
        {"type": "error"},
        ModelError(code="", message="The model reported an error without saying which."),
    ),
}


@pytest.mark.parametrize(("frame", "event"), EVENTS.values(), ids=EVENTS.keys())
def test_a_frame_means_this(frame: dict[str, Any], event: WireEvent | None) -> None:
    frame = {**framed(frame), "added_by_a_later_version": [1, {"a": 2}]}
    assert read(json.dumps(frame)) == event
    assert read(json.dumps(frame).encode()) == event


def test_every_event_has_a_row() -> None:
    told = {type(event) for _, event in EVENTS.values()} | {UnknownEvent}
    about_connections = {ConnectionExpires, ConnectionLost, ConnectionRestored}  # No frame says so.
    assert told - {type(None), SessionCreated, TranscriptDone} == set(RealtimeEvent.__args__) - about_connections


def test_an_unknown_event_passes_through_with_all_that_it_said() -> None:
    raw = {"type": "x_vendor.mood", "mood": "fine", "n": [1, None]}
    assert read(json.dumps(raw)) == UnknownEvent(type="x_vendor.mood", raw=raw)


@pytest.mark.parametrize(
    ("frame", "says"),
    [
        ("", "not JSON"),
        ("{", "not JSON"),
        (b"\xff\xfe", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("9" * 10_000, "not JSON"),
        ("null", "no type"),
        ("[]", "no type"),
        ('{"type": 5}', "no type"),
        ('{"type": "response.created"}', "response.created whose response cannot be read"),
        ('{"type": "response.done", "response": {"status": "completed"}}', "whose response.id cannot be read"),
        (json.dumps({"type": "response.output_audio.delta", **PART, "delta": "a?"}), "not base64"),
        (json.dumps({"type": "response.output_audio.delta", **PART, "delta": "é"}), "not base64"),
        (json.dumps({"type": "response.output_audio.delta", **PART, "delta": "A!QI="}), "not base64"),
        (
            json.dumps({"type": "response.output_audio.delta", **PART, "item_id": 7, "delta": 7}),
            "whose delta, item_id cannot be read",
        ),
    ],
)
def test_a_frame_that_cannot_be_read_is_an_error_that_says_why(frame: str | bytes, says: str) -> None:
    event = read(frame)
    assert isinstance(event, ModelError)
    assert event.code == MALFORMED
    assert says in event.message


def test_what_was_said_is_not_repeated_in_an_error() -> None:
    event = read(json.dumps({"type": "response.output_audio_transcript.delta", "delta": ["my secret"]}))
    assert isinstance(event, ModelError)
    assert "secret" not in event.message


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
TYPES = st.sampled_from(sorted({frame["type"] for frame, _ in EVENTS.values()}))


@settings(deadline=None)
@given(st.text() | st.binary())
def test_no_text_or_bytes_make_it_raise(frame: str | bytes) -> None:
    Codec().decode(frame)


@settings(deadline=None)
@given(TYPES, JSON)
def test_no_json_makes_it_raise(kind: str, body: Any) -> None:
    frame = {**body, "type": kind} if isinstance(body, dict) else body
    Codec().decode(json.dumps(frame))


@st.composite
def mutated(draw: st.DrawFn) -> dict[str, Any]:
    """A valid frame in which one value, at any depth, is another one or is gone."""
    frame = copy.deepcopy(draw(st.sampled_from([frame for frame, _ in EVENTS.values()])))
    spot: Any = frame
    while True:
        keys = sorted(spot) if isinstance(spot, dict) else list(range(len(spot)))
        key = draw(st.sampled_from(keys))
        deeper = spot[key]
        if isinstance(deeper, dict | list) and deeper and draw(st.booleans()):
            spot = deeper
            continue
        if isinstance(spot, dict) and draw(st.booleans()):
            del spot[key]
        else:
            spot[key] = draw(JSON)
        return frame


@settings(deadline=None)
@given(mutated())
def test_no_damaged_event_makes_it_raise(frame: dict[str, Any]) -> None:
    Codec().decode(json.dumps(frame))
