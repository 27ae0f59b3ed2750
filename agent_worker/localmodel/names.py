"""Ids for everything that a session names: events, items, responses, calls. Counted, so that runs can be compared."""

from typing import Final

ID_LIMIT: Final = 32
"""Longer ids are shortened by some clients and then no longer found."""


class Names:
    """Hands out ids that are unique among all sessions whose seeds differ.

    Args:
        seed: At most 12 characters that no other session uses.

    """

    def __init__(self, seed: str) -> None:
        self._seed = seed
        self._count = 0

    @property
    def session(self) -> str:
        """The session's own id."""
        return f"sess_{self._seed}"

    def next(self, kind: str) -> str:
        """A new id, such as "item_5f3a9c_00012" for the kind "item"."""
        self._count += 1
        return f"{kind}_{self._seed}_{self._count:05d}"[:ID_LIMIT]
