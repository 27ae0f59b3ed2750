"""Tokens that somebody made up, changed, kept, or took from elsewhere."""

import base64
import json
import time
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from signaling.messages import DEV_API_KEY, DEV_API_SECRET
from tests.signaling.adversary.siege import siege
from tests.signaling.serving import Site, join_token, sign


def fields(**changes: Any) -> dict[str, Any]:
    now = int(time.time())
    base = {"iss": DEV_API_KEY, "sub": "mal", "aud": "voice", "exp": now + 60, "room": "r", "grants": {"join": True}}
    return {name: value for name, value in (base | changes).items() if value is not None}


def parts(header: dict[str, Any], body: dict[str, Any], signature: str = "") -> str:
    encoded = [base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in (header, body)]
    return ".".join([*encoded, signature])


def tampered() -> str:
    head, _, signature = sign(fields()).split(".")
    return f"{head}.{parts({}, fields(sub='admin')).split('.')[1]}.{signature}"


def by_rsa() -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return jwt.encode(fields(), key, algorithm="RS256")


FORGED = {
    "alg none": lambda: parts({"alg": "none", "typ": "JWT"}, fields()),
    "alg None": lambda: parts({"alg": "None"}, fields()),
    "no alg": lambda: parts({"typ": "JWT"}, fields()),
    "another alg of the same secret": lambda: jwt.encode(fields(), DEV_API_SECRET.ljust(64, "x"), algorithm="HS512"),
    "an asymmetric alg": by_rsa,
    "a body that was not signed": tampered,
    "no signature": lambda: sign(fields()).rpartition(".")[0] + ".",
    "a foreign secret": lambda: sign(fields(), "another-secret-that-is-long-enough-0123"),
    "a foreign key": lambda: sign(fields(iss="other")),
    "no key": lambda: sign(fields(iss=None)),
    "a key that is no word": lambda: sign(fields(iss=None) | {"x": 1}).replace(".", "..", 1),
    "an audience of webhooks": lambda: sign(fields(aud="voice-webhook")),
    "no audience": lambda: sign(fields(aud=None)),
    "no expiry": lambda: sign(fields(exp=None)),
    "an expiry that is no number": lambda: sign(fields() | {"exp": "never"}),
    "not yet": lambda: sign(fields(nbf=int(time.time()) + 3600)),
    "a room that is a path": lambda: sign(fields(room="../etc")),
    "an identity of two lines": lambda: sign(fields(sub="a\nb")),
    "a header that names a key": lambda: jwt.encode(fields(), "x" * 40, "HS256", headers={"kid": "/dev/null"}),
    "not a token": lambda: "ä.ö.ü",
    "nothing but dots": lambda: "." * 4000,
}


async def test_a_forged_token_opens_nothing(caplog: pytest.LogCaptureFixture):
    async with siege(caplog) as site:
        for name, forge in FORGED.items():
            await attempt(site, name, forge())


async def attempt(site: Site, name: str, token: str) -> None:
    async with site.socket("/v1/rtc") as socket:
        await socket.send("join", token=token)
        assert (await socket.take())["code"] == "unauthorized", name
        assert await socket.closed() == 4401, name
    async with site.socket("/v1/worker") as socket:
        await socket.send("register", token=token, worker="w")
        assert (await socket.take())["code"] == "unauthorized"
    if token.isascii():
        answer = await site.http.get("/v1/rooms", headers={"Authorization": f"Bearer {token}"})
        assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")


@pytest.mark.parametrize(
    ("claims", "code"),
    [
        ({"grants": {}}, "forbidden"),
        ({"grants": {"agent": True}}, "forbidden"),
        ({"room": None}, "forbidden"),
        ({"kind": "agent"}, "forbidden"),
        ({"exp": 1}, "token_expired"),
    ],
)
async def test_a_token_for_something_else_does_not_open_a_room(
    claims: dict, code: str, caplog: pytest.LogCaptureFixture
):
    async with siege(caplog) as site, site.socket("/v1/rtc") as socket:
        await socket.send("join", token=sign(fields(**claims)))
        assert (await socket.take())["code"] == code


async def test_what_a_member_may_not_do_is_refused(caplog: pytest.LogCaptureFixture):
    mute = {"publish": False, "subscribe": False, "data": False, "updateOwn": False, "join": True}
    async with siege(caplog) as site, site.joined("mal", grants=mute) as mal, site.joined("bob"):
        for t, message in (
            ("offer", {"to": "bob", "sdp": "v=0"}),
            ("data", {"topic": "t"}),
            ("stream", {"op": "open", "sid": "s", "topic": "t"}),
            ("rpc", {"to": "bob", "method": "m", "payload": ""}),
            ("update", {"name": "boss"}),
            ("track", {"op": "publish", "track": {"id": "1"}}),
            ("moderate", {"op": "remove", "identity": "bob"}),
        ):
            assert (await mal.ask(t, **message))["code"] == "forbidden", t


async def test_a_token_of_another_room_or_person_refreshes_nothing(caplog: pytest.LogCaptureFixture):
    async with siege(caplog) as site, site.joined("mal") as mal:
        for token in (join_token("mal", "next-room"), join_token("ann", "r")):
            assert (await mal.ask("token", token=token))["code"] == "forbidden"
        for resume in ({"sid": "PA_1", "key": "x", "last_seq": 0}, {"sid": "", "key": "", "last_seq": -1}):
            async with site.socket("/v1/rtc") as thief:
                await thief.send("join", token=join_token("ann2", "r"), resume=resume)
                said = await thief.take()
                assert said.get("resumed", False) is False
