"""How much one stranger may ask of us: messages per second, and sockets per address.

Pure. The defaults are those of the wire's security checklist; what is above them is refused, never queued.
"""

from collections import Counter
from dataclasses import dataclass


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


class AddressQuota:
    """How many sockets each address has open, and how many of them have not said who they are."""

    def __init__(self, settings: SocketSettings) -> None:
        self._settings = settings
        self._open: Counter[str] = Counter()
        self._strangers: Counter[str] = Counter()

    def enter(self, address: str) -> "Visit | None":
        """Count a new socket; None when the address has too many."""
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
