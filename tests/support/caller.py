"""A person on the line: joins a room over signaling, speaks WAVs, and keeps all that they hear and are told.

A real aiortc peer and a real WebSocket; times are time.monotonic() seconds.
"""

import asyncio
import fractions
import itertools
import json
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import av
import httpx
import numpy as np
import websockets
from aiortc import (
    MediaStreamTrack,
    RTCConfiguration,
    RTCIceServer,
    RTCIceTransportPolicy,
    RTCPeerConnection,
    RTCSessionDescription,
)
from aiortc.mediastreams import MediaStreamError

from agent_worker.audio import Samples, silence
from agent_worker.rooms.ice import OfferedAddresses, offer_addresses

RATE = 48_000
FRAME = 960


class Mouth(MediaStreamTrack):
    """A microphone: silence, and what is said, one frame each 20 ms."""

    kind = "audio"

    def __init__(self) -> None:
        super().__init__()
        self._waiting = silence(0)
        self._start: float | None = None
        self._slot = 0
        self.emptied = asyncio.Event()

    def say(self, samples: Samples) -> None:
        self._waiting = np.concatenate((self._waiting, samples))
        self.emptied.clear()

    async def recv(self) -> av.AudioFrame:
        now = time.monotonic()
        self._start = self._start or now
        await asyncio.sleep(max(0.0, self._start + self._slot * 0.02 - now))
        samples, self._waiting = self._waiting[:FRAME], self._waiting[FRAME:]
        if not len(self._waiting):
            self.emptied.set()
        samples = np.pad(samples, (0, FRAME - len(samples)))
        # Stereo: aiortc takes 3 dB off mono.
        frame = av.AudioFrame.from_ndarray(np.repeat(samples, 2).reshape(1, -1), format="s16", layout="stereo")
        frame.sample_rate = RATE
        frame.pts = self._slot * FRAME
        frame.time_base = fractions.Fraction(1, RATE)
        self._slot += 1
        return frame


@dataclass
class Tape:
    """What was heard: frames of mono int16 at 48 kHz, each with the time at which it arrived."""

    frames: list[tuple[float, Samples]] = field(default_factory=list)

    def since(self, start: float) -> Samples:
        heard = [samples for at, samples in self.frames if at >= start]
        return np.concatenate(heard) if heard else silence(0)

    def loud_times(self, start: float, *, level: float = 300.0) -> list[float]:
        """When each 20 ms frame arrived that was louder than silence (root mean square of int16)."""
        return [
            at
            for at, samples in self.frames
            if at >= start and np.sqrt(np.mean(samples.astype(np.float64) ** 2)) > level
        ]


class Caller:
    """One person in a room. Made by `calling`."""

    def __init__(self, configuration: RTCConfiguration | None = None, *, returns: bool = False) -> None:
        self.returns = returns
        self.place: dict[str, Any] = {}
        self.token = ""
        self.last_seq = 0
        self.mouth = Mouth()
        self.tape = Tape()
        self.told: list[tuple[float, dict[str, Any]]] = []
        self.identity = ""
        self.agent: dict[str, Any] | None = None
        self.socket: websockets.ClientConnection | None = None
        self._configuration = configuration or RTCConfiguration(iceServers=[])
        self._calls = 0
        self.start: Callable[[Coroutine[Any, Any, None]], object] = lambda _: None
        self.peer = self._new_peer()
        self.connected = asyncio.Event()
        self._changed = asyncio.Event()
        self._ids = itertools.count(1)

    # Speaking.

    async def say(self, samples: Samples) -> tuple[float, float]:
        """Say it; gives back when its first and its last sample were handed over."""
        start = time.monotonic()
        self.mouth.say(samples)
        async with asyncio.timeout(60):
            await self.mouth.emptied.wait()
        return start, time.monotonic()

    async def type(self, text: str) -> None:
        sid = f"t{next(self._ids)}"
        for part in (
            {"op": "open", "topic": "chat", "attributes": {}},
            {"op": "chunk", "text": text, "n": 0},
            {"op": "close"},
        ):
            await self.send({"t": "stream", "sid": sid, **part})

    # What was told.

    def messages(self, kind: str, *, since: float = 0.0) -> list[dict[str, Any]]:
        return [message for at, message in self.told if message["t"] == kind and at >= since]

    def agent_states(self, *, since: float = 0.0) -> list[str]:
        """Every state of the agent, "held" for one whose speech is held."""
        states: list[str] = []
        for message in self.messages("participant", since=since):
            attributes = message["participant"].get("attributes", {})
            if message["participant"]["kind"] == "agent" and "agent.state" in attributes:
                state = "held" if attributes.get("agent.held") else attributes["agent.state"]
                if states[-1:] != [state]:
                    states.append(state)
        return states

    def agent_events(self, *, since: float = 0.0) -> list[str]:
        topics = [m for m in self.messages("data", since=since) if m["topic"] == "agent.event"]
        payloads = [m["payload"] for m in topics]
        return [(json.loads(p) if isinstance(p, str) else p)["type"] for p in payloads]

    def lines(self, role: str, *, since: float = 0.0) -> list[str]:
        """The transcript's lines of "user" or "agent", as far as they were written."""
        texts: dict[str, str] = {}
        for at, message in self.told:
            if message["t"] != "stream":
                continue
            if message["op"] == "open" and message["topic"] == "transcription":
                if message["attributes"]["role"] == role and at >= since:
                    texts[message["sid"]] = ""
            elif message["op"] == "chunk" and message["sid"] in texts:
                texts[message["sid"]] += message["text"]
        return [text for text in texts.values() if text]

    def most_agents_at_once(self) -> int:
        """By what the room told: an agent is there from `joined` to `left`."""
        there: set[str] = set()
        most = 0
        for message in self.messages("joined") + self.messages("participant"):
            people = message["participants"] if message["t"] == "joined" else [message["participant"]]
            for person in people:
                if person["kind"] == "agent":
                    (there.discard if message.get("op") == "left" else there.add)(person["sid"])
            most = max(most, len(there))
        return most

    async def until(self, what: Callable[[], Any], *, seconds: float = 20.0) -> Any:
        """Wait for something to be true of what was heard or told."""
        try:
            async with asyncio.timeout(seconds):
                while not (value := what()):
                    self._changed.clear()
                    await self._changed.wait()
                return value
        except TimeoutError:
            states, events = self.agent_states(), self.agent_events()
            msg = (
                f"not within {seconds} s; agent was {states}, events {events}, "
                f"user said {self.lines('user')}, agent said {self.lines('agent')}"
            )
            raise AssertionError(msg) from None

    async def until_silent(self, seconds: float = 1.0, *, limit: float = 90.0) -> float:
        """Wait until the agent, who was heard, has been silent that long; gives back when it was last heard."""

        def silent() -> float:
            loud = self.tape.loud_times(0.0)
            return loud[-1] if loud and time.monotonic() - loud[-1] > seconds else 0.0

        return await self.until(silent, seconds=limit)

    async def until_heard(self, since: float, *, seconds: float = 20.0) -> float:
        """Wait until the agent is heard; gives back when it was first heard after `since`."""
        loud = await self.until(lambda: self.tape.loud_times(since), seconds=seconds)
        return loud[0]

    # Joining.

    async def send(self, message: dict[str, Any]) -> None:
        assert self.socket is not None
        await self.socket.send(json.dumps(message))

    async def leave(self) -> None:
        """Say goodbye, if there is anybody to say it to."""
        try:
            await self.send({"t": "leave"})
        except (AssertionError, websockets.ConnectionClosed):
            return

    async def ping(self) -> None:
        """Be heard by signaling, as it asks of everybody."""
        while True:
            await asyncio.sleep(5.0)
            try:
                await self.send({"t": "ping", "ts": 0})
            except websockets.ConnectionClosed:
                if not self.returns:
                    return

    async def attend(self, url: str, token: str) -> None:
        """Be in the room; one who returns comes back when the socket is lost, and keeps the sound meanwhile."""
        self.token = token
        joining: dict[str, Any] = {"t": "join", "id": 1, "v": 1}
        while True:
            try:
                async with websockets.connect(
                    url, subprotocols=[websockets.Subprotocol("voice.v1")], compression=None
                ) as socket:
                    self.socket = socket
                    await self.send({**joining, "token": self.token})
                    await self.follow()
            except (OSError, websockets.WebSocketException):
                if not self.returns and not self.messages("leave"):
                    raise
            if not self.returns:
                return
            joining["resume"] = {"sid": self.place["sid"], "key": self.place["key"], "last_seq": self.last_seq}
            joining["known_peers"] = {self.agent["identity"]: self._calls - 1} if self.agent else {}
            await asyncio.sleep(0.2)

    async def follow(self) -> None:
        """Read what signaling says, and offer to the agent when it is there."""
        assert self.socket is not None
        async for frame in self.socket:
            message = json.loads(frame)
            self.told.append((time.monotonic(), message))
            self._changed.set()
            self.last_seq = message.get("seq", self.last_seq)
            match message["t"]:
                case "joined":
                    self.place = message
                    self.identity = message["you"]["identity"]
                    for participant in message["participants"]:
                        await self._see(participant)
                case "participant" if message["op"] == "joined":
                    await self._see(message["participant"])
                case "participant" if message["op"] == "left" and self.agent is not None:
                    if message["participant"]["sid"] == self.agent["sid"]:
                        await self._lose_agent()
                case "token":
                    self.token = message["token"]
                case "answer":
                    await self.peer.setRemoteDescription(RTCSessionDescription(message["sdp"], "answer"))
                case _:
                    pass

    async def offer(self, direction: str = "sendrecv") -> str:
        self.peer.addTransceiver(self.mouth, direction)
        with offer_addresses(OfferedAddresses.LOOPBACK):
            await self.peer.setLocalDescription(await self.peer.createOffer())
        return self.peer.localDescription.sdp

    async def _see(self, participant: dict[str, Any]) -> None:
        if participant["kind"] == "agent" and self.agent is None:
            self.agent = participant
            gen, self._calls = self._calls, self._calls + 1
            await self.send(
                {"t": "offer", "to": participant["identity"], "pc": "main", "gen": gen, "sdp": await self.offer()}
            )

    async def _lose_agent(self) -> None:
        """The agent is gone: whoever comes in its place is called anew."""
        self.agent = None
        self.connected.clear()
        await self.peer.close()
        self.peer = self._new_peer()

    async def rebuild(self) -> None:
        """Lose the media connection, as by another network, and offer a new one; what was being said is forgotten."""
        assert self.agent is not None
        await self.peer.close()
        self.connected.clear()
        self.mouth, self.peer = Mouth(), self._new_peer()
        gen, self._calls = self._calls, self._calls + 1
        place = {"to": self.agent["identity"], "pc": "main", "gen": gen}
        await self.send({"t": "offer", **place, "sdp": await self.offer()})
        async with asyncio.timeout(30):
            await self.connected.wait()

    def _new_peer(self) -> RTCPeerConnection:
        peer = RTCPeerConnection(self._configuration)
        peer.on("connectionstatechange", self.watch_connection)
        peer.on("track", lambda track: self.start(self.listen(track)))
        return peer

    async def listen(self, track: MediaStreamTrack) -> None:
        resampler = av.AudioResampler(format="s16", layout="mono", rate=RATE)
        while True:
            try:
                frame = await track.recv()
            except MediaStreamError:
                return
            assert isinstance(frame, av.AudioFrame)
            for out in resampler.resample(frame):
                self.tape.frames.append((time.monotonic(), out.to_ndarray().reshape(-1)[: out.samples].copy()))
            self._changed.set()

    def watch_connection(self) -> None:
        if self.peer.connectionState == "connected":
            self.connected.set()


@asynccontextmanager
async def calling(
    url: str, room: str, *, connect: bool = True, returns: bool = False, token: str = "", **wishes: Any
) -> AsyncIterator[Caller]:
    """Join a room over the WebSocket; with `connect`, wait until the connection to its agent stands.

    One who `returns` comes back to the room when the socket is lost. Who brings no `token` asks for one.
    """
    async with httpx.AsyncClient() as http:
        if not token:
            response = await http.post(f"{url}/v1/token", json={"room": room, **wishes})
            response.raise_for_status()
            token = response.json()["token"]
        bearer = {"Authorization": f"Bearer {token}"}
        ice = (await http.get(f"{url}/v1/ice", headers=bearer)).json()
    caller = Caller(
        RTCConfiguration(
            iceServers=[RTCIceServer(**server) for server in ice["iceServers"]],
            iceTransportPolicy=RTCIceTransportPolicy(ice["iceTransportPolicy"]),
        ),
        returns=returns,
    )
    socket_url = url.replace("http", "ws", 1) + "/v1/rtc"
    async with asyncio.TaskGroup() as group:
        caller.start = lambda work: tasks.append(group.create_task(work))
        tasks = [group.create_task(caller.attend(socket_url, token))]
        try:
            async with asyncio.timeout(30):
                await caller.until(lambda: caller.place)
                tasks.append(group.create_task(caller.ping()))
                if connect:
                    await caller.connected.wait()
            yield caller
        finally:
            await caller.leave()
            await caller.peer.close()
            for task in tasks:
                task.cancel()


@asynccontextmanager
async def connecting(url: str, room: str) -> AsyncIterator[Caller]:
    """Join by one HTTP request: the simplest client there is."""
    caller = Caller()
    async with httpx.AsyncClient(base_url=url, timeout=40) as http, asyncio.TaskGroup() as group:
        tasks: list[asyncio.Task[None]] = []
        caller.start = lambda work: tasks.append(group.create_task(work))
        response = await http.post(f"/v1/rooms/{room}/connect", json={"sdp": await caller.offer(), "type": "offer"})
        response.raise_for_status()
        answer = response.json()
        await caller.peer.setRemoteDescription(RTCSessionDescription(answer["sdp"], answer["type"]))
        try:
            async with asyncio.timeout(30):
                await caller.connected.wait()
            yield caller
        finally:
            await http.delete(answer["session"])
            await caller.peer.close()
            for task in tasks:
                task.cancel()


@asynccontextmanager
async def overhearing(url: str, room: str, agent: str) -> AsyncIterator[Caller]:
    """Hear an agent by WHEP, without saying anything."""
    caller = Caller()
    async with httpx.AsyncClient(base_url=url, timeout=40) as http:
        offer, headers = await caller.offer("recvonly"), {"Content-Type": "application/sdp"}
        response = await http.post(f"/whep/{room}/{agent}", content=offer, headers=headers)
        response.raise_for_status()
        caller.place = {"answer": response.text}
        async with asyncio.TaskGroup() as tasks:
            caller.start = tasks.create_task
            await caller.peer.setRemoteDescription(RTCSessionDescription(response.text, "answer"))
            try:
                async with asyncio.timeout(30):
                    await caller.connected.wait()
                yield caller
            finally:
                (await http.delete(response.headers["location"])).raise_for_status()
                await caller.peer.close()


@asynccontextmanager
async def publishing(url: str, room: str) -> AsyncIterator[Caller]:
    """Join by WHIP: heard, without hearing anything. The candidates come after the offer."""
    caller = Caller()
    async with httpx.AsyncClient(base_url=url, timeout=40) as http:
        whole = await caller.offer("sendonly")
        lines = whole.splitlines()
        late = [line for line in lines if line.startswith(("a=candidate:", "a=end-of-candidates"))]
        offer = "\r\n".join(line for line in lines if line not in late) + "\r\n"
        response = await http.post(f"/whip/{room}", content=offer, headers={"Content-Type": "application/sdp"})
        response.raise_for_status()
        session, answer = response.headers["location"], response.text
        caller.place = {"answer": answer}
        headers = {"Content-Type": "application/trickle-ice-sdpfrag", "If-Match": response.headers["etag"]}
        fragment = "\r\n".join(["m=audio 9 RTP/AVP 0", "a=mid:0", *late]) + "\r\n"
        (await http.patch(session, content=fragment, headers=headers)).raise_for_status()
        await caller.peer.setRemoteDescription(RTCSessionDescription(answer, "answer"))
        try:
            async with asyncio.timeout(30):
                await caller.connected.wait()
            yield caller
        finally:
            (await http.delete(session)).raise_for_status()
            await caller.peer.close()
