"""Each limit, met exactly and exceeded by one: the right code, and the socket stays where it should."""

import contextlib
import json
import time
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus

from signaling.auth import LEEWAY, MAX_LIFETIME, MAX_TOKEN_CHARS
from signaling.limits import SocketSettings
from signaling.members import RoomSettings
from signaling.messages import DEV_API_KEY
from signaling.sdp import MAX_CANDIDATES, MAX_MEDIA_SECTIONS, MAX_SDP_BYTES
from tests.signaling.adversary.siege import siege
from tests.signaling.samples import CANDIDATES, FINGERPRINT, offer
from tests.signaling.serving import join_token, serving, sign

AUDIO = f"m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:1\r\n{FINGERPRINT}\r\n"


def padded(size: int) -> str:
    return offer() + "a=" + "x" * (size - len(offer()) - 2)


def attributes(size: int) -> dict[str, str]:
    return {"k": "x" * (size - len('{"k":""}'))}


ONE_TOO_MANY: list[tuple[str, dict[str, Any], dict[str, Any], str]] = [
    ("data", {"topic": "t", "payload": "x" * 15_000}, {"topic": "t", "payload": "x" * 15_001}, "too_large"),
    ("data", {"topic": "t" * 128}, {"topic": "t" * 129}, "too_large"),
    ("data", {"topic": "t", "to": ["bob"] * 64}, {"topic": "t", "to": ["bob"] * 65}, "too_large"),
    ("data", {"topic": "t", "to": "bob"}, {"topic": "t", "to": "b" * 129}, "bad_request"),
    (
        "stream",
        {"op": "chunk", "sid": "s", "topic": "t", "text": "x" * 15_000},
        {"op": "chunk", "sid": "s", "topic": "t", "text": "x" * 15_001},
        "too_large",
    ),
    ("update", {"metadata": "x" * 16_384}, {"metadata": "x" * 16_385}, "too_large"),
    ("update", {"name": "x" * 256}, {"name": "x" * 257}, "too_large"),
    ("update", {"attributes": attributes(8192)}, {"attributes": attributes(8193)}, "too_large"),
    (
        "update",
        {"attributes": {str(n): None for n in range(32)}},
        {"attributes": {str(n): None for n in range(33)}},
        "too_large",
    ),
    (
        "offer",
        {"to": "bob", "sdp": padded(MAX_SDP_BYTES)},
        {"to": "bob", "sdp": padded(MAX_SDP_BYTES + 1)},
        "too_large",
    ),
    (
        "offer",
        {"to": "bob", "sdp": offer() + AUDIO * (MAX_MEDIA_SECTIONS - 1)},
        {"to": "bob", "sdp": offer() + AUDIO * MAX_MEDIA_SECTIONS},
        "bad_request",
    ),
    (
        "offer",
        {"to": "bob", "sdp": offer(*["host"] * MAX_CANDIDATES)},
        {"to": "bob", "sdp": offer(*["host"] * (MAX_CANDIDATES + 1))},
        "bad_request",
    ),
    (
        "offer",
        {"to": "bob", "sdp": offer(), "gen": 2**31 - 1},
        {"to": "bob", "sdp": offer(), "gen": 2**31},
        "bad_request",
    ),
]


async def test_one_more_than_fits(caplog: pytest.LogCaptureFixture):
    async with siege(caplog) as site:
        for row, (t, fits, exceeds, code) in enumerate(ONE_TOO_MANY):
            room = f"room-{row}"
            async with site.joined("bob", room), site.joined("mal", room) as mal:
                assert (await mal.ask(t, **fits))["t"] == "ok", (row, t)
                refused = await mal.ask(t, **exceeds)
                assert (refused["t"], refused["code"]) == ("error", code), (row, t)
                assert (await mal.ask("ping"))["t"] == "ok", "the socket stays"


async def test_one_rpc_millisecond_too_many(caplog: pytest.LogCaptureFixture):
    async with siege(caplog) as site, site.joined("mal") as mal, site.joined("bob"):
        refused = await mal.ask("rpc", to="bob", method="m", payload="", timeout_ms=15_001)
        assert refused["code"] == "bad_request"
        for number in range(33):
            await mal.send("rpc", id=number, to="bob", method="m", payload="", timeout_ms=15_000)
        assert (await mal.expect("error"))["re"] == 32


async def test_one_candidate_track_and_connection_too_many(caplog: pytest.LogCaptureFixture):
    async with siege(caplog) as site, site.joined("mal") as mal, site.joined("bob"):
        assert (await mal.ask("offer", to="bob", sdp=offer(), gen=0))["t"] == "ok"
        for _ in range(MAX_CANDIDATES):
            assert (await mal.ask("candidate", to="bob", candidate=CANDIDATES["host"]))["t"] == "ok"
        refused = await mal.ask("candidate", to="bob", candidate=CANDIDATES["host"])
        assert refused["code"] == "too_large"
        for number in range(8):
            assert (await mal.ask("track", op="publish", track={"id": str(number)}))["t"] == "ok"
        assert (await mal.ask("track", op="publish", track={"id": "8"}))["code"] == "too_large"
        assert (await mal.ask("offer", to="bob", sdp=offer(), gen=1))["t"] == "ok"
        refused = await mal.ask("offer", to="bob", sdp=offer(), gen=2)
        assert refused["code"] == "rate_limited"
        assert refused["retry_after_ms"] > 0


async def test_one_message_too_many_at_once():
    limits = SocketSettings(message_rate=0.01, message_burst=20)
    # In a server of its own: nobody could talk in the next room with such limits.

    async with serving(sockets=limits) as site, site.joined("mal") as mal:
        for _ in range(20):
            assert (await mal.ask("update"))["t"] == "ok"
        assert (await mal.ask("update"))["code"] == "rate_limited"


async def test_one_byte_of_the_first_message_too_many(caplog: pytest.LogCaptureFixture):
    async with siege(caplog) as site:
        for extra, answer in ((0, "joined"), (1, "error")):
            async with site.socket("/v1/rtc") as socket:
                text = json.dumps({"t": "join", "token": join_token("mal", "r"), "client": {"ua": ""}})
                text = text[:-1] + " " * (8192 + extra - len(text)) + "}"
                await socket.websocket.send(text)
                said = await socket.take()
                assert said["t"] == answer
                if extra:
                    assert (said["code"], await socket.closed()) == ("too_large", 4413)


async def test_one_byte_of_a_frame_too_many(caplog: pytest.LogCaptureFixture):
    async with siege(caplog) as site, site.joined("mal") as mal:
        await mal.websocket.send(json.dumps({"t": "ping", "id": 77}).ljust(65_536))
        await mal.expect("ok", re=77)
        await mal.websocket.send(json.dumps({"t": "ping", "id": 77}).ljust(65_537))
        assert await mal.closed() == 1009


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"exp": MAX_LIFETIME + LEEWAY + 5}, "24 hours"),
        ({"exp": -LEEWAY - 5}, "expired"),
        ({"name": "x" * MAX_TOKEN_CHARS}, "longer than 4096"),
    ],
)
async def test_tokens_that_live_or_are_too_long(fields: dict, says: str, caplog: pytest.LogCaptureFixture):
    body = {"iss": DEV_API_KEY, "sub": "mal", "aud": "voice", "room": "r", "grants": {"join": True}, "exp": 60}
    body |= fields
    body["exp"] += int(time.time())
    async with siege(caplog) as site, site.socket("/v1/rtc") as socket:
        await socket.send("join", token=sign(body))
        refused = await socket.take()
        assert says in refused["message"]
        assert await socket.closed() == 4401


async def test_one_participant_too_many(caplog: pytest.LogCaptureFixture):
    async with siege(caplog) as site, contextlib.AsyncExitStack() as inside:
        for number in range(16):
            await inside.enter_async_context(site.joined(f"p{number}", "full"))
        async with site.socket("/v1/rtc") as late:
            await late.send("join", token=join_token("late", "full"))
            assert (await late.take())["code"] == "room_full"
            assert await late.closed() == 4503


async def test_one_room_too_many(caplog: pytest.LogCaptureFixture):
    rooms = RoomSettings(reconnect_timeout=0.0, departure_timeout=0.0, max_rooms=2)
    async with siege(caplog, rooms=rooms) as site, site.joined("mal", "second"), site.socket("/v1/rtc") as third:
        await third.send("join", token=join_token("mal", "third"))
        assert (await third.take())["code"] == "no_capacity"
        assert await third.closed() == 4503


async def test_one_agent_and_one_byte_over_http_too_many(caplog: pytest.LogCaptureFixture):
    rooms = RoomSettings(reconnect_timeout=0.0, departure_timeout=0.0)
    async with siege(caplog, rooms=rooms) as site, site.joined("mal", "r", agent=[]):
        for _ in range(3):
            assert (await site.http.post("/v1/rooms/r/dispatches", json={})).status_code == 202
        refused = await site.http.post("/v1/rooms/r/dispatches", json={})
        assert (refused.status_code, refused.json()["code"]) == (503, "no_capacity")
        body = b'{"topic": "t"}'
        assert (await site.http.post("/v1/rooms/r/data", content=body.ljust(65_536))).status_code == 204
        refused = await site.http.post("/v1/rooms/r/data", content=body.ljust(65_537))
        assert (refused.status_code, refused.json()["code"]) == (413, "too_large")


async def test_one_socket_too_many(caplog: pytest.LogCaptureFixture):
    limits = SocketSettings(sockets_per_address=5, unauthenticated_per_address=2)
    async with siege(caplog, sockets=limits) as site:
        async with site.socket("/v1/rtc"), site.socket("/v1/rtc"):
            with pytest.raises(InvalidStatus) as refused:
                async with site.socket("/v1/rtc"):
                    pass
            assert refused.value.response.status_code == 429
        async with site.joined("a"), site.joined("b"), site.joined("c"):
            with pytest.raises(InvalidStatus):
                async with site.socket("/v1/rtc"):
                    pass
