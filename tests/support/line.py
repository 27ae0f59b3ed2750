"""A person and an agent on a line that may be bad: two real aiortc peers in this process, sound both ways.

speech -> Speaker -> bad link -> Peer.microphone -> Ear        what the agent hears
voice -> VoicePump -> bad link -> RemoteVoice -> Ear           what the person hears, as the agent's own ears do
"""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise

import numpy as np
from aiortc import MediaStreamTrack, RTCPeerConnection, RTCSessionDescription
from av import Packet

from agent_worker.audio import MODEL_RATE, Samples, silence
from agent_worker.media.inbound import Microphone, RemoteVoice
from agent_worker.media.libopus import Application, Decoder, Encoder
from agent_worker.media.outbound import VoicePump, VoiceSource
from agent_worker.media.receiver_tap import tap
from agent_worker.rooms.background import Background
from agent_worker.rooms.ice import OfferedAddresses, offer_addresses, peer_connection
from agent_worker.rooms.peer import Peer
from tests.support.alignment import align
from tests.support.lossy import LossyLink

RATE = MODEL_RATE
FRAME = RATE // 50
STALL_SECONDS = 0.02
"""A machine that does not let a speaker speak for so long sounds like a bad link: where that was is noted (`stalls`,
samples into the speech)."""


class Speaker(MediaStreamTrack):
    """Speaks from the first packet on, with a copy of each frame in the next, as browsers do if asked to."""

    kind = "audio"

    def __init__(self, speech: Samples) -> None:
        super().__init__()
        self.began = 0.0
        self.stalls: list[int] = []
        self._speech = speech
        self._encoder = Encoder(RATE, Application.VOIP)
        self._encoder.set_fec(20)
        self._slot = 0

    async def recv(self) -> Packet:
        self.began = self.began or time.monotonic()
        await asyncio.sleep(max(0.0, self.began + self._slot * 0.02 - time.monotonic()))
        if time.monotonic() - self.began - self._slot * 0.02 > STALL_SECONDS:
            self.stalls.append(self._slot * FRAME)
        samples = self._speech[self._slot * FRAME :][:FRAME]
        packet = Packet(self._encoder.encode(np.pad(samples, (0, FRAME - len(samples)))))
        packet.pts, packet.time_base = self._slot * 960, Fraction(1, 48_000)
        self._slot += 1
        return packet


class Quiet:
    """An agent that says nothing."""

    def pull(self) -> Samples:
        return silence(FRAME)


class Talking:
    """An agent that talks, once it is let."""

    def __init__(self, speech: Samples) -> None:
        self.speaks = False
        self.stalls: list[int] = []
        self.link: LossyLink | None = None
        self._spoken: list[float] = []
        self._left = speech
        self._said = 0
        self._pulled_at = 0.0

    def pull(self) -> Samples:
        if not self.speaks:
            return silence(FRAME)
        now, before = time.monotonic(), self._pulled_at
        self._pulled_at = now
        if before and now - before > 0.02 + STALL_SECONDS:
            self.stalls.append(self._said)
        self._said += FRAME
        self._spoken.append(self.link.spoken if self.link else 0.0)
        samples, self._left = self._left[:FRAME], self._left[FRAME:]
        return np.pad(samples, (0, FRAME - len(samples)))

    def spoken_at(self, second: float) -> float:
        """How much its link had carried (`LossyLink.spoken`) when it said this second of its speech."""
        return self._spoken[int(second * RATE) // FRAME]


@dataclass
class Ear:
    """What was heard.

    Attributes:
        link: By which it came.
        spoken: How many seconds had been said when each frame was handed on (`LossyLink.spoken`).
    """

    link: LossyLink
    spoken: list[float] = field(default_factory=list)
    frames: list[Samples] = field(default_factory=list)

    async def listen(self, microphone: AsyncIterator[Samples]) -> None:
        async for samples in microphone:
            self.spoken.append(self.link.spoken)
            self.frames.append(samples)

    def gaps(self) -> list[float]:
        """For how many seconds of what was said nothing was handed on, each time; 20 ms is one packet after another.

        Those in which this machine stood still are left out: they say nothing of the line.
        """
        return [
            later - earlier
            for earlier, later in pairwise(self.spoken)
            if not any(earlier < at <= later for at in self.link.stalls)
        ]

    def sound(self) -> Samples:
        return np.concatenate(self.frames)

    def lags(
        self, speech: Samples, spoken_at: Callable[[float], float] = lambda second: second
    ) -> list[tuple[float, float]]:
        """Of pieces of the speech: at which second they are, and how many seconds had been said when they were heard.

        The latter counts from the former. Timed by packets, so that it is the line's lag and not this machine's.

        Args:
            speech: What was said.
            spoken_at: How much the line had carried when a second of it was said.
        """
        return [
            (match.sent_at, self._said_by(round(match.heard_at * RATE)) - spoken_at(match.sent_at))
            for match in align(speech, self.sound())
            if match.likeness > 0.6
        ]

    def _said_by(self, sample: int) -> float:
        """How much had been said when the frame with this sample was handed on."""
        ends = np.cumsum([len(frame) for frame in self.frames])
        return self.spoken[min(int(np.searchsorted(ends, sample, side="right")), len(self.spoken) - 1)]


@dataclass
class Line:
    """A connection that stands.

    Attributes:
        there: The link from the person to the agent,
        back: and that from the agent to the person.
        ear: What the agent hears.
        persons_ear: What the person hears.
        persons_voice: The person's receiving side of it.
    """

    speaker: Speaker
    there: LossyLink
    back: LossyLink
    ear: Ear
    persons_ear: Ear
    persons_voice: RemoteVoice
    peer: Peer
    pump: VoicePump
    person: RTCPeerConnection


@asynccontextmanager
async def line(speech: Samples, seed: int, voice: VoiceSource | None = None) -> AsyncGenerator[Line]:
    """Two peers, connected; the person speaks from the beginning."""
    pump = VoicePump(voice or Quiet())
    person = peer_connection([])
    speaker = Speaker(speech)
    person.addTrack(speaker)
    microphone = Microphone(RATE)
    persons_voice = RemoteVoice(microphone, Decoder(RATE))
    tap(person.getReceivers()[0], persons_voice.receive)
    async with Background() as background:
        background.start(pump.run(), name="pump")
        background.start(persons_voice.run(), name="person's voice")
        try:
            async with Peer(ice_servers=[], pump=pump, addresses=OfferedAddresses.LOOPBACK) as peer:
                with offer_addresses(OfferedAddresses.LOOPBACK):
                    await person.setLocalDescription(await person.createOffer())
                answer = await peer.answer(person.localDescription.sdp)
                assert "useinbandfec=1" in answer
                there, back = LossyLink(seed), LossyLink(seed + 1)
                there.attach(person)
                back.attach(peer._connection)
                if isinstance(voice, Talking):
                    voice.link = back
                await person.setRemoteDescription(RTCSessionDescription(sdp=answer, type="answer"))
                await peer.wait_connected()
                # It looks at the receiver reports meanwhile.
                background.start(_watch(peer), name="watch")
                ear, persons_ear = Ear(there), Ear(back)
                background.start(ear.listen(peer.microphone), name="ear")
                background.start(persons_ear.listen(microphone), name="person's ear")
                yield Line(speaker, there, back, ear, persons_ear, persons_voice, peer, pump, person)
        finally:
            await person.close()


async def _watch(peer: Peer) -> None:
    await peer.wait_lost()
