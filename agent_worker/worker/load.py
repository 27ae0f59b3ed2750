"""How busy a worker is: readings of its machine in, one figure from 0 to 1 out. Pure."""

from collections import deque
from dataclasses import dataclass
from typing import Final

__all__ = ["SAMPLE_SECONDS", "Load", "Reading", "cores_allowed"]

SAMPLE_SECONDS: Final = 0.5
SAMPLES: Final = 10
"""The processors' use is the mean of so many readings: one process that starts is not a busy machine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What the machine, or the container that we are in, is doing.

    Attributes:
        cpu_seconds: Spent by its processors since it started.
        cores: How many we may use; half a one is possible.
        memory: Fraction of the memory that is in use.
    """

    cpu_seconds: float
    cores: float
    memory: float


class Load:
    """The moving average."""

    def __init__(self) -> None:
        self._readings: deque[tuple[float, Reading]] = deque(maxlen=SAMPLES + 1)

    def add(self, reading: Reading, now: float) -> None:
        """One reading more."""
        self._readings.append((now, reading))

    @property
    def cpu(self) -> float:
        """Fraction of the processors' time that was used of late; 0 before there are two readings."""
        if len(self._readings) < 2:
            return 0.0
        (begun, first), (ended, last) = self._readings[0], self._readings[-1]
        if ended <= begun:
            return 0.0
        used = (last.cpu_seconds - first.cpu_seconds) / ((ended - begun) * last.cores)
        return min(1.0, max(0.0, used))

    @property
    def memory(self) -> float:
        """Fraction of the memory in use."""
        return min(1.0, max(0.0, self._readings[-1][1].memory)) if self._readings else 0.0

    def of(self, jobs: int, max_jobs: int) -> float:
        """Whichever is scarcest: processors, memory, or places."""
        return min(1.0, max(self.cpu, self.memory, jobs / max_jobs))


def cores_allowed(cpu_max: str, in_set: int) -> float:
    """How many processors a container may use.

    Args:
        cpu_max: What cgroup v2's `cpu.max` says: "QUOTA PERIOD" in microseconds, or "max PERIOD"; "" without one.
        in_set: How many processors we may be scheduled on (cpuset).
    """
    quota, _, period = cpu_max.partition(" ")
    try:
        return min(float(in_set), int(quota) / int(period))
    except (ValueError, ZeroDivisionError):
        return float(in_set)
