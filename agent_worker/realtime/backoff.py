"""When a lost model is tried again, and for how long. Pure.

At once, then after 0.3 s, doubling to 5 s, each less a random part, so that the rooms of a server that was restarted
do not all come back in the same instant.
"""

from collections.abc import Callable
from typing import Final

FIRST_SECONDS: Final = 0.3
LONGEST_SECONDS: Final = 5.0
STABLE_SECONDS: Final = 10.0
"""A connection that stood this long was a good one: the next loss begins a new series of attempts."""


class Backoff:
    """One series of attempts, from the first loss to a connection that stands.

    Args:
        patience: Seconds from the first loss to the last attempt.
        jitter: Gives random numbers from 0 to 1, to shorten each wait by up to one half.

    """

    def __init__(self, *, patience: float, jitter: Callable[[], float]) -> None:
        self.patience = patience
        self._jitter = jitter
        self._since: float | None = None
        self._connected_at: float | None = None
        self._attempts = 0

    def __repr__(self) -> str:
        return f"<Backoff after {self._attempts} attempts>"

    @property
    def attempts(self) -> int:
        """How many attempts were made in this series."""
        return self._attempts

    def connected(self, now: float) -> None:
        """An attempt succeeded."""
        self._connected_at = now

    def lost(self, now: float) -> float | None:
        """The connection is lost, or an attempt failed: when to try next; None when that would be too late."""
        stood = self._connected_at is not None and now - self._connected_at >= STABLE_SECONDS
        if stood or self._since is None:
            self._since, self._attempts = now, 0
        self._connected_at = None
        due = now + self._delay()
        if due > self._since + self.patience:
            return None
        self._attempts += 1
        return due

    def _delay(self) -> float:
        if self._attempts == 0:
            return 0.0
        # Bounded before it is raised: a float has an end.
        longest = min(LONGEST_SECONDS, FIRST_SECONDS * 2.0 ** min(self._attempts - 1, 16))
        return longest * (1.0 - self._jitter() / 2)
