"""Tokens that the commands sign are those that the server takes; secrets are printed nowhere."""

import time

import jwt
import pytest
from typer.testing import CliRunner

from agent_worker.cli import command_line, tokens
from agent_worker.cli.tokens import Key
from agent_worker.errors import ConfigError
from signaling.auth import join_claims, verify
from signaling.errors import MessageError
from signaling.messages import DEV_API_KEY, DEV_API_SECRET, TOKEN_ALGORITHM

SECRET = "a-secret-of-the-tests-that-is-long-enough"
KEYS = {"tests": SECRET}


@pytest.fixture(autouse=True)
def _environment(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AGENT_WORKER_API_KEY", "tests")
    monkeypatch.setenv("AGENT_WORKER_API_SECRET", SECRET)


def printed(*arguments):
    result = CliRunner().invoke(command_line(), ["token", *arguments])
    assert result.exit_code == 0, result.output
    assert SECRET not in result.output
    return result.output.strip()


def test_a_token_for_a_room_lets_in_there():
    made = printed("--room", "lobby", "--identity", "ann", "--name", "Ann", "--agent", "barista", "--ttl", "90s")
    claims = join_claims(made, KEYS, wall=time.time())
    assert (claims.room, claims.sub, claims.name, claims.kind) == ("lobby", "ann", "Ann", "human")
    assert [wish.name for wish in claims.agent] == ["barista"]
    assert 80 <= claims.exp - time.time() <= 90
    assert not claims.grants.admin


@pytest.mark.parametrize("room", [None, "lobby"])
def test_an_admin_token_rules_and_joins_nothing(room):
    made = printed("--admin", *(["--room", room] if room else []))
    claims = verify(made, KEYS, wall=time.time())
    assert (claims.grants.admin, claims.room) == (True, room)
    with pytest.raises(MessageError):
        join_claims(made, KEYS, wall=time.time())


def test_a_moderator_joins_and_rules_by_a_link():
    link = printed("--room", "lobby", "--moderator", "--link", "https://voice.example.org/")
    page, _, made = link.partition("#token=")
    assert page == "https://voice.example.org/?autojoin=1"
    claims = join_claims(made, KEYS, wall=time.time())
    assert (claims.room, claims.grants.admin) == ("lobby", True)


def test_without_a_key_it_is_the_development_key(monkeypatch):
    monkeypatch.delenv("AGENT_WORKER_API_KEY")
    monkeypatch.delenv("AGENT_WORKER_API_SECRET")
    claims = join_claims(printed("--room", "r"), {DEV_API_KEY: DEV_API_SECRET}, wall=time.time())
    assert claims.iss == DEV_API_KEY


def test_the_key_may_be_in_a_file(monkeypatch, tmp_path):
    monkeypatch.delenv("AGENT_WORKER_API_KEY")
    monkeypatch.delenv("AGENT_WORKER_API_SECRET")
    (tmp_path / ".env").write_text(f"AGENT_WORKER_API_KEY=filed\nAGENT_WORKER_API_SECRET={SECRET}\n")
    assert join_claims(printed("--room", "r"), {"filed": SECRET}, wall=time.time()).iss == "filed"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "Add --room NAME"),
        (["--room", "no room"], "cannot name a room"),
        (["--room", "r", "--identity", ""], "cannot name an identity"),
        (["--room", "r", "--ttl", "25h"], "24h is the longest"),
        (["--room", "r", "--ttl", "soon"], "write it like 90s"),
        (["--room", "r", "--ttl", "0"], "write it like 90s"),
        (["--admin", "--agent", "a"], "joins no room"),
        (["--admin", "--moderator"], "joins no room"),
        (["--room", "r", "--link", "voice.example.org"], "write it like https://"),
        (["--room", "r", *["--agent", "a"] * 4], "3 agents at most"),
    ],
)
def test_what_cannot_be_is_said_with_what_to_do(arguments, told):
    result = CliRunner().invoke(command_line(), ["token", *arguments])
    assert result.exit_code == 2
    assert told in result.output


def test_a_short_secret_is_refused_here_and_not_told(monkeypatch):
    monkeypatch.setenv("AGENT_WORKER_API_SECRET", "too-short")
    result = CliRunner().invoke(command_line(), ["token", "--room", "r"])
    assert result.exit_code == 2
    assert "openssl rand" in result.output
    assert "too-short" not in result.output


@pytest.mark.parametrize(
    ("text", "seconds"), [("90", 90), ("90s", 90), ("15m", 900), ("2h", 7200), (" 24h ", 86_400), ("86400", 86_400)]
)
def test_durations(text, seconds):
    assert tokens.parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "-1", "1.5h", "1d", "h", "86401", "9999999"])
def test_no_durations(text):
    with pytest.raises(ConfigError):
        tokens.parse_duration(text)


def test_a_key_has_no_secret_in_its_repr():
    key = Key("tests", SECRET)
    assert SECRET not in repr(key)
    made = tokens.sign(tokens.join_claims(room="r", identity="i", now=int(time.time()), lifetime=60), key)
    assert jwt.get_unverified_header(made)["alg"] == TOKEN_ALGORITHM
