"""Which workers are connected to this server, and how busy each is.

Pure; a part of dispatch. Which of them is asked next is decided where the slots of all are known: in the engine.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from signaling.worker_messages import Register, Status


@dataclass(slots=True)
class Worker:
    """A registered worker.

    Attributes:
        session: The id of its socket's session; a new one after each reconnect.
        slots: The ids of its jobs, from offered to ended.
        reported: How many of them its last status spoke of.
        seen_at: When it last sent a status.
        lost_at: When its socket was lost; None while it is connected.
    """

    id: str
    session: str
    agent: str
    max_jobs: int
    seen_at: float
    load: float = 0.0
    state: str = "available"
    slots: set[str] = field(default_factory=set[str])
    reported: set[str] = field(default_factory=set[str])
    lost_at: float | None = None


class Workers:
    """All workers that are registered, or were a moment ago."""

    def __init__(self) -> None:
        self._by_id: dict[str, Worker] = {}

    def __iter__(self) -> Iterator[Worker]:
        return iter(self._by_id.values())

    def get(self, worker: str) -> Worker | None:
        """The worker with this id."""
        return self._by_id.get(worker)

    def of_session(self, session: str) -> Worker | None:
        """The connected worker whose socket this is; None for a session that was replaced or lost."""
        for worker in self._by_id.values():
            if worker.session == session and worker.lost_at is None:
                return worker
        return None

    def register(self, session: str, message: Register, now: float) -> Worker:
        """A worker came, or came back; it keeps the slots it had."""
        worker = self._by_id.get(message.worker)
        if worker is None:
            worker = Worker(message.worker, session, message.agent, message.max_jobs, now)
            self._by_id[worker.id] = worker
        worker.session, worker.agent, worker.max_jobs = session, message.agent, message.max_jobs
        worker.seen_at, worker.lost_at, worker.state = now, None, "available"
        return worker

    def report(self, worker: Worker, status: Status, now: float) -> None:
        """A worker told how it is."""
        worker.seen_at, worker.load, worker.state = now, status.load, status.state
        worker.reported = {running.job for running in status.running}

    def forget(self, worker: Worker) -> None:
        """A worker will not come back."""
        del self._by_id[worker.id]
