"""Which workers there are, how busy each is, and which of them is asked next.

Pure; a part of dispatch. Jobs hold slots from the moment they are offered, so that two offers never overfill a
worker. The choice is that of two at random, the less loaded one: nearly as even as always taking the least loaded,
without the herd that rushes there between two reports (Mitzenmacher, 2001).
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from signaling.worker_messages import Register, Status

if TYPE_CHECKING:
    from random import Random


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

    @property
    def effective_load(self) -> float:
        """The load that it reports, and what the jobs will add that it does not feel yet."""
        return self.load + len(self.slots - self.reported) / self.max_jobs

    def takes_offers(self, now: float, fresh: float) -> bool:
        """Whether it may be asked: connected, heard of lately, willing, and with a free slot."""
        alive = self.lost_at is None and now - self.seen_at <= fresh
        return alive and self.state == "available" and len(self.slots) < self.max_jobs


class Workers:
    """All workers that are registered, or were a moment ago.

    Args:
        random: Draws the two.
        fresh: Seconds without a status after which a worker gets no more offers.
    """

    def __init__(self, random: "Random", fresh: float) -> None:
        self._random = random
        self._fresh = fresh
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

    def why_nobody(self, agent: str) -> str:
        """What keeps a job waiting, in words for the people who wait."""
        alive = [worker for worker in self._by_id.values() if worker.lost_at is None]
        if any(agent in {"", worker.agent} for worker in alive):
            return "every worker is busy"
        if agent:
            return f"no worker is connected that runs the agent {agent}"
        return "no worker is connected: start one with python -m agent_worker start AGENT"

    def choose(self, agent: str, tried: Collection[str], now: float, first: str | None = None) -> Worker | None:
        """Whom to ask next; None when nobody is left who could take it.

        A job that asks for no particular agent ("") prefers workers without a name of their own. The worker `first`
        is asked before all others, if it can take it.
        """
        able = [w for w in self._by_id.values() if w.takes_offers(now, self._fresh) and w.id not in tried]
        for worker in able:
            if worker.id == first:
                return worker
        named = [worker for worker in able if worker.agent == agent]
        pool = named if named or agent else able
        if not pool:
            return None
        pair = self._random.sample(pool, min(2, len(pool)))
        return min(pair, key=lambda worker: worker.effective_load)
