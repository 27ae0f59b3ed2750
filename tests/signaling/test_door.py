"""Who comes in, over real sockets: revoked tokens, addresses that try too often, proxies, TLS, slow strangers."""

import asyncio
import contextlib
import shutil
import socket
import ssl
import subprocess
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from websockets.asyncio.client import connect

from signaling.limits import SocketSettings
from signaling.members import RoomSettings
from signaling.messages import worker_claims
from signaling.serving import PatientProtocol
from signaling.settings import Settings
from tests.signaling.serving import PATIENCE, Site, Socket, join_token, serving, sign
from tests.support.missing import missing

SECRET, OLD_SECRET = "the-secret-of-a-server-in-production!", "the-old-secret-of-at-least-32-bytes!!"
KEYS = {"prod": SECRET, "old": OLD_SECRET}
PRODUCTION = Settings(keys=KEYS, rooms=RoomSettings(reconnect_timeout=20.0))


def token_for(identity: str, room: Any = "r", **claims) -> str:
    return join_token(identity, room, secret=SECRET, **({"iss": "prod"} | claims))


def admin_token(**claims) -> str:
    return token_for("admin", grants={"admin": True}, **claims)


def bearing(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


async def enter(site: Site, token: str, **fields) -> dict:
    """What the first message is answered with."""
    async with site.socket("/v1/rtc", **fields.pop("options", {})) as socket:
        await socket.send("join", token=token, **fields)
        return await socket.take()


async def test_a_revoked_token_lets_nobody_in_and_nobody_stay():
    async with serving(PRODUCTION) as site, site.socket("/v1/rtc") as socket:
        await socket.send("join", token=token_for("ann", jti="T1"))
        await socket.expect("joined")
        assert (await site.http.delete("/v1/tokens/T1")).status_code == 401
        confined = await site.http.delete("/v1/tokens/T1", headers=bearing(admin_token()))
        assert confined.status_code == 403, "an admin of one room revokes nothing"
        admin = bearing(admin_token(room=None))
        assert (await site.http.delete("/v1/tokens/T1", headers=admin)).status_code == 204
        assert (await socket.expect("leave"))["reason"] == "removed"
        assert await socket.closed() == 4411
        assert (await enter(site, token_for("ann", jti="T1")))["code"] == "unauthorized"
        assert (await enter(site, token_for("ann", jti="T2")))["t"] == "joined"


async def test_two_keys_live_side_by_side():
    async with serving(PRODUCTION) as site:
        old = join_token("ann", "r", iss="old", secret=OLD_SECRET)
        assert (await enter(site, old))["t"] == "joined"
        assert (await enter(site, token_for("bob")))["t"] == "joined"
    async with serving(Settings(keys={"prod": SECRET})) as site:
        assert (await enter(site, old))["code"] == "unauthorized"


async def test_an_address_joins_twenty_times_a_minute_and_no_more():
    sockets = SocketSettings(joins_per_minute=5)
    async with serving(PRODUCTION, sockets=sockets) as site:
        async with site.socket("/v1/rtc") as socket:
            await socket.send("join", token=token_for("ann"))
            joined = await socket.expect("joined")
        for number in range(4):
            assert (await enter(site, token_for(f"p{number}")))["t"] == "joined"
        refused = await enter(site, token_for("one-more"))
        assert (refused["code"], refused["retry_after_ms"] > 1000) == ("rate_limited", True)
        bad = await enter(site, "no.token.atall")
        assert bad["code"] == "rate_limited", "nor are tokens guessed any faster"
        offer = await site.http.post("/v1/rooms/r/connect", headers=bearing(token_for("c")), json={"sdp": ""})
        assert (offer.status_code, offer.json()["code"]) == (429, "rate_limited")
        assert int(offer.headers["retry-after"]) > 1
        resume = {"sid": joined["sid"], "key": joined["key"], "last_seq": joined["seq"]}
        back = await enter(site, token_for("ann"), resume=resume)
        assert (back["t"], back["resumed"]) == ("joined", True), "who comes back is not a new one"
        elsewhere = await enter(site, token_for("dan"), options={"local_addr": ("127.0.0.9", 0)})
        assert elsewhere["t"] == "joined"


async def test_the_default_is_twenty_in_production_and_none_in_development():
    assert PRODUCTION.checked().joins_per_minute == 20
    assert Settings(dev=True).checked().joins_per_minute is None


async def test_only_a_trusted_proxy_is_believed():
    sockets = SocketSettings(joins_per_minute=1)
    for proxies, second in (((), "rate_limited"), (("127.0.0.0/8",), None)):
        async with serving(PRODUCTION, sockets=sockets, trusted_proxies=proxies) as site:
            for number, expected in enumerate((None, second)):
                headers = {"X-Forwarded-For": f"203.0.113.{number}"}
                said = await enter(site, token_for(f"p{number}"), options={"additional_headers": headers})
                assert said.get("code") == expected


@pytest.mark.parametrize(
    ("changes", "headers", "url"),
    [
        (
            {"public_url": "https://voice.example.org"},
            {"Host": "voice.example.org"},
            "wss://voice.example.org/v1/rtc",
        ),
        ({"trusted_proxies": ("127.0.0.1",)}, {"X-Forwarded-Proto": "https"}, "wss://{host}/v1/rtc"),
        ({}, {"X-Forwarded-Proto": "https"}, "ws://{host}/v1/rtc"),
        ({"public_url": "https://voice.example.org"}, {}, "ws://{host}/v1/rtc"),
    ],
    ids=["the public name", "a trusted proxy's word", "anybody's word", "within the house"],
)
async def test_workers_are_sent_where_they_reach_us(changes: dict, headers: dict[str, str], url: str):
    async with serving(PRODUCTION, **changes) as site, connect(site.at("/v1/rtc")) as page:
        host = site.url.removeprefix("http://")
        worker_token = sign(worker_claims("prod", "w", expires_at=int(time.time()) + 60), SECRET)
        options = {"additional_headers": {k: v for k, v in headers.items() if k != "Host"}}
        if "Host" in headers:
            options["sock"] = socket_to(site)
        target = f"ws://{headers['Host']}/v1/worker" if "Host" in headers else site.at("/v1/worker")
        async with connect(target, **options) as websocket:
            worker = Socket(websocket)
            await worker.send("register", token=worker_token, worker="w")
            await worker.expect("registered")
            await Socket(page).send("join", token=token_for("ann", agent=""))
            offer = await worker.expect("offer")
            await worker.send("accept", job=offer["job"])
            assert (await worker.expect("assign"))["url"] == url.format(host=host)


def socket_to(site: Site) -> socket.socket:
    parts = urlsplit(site.url)
    connection = socket.create_connection((parts.hostname, parts.port))
    connection.setblocking(False)
    return connection


async def test_a_page_of_the_public_url_may_connect_and_others_may_not():
    async with serving(PRODUCTION, public_url="https://voice.example.org") as site:
        host = {"Host": "voice.example.org"}
        for origin, status in (
            ("https://voice.example.org", 200),
            ("https://voice.example.org:444", 403),
            ("http://localhost:3000", 403),
        ):
            answer = await site.http.get("/healthz", headers={**host, "Origin": origin})
            assert answer.status_code == status, origin
        assert (await site.http.get("/healthz", headers={"Host": "evil.example.org"})).status_code == 403


async def test_answers_to_origins_are_kept_apart():
    async with serving(PRODUCTION, allowed_origins=("https://www.example.org",)) as site:
        for headers in ({}, {"Origin": "https://www.example.org"}):
            answer = await site.http.get("/healthz", headers=headers)
            assert "Origin" in answer.headers["vary"]
            assert answer.headers.get("access-control-allow-origin") == headers.get("Origin")
            assert "strict-transport-security" not in answer.headers


async def test_tls_by_our_own_flags(tmp_path: Path):
    if shutil.which("openssl") is None:
        missing("no openssl: apt-get install openssl")
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    new_key = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    files = ["-keyout", str(key), "-out", str(cert)]
    subprocess.run([*new_key, *subject, *files], check=True, capture_output=True)
    trust = ssl.create_default_context(cafile=str(cert))
    async with serving(PRODUCTION, tls_cert=str(cert), tls_key=str(key)) as site:
        port = urlsplit(site.url).port
        async with httpx.AsyncClient(base_url=f"https://localhost:{port}", verify=trust) as http:
            answer = await http.get("/healthz")
            assert answer.headers["strict-transport-security"] == "max-age=31536000"
        async with connect(f"wss://localhost:{port}/v1/rtc", ssl=trust) as websocket:
            await Socket(websocket).send("join", token=token_for("ann"))
            await Socket(websocket).expect("joined")


@pytest.mark.parametrize("said", [b"", b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: "])
async def test_who_does_not_finish_a_request_is_closed(said: bytes, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(PatientProtocol, "request_timeout", 0.2)
    async with serving(PRODUCTION) as site:
        parts = urlsplit(site.url)
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
        writer.write(said)
        async with asyncio.timeout(PATIENCE):
            assert await reader.read() == b""
        writer.close()
        await writer.wait_closed()


async def test_who_has_asked_may_be_silent(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(PatientProtocol, "request_timeout", 0.2)
    async with serving(PRODUCTION) as site, site.socket("/v1/rtc") as socket:
        await socket.send("join", token=token_for("ann"))
        await socket.expect("joined")
        await asyncio.sleep(0.5)
        assert (await socket.ask("ping"))["t"] == "ok"


async def test_the_rooms_of_one_key_are_counted_apart():
    async with (
        serving(PRODUCTION, rooms=RoomSettings(max_rooms_per_key=1)) as site,
        contextlib.AsyncExitStack() as open_,
    ):
        for key, secret, room, code in (
            ("prod", SECRET, "a", None),
            ("prod", SECRET, "a", None),
            ("prod", SECRET, "b", "no_capacity"),
            ("old", OLD_SECRET, "b", None),
        ):
            socket = await open_.enter_async_context(site.socket("/v1/rtc"))
            await socket.send("join", token=join_token(f"p-{key}", room, iss=key, secret=secret))
            assert (await socket.take()).get("code") == code


async def test_a_room_has_three_agents_whoever_asks_for_them():
    agents = ["a", "b", "c", "d"]
    async with serving(PRODUCTION) as site, contextlib.AsyncExitStack() as open_:
        ann = await open_.enter_async_context(site.socket("/v1/rtc"))
        creator = bearing(token_for("x", grants={"create": True}))
        made = {"name": "r", "agents": [{"name": name} for name in agents[:3]]}
        assert (await site.http.post("/v1/rooms", json=made, headers=creator)).status_code == 201
        await ann.send("join", token=token_for("ann", agent="d"))
        told = [await ann.expect("dispatch") for _ in range(4)]
        (refused,) = [one for one in told if one["op"] == "failed"]
        assert sorted(one["agent"] for one in told if one["op"] == "pending") == agents[:3]
        assert (refused["op"], refused["agent"]) == ("failed", "d")
