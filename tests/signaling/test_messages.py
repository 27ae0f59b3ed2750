"""Text in, models out, and back: for every message of both wires."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signaling import messages
from signaling.errors import HTTP_STATUS
from signaling.messages import (
    CLOSE_CODES,
    Candidate,
    ErrorCode,
    Join,
    Message,
    MessageError,
    RelayedCandidate,
    RelayedData,
    Update,
    encode,
    error_of,
    parse_from_client,
    parse_from_worker,
    parse_to_client,
    parse_to_worker,
    worker_claims,
)

FROM_CLIENT = [
    {
        "t": "join",
        "token": "x.y.z",
        "v": 1,
        "resume": {"sid": "PA_1", "key": "SK_1", "last_seq": 7},
        "known_peers": {"agent": 2},
        "client": {"sdk": "page", "version": "1", "ua": "test"},
    },
    {"t": "offer", "to": "agent", "pc": "main", "gen": 0, "sdp": "v=0"},
    {"t": "answer", "to": "a:b@c.d-e_f", "pc": "main", "gen": 3, "sdp": "v=0"},
    {"t": "candidate", "to": "agent", "pc": "main", "gen": 0, "candidate": None, "sdpMid": "0", "sdpMLineIndex": 0},
    {"t": "pc_rebuild", "to": "agent", "pc": "main", "gen": 1, "reason": "failed"},
    {"t": "renegotiate", "to": "ann", "pc": "main"},
    {"t": "reject", "to": "ann", "pc": "main", "gen": 0, "code": "bad_request", "message": "no audio"},
    {"t": "track", "op": "publish", "track": {"id": "1", "kind": "audio", "source": "mic", "muted": False}},
    {"t": "update", "name": "Ann", "metadata": "{}", "attributes": {"a": "b", "gone": None}},
    {"t": "data", "topic": "chat", "to": ["agent"], "payload": {"text": ["any", 1, None]}},
    {"t": "stream", "op": "open", "sid": "s1", "topic": "transcript", "attributes": {"final": "false"}, "text": "a"},
    {
        "t": "moderate",
        "op": "mute",
        "identity": "ann",
        "reason": "dead",
        "track": "1",
        "muted": True,
        "attributes": {"a": None},
    },
    {"t": "rpc", "id": 4, "to": "agent", "method": "ask", "payload": {"a": 1}, "timeout_ms": 500},
    {"t": "rpc_result", "re": "RC_1", "payload": None, "error": {"code": "busy", "message": "later"}},
    {"t": "token", "token": "x.y.z"},
    {"t": "ping", "ts": 1.5},
    {"t": "leave", "reason": "done"},
]
PARTICIPANT = {
    "identity": "ann",
    "sid": "PA_1",
    "name": "Ann",
    "kind": "human",
    "metadata": "",
    "attributes": {"a": "b"},
    "tracks": [{"id": "1", "kind": "audio", "source": "mic", "muted": False}],
    "state": "active",
}
ROOM = {"name": "r", "sid": "RM_1", "metadata": "", "attributes": {}, "config": {}}
ICE = {"servers": [{"urls": ["turn:h"], "username": "u", "credential": "c"}], "ttl_s": 60, "policy": "relay"}
TO_CLIENT = [
    {
        "t": "joined",
        "seq": 1,
        "sid": "PA_1",
        "key": "SK_1",
        "resumed": False,
        "kept": ["agent"],
        "room": ROOM,
        "you": PARTICIPANT,
        "participants": [PARTICIPANT],
        "ice": ICE,
        "ping": {"interval_ms": 5000, "timeout_ms": 15000},
        "server": {"id": "ND_1", "version": "1", "time": 1.0},
    },
    {"t": "participant", "seq": 2, "op": "left", "participant": PARTICIPANT, "reason": "left"},
    {"t": "participant", "seq": 3, "op": "joined", "participant": PARTICIPANT, "kept": True},
    {"t": "rpc", "from": "ann", "call": "RC_1", "method": "ask", "payload": None, "timeout_ms": 500},
    {"t": "rpc_result", "from": "agent", "re": 4, "payload": {"b": 2}},
    {"t": "token", "seq": 4, "token": "x.y.z", "exp": 9},
    {"t": "ice", "seq": 5, **ICE},
    {"t": "room", "op": "closing", "reason": "room_closed"},
    {"t": "offer", "from": "ann", "pc": "main", "gen": 0, "sdp": "v=0"},
    {"t": "answer", "from": "ann", "pc": "main", "gen": 0, "sdp": "v=0"},
    {"t": "candidate", "from": "ann", "pc": "main", "gen": 0, "candidate": None},
    {"t": "pc_rebuild", "from": "ann", "pc": "main", "gen": 1, "reason": ""},
    {"t": "renegotiate", "from": "agent", "pc": "main"},
    {"t": "reject", "from": "agent", "pc": "main", "gen": 0, "code": "too_large", "message": ""},
    {"t": "data", "from": "ann", "topic": "chat", "payload": None},
    {"t": "stream", "from": "agent", "op": "chunk", "sid": "s1", "topic": "", "text": "b", "n": 1},
    {"t": "dispatch", "op": "failed", "agent": "", "job": "AJ_1", "reason": "no worker"},
    {"t": "leave", "reason": "removed", "action": "none", "retry_after_ms": 1},
    {"t": "pong", "ts": 1.5, "server_time": 2.0},
    {"t": "ok", "re": 7},
    {"t": "error", "re": "abc", "code": "rate_limited", "message": "slow down", "retry_after_ms": 20},
]
FROM_WORKER = [
    {
        "t": "register",
        "token": "x",
        "worker": "w-1",
        "agent": "assistant",
        "job_types": ["room"],
        "max_jobs": 8,
        "version": "1",
        "labels": {"zone": "a"},
        "jobs": [{"job": "AJ_1", "epoch": 1, "room": "r"}],
    },
    {
        "t": "status",
        "seq": 3,
        "load": 0.5,
        "jobs": 1,
        "state": "full",
        "running": [{"job": "AJ_1", "epoch": 1, "room": "r"}],
    },
    {"t": "accept", "job": "AJ_1", "identity": "bot", "name": "Bot", "attributes": {"a": "b"}, "metadata": "m"},
    {"t": "reject", "job": "AJ_1", "reason": "busy", "final": False},
    {
        "t": "update",
        "job": "AJ_1",
        "epoch": 1,
        "state": "ended",
        "result": "failed",
        "reason": "x",
        "usage": {"s": 1},
    },
    {"t": "ping", "ts": 1.0},
    {"t": "pong"},
]
TO_WORKER = [
    {"t": "registered", "session": "WS_1", "heartbeat_ms": 2500, "lease_ms": 10000, "keep": ["a"], "revoke": ["b"]},
    {
        "t": "offer",
        "job": "AJ_1",
        "attempt": 1,
        "type": "room",
        "room": ROOM,
        "participant": PARTICIPANT,
        "agent": "",
        "metadata": "",
        "attributes": {},
        "deadline_ms": 5000,
    },
    {"t": "assign", "job": "AJ_1", "epoch": 1, "token": "x.y.z", "url": "ws://h/v1/rtc", "ice": ICE},
    {"t": "terminate", "job": "AJ_1", "epoch": 1, "reason": "room_closed", "grace_ms": 10000},
    {"t": "drain", "timeout_ms": 1000},
    {"t": "draining", "reconnect_after_ms": 1000},
]
WIRES = [
    *((parse_from_client, fields) for fields in FROM_CLIENT),
    *((parse_to_client, fields) for fields in TO_CLIENT),
    *((parse_from_worker, fields) for fields in FROM_WORKER),
    *((parse_to_worker, fields) for fields in TO_WORKER),
]


@pytest.mark.parametrize(("parse", "fields"), WIRES, ids=[f"{parse.__name__}-{f['t']}" for parse, f in WIRES])
def test_every_message_survives_the_way_there_and_back(parse, fields):
    message = parse(json.dumps(fields))
    assert json.loads(encode(message)) == fields
    assert parse(encode(message)) == message


@pytest.mark.parametrize(("parse", "fields"), WIRES, ids=[f"{parse.__name__}-{f['t']}" for parse, f in WIRES])
def test_unknown_fields_are_ignored(parse, fields):
    assert parse(json.dumps(fields | {"x-future": {"deep": [1]}})) == parse(json.dumps(fields))


def test_none_is_said_where_it_says_something_and_nowhere_else():
    assert json.loads(encode(Candidate(to="a", candidate=None))) == {
        "t": "candidate",
        "to": "a",
        "pc": "main",
        "gen": 0,
        "candidate": None,
    }
    assert json.loads(encode(RelayedCandidate(sender="a")))["candidate"] is None
    assert json.loads(encode(RelayedData(sender="a", topic="x")))["payload"] is None
    assert json.loads(encode(Update(attributes={"a": None})))["attributes"] == {"a": None}
    assert "metadata" not in json.loads(encode(Update()))


def test_one_recipient_may_be_written_without_a_list():
    message = parse_from_client('{"t": "data", "topic": "chat", "to": "agent", "payload": 1}')
    assert message.to == ("agent",)


@pytest.mark.parametrize(
    ("text", "code", "says", "re"),
    [
        ("", "bad_request", "not valid JSON", None),
        ("{", "bad_request", "not valid JSON", None),
        ("[" * 60_000, "bad_request", "not valid JSON", None),
        ('{"t": "ping", "ts": NaN}', "bad_request", "not valid JSON", None),
        ('{"t": "leave", "reason": "\\ud800"}', "bad_request", "not valid JSON", None),
        ("[]", "bad_request", "JSON object", None),
        ("null", "bad_request", "JSON object", None),
        ("{}", "bad_request", "type (t) is unknown", None),
        ('{"t": "jion", "id": 7}', "bad_request", "type (t) is unknown", 7),
        ('{"t": ["join"], "id": "a"}', "bad_request", "type (t)", "a"),
        ('{"t": "offer", "to": "agent", "id": 3}', "bad_request", "offer.sdp", 3),
        ('{"t": "offer", "to": "no spaces", "sdp": "", "id": 3}', "bad_request", "offer.to", 3),
        ('{"t": "offer", "to": "a\\n", "sdp": ""}', "bad_request", "offer.to", None),
        ('{"t": "offer", "to": "a", "sdp": "", "gen": -1}', "bad_request", "offer.gen", None),
        ('{"t": "ping", "id": -1}', "bad_request", "ping.id", None),
        ('{"t": "ping", "id": true}', "bad_request", "ping.id", None),
        ('{"t": "moderate", "op": "kick", "identity": "a"}', "bad_request", "moderate.op", None),
        (json.dumps({"t": "data", "topic": "x", "payload": "y" * 15_001, "id": 1}), "too_large", "data.payload", 1),
        (json.dumps({"t": "data", "topic": "x", "payload": ["y" * 15_000]}), "too_large", "data.payload", None),
        (json.dumps({"t": "update", "metadata": "y" * 16_385}), "too_large", "update.metadata", None),
        (json.dumps({"t": "update", "attributes": {"k": "y" * 8192}}), "too_large", "update.attributes", None),
        (json.dumps({"t": "update", "attributes": {str(n): "" for n in range(33)}}), "too_large", "32 keys", None),
        (
            json.dumps({"t": "stream", "op": "chunk", "sid": "s", "text": "y" * 15_001}),
            "too_large",
            "stream.text",
            None,
        ),
    ],
)
def test_a_refusal_says_where_and_why_and_names_the_request(text: str, code: str, says: str, re: int | str | None):
    with pytest.raises(MessageError) as refused:
        parse_from_client(text)
    assert (refused.value.code, refused.value.re) == (code, re)
    assert says in refused.value.text


def test_a_refusal_cannot_break_a_line_of_the_log():
    with pytest.raises(MessageError) as refused:
        parse_from_client('{"t": "update", "attributes": {"a\\nFAKE": 1}}')
    assert refused.value.text.isprintable()
    assert "FAKE" not in refused.value.text


def test_a_refusal_never_quotes_what_was_sent():
    with pytest.raises(MessageError) as refused:
        parse_from_client('{"t": "join", "token": ["SECRET"], "v": "SECRET"}')
    assert "SECRET" not in refused.value.text
    assert "SECRET" not in repr(Join(token="SECRET"))


SCALARS = st.none() | st.booleans() | st.integers() | st.text()
ANY_JSON = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner))


@given(ANY_JSON)
def test_no_json_does_more_than_being_refused(value):
    for parse in (parse_from_client, parse_from_worker):
        with pytest.raises(MessageError):
            parse(json.dumps(value))


@given(st.sampled_from(FROM_CLIENT + FROM_WORKER), st.data())
def test_a_message_with_one_field_replaced_is_parsed_or_refused(fields, data: st.DataObject):
    name = data.draw(st.sampled_from([name for name in fields if name != "t"] or ["id"]))
    value = data.draw(SCALARS | st.floats(allow_nan=False) | st.lists(st.text()))
    parse = parse_from_client if fields in FROM_CLIENT else parse_from_worker
    try:
        message = parse(json.dumps(fields | {name: value}))
    except MessageError:
        return
    assert isinstance(message, Message)
    assert parse(encode(message)) == message


def test_an_error_message_carries_all_of_a_refusal():
    refused = MessageError(ErrorCode.RATE_LIMITED, "slow down", re=4, retry_after=0.25)
    assert json.loads(encode(error_of(refused))) == {
        "t": "error",
        "re": 4,
        "code": "rate_limited",
        "message": "slow down",
        "retry_after_ms": 250,
    }


def test_every_code_has_a_close_code_and_an_http_status():
    assert set(CLOSE_CODES) == set(HTTP_STATUS) == set(ErrorCode)
    assert all(4400 <= code < 4600 for code in CLOSE_CODES.values())


def test_the_public_face_is_complete():
    assert all(hasattr(messages, name) for name in messages.__all__)
    spoken = {
        name for name, value in vars(messages).items() if isinstance(value, type) and issubclass(value, Message)
    }
    assert spoken <= set(messages.__all__)


def test_worker_claims():
    assert worker_claims("key", "w-1", expires_at=10) == {
        "iss": "key",
        "sub": "w-1",
        "aud": "voice",
        "exp": 10,
        "grants": {"agent": True},
    }
