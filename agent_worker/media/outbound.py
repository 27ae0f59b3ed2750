"""The agent's sound on its way to the humans: one voice -> one frame each 20 ms -> one encoder -> every connection.

One pump serves a room. It wakes on a fixed grid of slots and asks the voice for one frame in each. After a stall of
two slots or more it goes on with the slot that is due, so nothing is sent in a burst; timestamps are slot numbers and
show the gap.
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
from agent_worker.media.opus import OpusEncoder

_TIME_BASE: Final = Fraction(1, WIRE_RATE)
_TICKS: Final = samples_in(FRAME_SECONDS, WIRE_RATE)
_QUEUED_PACKETS: Final = 3
_STALL_SLOTS: Final = 2  # less is caught up: a receiver hides one late packet better than a hole in the time line

AudioPacket: TypeAlias = "Packet[Any]"


class VoiceSource(Protocol):
    """What `rooms.base.Voice` promises, said below it."""

    def pull(self) -> Samples:
        """The next 20 ms at 24 kHz (480 samples). Never waits, never raises."""
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

    def stop(self) -> None:
        """End the track and leave the pump."""
        self._pump.detach(self)
        super().stop()


class VoicePump:
    """Gives a voice to everybody who listens.

    Args:
        voice: Asked for one frame in each slot.
        encoder: Its sound's encoder.
    """

    def __init__(self, voice: VoiceSource, *, encoder: OpusEncoder | None = None) -> None:
        self._voice = voice
        self._encoder = encoder or OpusEncoder()
        self._tracks: set[OutboundTrack] = set()
        self._counts: Counter[str] = Counter()

    def attach(self) -> OutboundTrack:
        """A new listener's track; stopping it, as closing its connection does, detaches it."""
        track = OutboundTrack(self)
        self._tracks.add(track)
        return track

    def detach(self, track: OutboundTrack) -> None:
        """Give this track no more packets. Detaching twice does nothing."""
        self._tracks.discard(track)

    def statistics(self) -> PumpStatistics:
        """What has happened so far."""
        return PumpStatistics(**self._counts)

    async def run(self) -> None:
        """Serve one slot each 20 ms until cancelled."""
        start = now()
        slot = 0
        while True:
            behind = int((now() - start) / FRAME_SECONDS) - slot
            if behind >= _STALL_SLOTS:
                self._counts["skipped"] += behind
                slot += behind
            self._serve(slot)
            slot += 1
            await asyncio.sleep(max(0.0, start + slot * FRAME_SECONDS - now()))

    def _serve(self, slot: int) -> None:
        frame = self._voice.pull()
        self._counts["slots"] += 1
        if not self._tracks:
            return
        payload = self._encoder.encode(frame)
        self._counts["packets"] += 1
        self._counts["bytes"] += len(payload)
        packet = Packet(payload)
        packet.pts = slot * _TICKS
        packet.time_base = _TIME_BASE
        for track in self._tracks:
            if not track.offer(packet):
                self._counts["dropped"] += 1
