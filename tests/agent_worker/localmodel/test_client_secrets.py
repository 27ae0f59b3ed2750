import json
from itertools import count
from typing import Any

import pytest

from agent_worker.localmodel.client_secrets import MOST_SECRETS, ClientSecrets
from agent_worker.localmodel.refusals import EventRefusedError
from agent_worker.localmodel.settings import AnySession, Session, TranscriptionSession

NOW = 1_800_000_000.5


def secrets() -> ClientSecrets:
    numbers = count()
    return ClientSecrets(lambda: f"{next(numbers):032x}")


def create(made: ClientSecrets, body: Any = None) -> dict[str, Any]:
    return made.create(b"" if body is None else json.dumps(body).encode(), NOW)


def begin(
    made: ClientSecrets, key: str | None, wall: float = NOW, intent: str | None = None, model: str | None = None
) -> AnySession:
    return made.begin("sess_new", key, intent=intent, model=model, wall=wall)


def test_a_secret_lasts_ten_minutes_and_shows_its_session() -> None:
    answer = create(secrets())
    assert answer["value"].startswith("ek_")
    assert answer["expires_at"] == 1_800_000_600
    assert answer["session"]["type"] == "realtime"
    assert answer["session"]["object"] == "realtime.session"


def test_a_session_opened_with_it_begins_as_it_was_told() -> None:
    made = secrets()
    settings = {
        "type": "realtime",
        "model": "gpt-realtime-2.1",
        "instructions": "Be Ada.",
        "audio": {"output": {"voice": "cedar"}},
    }
    key = create(made, {"session": settings})["value"]
    for _ in range(2):  # it opens several sessions
        session = begin(made, key)
        assert isinstance(session, Session)
        assert (session.id, session.model, session.instructions) == ("sess_new", "gpt-realtime-2.1", "Be Ada.")
        assert session.audio.output.voice == "cedar"
        assert session.audio.input.turn_detection is not None
    other = begin(made, key, model="other")
    assert isinstance(other, Session)
    assert other.model == "other"


def test_it_can_open_a_session_that_transcribes() -> None:
    made = secrets()
    answer = create(made, {"session": {"type": "transcription", "audio": {"input": {"turn_detection": None}}}})
    assert answer["session"]["object"] == "realtime.transcription_session"
    session = begin(made, answer["value"])
    assert isinstance(session, TranscriptionSession)
    assert session.audio.input.turn_detection is None


@pytest.mark.parametrize("key", [None, "", "sk-anything", "ek_of_somebody_else"])
def test_any_other_key_opens_a_plain_session(key: str | None) -> None:
    session = begin(secrets(), key)
    assert isinstance(session, Session)
    assert session.model == "local"
    assert isinstance(begin(secrets(), key, intent="transcription"), TranscriptionSession)


@pytest.mark.parametrize(
    ("intent", "model", "code"),
    [(None, "", "missing_model"), ("transcription", "", "missing_model"), ("transcription", "m", "invalid_model")],
)
def test_a_model_is_named_where_there_is_one_to_choose(intent: str | None, model: str, code: str) -> None:
    with pytest.raises(EventRefusedError) as refused:
        begin(secrets(), None, intent=intent, model=model)
    assert (refused.value.code, refused.value.param) == (code, "model")


def test_an_expired_secret_opens_nothing() -> None:
    made = secrets()
    key = create(made, {"expires_after": {"anchor": "created_at", "seconds": 10}})["value"]
    begin(made, key, wall=NOW + 9)
    with pytest.raises(EventRefusedError, match="expired") as refused:
        begin(made, key, wall=NOW + 10)
    assert refused.value.code == "invalid_api_key"


@pytest.mark.parametrize(
    ("body", "code", "param"),
    [
        (b"{", "invalid_json", None),
        (b"[]", "invalid_value", ""),
        (b'{"expires_after": {"anchor": "created_at", "seconds": 5}}', "invalid_value", "expires_after.seconds"),
        (b'{"ttl": 5}', "unknown_parameter", "ttl"),
        (b'{"session": {"type": "realtime", "voice": "alloy"}}', "unknown_parameter", "session.voice"),
        (b'{"session": {"type": "opera"}}', "invalid_value", "session.type"),
    ],
)
def test_a_wrong_request_is_refused_at_once(body: bytes, code: str, param: str | None) -> None:
    with pytest.raises(EventRefusedError) as refused:
        secrets().create(body, NOW)
    assert (refused.value.code, refused.value.param) == (code, param)


def test_the_oldest_secrets_are_forgotten_first() -> None:
    made = secrets()
    settings = {"session": {"type": "realtime", "instructions": "Be Ada."}}
    keys = [create(made, settings)["value"] for _ in range(MOST_SECRETS + 1)]
    known = [begin(made, key) for key in (keys[0], keys[1], keys[-1])]
    assert [isinstance(each, Session) and each.instructions == "Be Ada." for each in known] == [False, True, True]
