"""The time that counts for everybody's patience: that in which this server could have heard them.

A server that was stopped (a machine that sleeps, SIGSTOP, a disk that hangs) finds all leases and deadlines past when
it goes on, though nobody was silent: it did not listen. So what it missed counts for nothing. Pure.
"""

from collections.abc import Callable
from typing import Final

__all__ = ["TICK", "AwakeClock"]

TICK: Final = 1.0
"""`now` is to be called at least each so many seconds, or it takes us for asleep."""
MISSED: Final = 2.0
"""Seconds beyond a tick that may be a busy machine."""


class AwakeClock:
    """Seconds since any moment, without those that were slept through.

    Args:
        source: A monotonic clock.
    """

    def __init__(self, source: Callable[[], float]) -> None:
        self._source = source
        self._last = source()
        self._slept = 0.0

    def now(self) -> float:
        """How late it is."""
        at = self._source()
        missed = at - self._last - TICK
        if missed > MISSED:
            self._slept += missed
        self._last = at
        return at - self._slept
