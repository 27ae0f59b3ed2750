"""What processes hold: threads, file descriptors and memory, and whether that grows with what they do."""

from collections.abc import Sequence
from dataclasses import dataclass

import psutil


@dataclass(frozen=True, slots=True)
class Footprint:
    """Of one process: memory is its proportional set size (PSS)."""

    threads: int
    files: int
    mib: float


def footprint(process: psutil.Process) -> Footprint:
    """What it holds now. Linux only."""
    with process.oneshot():
        return Footprint(process.num_threads(), process.num_fds(), process.memory_full_info().pss / 2**20)


def growth(seen: Sequence[Footprint]) -> Footprint:
    """What was added between the first and the last third, the least of each: what comes and goes is no leak."""
    third = max(1, len(seen) // 3)
    first, last = seen[:third], seen[-third:]
    return Footprint(
        threads=min(one.threads for one in last) - min(one.threads for one in first),
        files=min(one.files for one in last) - min(one.files for one in first),
        mib=min(one.mib for one in last) - min(one.mib for one in first),
    )
