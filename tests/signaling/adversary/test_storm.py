"""Many things at once: half-open sockets, thousands of candidates, garbage, replays, messages changed at random."""

import asyncio
import contextlib
import json
from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from websockets.exceptions import ConnectionClosed

from signaling.errors import ErrorCode
from signaling.limits import SocketSettings
from signaling.serving import PatientProtocol
from tests.signaling.adversary.siege import siege
from tests.signaling.samples import ANSWER, CANDIDATES, offer
from tests.signaling.serving import serving

CODES = {code.value for code in ErrorCode}
MESSAGES: list[dict[str, Any]] = [
    {"t": "offer", "to": "bob", "pc": "main", "gen": 0, "sdp": offer("host")},
    {"t": "answer", "to": "bob", "pc": "main", "gen": 0, "sdp": ANSWER},
    {"t": "candidate", "to": "bob", "candidate": CANDIDATES["host"], "sdpMid": "0", "sdpMLineIndex": 0},
    {"t": "pc_rebuild", "to": "bob", "gen": 1, "reason": "failed"},
    {"t": "track", "op": "publish", "track": {"id": "1", "kind": "audio", "source": "mic", "muted": False}},
    {"t": "update", "name": "Mal", "metadata": "m", "attributes": {"a": "b", "c": None}},
    {"t": "data", "topic": "t", "to": ["bob"], "payload": {"deep": [1, 2, {"x": None}]}},
    {"t": "stream", "op": "open", "sid": "s", "topic": "t", "attributes": {}},
    {"t": "rpc", "to": "bob", "method": "m", "payload": "", "timeout_ms": 1000},
    {"t": "rpc_result", "re": "RC_1", "payload": ""},
    {"t": "moderate", "op": "mute", "identity": "bob", "muted": True},
    {"t": "token", "token": "x.y.z"},
]
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@st.composite
def mutated(draw: st.DrawFn) -> str | bytes:
    """A message with some of its fields replaced, removed or added, or with its text cut or changed."""
    message = dict(draw(st.sampled_from(MESSAGES)))
    for _ in range(draw(st.integers(0, 2))):
        name = draw(st.sampled_from(sorted(message)) | st.text(max_size=8))
        if draw(st.booleans()):
            message[name] = draw(json_values)
        elif name != "t":
            message.pop(name, None)
    text = json.dumps(message)
    match draw(st.sampled_from(["whole", "whole", "cut", "changed", "binary"])):
        case "cut":
            return text[: draw(st.integers(0, len(text)))]
        case "changed":
            at = draw(st.integers(0, len(text) - 1))
            return text[:at] + draw(st.text(max_size=3)) + text[at + 1 :]
        case "binary":
            return text.encode() if draw(st.booleans()) else draw(st.binary(max_size=50))
        case _:
            return text


@settings(max_examples=8, suppress_health_check=list(HealthCheck))
@given(st.lists(mutated(), min_size=20, max_size=60))
def test_mutated_messages_are_carried_out_or_refused_and_the_socket_stays(messages: list[str | bytes]):
    asyncio.run(send_all(messages))


async def send_all(messages: list[str | bytes]) -> None:
    limits = SocketSettings(message_rate=1e6, message_burst=100_000)
    async with serving(sockets=limits) as site, site.joined("bob") as bob, site.joined("mal") as mal:
        for message in messages:
            await mal.websocket.send(message)
        await mal.send("ping", id=123_456)
        while (said := await mal.take()).get("re") != 123_456:
            assert said["t"] != "error" or (said["code"] in CODES and said["code"] != "internal"), said
        assert said["t"] == "ok"
        assert (await bob.ask("ping"))["t"] == "ok"


async def test_two_hundred_half_open_sockets(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(PatientProtocol, "request_timeout", 0.5)
    limits = SocketSettings(join_timeout=0.5)
    async with siege(caplog, sockets=limits) as site:
        parts = urlsplit(site.url)
        upgrade = b"GET /v1/rtc HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        key = b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        starts = [b"", b"GET / HT", upgrade, upgrade + key]
        writers: list[asyncio.StreamWriter] = []

        async def open_half(said: bytes) -> None:
            reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
            writers.append(writer)
            writer.write(said)
            # The server ends it by itself; a WebSocket is sent why, and would be waited for to answer.
            with contextlib.suppress(ConnectionError):
                while (heard := await reader.read(4096)) and b"join_timeout" not in heard:
                    pass

        async with asyncio.timeout(60), asyncio.TaskGroup() as group:
            for number in range(200):
                group.create_task(open_half(starts[number % 4]))
        assert (await site.http.get("/healthz")).status_code == 200
        for writer in writers:
            writer.transport.abort()
        await site.http.aclose()


async def test_five_thousand_candidates_garbage_and_replays(caplog: pytest.LogCaptureFixture):
    async with siege(caplog) as site, site.joined("bob"):
        many = offer() + f"a={CANDIDATES['host']}\r\n" * 250
        for body, code in (
            ({"sdp": "v=0\r\ngarbage" * 100}, "bad_request"),
            ({"sdp": many}, "bad_request"),
            ({"sdp": offer() + "a=x\r\n" * 8000}, "too_large"),
        ):
            async with site.joined("mal") as mal:
                assert (await mal.ask("offer", to="bob", **body))["code"] == code
        async with site.joined("mal") as mal:
            assert (await mal.ask("offer", to="bob", sdp=offer(), gen=5))["t"] == "ok"
            # Replays of it and of stale generations cost the other side no new connection.
            assert (await mal.ask("offer", to="bob", sdp=offer(), gen=5))["t"] == "ok"
            assert (await mal.ask("offer", to="bob", sdp=offer(), gen=4))["t"] == "ok"
            for gen in (3, 2, 1):
                assert (await mal.ask("offer", to="bob", sdp=offer(), gen=gen))["code"] == "rate_limited"
        async with site.joined("flood") as mal:
            candidate = json.dumps({"t": "candidate", "to": "bob", "candidate": CANDIDATES["host"]})
            with contextlib.suppress(ConnectionClosed):
                for _ in range(5000):
                    await mal.websocket.send(candidate)
            assert await mal.closed() == 4429
