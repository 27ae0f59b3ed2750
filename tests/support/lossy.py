"""A bad link beside a real aiortc peer: seeded loss, reordering, duplicates and jitter of what it sends or is sent.

Tests and benchmarks use the same one. Only RTP passes through it; what the two tell each other besides (STUN, DTLS,
RTCP) is left alone, so that a connection stands at once and the same seed does the same to the same voice.
"""

import asyncio
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from aiortc import RTCPeerConnection

from agent_worker.audio import WIRE_RATE

FRAME = WIRE_RATE // 50
STALL_SECONDS = 0.04
"""Packets are sent each 20 ms: two that are farther apart, or at once, tell that this machine stood still."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Impairment:
    """What happens to packets.

    Attributes:
        loss: The share that never arrives, 0 to 1.
        duplicates: The share that arrives twice.
        jitter: Packets arrive up to this many seconds late,
        reorder: each by itself; otherwise in their order.
    """

    loss: float = 0.0
    duplicates: float = 0.0
    jitter: float = 0.0
    reorder: bool = False


CLEAN = Impairment()


@dataclass
class LossyLink:
    """One way: everything that one peer sends, or everything that reaches it.

    Attributes:
        impairment: May be changed while packets flow.
        sent: When each RTP packet was sent (time.monotonic), by sequence number, those that were lost included.
        lost: Sequence numbers of those that never arrive.
        spoken: Seconds of sound that its packets carried up to now, as their timestamps say, lost ones included. With
            it what arrives is timed by packets and not by a clock: a machine that stands still makes no gap in it.
        stalls: At which second of these packets did not flow evenly, because this machine stood still.
    """

    seed: int
    impairment: Impairment = CLEAN
    sent: dict[int, float] = field(default_factory=dict)
    lost: set[int] = field(default_factory=set)
    duplicated: set[int] = field(default_factory=set)
    spoken: float = 0.0
    stalls: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._chance = random.Random(self.seed)
        self._free_at = 0.0
        self._held = 0
        self._timestamp: int | None = None
        self._sent_at = 0.0

    def attach(self, connection: RTCPeerConnection) -> None:
        """Stand between what this peer sends and the network. Call it once its sockets are open: it has gathered."""
        for protocol in _protocols(connection):
            protocol.transport.sendto = self._instead_of(_unless_closed(protocol.transport))

    def attach_inbound(self, connection: RTCPeerConnection) -> None:
        """Stand between the network and this peer, whoever sends."""
        for protocol in _protocols(connection):
            protocol.datagram_received = self._instead_of(protocol.datagram_received)

    def _instead_of(self, carry: Callable[[bytes, Any], None]) -> Callable[[bytes, Any], None]:
        def carry_badly(data: bytes, address: Any = None) -> None:
            if is_rtp(data):
                self._pass(data, lambda: carry(data, address))
            else:
                carry(data, address)

        return carry_badly

    def _pass(self, data: bytes, deliver: Callable[[], None]) -> None:
        number = int.from_bytes(data[2:4], "big")
        self.sent[number] = now = time.monotonic()
        self._count(int.from_bytes(data[4:8], "big"), now)
        # All are drawn, whatever happens: the same seed loses the same packets whatever else is set.
        loss, again, late = (self._chance.random() for _ in range(3))
        if loss < self.impairment.loss:
            self.lost.add(number)
            return
        self._deliver(late * self.impairment.jitter, deliver)
        if again < self.impairment.duplicates:
            self.duplicated.add(number)
            self._deliver(late * self.impairment.jitter + 0.005, deliver)

    def _count(self, timestamp: int, now: float) -> None:
        passed = FRAME if self._timestamp is None else (timestamp - self._timestamp) & 0xFFFFFFFF
        since, self._timestamp, self._sent_at = now - self._sent_at, timestamp, now
        self.spoken += passed / WIRE_RATE
        if passed > FRAME or not STALL_SECONDS / 4 < since < STALL_SECONDS:
            self.stalls.append(self.spoken)

    def _deliver(self, delay: float, deliver: Callable[[], None]) -> None:
        loop = asyncio.get_running_loop()
        at = loop.time() + delay
        if not self.impairment.reorder:
            # Timers of one moment fire in any order.
            at = self._free_at = max(at, self._free_at + 1e-6)
        if at <= loop.time() and not self._held:
            deliver()
            return
        self._held += 1
        loop.call_at(at, self._let_go, deliver)

    def _let_go(self, deliver: Callable[[], None]) -> None:
        self._held -= 1
        deliver()


def _unless_closed(transport: Any) -> Callable[[bytes, Any], None]:
    """What the link holds back may be let go when the connection is over."""
    send = transport.sendto
    return lambda data, address: None if transport.is_closing() else send(data, address)


def _protocols(connection: RTCPeerConnection) -> list[Any]:
    """Each socket's protocol, as aioice has them."""
    transports = {transceiver.receiver.transport.transport for transceiver in connection.getTransceivers()}
    return [protocol for transport in transports for protocol in transport._connection._protocols]


def is_rtp(data: bytes) -> bool:
    """Whether a datagram is RTP, and no STUN, DTLS (RFC 7983) or RTCP (RFC 5761)."""
    return len(data) >= 12 and 128 <= data[0] <= 191 and not 192 <= data[1] <= 223
