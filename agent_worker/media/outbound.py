"""The agent's sound on its way to the humans: one voice -> one frame each 20 ms -> one encoder -> every connection.

One pump serves a room. In each slot of the ticker it asks the voice for one frame. After a stall of two slots or more
it goes on with the slot that is due, so nothing is sent in a burst; timestamps are slot numbers and show the gap.
"""

import asyncio
from collections import Counter
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final, Protocol, TypeAlias

from aiortc import MediaStreamTrack
from av import Packet

from agent_worker.audio import FRAME_SECONDS, WIRE_RATE, Samples, samples_in
from agent_worker.clock import now
from agent_worker.media.opus import EncoderStatistics, OpusEncoder
from agent_worker.media.protection import Protection
from agent_worker.media.settings import OpusSettings
from agent_worker.media.ticker import Ticker

_TIME_BASE: Final = Fraction(1, WIRE_RATE)
_TICKS: Final = samples_in(FRAME_SECONDS, WIRE_RATE)
_FRAMES_PER_SECOND: Final = round(1 / FRAME_SECONDS)
_QUEUED_PACKETS: Final = 3

AudioPacket: TypeAlias = "Packet[Any]"


class VoiceSource(Protocol):
    """What `rooms.base.Voice` promises, said below it."""

    def pull(self) -> Samples:
        """The next 20 ms, always at the same rate: one that Opus knows. Never waits, never raises."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class PumpStatistics:
    """Counters since the beginning."""

    slots: int = 0
    """Slots served: frames pulled from the voice."""
    skipped: int = 0
    """Slots that passed while the process was stalled."""
    packets: int = 0
    """Packets encoded; none are while nobody listens."""
    bytes: int = 0
    """Their size."""
    dropped: int = 0
    """Packets that a connection did not take in time, over all connections."""
    silent: int = 0
    """Packets of silence that needed no encoding."""
    fec: bool = False
    """Whether the packets carry in-band FEC now, for a listener who loses some."""
    listeners: int = 0
    """Connections that are served now."""


class OutboundTrack(MediaStreamTrack):
    """One connection's end of the pump: aiortc's sender takes Opus packets here.

    Its queue holds a few packets; when it is full the oldest is dropped, so a slow connection hears the present.
    """

    kind = "audio"

    def __init__(self, pump: "VoicePump") -> None:
        super().__init__()
        self._pump = pump
        self._packets: asyncio.Queue[AudioPacket] = asyncio.Queue(maxsize=_QUEUED_PACKETS)
        self._taken = False

    def offer(self, packet: AudioPacket) -> bool:
        """Queue a packet; False when an older one had to go for it."""
        fitted = not self._packets.full()
        if not fitted:
            self._packets.get_nowait()
        self._packets.put_nowait(packet)
        return fitted

    async def recv(self) -> AudioPacket:
        """The next packet, when its time has come.

        It never raises: aiortc would end the sender for good. A track that gets no more packets waits.
        """
        if not self._taken:
            # What piled up before the connection stood is past: it would go out as a burst.
            self._taken = True
            while not self._packets.empty():
                self._packets.get_nowait()
        return await self._packets.get()

    def report_loss(self, fraction: float) -> None:
        """This listener lost so much (0..1) since their last report."""
        self._pump.report_loss(self, fraction)

    def stop(self) -> None:
        """End the track and leave the pump."""
        self._pump.detach(self)
        super().stop()


class VoicePump:
    """Gives a voice to everybody who listens.

    Args:
        voice: Asked for one frame in each slot.
        settings: How it is encoded.
        ticker: The process's slots; None for slots of its own.
    """

    def __init__(
        self, voice: VoiceSource, *, settings: OpusSettings | None = None, ticker: Ticker | None = None
    ) -> None:
        self._voice = voice
        self._settings = settings or OpusSettings()
        self._ticker = ticker
        self._encoder: OpusEncoder | None = None
        self._tracks: set[OutboundTrack] = set()
        self._losses: dict[OutboundTrack, float] = {}
        self._protection = Protection()
        self._slot: int | None = None
        self._counts: Counter[str] = Counter()

    def attach(self) -> OutboundTrack:
        """A new listener's track; stopping it, as closing its connection does, detaches it."""
        track = OutboundTrack(self)
        self._tracks.add(track)
        return track

    def detach(self, track: OutboundTrack) -> None:
        """Give this track no more packets. Detaching twice does nothing."""
        self._tracks.discard(track)
        self._losses.pop(track, None)

    def report_loss(self, track: OutboundTrack, fraction: float) -> None:
        """A listener lost this fraction (0..1) of the packets since their last report (RFC 3550, section 6.4.1)."""
        if track in self._tracks:
            self._losses[track] = fraction

    def statistics(self) -> PumpStatistics:
        """What has happened so far."""
        encoder = self._encoder.statistics() if self._encoder else EncoderStatistics()
        return PumpStatistics(**self._counts, silent=encoder.silent, fec=encoder.fec, listeners=len(self._tracks))

    async def run(self) -> None:
        """Serve one slot each 20 ms until cancelled."""
        if self._ticker is not None:
            await self._ticker.serve(self._serve)
            return
        ticker = Ticker()
        async with asyncio.TaskGroup() as tasks:
            ticking = tasks.create_task(ticker.run(), name="ticker")
            try:
                await ticker.serve(self._serve)
            finally:
                ticking.cancel()

    def _serve(self, slot: int) -> None:
        frame = self._voice.pull()
        self._counts["slots"] += 1
        if self._slot is not None:
            self._counts["skipped"] += slot - self._slot - 1
        self._slot = slot
        if not self._tracks:
            return
        payload = self._encode(frame)
        self._counts["packets"] += 1
        self._counts["bytes"] += len(payload)
        packet = Packet(payload)
        packet.pts = slot * _TICKS
        packet.time_base = _TIME_BASE
        for track in self._tracks:
            if not track.offer(packet):
                self._counts["dropped"] += 1

    def _encode(self, frame: Samples) -> bytes:
        if self._encoder is None:
            self._encoder = OpusEncoder(self._settings, rate=len(frame) * _FRAMES_PER_SECOND)
        worst = max(self._losses.values(), default=0.0)
        self._encoder.expect_loss(self._protection.receive(worst, now()))
        return self._encoder.encode(frame)
