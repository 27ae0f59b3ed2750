import json
from base64 import b64encode
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_worker.localmodel import client_events
from agent_worker.localmodel.client_events import EVENTS, AppendAudio, Frame, TruncateItem, item_of
from agent_worker.localmodel.refusals import EventRefusedError

JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@pytest.mark.parametrize("text", ["", "{", "[]", "7", "null", '"text"', "[" * 100_000])
def test_what_is_no_object_is_invalid_json(text: str) -> None:
    with pytest.raises(EventRefusedError) as refused:
        Frame(text)
    assert refused.value.code == "invalid_json"


@pytest.mark.parametrize(
    ("body", "code", "param"),
    [
        ({}, "missing_required_parameter", "type"),
        ({"type": "response.make"}, "invalid_value", "type"),
        ({"type": 7}, "invalid_value", "type"),
        ({"type": ["session.update"]}, "invalid_value", "type"),
        ({"type": "session.update"}, "missing_required_parameter", "session"),
        ({"type": "input_audio_buffer.append"}, "missing_required_parameter", "audio"),
        ({"type": "input_audio_buffer.append", "audio": 7}, "invalid_value", "audio"),
        ({"type": "conversation.item.delete"}, "missing_required_parameter", "item_id"),
        ({"type": "conversation.item.truncate", "item_id": "a"}, "missing_required_parameter", "audio_end_ms"),
        (
            {"type": "conversation.item.truncate", "item_id": "a", "audio_end_ms": -1},
            "invalid_value",
            "audio_end_ms",
        ),
        (
            {"type": "response.create", "response": {"modalities": ["text"]}},
            "unknown_parameter",
            "response.modalities",
        ),
        (
            {"type": "response.create", "response": {"output_modalities": ["text", "audio"]}},
            "invalid_value",
            "response.output_modalities",
        ),
        ({"type": "response.create", "response": {"conversation": "mine"}}, "invalid_value", "response.conversation"),
    ],
)
def test_a_wrong_event_is_refused_by_its_path(body: dict[str, Any], code: str, param: str) -> None:
    frame = Frame(json.dumps({"event_id": "mine", **body}))
    assert frame.event_id == "mine"
    with pytest.raises(EventRefusedError) as refused:
        frame.event()
    assert (refused.value.code, refused.value.param) == (code, param)


def test_an_unknown_type_is_answered_with_all_that_there_are() -> None:
    with pytest.raises(EventRefusedError, match=r"'response\.make'") as refused:
        Frame('{"type":"response.make"}').event()
    assert all(f"'{name}'" in str(refused.value) for name in EVENTS)
    assert len(EVENTS) == 11


def test_nulls_and_unknown_keys_of_an_event_do_no_harm() -> None:
    body = {"type": "response.create", "response": {"instructions": None, "tools": None}, "x_vendor": 1}
    assert isinstance(Frame(json.dumps(body)).event(), client_events.CreateResponse)
    truncate = {"type": "conversation.item.truncate", "item_id": "a", "content_index": 0, "audio_end_ms": 7}
    assert Frame(json.dumps(truncate)).event() == TruncateItem(item_id="a", content_index=0, audio_end_ms=7)


def test_audio_is_base64() -> None:
    assert AppendAudio(audio=b64encode(b"\x01\x02").decode()).data() == b"\x01\x02"
    for wrong in ("###", "abc", "é"):
        with pytest.raises(EventRefusedError) as refused:
            AppendAudio(audio=wrong).data()
        assert (refused.value.code, refused.value.param) == ("invalid_value", "audio")


def test_one_append_has_a_limit() -> None:
    at_limit = bytes(client_events.APPEND_LIMIT)
    assert len(AppendAudio(audio=b64encode(at_limit).decode()).data()) == len(at_limit)
    with pytest.raises(EventRefusedError, match="15728640"):
        AppendAudio(audio=b64encode(at_limit + b"\0").decode()).data()


@pytest.mark.parametrize(
    ("body", "code", "param"),
    [
        ({}, "invalid_value", "item.type"),
        ({"type": "mcp_call"}, "invalid_value", "item.type"),
        ({"type": "message", "role": "user"}, "missing_required_parameter", "item.content"),
        ({"type": "message", "role": "robot", "content": []}, "invalid_value", "item.role"),
        (
            {"type": "message", "role": "user", "content": 2 * [{"type": "input_audio", "audio": ""}]},
            "invalid_value",
            "item.content[1].type",
        ),
        ({"type": "message", "role": "user", "content": [{}]}, "missing_required_parameter", "item.content[0]"),
        (
            {"type": "message", "role": "user", "content": [{"type": "input_text"}]},
            "missing_required_parameter",
            "item.content[0].text",
        ),
        (
            {"type": "message", "role": "user", "content": [{"type": "output_text", "text": "a"}]},
            "invalid_value",
            "item.content[0].type",
        ),
        (
            {"type": "message", "role": "assistant", "content": [{"type": "input_text", "text": "a"}]},
            "invalid_value",
            "item.content[0].type",
        ),
        (
            {"type": "message", "role": "assistant", "content": [{"type": "input_audio", "audio": ""}]},
            "invalid_value",
            "item.content[0].type",
        ),
        ({"type": "function_call_output", "output": "x"}, "missing_required_parameter", "item.call_id"),
    ],
)
def test_a_wrong_item_is_refused_by_its_path(body: dict[str, Any], code: str, param: str) -> None:
    with pytest.raises(EventRefusedError) as refused:
        item_of(body)
    assert (refused.value.code, refused.value.param) == (code, param)


@given(st.sampled_from([*EVENTS, "other"]), st.dictionaries(st.sampled_from(["item", "session", "response"]), JSON))
def test_any_event_is_read_or_refused(kind: str, body: dict[str, Any]) -> None:
    frame = Frame(json.dumps({"type": kind, "item_id": "a", "audio_end_ms": 1, "audio": "", **body}))
    with suppress(EventRefusedError):  # nothing else may be raised
        event = frame.event()
        if isinstance(event, client_events.CreateItem):
            item_of(event.item)
