"""Webhooks over real HTTP: what a receiver gets, and that it can trust it."""

import asyncio
import base64
import contextlib
import hashlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import jwt
import pytest

from signaling.settings import Settings, SettingsError
from signaling.webhooks import WebhookSettings
from tests.signaling.serving import PATIENCE, Site, join_token, serving

SECRET = "the-secret-of-a-server-in-production!"
PRODUCTION = Settings(keys={"prod": SECRET})


@dataclass
class Receiver:
    """An HTTP server that answers with these statuses, and then with 200."""

    statuses: list[int] = field(default_factory=list)
    port: int = 0
    posts: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
                headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:])}
                self.posts.append((headers, await reader.readexactly(int(headers["content-length"]))))
                status = self.statuses.pop(0) if self.statuses else 200
                location = f"Location: http://127.0.0.1:{self.port}/elsewhere\r\n" if status == 307 else ""
                writer.write(f"HTTP/1.1 {status} X\r\n{location}Content-Length: 0\r\n\r\n".encode())
                await writer.drain()
        writer.close()

    def events(self) -> list[str]:
        return [json.loads(body)["event"] for _, body in self.posts]

    async def until(self, number: int) -> None:
        async with asyncio.timeout(PATIENCE):
            while len(self.posts) < number:
                await asyncio.sleep(0.01)


@contextlib.asynccontextmanager
async def told(*statuses: int, scheme: str = "http", **settings) -> AsyncIterator[tuple[Site, Receiver]]:
    receiver = Receiver(list(statuses))
    server = await asyncio.start_server(receiver.take, "127.0.0.1", 0)
    receiver.port = server.sockets[0].getsockname()[1]
    webhooks = WebhookSettings(
        urls=(f"{scheme}://127.0.0.1:{receiver.port}/hook",),
        **({"allow_private": True, "backoff": (0.01,) * 5} | settings),
    )
    async with server, serving(PRODUCTION, webhooks=webhooks) as site:
        yield site, receiver


async def come_and_go(site: Site) -> None:
    async with site.socket("/v1/rtc") as socket:
        await socket.send("join", token=join_token("ann", "r", iss="prod", secret=SECRET, agent=""))
        await socket.expect("joined")
        await socket.send("leave")
        assert await socket.closed() == 1000


async def test_a_receiver_is_told_in_order_and_can_check_who_told():
    async with told() as (site, receiver):
        await come_and_go(site)
        await receiver.until(4)
    assert receiver.events() == ["room_started", "participant_joined", "job_pending", "participant_left"]
    headers, body = receiver.posts[1]
    assert headers["content-type"] == "application/json"
    assert json.loads(body)["participant"]["identity"] == "ann"
    scheme, _, token = headers["authorization"].partition(" ")
    claims = jwt.decode(token, SECRET, algorithms=["HS256"], audience="voice-webhook", issuer="prod")
    assert scheme == "Bearer"
    assert claims["sha256"] == base64.b64encode(hashlib.sha256(body).digest()).decode()
    assert len({json.loads(body)["id"] for _, body in receiver.posts}) == 4


async def test_what_a_receiver_is_sent_opens_no_door():
    async with told() as (site, receiver):
        await come_and_go(site)
        await receiver.until(1)
        token = receiver.posts[0][0]["authorization"]
        assert (await site.http.get("/v1/rooms", headers={"Authorization": token})).status_code == 401


async def test_a_receiver_that_is_down_for_a_moment_is_told_again():
    async with told(500, 503) as (site, receiver):
        await come_and_go(site)
        await receiver.until(6)
    assert receiver.events()[:4] == ["room_started"] * 3 + ["participant_joined"]
    assert len({body for _, body in receiver.posts[:3]}) == 1, "the same id, so that it can be told once"


async def test_redirects_are_not_followed():
    async with told(307) as (site, receiver):
        await come_and_go(site)
        await receiver.until(4)
    assert receiver.events()[:2] == ["room_started", "participant_joined"]


async def test_private_receivers_are_not_told_unless_allowed():
    async with told(scheme="https", allow_private=False) as (site, receiver):
        await come_and_go(site)
        post = site.app.state.webhooks[0]
        async with asyncio.timeout(PATIENCE):
            await post.wait_idle()
        assert post.deliveries.failed == 4
    assert receiver.posts == []


async def test_a_server_that_stops_tells_what_is_left_to_tell():
    async with told() as (site, receiver):
        await come_and_go(site)
    assert len(receiver.posts) == 4


@pytest.mark.parametrize(
    "url", ["ftp://x", "http://backend.example.org", "https://", "https://a:b@backend.example.org"]
)
def test_receivers_that_cannot_be(url: str):
    with pytest.raises(SettingsError, match="--webhook-url"):
        Settings(dev=True, webhooks=WebhookSettings(urls=(url,))).checked()
