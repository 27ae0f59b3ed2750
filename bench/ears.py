"""What hearing people costs, and how late they are heard: this project's receiving side beside aiortc's own.

    python -m bench.ears
    python -m bench.ears --sessions 16 --seconds 10

Real peers on 127.0.0.1 in one process, one voice for each session: Opus with copies, 20 ms a packet. Each way of
hearing takes the voice to 24 kHz for a model and to 16 kHz for a detector. A way that throws the packets away is
measured first; what the others cost is what they cost beyond it.
"""

import argparse
import asyncio
import statistics
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise
from typing import Final

import numpy as np
from aiortc import MediaStreamTrack, RTCPeerConnection, RTCRtpReceiver, RTCSessionDescription
from av import Packet
from rich.console import Console
from rich.table import Table

from agent_worker.audio import MODEL_RATE, VAD_RATE, Samples
from agent_worker.media.inbound import Microphone, RemoteVoice, microphone_frames
from agent_worker.media.libopus import Application, Decoder, Encoder
from agent_worker.media.receiver_tap import tap
from agent_worker.media.resample import Resampler
from agent_worker.rooms.background import Background
from agent_worker.rooms.ice import OfferedAddresses, offer_addresses, peer_connection
from tests.support.lossy import CLEAN, Impairment, LossyLink
from tests.support.wav import corpus

SETTLING_SECONDS: Final = 1.0
FRAME: Final = MODEL_RATE // 50
LINKS: Final = {
    "clean": CLEAN,
    "1 % loss": Impairment(loss=0.01),
    "5 % loss": Impairment(loss=0.05),
    "20 % loss": Impairment(loss=0.2),
    "50 ms jitter": Impairment(jitter=0.05, reorder=True),
}


@dataclass
class Ear:
    """One session's end: when each 20 ms of the voice was there for a model and a detector."""

    heard: dict[int, float] = field(default_factory=dict)
    slots: int = 0

    async def listen(self, frames: AsyncIterator[Samples], rate: int) -> None:
        to_model, to_detector = Resampler(rate, MODEL_RATE), Resampler(rate, VAD_RATE)
        per_slot, samples = rate // 50, 0
        async for frame in frames:
            to_model.push(frame)
            to_detector.push(frame)
            samples += len(frame)
            now = time.monotonic()
            for slot in range(self.slots, samples // per_slot):
                self.heard[slot] = now
            self.slots = samples // per_slot


Way = Callable[[RTCRtpReceiver, Ear, Background], None]


def by_aiortc(receiver: RTCRtpReceiver, ear: Ear, background: Background) -> None:
    background.start(ear.listen(microphone_frames(receiver.track), 48_000), name="ear")


def by_us(receiver: RTCRtpReceiver, ear: Ear, background: Background) -> None:
    microphone = Microphone(MODEL_RATE)
    voice = RemoteVoice(microphone, Decoder(MODEL_RATE))
    tap(receiver, voice.receive)
    background.start(voice.run(), name="voice")
    background.start(ear.listen(microphone, MODEL_RATE), name="ear")


def not_at_all(receiver: RTCRtpReceiver, ear: Ear, background: Background) -> None:
    tap(receiver, lambda packet: None)


class Speaker(MediaStreamTrack):
    """Says a phrase over and over, encoded beforehand."""

    kind = "audio"

    def __init__(self, payloads: list[bytes]) -> None:
        super().__init__()
        self._payloads = payloads
        self._slot = 0
        self._began = 0.0

    async def recv(self) -> Packet:
        self._began = self._began or time.monotonic()
        await asyncio.sleep(max(0.0, self._began + self._slot * 0.02 - time.monotonic()))
        packet = Packet(self._payloads[self._slot % len(self._payloads)])
        packet.pts, packet.time_base = self._slot * 960, Fraction(1, 48_000)
        self._slot += 1
        return packet


@asynccontextmanager
async def calling(way: Way, payloads: list[bytes], seed: int) -> AsyncIterator[tuple[Ear, LossyLink]]:
    """One session: a person and, on the other side, nothing but an ear."""
    person, agent = peer_connection([]), peer_connection([])
    ear, link = Ear(), LossyLink(seed)
    connected = asyncio.Event()

    def on_track(track: MediaStreamTrack) -> None:
        way(next(one for one in agent.getReceivers() if one.track is track), ear, background)

    def on_state() -> None:
        if agent.connectionState == "connected":
            connected.set()

    async with Background() as background:
        agent.add_listener("track", on_track)
        agent.add_listener("connectionstatechange", on_state)
        person.addTrack(Speaker(payloads))
        try:
            with offer_addresses(OfferedAddresses.LOOPBACK):
                await person.setLocalDescription(await person.createOffer())
                await agent.setRemoteDescription(described(person, "offer"))
                await agent.setLocalDescription(await agent.createAnswer())
            link.attach(person)
            await person.setRemoteDescription(described(agent, "answer"))
            async with asyncio.timeout(10):
                await connected.wait()
            yield ear, link
        finally:
            await person.close()
            await agent.close()


def described(connection: RTCPeerConnection, kind: str) -> RTCSessionDescription:
    return RTCSessionDescription(sdp=connection.localDescription.sdp, type=kind)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What one way of hearing did on one link.

    Attributes:
        cpu: Percent of a core for each session.
        lag: From the packet being sent to its samples being there, in milliseconds: median,
        late: and the 95th of a hundred,
        after: and the median in the last second, when the link had been clean again for a second.
        gap: Longest time without new samples on the bad link, in milliseconds.
    """

    cpu: float
    lag: float
    late: float
    after: float
    gap: float


async def measure(way: Way, impairment: Impairment, payloads: list[bytes], sessions: int, seconds: float) -> Found:
    async with AsyncExitStack() as stack:
        calls = [await stack.enter_async_context(calling(way, payloads, seed)) for seed in range(sessions)]
        await asyncio.sleep(SETTLING_SECONDS)
        for _, link in calls:
            link.impairment = impairment
        cpu, began = time.process_time(), time.monotonic()
        await asyncio.sleep(seconds)
        cpu, ended = time.process_time() - cpu, time.monotonic()
        for _, link in calls:
            link.impairment = CLEAN
        await asyncio.sleep(2.0)
        over = time.monotonic()
    during: list[float] = []
    after: list[float] = []
    gaps: list[float] = [0.0]
    for ear, link in calls:
        sent = list(link.sent.values())
        for slot, heard in ear.heard.items():
            if slot < len(sent) and sent[slot] >= began:
                (during if sent[slot] < ended else after).append((sent[slot], 1000 * (heard - sent[slot])))
        heard = [at for at in ear.heard.values() if began <= at < ended]
        gaps += [1000 * (later - earlier) for earlier, later in pairwise(heard)]
    lags = [lag for _, lag in during] or [0.0]
    return Found(
        cpu=100 * cpu / (ended - began) / sessions,
        lag=statistics.median(lags),
        late=float(np.percentile(lags, 95)),
        after=statistics.median([lag for at, lag in after if at > over - 1.0] or [0.0]),
        gap=max(gaps),
    )


def encoded() -> list[bytes]:
    encoder = Encoder(48_000, Application.VOIP)
    encoder.set_bit_rate(32_000)
    encoder.set_fec(10)
    sound = np.concatenate([corpus(name) for name in ("s13", "s08", "s19")])
    return [encoder.encode(sound[at : at + 960]) for at in range(0, len(sound) - 960, 960)]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sessions", type=int, default=8, help="people heard at once (default 8)")
    parser.add_argument("--seconds", type=float, default=6.0, help="of each link (default 6)")
    arguments = parser.parse_args()
    payloads = encoded()

    def found(way: Way, link: Impairment) -> Found:
        return asyncio.run(measure(way, link, payloads, arguments.sessions, arguments.seconds))

    table = Table("link", title=f"Hearing {arguments.sessions} people", caption="ms, and % of a core each")
    for name in ("heard by", "lag", "95 %", "lag after it", "longest gap", "CPU"):
        table.add_column(name, justify="right")
    good = True
    for link, impairment in LINKS.items():
        nothing = found(not_at_all, impairment).cpu
        stock, ours = found(by_aiortc, impairment), found(by_us, impairment)
        for name, one in (("aiortc", stock), ("us", ours)):
            figures = (f"{figure:.1f}" for figure in (one.lag, one.late, one.after, one.gap))
            table.add_row(link, name, *figures, f"{one.cpu - nothing:.2f}")
        good = good and ours.lag < 0.25 * stock.lag and ours.after < 0.25 * stock.after and ours.cpu < stock.cpu
    Console().print(table)
    return 0 if good else 1


if __name__ == "__main__":
    raise SystemExit(main())
