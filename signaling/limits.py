"""How much one stranger may ask of us: messages per second, sockets and joins per address.

Pure. The defaults are those of the wire's security checklist; what is above them is refused, never queued.
"""

import ipaddress
from collections import Counter, OrderedDict
from dataclasses import dataclass
from typing import Final

MAX_ADDRESSES: Final = 10_000
"""Whose joins are counted at once; the one that was heard of longest ago is forgotten for another."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SocketSettings:
    """Limits of one WebSocket, and of all from one address. Times are seconds."""

    join_timeout: float = 5.0
    """For the first message."""
    heartbeat_timeout: float = 30.0
    """For each further one: twice what clients are told, since pages in hidden tabs ping late."""
    message_rate: float = 50.0
    """Messages per second, in the long run."""
    message_burst: int = 100
    """Messages at once."""
    trusted_factor: int = 4
    """Agents and workers may send this many times as much."""
    queue_messages: int = 256
    queue_chars: int = 1024 * 1024
    send_timeout: float = 10.0
    """For a peer to take a message off our hands."""
    sockets_per_address: int = 200
    unauthenticated_per_address: int = 20
    joins_per_minute: float | None = None
    """From one address, and at once; None means 20, and any number in development. Agents and those who resume a
    session are not counted."""


class TokenBucket:
    """Counts messages against a rate with a burst.

    Args:
        rate: Messages per second that are always fine.
        burst: Messages that are fine at once.
        now: Seconds on the clock that `take` is given too.
    """

    def __init__(self, rate: float, burst: int, now: float) -> None:
        self._rate = rate
        self._burst = burst
        self._level = float(burst)
        self._at = now

    def take(self, now: float) -> float:
        """Count one message.

        Returns:
            0.0 when it is within the limits, else the seconds after which the next one would be.
        """
        self._level = min(self._burst, self._level + (now - self._at) * self._rate)
        self._at = now
        if self._level >= 1.0:
            self._level -= 1.0
            return 0.0
        return (1.0 - self._level) / self._rate


def household(address: str) -> str:
    """What counts as one address: an IPv6 customer has a whole /64 of them."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv4Address):
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.ip_network((parsed, 64), strict=False))


class AddressRates:
    """Counts what each address does against a rate with a burst.

    Args:
        per_second: How often is always fine.
        burst: How often is fine at once.
    """

    def __init__(self, *, per_second: float, burst: int) -> None:
        self._per_second = per_second
        self._burst = burst
        self._buckets: OrderedDict[str, TokenBucket] = OrderedDict()

    def take(self, address: str, now: float) -> float:
        """Count one; gives 0.0, or the seconds after which another would be fine."""
        key = household(address)
        bucket = self._buckets.pop(key, None) or TokenBucket(self._per_second, self._burst, now)
        self._buckets[key] = bucket
        if len(self._buckets) > MAX_ADDRESSES:
            self._buckets.popitem(last=False)
        return bucket.take(now)


class AddressQuota:
    """How many sockets each address has open, and how many of them have not said who they are."""

    def __init__(self, settings: SocketSettings) -> None:
        self._settings = settings
        self._open: Counter[str] = Counter()
        self._strangers: Counter[str] = Counter()

    def enter(self, address: str) -> "Visit | None":
        """Count a new socket; None when the address has too many."""
        address = household(address)
        too_many = self._open[address] >= self._settings.sockets_per_address
        if too_many or self._strangers[address] >= self._settings.unauthenticated_per_address:
            return None
        return Visit(address, self._open, self._strangers)


class Visit:
    """One open socket, as it counts for its address."""

    def __init__(self, address: str, sockets: Counter[str], strangers: Counter[str]) -> None:
        self._address = address
        self._counted_in = [sockets, strangers]
        for counter in self._counted_in:
            counter[address] += 1

    def introduce(self) -> None:
        """It has shown a valid token."""
        self._leave(self._counted_in.pop())

    def end(self) -> None:
        """It is closed."""
        while self._counted_in:
            self._leave(self._counted_in.pop())

    def _leave(self, counter: Counter[str]) -> None:
        counter[self._address] -= 1
        if counter[self._address] <= 0:
            del counter[self._address]
