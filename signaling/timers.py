"""What is due when: any number of named deadlines, of which the earliest is known at once.

Pure. A deadline that is set anew or cancelled leaves its old entry in the heap; it is passed over when it comes up.
"""

from collections.abc import Hashable
from heapq import heappop, heappush
from typing import Generic, TypeVar

_K = TypeVar("_K", bound=Hashable)


class Timers(Generic[_K]):
    """Deadlines by name; their times are seconds of any one clock."""

    def __init__(self) -> None:
        self._times: dict[_K, float] = {}
        self._heap: list[tuple[float, int, _K]] = []
        self._count = 0

    def __len__(self) -> int:
        return len(self._times)

    def set(self, name: _K, at: float) -> None:
        """Make `name` due at `at`, whatever it was before."""
        self._times[name] = at
        self._count += 1
        heappush(self._heap, (at, self._count, name))

    def cancel(self, name: _K) -> None:
        """Make `name` never due; cancelling twice does nothing."""
        self._times.pop(name, None)
        # Deadlines that are set and cancelled all the time must not pile up until their times come.
        if len(self._heap) > 64 and len(self._heap) > 4 * len(self._times):
            self._heap = [entry for entry in self._heap if self._times.get(entry[2]) == entry[0]]
            self._heap.sort()

    @property
    def earliest(self) -> float | None:
        """When the next one is due."""
        while self._heap and self._times.get(self._heap[0][2]) != self._heap[0][0]:
            heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def pop_due(self, now: float) -> _K | None:
        """The name of one that is due, which is forgotten by this; None when none is."""
        at = self.earliest
        if at is None or at > now:
            return None
        name = heappop(self._heap)[2]
        del self._times[name]
        return name
