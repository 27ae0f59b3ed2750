"""Tokens that are good no more although they have not expired, by their `jti`.

Pure. Times are Unix seconds.
"""

from typing import Final

MAX_REVOKED: Final = 10_000
"""Remembered at once; the one that expires first is forgotten for another."""


class Revoked:
    """The deny list."""

    def __init__(self) -> None:
        self._until: dict[str, float] = {}

    def __len__(self) -> int:
        return len(self._until)

    def add(self, token: str, *, until: float, wall: float) -> None:
        """Take no token with this `jti` any more; after `until` it has expired anyway."""
        self._until = {known: end for known, end in self._until.items() if end > wall}
        if len(self._until) >= MAX_REVOKED:
            del self._until[min(self._until, key=lambda known: self._until[known])]
        self._until[token] = until

    def bars(self, token: str | None, *, wall: float) -> bool:
        """Whether a token with this `jti` is good no more."""
        return token is not None and wall < self._until.get(token, 0.0)
