"""The HTTP side over a real socket: tokens, ICE, lists, health, and how refusals look."""

import asyncio
import time

import jwt
import pytest

from signaling import access
from signaling.ice import IceSettings
from signaling.messages import DEV_API_SECRET
from signaling.settings import Settings
from tests.signaling.serving import join_token, serving

SECRET = "a-secret-that-is-long-enough-to-be-taken-0123"
OWN_KEY = Settings(keys={"own": SECRET})


def bearer(**claims) -> dict[str, str]:
    return {"Authorization": f"Bearer {join_token('ann', 'r', iss='own', secret=SECRET, **claims)}"}


async def test_a_development_token_opens_its_room():
    async with serving() as site:
        answer = await site.http.post("/v1/token", json={"room": "r", "identity": "ann", "name": "Ann", "agent": "x"})
        body = answer.json()
        assert set(body) == {"token", "url", "exp"}
        assert body["url"] == site.at("/v1/rtc")
        assert abs(body["exp"] - time.time() - 600) < 5
        assert answer.headers["cache-control"] == "no-store"
        claims = jwt.decode(body["token"], DEV_API_SECRET, ["HS256"], audience="voice")
        assert (claims["sub"], claims["room"], claims["name"], claims["agent"]) == (
            "ann",
            "r",
            "Ann",
            [{"name": "x"}],
        )
        async with site.socket("/v1/rtc") as ann:
            await ann.send("join", token=body["token"])
            assert (await ann.take())["you"]["name"] == "Ann"


async def test_who_gives_no_name_gets_one():
    async with serving() as site:
        names = set()
        for _ in range(2):
            token = (await site.http.post("/v1/token", json={"room": "r"})).json()["token"]
            names.add(jwt.decode(token, options={"verify_signature": False})["sub"])
        assert len(names) == 2
        assert all(name.startswith("guest-") for name in names)


@pytest.mark.parametrize(
    ("content", "status", "code", "says"),
    [
        ("", 400, "bad_request", "JSON"),
        ("{}", 400, "bad_request", "room"),
        ('{"room": "no spaces"}', 400, "bad_request", "room"),
        ('{"room": "r", "identity": ""}', 400, "bad_request", "identity"),
        ('{"room": "r", "name": "' + "x" * 257 + '"}', 413, "too_large", "name"),
        ('{"room": "' + "x" * 70_000 + '"}', 413, "too_large", "65536"),
    ],
)
async def test_a_bad_request_for_a_token(content: str, status: int, code: str, says: str):
    async with serving() as site:
        answer = await site.http.post("/v1/token", content=content)
        assert answer.status_code == status
        assert answer.headers["content-type"] == "application/problem+json"
        problem = answer.json()
        assert (problem["status"], problem["code"]) == (status, code)
        assert says in problem["detail"]


async def test_a_body_that_does_not_come(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(access, "BODY_TIMEOUT", 0.1)
    async with serving() as site:
        host, port = site.url.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(b"POST /v1/token HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{")
        assert b" 408 " in await reader.readline()
        writer.close()
        await writer.wait_closed()


async def test_outside_development_no_token_is_given_away():
    async with serving(OWN_KEY) as site:
        answer = await site.http.post("/v1/token", json={"room": "r"})
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
        assert "--dev" in answer.json()["detail"]


async def test_ice_servers_come_with_credentials_for_the_bearer():
    ice = IceSettings(stun_urls=("stun:h:3478",), turn_urls=("turn:h:3478",), turn_secret="s", ttl=60)
    async with serving(OWN_KEY, ice=ice) as site:
        refused = await site.http.get("/v1/ice")
        assert (refused.status_code, refused.headers["www-authenticate"]) == (401, "Bearer")
        body = (await site.http.get("/v1/ice", headers=bearer())).json()
        assert body["ttl_s"] == 60
        stun, turn = body["iceServers"]
        assert stun == {"urls": ["stun:h:3478"]}
        assert turn["username"].endswith(":ann")
        async with site.joined("ann", iss="own", secret=SECRET):
            pass


async def test_in_development_ice_is_for_everybody():
    async with serving() as site:
        assert (await site.http.get("/v1/ice")).json() == {
            "iceServers": [],
            "iceTransportPolicy": "all",
            "ttl_s": 3600,
        }


@pytest.mark.parametrize("path", ["/v1/rooms", "/v1/rooms/r/participants", "/v1/workers"])
async def test_lists_are_for_admins(path: str):
    async with serving(OWN_KEY) as site, site.joined("ann", iss="own", secret=SECRET):
        assert (await site.http.get(path)).status_code == 401
        assert (await site.http.get(path, headers=bearer())).status_code == 403
        assert (await site.http.get(path, headers=bearer(grants={"admin": True}))).status_code == 200


async def test_what_lists_say():
    async with serving() as site, site.worker("w-1", agent="helper", max_jobs=3) as worker, site.joined("ann"):
        await worker.ask("status", load=0.25, state="full")
        (room,) = (await site.http.get("/v1/rooms")).json()["rooms"]
        assert room["name"] == "r"
        (one,) = (await site.http.get("/v1/rooms/r/participants")).json()["participants"]
        assert (one["identity"], one["kind"], one["state"]) == ("ann", "human", "active")
        assert (await site.http.get("/v1/rooms/other/participants")).status_code == 404
        assert (await site.http.get("/v1/workers")).json()["workers"] == [
            {
                "worker": "w-1",
                "agent": "helper",
                "connected": True,
                "state": "full",
                "load": 0.25,
                "jobs": 1,
                "max_jobs": 3,
            }
        ]
        assert (await site.http.get("/readyz")).json() == {"status": "ready", "rooms": 1, "workers": 1}
    async with serving() as site:
        assert (await site.http.get("/healthz")).json() == {"status": "ok"}


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/nothing", 404),
        ("DELETE", "/v1/token", 405),
        ("DELETE", "/session/unknown", 404),
        ("PUT", "/", 405),
    ],
)
async def test_what_is_not_there_is_a_problem_too(method: str, path: str, status: int):
    async with serving() as site:
        answer = await site.http.request(method, path)
        assert (answer.status_code, answer.json()["status"]) == (status, status)
        assert answer.headers["content-type"] == "application/problem+json"
        assert "default-src 'none'" in answer.headers["content-security-policy"]
