"""What several people say at the same time, as one sound. Pure: samples and when they came in, one sound out.

Each voice goes on where it ended, so that what was whole stays whole; one that falls far behind the clock was silent.
"""

from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

from agent_worker.audio import WIRE_RATE, Samples

__all__ = ["Mixer"]

SETTLED_SECONDS: Final = 1.0
"""So long after its time nothing more is expected to come."""
BEHIND_SECONDS: Final = 0.5
"""A voice that is farther behind has paused."""


@dataclass(slots=True)
class Mixer:
    """Sums voices on one time line, which begins with the first of them."""

    _began: float | None = None
    _given: int = 0
    _sum: npt.NDArray[np.int32] = field(default_factory=lambda: np.zeros(0, dtype=np.int32))
    _next: dict[str, int] = field(default_factory=dict[str, int])

    def put(self, who: str, samples: Samples, now: float) -> None:
        """Somebody said this: mono int16 at 48 kHz, up to now."""
        if self._began is None:
            self._began = now - len(samples) / WIRE_RATE
        at = max(round((now - self._began) * WIRE_RATE) - len(samples), self._given)
        goes_on = self._next.get(who, -1)
        if goes_on >= self._given and at - goes_on < BEHIND_SECONDS * WIRE_RATE:
            at = goes_on
        start, end = at - self._given, at - self._given + len(samples)
        if end > len(self._sum):
            self._sum = np.concatenate((self._sum, np.zeros(end - len(self._sum), dtype=np.int32)))
        self._sum[start:end] += samples
        self._next[who] = at + len(samples)

    def settled(self, now: float) -> Samples:
        """What will not change any more and was not given yet."""
        if self._began is None:
            return _clipped(self._sum[:0])
        until = round((now - self._began - SETTLED_SECONDS) * WIRE_RATE) - self._given
        return self._take(max(0, min(until, len(self._sum))))

    def rest(self) -> Samples:
        """All that was not given yet: nothing more will come."""
        return self._take(len(self._sum))

    def _take(self, count: int) -> Samples:
        taken, self._sum = self._sum[:count], self._sum[count:]
        self._given += count
        return _clipped(taken)


def _clipped(mixed: npt.NDArray[np.int32]) -> Samples:
    return np.clip(mixed, -32768, 32767).astype(np.int16)
