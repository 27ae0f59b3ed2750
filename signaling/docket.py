"""All jobs of a server: those that live, by id and by room, and the last of those that are over.

Pure; a part of dispatch.
"""

from collections.abc import Iterator
from typing import Final

from signaling.envelope import AgentWish
from signaling.jobs import Job, JobState

MAX_OVER: Final = 1000
"""Jobs that are over and can still be asked for."""


class Docket:
    """The jobs."""

    def __init__(self) -> None:
        self._live: dict[str, Job] = {}
        self._over: dict[str, Job] = {}

    def __iter__(self) -> Iterator[Job]:
        return iter(list(self._live.values()))

    def add(self, job: Job) -> None:
        """A job begins."""
        self._live[job.id] = job

    def remove(self, job: Job) -> None:
        """A job is over."""
        del self._live[job.id]
        self._over[job.id] = job
        if len(self._over) > MAX_OVER:
            del self._over[next(iter(self._over))]

    def get(self, job: str) -> Job | None:
        """The live job with this id."""
        return self._live.get(job)

    def remembered(self, job: str) -> Job | None:
        """The job with this id, live or over."""
        return self._live.get(job) or self._over.get(job)

    def over(self) -> list[Job]:
        """The last jobs that are over, the oldest first."""
        return list(self._over.values())

    def of_room(self, room: str) -> list[Job]:
        """The jobs of a room that are not told to end."""
        return [job for job in self._live.values() if job.room.name == room and job.state is not JobState.CLOSING]

    def serving(self, room: str, wish: AgentWish) -> Job | None:
        """The job by which a wish is fulfilled already; any agent will do for a wish without a name."""
        return next((job for job in self.of_room(room) if wish.name in {"", job.wish.name}), None)
