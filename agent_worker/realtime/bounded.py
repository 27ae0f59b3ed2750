"""A memory of the last names that went by: what keeps a connection's bookkeeping from growing with its life. Pure."""

from typing import Final

_NAMES: Final = 1024


class Remembered:
    """The last 1024 names, each with a value; the oldest is forgotten for a new one."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}

    def __contains__(self, name: str) -> bool:
        return name in self._names

    def __len__(self) -> int:
        return len(self._names)

    def add(self, name: str, value: str = "") -> bool:
        """Remember a name; whether it is new."""
        if name in self._names:
            return False
        self._names[name] = value
        if len(self._names) > _NAMES:
            del self._names[next(iter(self._names))]
        return True

    def get(self, name: str) -> str | None:
        """What was remembered with a name."""
        return self._names.get(name)

    def oldest(self) -> str | None:
        """The name that was remembered first of those that are left."""
        return next(iter(self._names), None)

    def discard(self, name: str) -> None:
        """Forget a name, if it is known."""
        self._names.pop(name, None)
