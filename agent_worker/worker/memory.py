"""How much memory a room process may have: a warning now and then above one limit, its end above another. Pure."""

from enum import Enum, auto
from typing import Final

__all__ = ["MemoryVerdict", "MemoryWatch"]

MIB: Final = 1024 * 1024
WARN_SECONDS: Final = 120.0
WARN_GROWTH: Final = 50 * MIB
"""A warning is repeated after this time, or at once when it has grown by so many bytes since."""


class MemoryVerdict(Enum):
    """What to do about a process's memory."""

    FINE = auto()
    WARN = auto()
    KILL = auto()


class MemoryWatch:
    """Watches one process.

    Args:
        warn: MiB of resident memory above which to warn; 0: never.
        limit: MiB above which to kill; 0: never.
    """

    def __init__(self, warn: int, limit: int) -> None:
        self._warn = warn * MIB
        self._limit = limit * MIB
        self._warned_at = 0.0
        self._warned_of = 0

    def judge(self, resident: int, now: float) -> MemoryVerdict:
        """What to do about so many bytes."""
        if self._limit and resident > self._limit:
            return MemoryVerdict.KILL
        if not self._warn or resident <= self._warn:
            return MemoryVerdict.FINE
        if self._warned_of and now - self._warned_at < WARN_SECONDS and resident - self._warned_of < WARN_GROWTH:
            return MemoryVerdict.FINE
        self._warned_at, self._warned_of = now, resident
        return MemoryVerdict.WARN
