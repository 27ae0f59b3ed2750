"""Reads the machine: the processors and memory of the container (cgroup v2), or those of the whole machine."""

import os
from pathlib import Path
from typing import Final

import psutil

from agent_worker.worker.load import Reading, cores_allowed

__all__ = ["Machine", "resident_bytes"]

CGROUPS: Final = Path("/sys/fs/cgroup")


class Machine:
    """Finds out once where the figures are, and reads them.

    Args:
        cgroup: The directory of our control group; None: the one that the kernel names.
    """

    def __init__(self, cgroup: Path | None = None) -> None:
        self._cgroup = _own_cgroup() if cgroup is None else cgroup

    def read(self) -> Reading:
        """How it stands now; a few small files, some tenths of a millisecond."""
        quota = self._text("cpu.max")
        in_set = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        cores = cores_allowed(quota, in_set)
        used = self._cpu_seconds() if cores < (os.cpu_count() or 1) else None
        if used is None:
            # Nobody limits us: then what the others on the machine use is missing to us, too.
            cores = float(os.cpu_count() or 1)
            used = _busy_seconds()
        return Reading(cpu_seconds=used, cores=cores, memory=self._memory())

    def _cpu_seconds(self) -> float | None:
        for line in self._text("cpu.stat").splitlines():
            name, _, value = line.partition(" ")
            if name == "usage_usec":
                return int(value) / 1e6
        return None

    def _memory(self) -> float:
        limit, current = self._text("memory.max"), self._text("memory.current")
        if limit.isdecimal() and current.isdecimal() and int(limit):
            # Files that were read count as used, and are given back when somebody wants the memory.
            given_back = [
                line for line in self._text("memory.stat").splitlines() if line.startswith("inactive_file ")
            ]
            cached = sum(int(line.split()[1]) for line in given_back)
            return (int(current) - cached) / int(limit)
        return psutil.virtual_memory().percent / 100

    def _text(self, name: str) -> str:
        try:
            return (self._cgroup / name).read_text().strip()
        except OSError:
            return ""


def resident_bytes(pid: int) -> int:
    """The memory that a process has in use; 0 when it is gone."""
    try:
        return psutil.Process(pid).memory_info().rss
    except psutil.Error:
        return 0


def _own_cgroup() -> Path:
    try:
        lines = Path("/proc/self/cgroup").read_text().splitlines()
    except OSError:
        return CGROUPS
    own = [line.removeprefix("0::/") for line in lines if line.startswith("0::/")]
    return CGROUPS / own[0] if own and (CGROUPS / own[0]).is_dir() else CGROUPS


def _busy_seconds() -> float:
    times = psutil.cpu_times()
    idle = times.idle + getattr(times, "iowait", 0.0)
    # What a guest uses is counted with its host's time already.
    return sum(times) - idle - getattr(times, "guest", 0.0) - getattr(times, "guest_nice", 0.0)
