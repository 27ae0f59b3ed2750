"""One person on the line, cheap enough for sixteen of them: speaks Opus made beforehand, decodes each packet at once.

There is no jitter buffer in this ear: what it hears it hears when the packet arrives at this machine, however busy
this program is then.
"""

import asyncio
import fractions
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

import av
import numpy as np
from aiortc import MediaStreamTrack, RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.rtp import RtpPacket

from agent_worker.audio import Samples, silence
from agent_worker.rooms.ice import OfferedAddresses, offer_addresses
from bench.rig.arrivals import Arrivals
from bench.rig.tones import is_loud, pitch_of
from tests.support.lossy import CLEAN, Impairment, LossyLink
from tests.support.wav import corpus

RATE = 48_000
FRAME = 960
LOUD_SAMPLE = 1000


def _encoder() -> av.AudioCodecContext:
    context = av.CodecContext.create("libopus", "w")
    assert isinstance(context, av.AudioCodecContext)
    context.sample_rate, context.format, context.layout = RATE, "s16", "mono"
    context.bit_rate, context.time_base = 32_000, fractions.Fraction(1, RATE)
    return context


def encode(samples: Samples) -> list[bytes]:
    """Opus packets of 20 ms."""
    context, packets = _encoder(), list[bytes]()
    for index in range(len(samples) // FRAME):
        part = np.ascontiguousarray(samples[index * FRAME : (index + 1) * FRAME]).reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(part, format="s16", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = RATE, index * FRAME, fractions.Fraction(1, RATE)
        packets += [bytes(packet) for packet in context.encode(frame)]
    return packets


@dataclass(frozen=True, slots=True)
class Utterance:
    """A WAV of the corpus as packets; `first_loud` and `last_loud` are indices of packets."""

    packets: list[bytes]
    first_loud: int
    last_loud: int


@cache
def utterance(name: str) -> Utterance:
    samples = corpus(name)
    loud = np.flatnonzero(np.abs(samples.astype(np.int32)) > LOUD_SAMPLE)
    return Utterance(encode(samples), int(loud[0]) // FRAME, int(loud[-1]) // FRAME)


@cache
def quiet() -> bytes:
    return encode(silence(FRAME * 10))[-1]


class Mouth(MediaStreamTrack):
    """A microphone: one packet each 20 ms."""

    kind = "audio"

    def __init__(self) -> None:
        super().__init__()
        self._waiting: list[bytes] = []
        self._saying: Utterance | None = None
        self._said = 0
        self._slot = 0
        self._start = 0.0
        self.said: asyncio.Future[tuple[float, float]] | None = None
        self._first_at = 0.0
        self._last_at = 0.0

    def say(self, name: str) -> asyncio.Future[tuple[float, float]]:
        """Say it; the result is when its first and its last loud packet were handed to the sender."""
        self._saying, self._said = utterance(name), 0
        self.said = asyncio.get_running_loop().create_future()
        return self.said

    async def recv(self) -> av.Packet:
        now = time.monotonic()
        self._start = self._start or now
        await asyncio.sleep(max(0.0, self._start + self._slot * 0.02 - now))
        packet = av.Packet(self._next())
        packet.pts, packet.time_base = self._slot * FRAME, fractions.Fraction(1, RATE)
        self._slot += 1
        return packet

    def _next(self) -> bytes:
        if self._saying is None or self.said is None:
            return quiet()
        saying, index = self._saying, self._said
        self._said += 1
        if index == saying.first_loud:
            self._first_at = time.monotonic()
        if index == saying.last_loud:
            # The end of its sound is the end of its packet.
            self._last_at = time.monotonic()
            if not self.said.done():
                self.said.set_result((self._first_at, self._last_at))
        if self._said == len(saying.packets):
            self._saying = None
        return saying.packets[index]


@dataclass(frozen=True, slots=True)
class Heard:
    """20 ms at the ear."""

    at: float
    loud: bool
    pitch: int | None


class Caller:
    """Made by `calling`."""

    def __init__(self, impairment: Impairment, seed: int) -> None:
        self.mouth = Mouth()
        self.heard: list[Heard] = []
        self.joined_after = 0.0
        self._news = asyncio.Event()
        self.peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self._decoder = av.CodecContext.create("libopus", "r")
        self._impairment = impairment
        self._seed = seed

    async def until(self, what: Callable[[], Any], *, seconds: float = 20.0) -> Any:
        async with asyncio.timeout(seconds):
            while not (value := what()):
                self._news.clear()
                await self._news.wait()
            return value

    def tones(self, since: float) -> list[Heard]:
        return [heard for heard in self.heard if heard.at >= since and heard.pitch is not None]

    async def until_tone(self, since: float, *, seconds: float = 20.0) -> float:
        """When the first tone after `since` was heard."""
        tones: list[Heard] = await self.until(lambda: self.tones(since), seconds=seconds)
        return tones[0].at

    async def connect(self, answer: Callable[[str], Awaitable[str]]) -> None:
        connected = asyncio.Event()
        self.peer.on(
            "connectionstatechange",
            lambda: connected.set() if self.peer.connectionState == "connected" else None,
        )
        sender = self.peer.addTrack(self.mouth)
        with offer_addresses(OfferedAddresses.LOOPBACK):
            await self.peer.setLocalDescription(await self.peer.createOffer())
        self._arrivals = Arrivals(sender.transport.transport._connection)
        if self._impairment != CLEAN:
            LossyLink(2 * self._seed, self._impairment).attach(self.peer)
            LossyLink(2 * self._seed + 1, self._impairment).attach_inbound(self.peer)
        (transceiver,) = self.peer.getTransceivers()
        transceiver.receiver._handle_rtp_packet = self._hear
        start = time.monotonic()
        sdp = await answer(self.peer.localDescription.sdp)
        await self.peer.setRemoteDescription(RTCSessionDescription(sdp, "answer"))
        async with asyncio.timeout(30):
            await connected.wait()
        self.joined_after = time.monotonic() - start

    async def _hear(self, packet: RtpPacket, arrival_time_ms: int) -> None:
        # A packet that the link held back came when it let it go.
        stamped = self._arrivals.of(packet.sequence_number)
        arrived = stamped if self._impairment == CLEAN else time.monotonic()
        for frame in self._decoder.decode(av.Packet(packet.payload)):
            samples = frame.to_ndarray()
            mono = samples.reshape(-1)[:: len(frame.layout.channels)] if samples.shape[0] == 1 else samples[0]
            if mono.dtype != np.int16:
                mono = (np.clip(mono, -1, 1) * 32767).astype(np.int16)
            loud = is_loud(mono)
            self.heard.append(Heard(arrived, loud, pitch_of(mono, RATE) if loud else None))
        self._news.set()


@asynccontextmanager
async def calling(
    answer: Callable[[str], Awaitable[str]], impairment: Impairment = CLEAN, seed: int = 1
) -> AsyncIterator[Caller]:
    """Call a program: `answer` gives it the offer, and comes back with its answer; the link is as bad each way."""
    caller = Caller(impairment, seed)
    try:
        await caller.connect(answer)
        yield caller
    finally:
        await caller.peer.close()
