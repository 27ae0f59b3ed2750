"""The conversations of a worker's rooms as they stand, for processes that go on with them. Pure.

What ended well is forgotten at once; what broke is kept for a while, in case that the job comes back.
"""

from dataclasses import dataclass, field
from typing import Final

from agent_worker.worker.checkpoint import Checkpoint, CheckpointChange

__all__ = ["KEEP_SECONDS", "CheckpointStore"]

KEEP_SECONDS: Final = 120.0
"""A job that failed is tried anew within that time, or never."""
MAX_BROKEN: Final = 64
"""Checkpoints of jobs that failed; above it the oldest go."""


@dataclass(slots=True)
class CheckpointStore:
    """Checkpoints by the ids of their jobs."""

    _checkpoints: dict[str, Checkpoint] = field(default_factory=dict[str, Checkpoint])
    _expiries: dict[str, float] = field(default_factory=dict[str, float])

    def __len__(self) -> int:
        return len(self._checkpoints)

    def change(self, job: str, change: CheckpointChange) -> None:
        """Something was said in a job's room."""
        self._checkpoints[job] = self._checkpoints.get(job, Checkpoint()).after(change)

    def resume(self, job: str) -> Checkpoint | None:
        """What a new process of this job goes on with; None when nothing was said yet."""
        self._expiries.pop(job, None)
        checkpoint = self._checkpoints.get(job)
        if checkpoint is None or not checkpoint.items:
            self._checkpoints.pop(job, None)
            return None
        return checkpoint

    def end(self, job: str, *, broken: bool, now: float) -> None:
        """A job is over."""
        if not broken:
            self._forget(job)
        elif job in self._checkpoints:
            self._expiries[job] = now + KEEP_SECONDS
        for name in [name for name, at in self._expiries.items() if at <= now]:
            self._forget(name)
        while len(self._expiries) > MAX_BROKEN:
            self._forget(next(iter(self._expiries)))

    def _forget(self, job: str) -> None:
        self._checkpoints.pop(job, None)
        self._expiries.pop(job, None)
