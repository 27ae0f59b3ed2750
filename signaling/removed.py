"""Who was removed from which room, for as long as a token of theirs would let them in again.

Pure. Times are seconds of the registry's clock.
"""

from typing import Final

MAX_REMOVED: Final = 10_000
"""Remembered at once; the one whose token expires first is forgotten for another."""


class Removed:
    """Everybody who was removed and still holds a token."""

    def __init__(self) -> None:
        self._until: dict[tuple[str, str], tuple[float, float]] = {}

    def add(self, room: str, identity: str, *, expires: float, now: float) -> None:
        """Somebody is removed now, whose token is good until `expires`."""
        self._until = {key: value for key, value in self._until.items() if value[1] > now}
        if len(self._until) >= MAX_REMOVED:
            del self._until[min(self._until, key=lambda key: self._until[key][1])]
        self._until[room, identity] = now, expires

    def bars(self, room: str, identity: str, *, issued: float | None, now: float) -> bool:
        """Whether somebody may not come in with a token that was issued then (None: it does not say)."""
        removed_at, expires = self._until.get((room, identity), (0.0, 0.0))
        return now < expires and (issued is None or issued <= removed_at)
