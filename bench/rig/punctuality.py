"""How evenly a voice comes, told from its packets: what the sender did, and what the listener's machine made of it.

packets with three times each (in the stream, at the kernel, at the ear) -> `Punctuality`. Pure.

Over loopback a packet is at the kernel when its sender has sent it, whatever the listening process does meanwhile.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

RATE: Final = 48_000
FRAME: Final = 960
GAP_SECONDS: Final = 0.060
"""A longer one is heard as a gap: a player's buffer of so much is empty."""
LATE_SECONDS: Final = 0.020
REPLY_SECONDS: Final = 1.0
"""So much silence is between two replies, and less is within one."""
RECENT: Final = 100
"""Packets among which the one that came soonest says when the others should have come."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Packet:
    """20 ms of the agent's voice.

    Attributes:
        sequence: RTP sequence number, unwrapped.
        timestamp: RTP timestamp in samples of 48 kHz, unwrapped.
        sent: When the kernel had it from its sender, in seconds.
        heard: When the listener had decoded it, by the same clock.
        loud: It has a tone and not silence.
    """

    sequence: int
    timestamp: int
    sent: float
    heard: float
    loud: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Punctuality:
    """Of one voice.

    Attributes:
        packets: How many came.
        lost: How many sequence numbers are missing.
        spoken: Seconds of replies.
        holes: Milliseconds of each silence above 60 ms within a reply, by the stream's own time: the agent had no
            sound to send, or left slots out.
        sent_gaps: Milliseconds of each pause above 60 ms between two packets within a reply, as they were sent.
        heard_gaps: The same as they were heard: the listener's own delays are in them.
        sent_late: Milliseconds by which each packet was sent later than the soonest of the last two seconds.
        heard_late: The same as they were heard.
    """

    packets: int
    lost: int
    spoken: float
    holes: list[float]
    sent_gaps: list[float]
    heard_gaps: list[float]
    sent_late: list[float]
    heard_late: list[float]

    @property
    def is_whole(self) -> bool:
        """Nobody with a buffer of 60 ms hears a gap that the sender made."""
        return not (self.lost or self.holes or self.sent_gaps)


def punctuality(packets: Sequence[Packet]) -> Punctuality:
    """What the packets of one voice say, in any order."""
    ordered = sorted(packets, key=lambda packet: packet.sequence)
    replies = list(_replies(ordered))
    return Punctuality(
        packets=len(ordered),
        lost=sum(after.sequence - before.sequence - 1 for before, after in pairwise(ordered)),
        spoken=sum(reply[-1].timestamp - reply[0].timestamp + FRAME for reply in replies) / RATE,
        holes=[hole for reply in replies for hole in _holes(reply)],
        sent_gaps=[gap for reply in replies for gap in _gaps([packet.sent for packet in reply])],
        heard_gaps=[gap for reply in replies for gap in _gaps([packet.heard for packet in reply])],
        sent_late=_late(ordered, [packet.sent for packet in ordered]),
        heard_late=_late(ordered, [packet.heard for packet in ordered]),
    )


def _replies(packets: Sequence[Packet]) -> Iterator[Sequence[Packet]]:
    """From the first tone of each reply to its last one, with what is between them."""
    loud = [index for index, packet in enumerate(packets) if packet.loud]
    if not loud:
        return
    first = loud[0]
    for before, after in pairwise(loud):
        if packets[after].timestamp - packets[before].timestamp > REPLY_SECONDS * RATE:
            yield packets[first : before + 1]
            first = after
    yield packets[first : loud[-1] + 1]


def _holes(reply: Sequence[Packet]) -> Iterator[float]:
    tones = [packet.timestamp for packet in reply if packet.loud]
    for before, after in pairwise(tones):
        silent = (after - before - FRAME) / RATE
        if silent > GAP_SECONDS:
            yield silent * 1000


def _gaps(times: Sequence[float]) -> Iterator[float]:
    for before, after in pairwise(times):
        if after - before > GAP_SECONDS:
            yield (after - before) * 1000


def _late(packets: Sequence[Packet], times: Sequence[float]) -> list[float]:
    against = [at - packet.timestamp / RATE for packet, at in zip(packets, times, strict=True)]
    return [(at - min(against[max(0, index - RECENT) : index + 1])) * 1000 for index, at in enumerate(against)]
