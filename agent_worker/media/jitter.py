"""When a remote stream's packets are decoded, and what stands in for those that are lost: packets in, actions out.

Pure. An agent has no loudspeaker that must be fed, so a packet that is in order never waits. Only two things do:

* A hole: a packet came before one that was sent earlier. That one may still come, and is waited for as long as late
  ones have lately been late, 10 ms on a link that keeps the order. Then it is concealed, for good.
* Nothing at all: for longer than the link has lately held packets back. A few frames are then made up, so that a
  voice goes on. If the packets were only held up they still count, since nothing of what people say is thrown away:
  what was made up stands between. If they were lost, it stood for them.

Times are seconds of one monotonic clock; media time counts samples at 48 kHz (RFC 7587, section 4.1).
"""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

from agent_worker.audio import WIRE_RATE, samples_in
from agent_worker.media.jitter_actions import Action, Conceal, Decode, Packet, Recover, Restart, Silence
from agent_worker.media.opus_packet import carries_fec, duration, is_dtx

HOLE_SECONDS: Final = 0.01
"""A packet that was overtaken is waited for at least so long; on most links it is lost."""
MAX_HOLE_SECONDS: Final = 0.1
PATIENCE_SECONDS: Final = 0.025
"""Beyond its time the next packet is waited for so long, and by what the link has lately held packets back. Above a
frame, so that after one loss the packet with its copy (FEC) is there first."""
MAX_PATIENCE_SECONDS: Final = 0.2
MEMORY_SECONDS: Final = 4.0
"""For so long at most one late packet makes the others be waited for longer."""
CONCEALED_FRAMES: Final = 5
"""In a row; what follows is silence, where a decoder would go on humming."""
MAX_GAP_SECONDS: Final = 1.0
"""A longer gap is a pause: time that has gone by already, which silence would only delay."""
MAX_HELD: Final = 64
MAX_JUMP: Final = 500
"""Sequence numbers; a sender that jumps farther has begun anew."""
OLD_SSRC_SECONDS: Final = 2.0
"""Packets of the SSRC before this one are stragglers for so long."""
_REMEMBERED: Final = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class JitterStatistics:
    """What a buffer has seen. Counts are packets, since the beginning; times are seconds.

    Attributes:
        received: Packets, duplicates included.
        lost: Packets whose turn came without them; each is recovered or concealed.
        recovered: Of these, heard from the copy in the next packet (FEC).
        concealed: Of these, made up by the decoder (PLC), or silent in a long gap.
        late: Packets that came after they were concealed.
        duplicates: Packets that came again.
        reordered: Packets that came after one that was sent later.
        ssrc_changes: How often the sender took another SSRC or began its numbers anew.
        filled: Seconds made up while nothing came: guessed, or silent between the packets of a silent sender (DTX).
        held: Packets that wait now.
        jitter: As receivers report it (RFC 3550, section 6.4.1).
        target: How long a packet that was overtaken is waited for now.
        patience: How long the next packet is waited for now, beyond its time.
        lag: How long the packet heard last had waited here.
    """

    received: int = 0
    lost: int = 0
    recovered: int = 0
    concealed: int = 0
    late: int = 0
    duplicates: int = 0
    reordered: int = 0
    ssrc_changes: int = 0
    filled: float = 0.0
    held: int = 0
    jitter: float = 0.0
    target: float = HOLE_SECONDS
    patience: float = PATIENCE_SECONDS
    lag: float = 0.0


class _RecentPeak:
    """The largest value of the last `MEMORY_SECONDS`, at least of their half."""

    __slots__ = ("_before", "_now", "_since")

    def __init__(self) -> None:
        self._before = self._now = 0.0
        self._since = 0.0

    def add(self, value: float, now: float) -> None:
        self._roll(now)
        self._now = max(self._now, value)

    def at(self, now: float) -> float:
        self._roll(now)
        return max(self._before, self._now)

    def _roll(self, now: float) -> None:
        half = MEMORY_SECONDS / 2
        if now - self._since >= half:
            self._before = self._now if now - self._since < 2 * half else 0.0
            self._now = 0.0
            self._since = now


@dataclass(slots=True)
class _Held:
    packet: Packet
    arrived: float


@dataclass(slots=True)
class _Counts:
    received: int = 0
    recovered: int = 0
    concealed: int = 0
    late: int = 0
    duplicates: int = 0
    reordered: int = 0
    ssrc_changes: int = 0
    filled: int = 0


class JitterBuffer:
    """One remote stream. Call `advance` at `deadline`; each `receive` may move it."""

    def __init__(self) -> None:
        self._counts = _Counts()
        self._overtaken = _RecentPeak()
        self._held_back = _RecentPeak()
        self._jitter = 0.0
        self._lag = 0.0
        self._ssrc: int | None = None
        self._left: tuple[int, float] | None = None
        self._held: dict[int, _Held] = {}
        self._given_up: OrderedDict[int, float] = OrderedDict()
        """When the hole of each packet that was concealed had opened, by sequence number."""
        self._next = 0
        """The sequence number whose turn it is, unwrapped."""
        self._first = self._newest = 0
        self._time = 0
        """The RTP timestamp of the sample after the last that was heard."""
        self._frame = samples_in(0.02, WIRE_RATE)
        self._filled = 0
        """Samples made up since the last packet."""
        self._fill_at: float | None = None
        """When to make up a frame; None: the sender never began, or was waited for long enough."""
        self._said_silence = False
        """By its last packet (DTX, RFC 6716 section 2.1.9): nothing is missing."""
        self._last: tuple[int, float] = (0, 0.0)
        """Timestamp and arrival of the newest packet."""

    @property
    def deadline(self) -> float | None:
        """When to call `advance`; None: not before another packet."""
        if self._held:
            return self._opened + self._hole_seconds(self._opened)
        return self._fill_at

    def statistics(self, now: float) -> JitterStatistics:
        """Everything that was counted."""
        counts = self._counts
        return JitterStatistics(
            received=counts.received,
            lost=counts.recovered + counts.concealed,
            recovered=counts.recovered,
            concealed=counts.concealed,
            late=counts.late,
            duplicates=counts.duplicates,
            reordered=counts.reordered,
            ssrc_changes=counts.ssrc_changes,
            filled=counts.filled / WIRE_RATE,
            held=len(self._held),
            jitter=self._jitter,
            target=self._hole_seconds(now),
            patience=self._patience(now),
            lag=self._lag,
        )

    def receive(self, packet: Packet, now: float) -> list[Action]:
        """A packet came."""
        self._counts.received += 1
        if packet.ssrc != self._ssrc:
            return self._on_other_ssrc(packet, now)
        ahead = _signed(packet.sequence - self._next, 16)
        if abs(ahead) > MAX_JUMP:
            self._counts.ssrc_changes += 1
            return self._restart(packet, now)
        number = self._next + ahead
        if ahead < 0 or number in self._held:
            self._on_old(number, now)
            return []
        self._measure(packet, number, now)
        if ahead:
            self._held[number] = _Held(packet, now)
            return self._close_hole(now) if len(self._held) > MAX_HELD else self.advance(now)
        actions: list[Action] = []
        self._hear(packet, now, now, actions)
        self._hear_held(now, actions)
        return actions

    def advance(self, now: float) -> list[Action]:
        """Do what is due."""
        actions: list[Action] = []
        while (deadline := self.deadline) is not None and deadline <= now:
            actions += self._close_hole(now) if self._held else self._fill(deadline)
        return actions

    # Packets. ----------------------------------------------------------------------------------------------------

    def _on_other_ssrc(self, packet: Packet, now: float) -> list[Action]:
        if self._left is not None and packet.ssrc == self._left[0] and now - self._left[1] < OLD_SSRC_SECONDS:
            self._counts.late += 1
            return []
        if self._ssrc is not None:
            self._left = self._ssrc, now
            self._counts.ssrc_changes += 1
        return self._restart(packet, now)

    def _restart(self, packet: Packet, now: float) -> list[Action]:
        """The stream begins with this packet; what was held of another is dropped, it would only be a scrap."""
        actions: list[Action] = [] if self._ssrc is None else [Restart()]
        self._held.clear()
        self._given_up.clear()
        self._ssrc = packet.ssrc
        self._next = self._first = self._newest = packet.sequence
        self._time = packet.timestamp
        self._filled = 0
        self._last = packet.timestamp, now
        self._hear(packet, now, now, actions)
        return actions

    def _on_old(self, number: int, now: float) -> None:
        opened = self._given_up.pop(number, None)
        if opened is not None:
            self._counts.late += 1
            self._was_overtaken(opened, now)
        elif number < self._first:
            self._counts.late += 1
        else:
            self._counts.duplicates += 1

    def _measure(self, packet: Packet, number: int, now: float) -> None:
        if number < self._newest:
            self._was_overtaken(min(held.arrived for later, held in self._held.items() if later > number), now)
            return
        self._newest = number
        timestamp, arrived = self._last
        self._last = packet.timestamp, now
        sent_later = _signed(packet.timestamp - timestamp, 32) / WIRE_RATE
        if not 0.0 <= sent_later <= MAX_GAP_SECONDS:
            return
        held_back = now - arrived - sent_later
        self._jitter += (abs(held_back) - self._jitter) / 16
        self._held_back.add(held_back, now)

    def _was_overtaken(self, at: float, now: float) -> None:
        self._counts.reordered += 1
        if now - at <= MAX_HOLE_SECONDS:  # for one that is later nobody should have waited
            self._overtaken.add(now - at, now)

    def _hear_held(self, now: float, actions: list[Action]) -> None:
        while (held := self._held.pop(self._next, None)) is not None:
            self._hear(held.packet, held.arrived, now, actions)

    def _hear(self, packet: Packet, arrived: float, now: float, actions: list[Action]) -> None:
        """Its turn has come, and all before it was heard or made up for."""
        self._next += 1
        self._lag = now - arrived
        length = duration(packet.payload)
        if not length:  # padding alone, or no Opus: as if it had not been sent
            return
        self._pause(_signed(packet.timestamp - self._time, 32) - self._filled, actions)
        actions.append(Decode(packet.payload))
        self._filled = 0
        self._frame = length
        self._time = packet.timestamp + length
        self._said_silence = is_dtx(packet.payload)
        self._fill_at = now + self._frame / WIRE_RATE + self._patience(now)

    def _pause(self, missing: int, actions: list[Action]) -> None:
        """The sender's time went on without packets: nothing was to be heard."""
        if 0 < missing <= samples_in(MAX_GAP_SECONDS, WIRE_RATE):
            actions.append(Silence(missing))

    # Holes. ------------------------------------------------------------------------------------------------------

    @property
    def _opened(self) -> float:
        return min(held.arrived for held in self._held.values())

    def _hole_seconds(self, now: float) -> float:
        peak = self._overtaken.at(now)
        return min(MAX_HOLE_SECONDS, HOLE_SECONDS + 1.25 * peak)

    def _close_hole(self, now: float) -> list[Action]:
        """What is missing before the first packet that is held is not waited for any longer."""
        opened = self._opened
        first = min(self._held)
        packet = self._held[first].packet
        lost = first - self._next
        for number in range(self._next, first):
            self._given_up[number] = opened
            if len(self._given_up) > _REMEMBERED:
                self._given_up.popitem(last=False)
        actions: list[Action] = []
        is_recovered = self._stand_in(lost, packet, actions)
        self._counts.recovered += is_recovered
        self._counts.concealed += lost - is_recovered
        self._next = first
        self._time = packet.timestamp
        self._filled = 0
        self._hear_held(now, actions)
        return actions

    def _stand_in(self, lost: int, packet: Packet, actions: list[Action]) -> bool:
        """Make up what lies before this packet; whether its copy of the last frame could be used."""
        # What was made up already stood for the first of them; a sender that paused besides did so before.
        missing = _signed(packet.timestamp - self._time, 32) - self._filled
        if not 0 < missing <= samples_in(MAX_GAP_SECONDS, WIRE_RATE):
            return False
        self._pause(missing - lost * self._frame, actions)
        missing = min(missing, lost * self._frame)
        is_recovered = missing >= self._frame and carries_fec(packet.payload)
        if is_recovered:
            missing -= self._frame
        if missing > 0:
            guessed = min(missing, max(0, CONCEALED_FRAMES * self._frame - self._filled))
            actions += [Conceal(piece) for piece in _pieces(guessed, self._frame)]
            self._pause(missing - guessed, actions)
        if is_recovered:
            actions.append(Recover(packet.payload, self._frame))
        return is_recovered

    # Nothing comes. ----------------------------------------------------------------------------------------------

    def _patience(self, now: float) -> float:
        return min(MAX_PATIENCE_SECONDS, PATIENCE_SECONDS + max(0.0, self._held_back.at(now)))

    def _fill(self, due: float) -> list[Action]:
        frame = self._frame
        guessed = CONCEALED_FRAMES * frame
        action = Conceal(frame) if self._filled < guessed else Silence(frame)
        self._filled += frame
        self._counts.filled += frame
        # Whoever has not said that they are silent may be speaking: their silence is not made up here.
        enough = samples_in(MAX_GAP_SECONDS, WIRE_RATE) if self._said_silence else guessed
        self._fill_at = due + frame / WIRE_RATE if self._filled < enough else None
        return [action]


def _signed(difference: int, bits: int) -> int:
    """The difference of two counters that wrap, as the smaller of the two ways round."""
    half = 1 << (bits - 1)
    return (difference + half) % (1 << bits) - half


def _pieces(samples: int, size: int) -> list[int]:
    whole, rest = divmod(samples, size)
    return [size] * whole + ([rest] if rest else [])
