"""An agent in a room of the real signaling server, with real peers: what both sides hear, see, and survive."""

import asyncio
import contextlib
import itertools
import json
import time
from contextlib import asynccontextmanager

import httpx
import jwt
import numpy as np
import pytest
import websockets
from aiortc import RTCSessionDescription
from aiortc.mediastreams import MediaStreamError

from agent_worker.audio import MODEL_RATE
from agent_worker.errors import CallError, ProtocolError, RoomLostError
from agent_worker.media.frames import samples_of
from agent_worker.rooms import signaled_entrance
from agent_worker.rooms.background import Background
from agent_worker.rooms.base import (
    DataReceived,
    HumanConnected,
    HumanDisconnected,
    HumanJoined,
    HumanLeft,
    RoomClosed,
    TextReceived,
)
from agent_worker.rooms.ice import OfferedAddresses, offer_addresses, peer_connection
from agent_worker.rooms.signaled import SignaledDoor
from signaling.messages import DEV_API_KEY, DEV_API_SECRET, TOKEN_ALGORITHM, worker_claims
from tests.agent_worker.rooms.cable import Cable
from tests.support.caller import Mouth
from tests.support.stack import free_port, running, wait_ready

pytestmark = pytest.mark.timeout(90)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A signaling server's http:// address. Its rooms close soon after their last human."""
    port = free_port()
    options = ["--port", str(port), "--dev", "--departure-timeout", "0.5"]
    with running("signaling", "signaling", *options, folder=tmp_path_factory.mktemp("signaling")) as process:
        wait_ready(f"http://127.0.0.1:{port}/readyz", process)
        yield f"http://127.0.0.1:{port}"


ROOMS = (f"room-{number}" for number in itertools.count())


def tone(frequency, slot, rate, size, level=8000):
    at = np.arange(slot * size, (slot + 1) * size)
    return np.rint(level * np.sin(2 * np.pi * frequency * at / rate)).astype(np.int16)


def pitch(samples, rate=48_000):
    """The strongest frequency, Hz."""
    spectrum = np.abs(np.fft.rfft(samples.astype(np.float64)))
    return float(np.fft.rfftfreq(len(samples), 1 / rate)[np.argmax(spectrum)])


class Humming:
    """A voice of one tone."""

    def __init__(self, frequency=700):
        self.frequency = frequency
        self._slot = 0

    def pull(self):
        self._slot += 1
        return tone(self.frequency, self._slot - 1, MODEL_RATE, 480)


class Told:
    """Messages of a socket, as they come."""

    def __init__(self, socket):
        self.socket = socket
        self.messages = []
        self._more = asyncio.Event()

    async def follow(self):
        with contextlib.suppress(websockets.ConnectionClosed):
            async for frame in self.socket:
                self.messages.append(json.loads(frame))
                self._more.set()
        self.messages.append({"t": "socket closed"})
        self._more.set()

    async def until(self, seconds=15.0, **wanted):
        """The first message with these fields; it is taken out, with all before it."""
        seen = []
        try:
            async with asyncio.timeout(seconds):
                while True:
                    while self.messages:
                        message = self.messages.pop(0)
                        if all(message.get(key) == value for key, value in wanted.items()):
                            return message
                        seen.append(message)
                    self._more.clear()
                    await self._more.wait()
        except TimeoutError:
            raise AssertionError(f"no {wanted}, but {[str(m)[:200] for m in seen]}") from None

    async def send(self, **message):
        await self.socket.send(json.dumps(message))


@asynccontextmanager
async def socket_to(url, path, **headers):
    address = url.replace("http", "ws", 1) + path
    async with (
        websockets.connect(address, subprotocols=["voice.v1"], additional_headers=headers) as socket,
        Background() as background,
    ):
        told = Told(socket)
        background.start(told.follow(), name="follow")
        yield told


async def beat(told):
    for seq in itertools.count():
        await told.send(t="status", seq=seq)
        await asyncio.sleep(2.0)


@asynccontextmanager
async def hired(url, room):
    """A worker that takes the room's job and leaves the rest to the test: gives the agent's address and token."""
    claims = worker_claims(DEV_API_KEY, f"worker-of-{room}", expires_at=int(time.time()) + 60)
    bearer = jwt.encode(claims, DEV_API_SECRET, algorithm=TOKEN_ALGORITHM)
    async with socket_to(url, "/v1/worker", Authorization=f"Bearer {bearer}") as told, Background() as background:
        await told.send(t="register", worker=f"worker-of-{room}")
        await told.until(t="registered")
        background.start(beat(told), name="beat")
        while (offer := await told.until(t="offer"))["room"]["name"] != room:
            await told.send(t="reject", job=offer["job"], reason="busy")
        await told.send(t="accept", job=offer["job"])
        yield await told.until(t="assign")


class Guest:
    """A browser, as far as the agent can tell."""

    def __init__(self, told, identity):
        self.told = told
        self.identity = identity
        self.heard = []
        self.peer = None
        self.mouth = None
        self._background = None

    async def offer(self, gen=0, sdp=None, to=None):
        """Offer a new connection in place of the one that there may be."""
        if self.peer is not None:
            await self.peer.close()
        self.peer, self.mouth = peer_connection([]), Mouth()
        self.peer.addTrack(self.mouth)
        self.peer.add_listener("track", lambda track: self._background.start(self.listen(track), name="listen"))
        with offer_addresses(OfferedAddresses.LOOPBACK):
            await self.peer.setLocalDescription(await self.peer.createOffer())
        await self.told.send(t="offer", to=to, pc="main", gen=gen, sdp=sdp or self.peer.localDescription.sdp)

    async def connect(self, agent, gen=0):
        await self.offer(gen, to=agent)
        answer = await self.told.until(t="answer", gen=gen)
        await self.peer.setRemoteDescription(RTCSessionDescription(answer["sdp"], "answer"))

    async def listen(self, track):
        with contextlib.suppress(MediaStreamError):
            while True:
                self.heard.append(samples_of(await track.recv()))

    async def hears(self, frequency):
        """Wait until this tone, and nothing else, is heard."""
        self.heard.clear()
        async with asyncio.timeout(10):
            while len(self.heard) < 60 or abs(pitch(np.concatenate(self.heard[-25:])) - frequency) > 5:
                await asyncio.sleep(0.05)

    def hum(self, frequency, seconds):
        slots = int(seconds * 50)
        self.mouth.say(np.concatenate([tone(frequency, slot, 48_000, 960) for slot in range(slots)]))

    async def agent(self):
        """The agent's identity, when it is in the room."""
        message = await self.told.until(t="participant", op="joined")
        assert message["participant"]["kind"] == "agent"
        return message["participant"]["identity"]

    @asynccontextmanager
    async def alive(self):
        async with Background() as self._background:
            try:
                yield self
            finally:
                if self.peer is not None:
                    await self.peer.close()


@asynccontextmanager
async def guest(url, room, identity="anna"):
    async with httpx.AsyncClient() as http:
        token = (await http.post(f"{url}/v1/token", json={"room": room, "identity": identity})).json()["token"]
    async with socket_to(url, "/v1/rtc") as told:
        await told.send(t="join", token=token, v=1)
        await told.until(t="joined")
        async with Guest(told, identity).alive() as person:
            yield person


class Events:
    """A room's events, one after the other."""

    def __init__(self, room):
        self._events = room.events()

    async def next(self, kind):
        async with asyncio.timeout(25):
            event = await anext(self._events)
        assert isinstance(event, kind), event
        return event


def door(assign, **changes):
    given = {"url": assign["url"], "token": assign["token"], **changes}
    return SignaledDoor(given["url"], given["token"], addresses=OfferedAddresses.LOOPBACK)


@asynccontextmanager
async def conversation(server):
    """Anna and an agent in a room of their own, connected: Anna, the room, its further events, the agent's name."""
    name = next(ROOMS)
    async with (
        guest(server, name) as anna,
        hired(server, name) as assign,
        door(assign).join(Humming()) as room,
    ):
        agent = await anna.agent()
        events = Events(room)
        assert await events.next(HumanJoined) == HumanJoined(identity="anna", name="anna")
        await anna.connect(agent)
        connected = await events.next(HumanConnected)
        yield anna, room, events, agent, connected.microphone


async def heard_on(microphone, frequency):
    frames = []
    async with asyncio.timeout(10):
        async for frame in microphone:
            frames.append(frame)
            recent = np.concatenate(frames[-25:])
            if (
                len(frames) > 25
                and abs(pitch(recent, microphone.rate) - frequency) < 5
                and np.abs(recent).max() > 4000
            ):
                return


async def test_both_hear_each_other(server):
    async with conversation(server) as (anna, _, _, _, microphone):
        await anna.hears(700)
        anna.hum(440, 3.0)
        await heard_on(microphone, 440)


async def test_what_the_agent_publishes_is_seen(server):
    async with conversation(server) as (anna, room, _, agent, _):
        room.set_attributes({"agent.state": "listening", "agent.held": None})
        changed = await anna.told.until(t="participant", op="updated")
        assert changed["participant"]["attributes"] == {"agent.state": "listening"}
        room.send_data("agent.event", {"type": "held"})
        data = await anna.told.until(t="data")
        assert (data["from"], data["topic"], data["payload"]) == (agent, "agent.event", {"type": "held"})
        text = room.open_text("transcription", {"role": "agent"})
        text.write("Once upon ")
        text.write("a time" + "." * 20_000)
        text.close({"interrupted": "true"})
        text.close()
        text.write("never seen")
        opened = await anna.told.until(t="stream", op="open")
        assert (opened["topic"], opened["attributes"]) == ("transcription", {"role": "agent"})
        written = ""
        while (piece := await anna.told.until(t="stream", sid=opened["sid"]))["op"] == "chunk":
            written += piece["text"]
        assert written == "Once upon a time" + "." * 20_000
        assert piece["attributes"] == {"interrupted": "true"}


async def test_what_does_not_fit_the_wire_is_left_out_and_nothing_else(server, caplog):
    async with conversation(server) as (anna, room, _, _, _):
        room.send_data("agent.event", {"type": "x" * 20_000})
        room.send_data("agent.event", {"type": "fine"})
        assert (await anna.told.until(t="data"))["payload"] == {"type": "fine"}
    assert "does not fit the wire" in caplog.text
    assert "xxx" not in caplog.text


async def test_a_flood_of_words_is_merged_below_what_the_server_allows(server):
    async with conversation(server) as (anna, room, _, _, _):
        text = room.open_text("transcription", {"role": "agent"})
        for number in range(400):
            text.write(f"{number} ")
            room.set_attributes({"agent.state": "speaking" if number % 2 else "listening"})
            await asyncio.sleep(0.003)
        text.close()
        opened = await anna.told.until(t="stream", op="open")
        pieces = []
        while (piece := await anna.told.until(t="stream", sid=opened["sid"]))["op"] == "chunk":
            pieces.append(piece["text"])
        assert "".join(pieces) == "".join(f"{number} " for number in range(400))
        assert len(pieces) < 60


async def test_typed_text_comes_as_one(server):
    async with conversation(server) as (anna, _, events, _, _):
        await anna.told.send(t="stream", op="open", sid="s", topic="chat", attributes={})
        await anna.told.send(t="stream", op="chunk", sid="s", text="What time ")
        await anna.told.send(t="stream", op="chunk", sid="s", text="is it?")
        await anna.told.send(t="stream", op="close", sid="s")
        await anna.told.send(t="data", topic="chat", payload="Hello")
        assert await events.next(TextReceived) == TextReceived(identity="anna", text="What time is it?")
        assert await events.next(TextReceived) == TextReceived(identity="anna", text="Hello")


async def test_the_pages_call_the_agent_and_both_tell_each_other_data(server):
    async def order(call):
        if call.payload is None:
            raise CallError("what of?", code="bad_order")
        return {"for": call.identity, "of": call.payload}

    async with conversation(server) as (anna, room, events, agent, _):
        room.answer_calls("order", order)
        await anna.told.send(t="rpc", id=1, to=agent, method="order", payload=["tea"])
        answer = await anna.told.until(t="rpc_result", re=1)
        assert (answer["payload"], answer["from"]) == ({"for": "anna", "of": ["tea"]}, agent)
        await anna.told.send(t="rpc", id=2, to=agent, method="order")
        assert (await anna.told.until(t="rpc_result", re=2))["error"] == {"code": "bad_order", "message": "what of?"}
        await anna.told.send(t="rpc", id=3, to=agent, method="sing")
        assert (await anna.told.until(t="rpc_result", re=3))["error"]["code"] == "unsupported_method"
        await anna.told.send(t="data", to=agent, topic="cursor", payload={"x": 1})
        assert await events.next(DataReceived) == DataReceived(identity="anna", topic="cursor", payload={"x": 1})
        room.send_data("menu", "for somebody else", to=["nobody"])
        room.send_data("menu", ["tea"], to=["anna"])
        assert (await anna.told.until(t="data", topic="menu"))["payload"] == ["tea"]


async def test_a_rebuilt_connection_takes_the_place_of_the_old_one(server):
    async with conversation(server) as (anna, _, events, agent, old):
        await anna.told.send(t="pc_rebuild", to=agent, pc="main", gen=0, reason="ice")
        assert await events.next(HumanDisconnected) == HumanDisconnected(identity="anna", reason="rebuilt")
        await anna.connect(agent, gen=3)
        connected = await events.next(HumanConnected)
        anna.hum(440, 3.0)
        await heard_on(connected.microphone, 440)
        await anna.hears(700)
        async with asyncio.timeout(5):
            async for _ in old:
                pass
        await anna.offer(gen=2, to=agent)  # stale: no answer, and nothing happens to the newer one
        with pytest.raises(AssertionError):
            await anna.told.until(seconds=0.5, t="answer")


async def test_a_connection_that_dies_is_said_on_both_sides_and_can_be_made_anew(server):
    async with conversation(server) as (anna, _, events, agent, _):
        await anna.peer.close()
        assert (await events.next(HumanDisconnected)).identity == "anna"
        assert (await anna.told.until(t="pc_rebuild"))["gen"] == 0
        await anna.connect(agent, gen=1)
        await events.next(HumanConnected)


async def test_an_offer_that_cannot_be_taken_is_refused_in_words(server):
    async with conversation(server) as (anna, _, events, agent, _):
        await anna.offer(gen=1, to=agent)
        await anna.told.until(t="answer", gen=1)
        without_opus = anna.peer.localDescription.sdp.replace("opus/48000/2", "G722/8000").replace("OPUS", "G722")
        await asyncio.sleep(2.0)  # the server takes one new connection in two seconds
        await anna.told.send(t="offer", to=agent, pc="main", gen=2, sdp=without_opus)
        refusal = await anna.told.until(t="reject", gen=2)
        assert refusal["code"] == "bad_request"
        assert refusal["message"]
        await asyncio.sleep(2.0)
        await events.next(HumanDisconnected)
        await anna.connect(agent, gen=3)
        await events.next(HumanConnected)


async def test_trickled_candidates_are_taken(server):
    name = next(ROOMS)
    async with (
        guest(server, name) as anna,
        hired(server, name) as assign,
        door(assign).join(Humming()) as room,
    ):
        agent = await anna.agent()
        events = Events(room)
        await events.next(HumanJoined)
        await anna.offer(to=agent, sdp=None)
        whole = anna.peer.localDescription.sdp
        lines = whole.splitlines()
        candidates = [line[2:] for line in lines if line.startswith("a=candidate:")]
        bare = [line for line in lines if not line.startswith(("a=candidate:", "a=end-of-candidates"))]
        await asyncio.sleep(2.0)
        await anna.told.send(t="offer", to=agent, pc="main", gen=1, sdp="\r\n".join(bare) + "\r\n")
        await anna.told.send(t="candidate", to=agent, pc="main", gen=1, candidate="candidate:garbage")
        for candidate in candidates:
            await anna.told.send(t="candidate", to=agent, pc="main", gen=1, candidate=candidate, sdpMLineIndex=0)
        await anna.told.send(t="candidate", to=agent, pc="main", gen=1, candidate=None)
        answer = await anna.told.until(t="answer", gen=1)
        await anna.peer.setRemoteDescription(RTCSessionDescription(answer["sdp"], "answer"))
        await events.next(HumanConnected)


async def test_who_leaves_is_gone_and_the_room_closes_after_the_last(server):
    async with conversation(server) as (anna, _, events, _, microphone):
        await anna.told.send(t="leave", reason="bye")
        assert await events.next(HumanDisconnected) == HumanDisconnected(identity="anna", reason="bye")
        assert await events.next(HumanLeft) == HumanLeft(identity="anna", reason="bye")
        async with asyncio.timeout(5):
            async for _ in microphone:
                pass
        assert (await events.next(RoomClosed)).reason == "room_closed"
        with pytest.raises(StopAsyncIteration):
            await events.next(RoomClosed)


async def test_who_came_by_one_http_request_is_shown_out_with_the_connection(server):
    name = next(ROOMS)
    connection = peer_connection([])
    connection.addTrack(Mouth())
    with offer_addresses(OfferedAddresses.LOOPBACK):
        await connection.setLocalDescription(await connection.createOffer())
    async with httpx.AsyncClient(base_url=server, timeout=30) as http, asyncio.TaskGroup() as tasks:
        offer = {"sdp": connection.localDescription.sdp, "type": "offer"}
        answering = tasks.create_task(http.post(f"/v1/rooms/{name}/connect", json=offer))
        async with hired(server, name) as assign, door(assign).join(Humming()) as room:
            events = Events(room)
            caller = (await events.next(HumanJoined)).identity
            answer = (await answering).json()
            await connection.setRemoteDescription(RTCSessionDescription(answer["sdp"], "answer"))
            await events.next(HumanConnected)
            await connection.close()
            assert (await events.next(HumanDisconnected)).identity == caller
            assert (await events.next(HumanLeft)).identity == caller
            assert (await http.delete(answer["session"])).status_code in (200, 204, 404)


async def test_leaving_says_what_is_left_to_say_and_errors_pass_as_they_are(server):
    async def hold(assign):
        async with door(assign).join(Humming()) as room:
            for number in range(45):
                room.send_data("agent.event", {"number": number})
            raise ZeroDivisionError

    name = next(ROOMS)
    async with guest(server, name) as anna, hired(server, name) as assign:
        with pytest.raises(ZeroDivisionError):
            await hold(assign)
        numbers = [(await anna.told.until(t="data"))["payload"]["number"] for _ in range(45)]
        assert numbers == list(range(45))
        await anna.told.until(t="participant", op="left")


# Losses. ---------------------------------------------------------------------------------------------------------


@asynccontextmanager
async def wired(server):
    """A conversation whose agent reaches the server by a cable."""
    name = next(ROOMS)
    async with (
        Cable(int(server.rpartition(":")[2])) as cable,
        guest(server, name) as anna,
        hired(server, name) as assign,
        door(assign, url=f"{cable.url}/v1/rtc").join(Humming()) as room,
    ):
        agent = await anna.agent()
        events = Events(room)
        await events.next(HumanJoined)
        await anna.connect(agent)
        yield cable, anna, room, events, (await events.next(HumanConnected)).microphone


async def test_a_lost_socket_is_found_again_while_the_voice_goes_on(server):
    async with wired(server) as (cable, anna, room, events, microphone):
        room.set_attributes({"agent.state": "speaking"})
        await anna.told.until(t="participant", op="updated")
        cable.cut()
        away = await anna.told.until(t="participant", op="updated")
        back = await anna.told.until(t="participant", op="updated")
        assert [one["participant"]["state"] for one in (away, back)] == ["reconnecting", "active"]
        assert back["participant"]["attributes"] == {"agent.state": "speaking"}
        assert away["participant"]["sid"] == back["participant"]["sid"]
        assert cable.connections == 2
        await anna.hears(700)
        anna.hum(440, 3.0)
        await heard_on(microphone, 440)
        await anna.told.send(t="data", topic="chat", payload="still there?")
        # Nobody left and nobody came: the next event is the text.
        assert (await events.next(TextReceived)).text == "still there?"


async def test_who_left_while_the_socket_was_lost_has_left(server):
    async with wired(server) as (cable, anna, _, events, _):
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(anna.told.send(t="leave", reason="bye"))
            cable.cut()
        await anna.peer.close()
        assert (await events.next(HumanDisconnected)).identity == "anna"
        assert (await events.next(HumanLeft)).identity == "anna"


async def test_a_server_that_stays_away_ends_the_room_when_nobody_is_connected_any_more(server, monkeypatch):
    monkeypatch.setattr(signaled_entrance, "AWAY_SECONDS", 0.5)
    monkeypatch.setattr(signaled_entrance, "LAST_PAUSE", 0.5)
    async with wired(server) as (cable, anna, _, events, _):
        cable.unplug()
        await asyncio.sleep(2.0)
        await anna.hears(700)
        await anna.peer.close()
        assert (await events.next(HumanDisconnected)).identity == "anna"
        left = time.monotonic()
        assert "cannot be reached" in (await events.next(RoomClosed)).reason
        assert time.monotonic() - left < 20.0


async def test_another_agent_with_our_token_takes_our_place_for_good(server):
    name = next(ROOMS)
    async with guest(server, name), hired(server, name) as assign, door(assign).join(Humming()) as first:
        events = Events(first)
        await events.next(HumanJoined)
        async with door(assign).join(Humming()):
            assert "duplicate_identity" in (await events.next(RoomClosed)).reason


# Refusals. -------------------------------------------------------------------------------------------------------


async def enter(url, token="nonsense"):
    async with SignaledDoor(url, token).join(Humming()):
        pytest.fail("it let us in")


async def test_a_forged_token_is_refused_with_the_servers_word(server):
    with pytest.raises(ProtocolError, match="does not let us in") as caught:
        await enter(server.replace("http", "ws") + "/v1/rtc")
    assert caught.value.code == "unauthorized"
    assert "nonsense" not in str(caught.value)


async def test_a_server_that_is_not_there_is_named(server):
    port = free_port()
    with pytest.raises(RoomLostError, match=f"ws://127.0.0.1:{port}/v1/rtc cannot be reached.*Check that"):
        await enter(f"ws://127.0.0.1:{port}/v1/rtc")


async def test_what_is_no_signaling_server_is_said(server):
    with pytest.raises(RoomLostError, match="no signaling server"):
        await enter(server.replace("http", "ws") + "/healthz")


async def test_a_server_that_says_nothing_is_not_waited_for(monkeypatch):
    monkeypatch.setattr(signaled_entrance, "JOIN_SECONDS", 0.3)

    async def mute(socket):
        await socket.wait_closed()

    async with websockets.serve(mute, "127.0.0.1", 0, subprotocols=["voice.v1"]) as silent:
        port = next(iter(silent.sockets)).getsockname()[1]
        with pytest.raises(RoomLostError, match=r"did not let us in within 0.3 s"):
            await enter(f"ws://127.0.0.1:{port}/v1/rtc")


async def test_anna_asks_how_her_voice_comes_in(server, caplog):
    async with conversation(server) as (anna, room, events, agent, _):

        async def respond(call):
            statistics = await room.statistics()
            return {"received": statistics.humans["anna"].voice.packets.received, "slots": statistics.voice.slots}

        await asyncio.sleep(1.0)
        room.answer_calls("how", respond)
        await anna.told.send(t="rpc", id=7, to=agent, method="how")
        answer = await anna.told.until(t="rpc_result", re=7)
        assert answer["payload"]["received"] > 20
        assert answer["payload"]["slots"] > 20
        await anna.told.send(t="rpc", id=8, to=agent, method="what")
        refused = await anna.told.until(t="rpc_result", re=8)
        assert refused["error"]["code"] == "unsupported_method"
        with caplog.at_level("INFO"):
            await anna.told.send(t="leave", reason="bye")
            await events.next(HumanDisconnected)
            await events.next(HumanLeft)
            async with asyncio.timeout(10):
                while not any("anna was heard by" in record.getMessage() for record in caplog.records):
                    await asyncio.sleep(0.05)
        assert (await room.statistics()).humans == {}
