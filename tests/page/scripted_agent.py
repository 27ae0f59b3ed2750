"""An agent that does what a test says: a worker on `/v1/worker`, and in each room a participant with a real peer.

It speaks a 440 Hz tone, and knows how loud the microphone is that it hears.
"""

import asyncio
import fractions
import json
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import av
import numpy as np
import websockets
from aiortc import MediaStreamTrack, RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError
from aiortc.sdp import candidate_from_sdp

from agent_worker.rooms.ice import OfferedAddresses, offer_addresses
from signaling.auth import mint
from signaling.claims import Claims, Grants
from signaling.messages import DEV_API_KEY, DEV_API_SECRET

RATE = 48_000
FRAME = 960
Message = dict[str, Any]


class Tone(MediaStreamTrack):
    """440 Hz for ever, as loud as the agent says."""

    kind = "audio"

    def __init__(self, agent: "ScriptedAgent") -> None:
        super().__init__()
        self._agent = agent
        self._start: float | None = None
        self._slot = 0

    async def recv(self) -> av.AudioFrame:
        now = time.monotonic()
        self._start = self._start or now
        await asyncio.sleep(max(0.0, self._start + self._slot * FRAME / RATE - now))
        at = (np.arange(FRAME) + self._slot * FRAME) / RATE
        samples = (32767 * self._agent.loudness * np.sin(2 * np.pi * 440 * at)).astype(np.int16)
        # Stereo: aiortc takes 3 dB off mono.
        frame = av.AudioFrame.from_ndarray(np.repeat(samples, 2).reshape(1, -1), format="s16", layout="stereo")
        frame.sample_rate = RATE
        frame.pts = self._slot * FRAME
        frame.time_base = fractions.Fraction(1, RATE)
        self._slot += 1
        return frame


@dataclass
class ScriptedAgent:
    """The agent of one room.

    Attributes:
        told: What other members sent, in order.
        answers: Whether offers are answered.
        loudness: Of its voice, 0 to 1.
        hears: How loud the microphone was in each of the last 20 ms frames, 0 to 1.
        statistics: What it says to `agent.statistics`; None: it has no such method.
    """

    room: str
    identity: str
    socket: websockets.ClientConnection
    tasks: asyncio.TaskGroup
    told: list[Message] = field(default_factory=list)
    answers: bool = True
    loudness: float = 0.3
    hears: deque[float] = field(default_factory=lambda: deque(maxlen=50))
    peers: dict[str, RTCPeerConnection] = field(default_factory=dict)
    statistics: Message | None = None
    _listening: list[asyncio.Task[None]] = field(default_factory=list)

    # What a test makes it do.

    async def send(self, **message: Any) -> None:
        await self.socket.send(json.dumps(message))

    async def be(self, state: str, *, held: bool = False) -> None:
        """Publish its state."""
        attributes = {"agent.state": state, "agent.held": "true" if held else None}
        await self.send(t="update", attributes=attributes)

    async def tell(self, event: str, **facts: Any) -> None:
        """Report something of itself."""
        await self.send(t="data", topic="agent.event", payload=json.dumps({"type": event, **facts}))

    async def begin(self, role: str, segment: str, *, identity: str = "") -> None:
        """Begin a line of the transcript."""
        attributes = {"role": role, "identity": identity or self.identity, "segment": segment}
        await self.send(t="stream", op="open", sid=segment, topic="transcription", attributes=attributes)

    async def write(self, segment: str, text: str) -> None:
        await self.send(t="stream", op="chunk", sid=segment, text=text, n=0)

    async def end(self, segment: str, **attributes: str) -> None:
        await self.send(t="stream", op="close", sid=segment, attributes=attributes)

    async def hang_up(self) -> None:
        """End the media connections and stay in the room."""
        assert self.peers
        for peer in self.peers.values():
            await peer.close()

    async def leave(self) -> None:
        await self.send(t="leave", reason="done")
        await self.socket.close()

    # What a test asks of it.

    def messages(self, kind: str) -> list[Message]:
        return [message for message in self.told if message["t"] == kind]

    def typed(self) -> list[str]:
        """Every text of the chat that was closed."""
        texts: dict[str, str] = {}
        closed: list[str] = []
        for message in self.messages("stream"):
            if message["op"] == "open" and message["topic"] == "chat":
                texts[message["sid"]] = ""
            elif message["op"] == "chunk":
                texts[message["sid"]] += message["text"]
            elif message["op"] == "close":
                closed.append(texts[message["sid"]])
        return closed

    # What it does by itself.

    async def run(self) -> None:
        try:
            async for frame in self.socket:
                message = json.loads(frame)
                if "from" in message:
                    self.told.append(message)
                await self._follow(message)
        except websockets.ConnectionClosed:
            pass
        finally:
            for peer in self.peers.values():
                await peer.close()

    async def _follow(self, message: Message) -> None:
        if message["t"] == "offer" and self.answers:
            await self._answer(message)
        elif message["t"] == "rpc":
            unknown = {"error": {"code": "unsupported_method"}}
            result = unknown if self.statistics is None else {"payload": self.statistics}
            await self.send(t="rpc_result", re=message["call"], **result)
        elif "from" in message and message["from"] in self.peers:
            await self._follow_peer(self.peers[message["from"]], message)

    async def _follow_peer(self, peer: RTCPeerConnection, message: Message) -> None:
        if message["t"] == "pc_rebuild":
            await peer.close()
        elif message["t"] == "candidate" and message.get("candidate") and peer.signalingState != "closed":
            candidate = candidate_from_sdp(message["candidate"].removeprefix("candidate:"))
            candidate.sdpMid = message.get("sdpMid")
            candidate.sdpMLineIndex = message.get("sdpMLineIndex")
            await peer.addIceCandidate(candidate)

    async def _answer(self, offer: Message) -> None:
        if offer["from"] in self.peers:
            await self.peers[offer["from"]].close()
        peer = self.peers[offer["from"]] = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        peer.addTrack(Tone(self))
        peer.on("track", lambda track: self._listening.append(self.tasks.create_task(self._listen(track))))
        lines = [line for line in offer["sdp"].splitlines() if line != "a=end-of-candidates"]
        await peer.setRemoteDescription(RTCSessionDescription("\r\n".join(lines) + "\r\n", "offer"))
        with offer_addresses(OfferedAddresses.LOOPBACK):
            await peer.setLocalDescription(await peer.createAnswer())
        answer = {"pc": offer["pc"], "gen": offer["gen"], "sdp": peer.localDescription.sdp}
        await self.send(t="answer", to=offer["from"], **answer)

    async def _listen(self, track: MediaStreamTrack) -> None:
        while True:
            try:
                frame = await track.recv()
            except MediaStreamError:
                return
            assert isinstance(frame, av.AudioFrame)
            samples = frame.to_ndarray().astype(np.float64) / 32768
            self.hears.append(float(np.sqrt(np.mean(samples**2))))


@dataclass
class ScriptedWorker:
    """Takes every job, and keeps the agents by their rooms.

    Attributes:
        deaf_rooms: Where offers shall not be answered.
    """

    url: str
    deaf_rooms: set[str] = field(default_factory=set)
    agents: dict[str, ScriptedAgent] = field(default_factory=dict)
    _came: asyncio.Event = field(default_factory=asyncio.Event)

    async def agent(self, room: str, *, after: ScriptedAgent | None = None) -> ScriptedAgent:
        """The agent of a room, once it is there; `after` waits for its successor."""
        async with asyncio.timeout(30):
            while self.agents.get(room) in (None, after):
                self._came.clear()
                await self._came.wait()
        return self.agents[room]

    async def run(self) -> None:
        """Stay registered, through restarts of the server."""
        async with asyncio.TaskGroup() as tasks:
            while True:
                try:
                    async with websockets.connect(f"{self.url}/v1/worker", compression=None) as socket:
                        await self._work(socket, tasks)
                except (OSError, websockets.WebSocketException):
                    await asyncio.sleep(0.1)

    async def _work(self, socket: websockets.ClientConnection, tasks: asyncio.TaskGroup) -> None:
        claims = Claims(iss=DEV_API_KEY, sub="scripted", exp=int(time.time()) + 600, grants=Grants(agent=True))
        token = mint(claims, DEV_API_SECRET)
        await socket.send(json.dumps({"t": "register", "token": token, "worker": "scripted", "max_jobs": 50}))
        beating = tasks.create_task(self._beat(socket))
        try:
            async for frame in socket:
                message = json.loads(frame)
                if message["t"] == "offer":
                    accept = {"t": "accept", "job": message["job"], "name": "Assistant"}
                    await socket.send(json.dumps({**accept, "attributes": {"agent.state": "listening"}}))
                elif message["t"] == "assign":
                    tasks.create_task(self._join(message["url"], message["token"], tasks))
        finally:
            beating.cancel()

    async def _beat(self, socket: websockets.ClientConnection) -> None:
        while True:
            await asyncio.sleep(2)
            await socket.send(json.dumps({"t": "status", "state": "available"}))

    async def _join(self, url: str, token: str, tasks: asyncio.TaskGroup) -> None:
        protocol = [websockets.Subprotocol("voice.v1")]
        async with websockets.connect(url, subprotocols=protocol, compression=None) as socket:
            await socket.send(json.dumps({"t": "join", "id": 1, "token": token, "v": 1}))
            joined = json.loads(await socket.recv())
            assert joined["t"] == "joined", joined
            room = joined["room"]["name"]
            agent = ScriptedAgent(room, joined["you"]["identity"], socket, tasks, answers=room not in self.deaf_rooms)
            self.agents[room] = agent
            self._came.set()
            await agent.run()


@asynccontextmanager
async def scripted_worker(url: str) -> AsyncIterator[ScriptedWorker]:
    """A worker for a signaling server at `url` (http://...)."""
    worker = ScriptedWorker(url.replace("http", "ws", 1))
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(worker.run())
        try:
            yield worker
        finally:
            running.cancel()


async def until(what: Callable[[], Any], *, seconds: float = 10.0) -> Any:
    """Wait for something to be true of what an agent was told or hears."""
    async with asyncio.timeout(seconds):
        while not (value := what()):
            await asyncio.sleep(0.05)
    return value
