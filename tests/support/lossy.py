"""A bad link in front of a real aiortc peer: seeded loss, reordering, duplicates and jitter of what it sends.

Only RTP passes through it; what the two tell each other besides (STUN, DTLS, RTCP) is left alone, so that a
connection stands at once and the same seed does the same to the same voice.
"""

import asyncio
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from aiortc import RTCPeerConnection


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
    """Everything that one peer sends.

    Attributes:
        impairment: May be changed while packets flow.
        sent: When each RTP packet was sent (time.monotonic), by sequence number, those that were lost included.
        lost: Sequence numbers of those that never arrive.
    """

    seed: int
    impairment: Impairment = CLEAN
    sent: dict[int, float] = field(default_factory=dict)
    lost: set[int] = field(default_factory=set)
    duplicated: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._chance = random.Random(self.seed)
        self._free_at = 0.0

    def attach(self, connection: RTCPeerConnection) -> None:
        """Stand between this peer and the network. Call it once its sockets are open (after its answer or offer)."""
        transports = {transceiver.receiver.transport.transport for transceiver in connection.getTransceivers()}
        for transport in transports:
            for protocol in transport._connection._protocols:
                protocol.transport.sendto = self._instead_of(protocol.transport.sendto)

    def _instead_of(self, sendto: Callable[[bytes, Any], None]) -> Callable[[bytes, Any], None]:
        def send(data: bytes, address: Any = None) -> None:
            if is_rtp(data):
                self._pass(data, lambda: sendto(data, address))
            else:
                sendto(data, address)

        return send

    def _pass(self, data: bytes, deliver: Callable[[], None]) -> None:
        number = int.from_bytes(data[2:4], "big")
        self.sent[number] = time.monotonic()
        # All are drawn, whatever happens: the same seed loses the same packets whatever else is set.
        loss, again, late = (self._chance.random() for _ in range(3))
        if loss < self.impairment.loss:
            self.lost.add(number)
            return
        self._deliver(late * self.impairment.jitter, deliver)
        if again < self.impairment.duplicates:
            self.duplicated.add(number)
            self._deliver(late * self.impairment.jitter + 0.005, deliver)

    def _deliver(self, delay: float, deliver: Callable[[], None]) -> None:
        loop = asyncio.get_running_loop()
        at = loop.time() + delay
        if not self.impairment.reorder:
            at = self._free_at = max(at, self._free_at)
        if at > loop.time():
            loop.call_at(at, deliver)
        else:
            deliver()


def is_rtp(data: bytes) -> bool:
    """Whether a datagram is RTP, and no STUN, DTLS (RFC 7983) or RTCP (RFC 5761)."""
    return len(data) >= 12 and 128 <= data[0] <= 191 and not 192 <= data[1] <= 223
