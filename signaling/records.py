"""What is written down of a room, of those in it, of jobs and of workers: JSON for the engine and for REST alike.

Pure. `Written` remembers what the engine was told, so that it is told what is new alone.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial

from signaling.engine.base import Kind, Record, Value, participant_key
from signaling.envelope import Participant, RoomInfo
from signaling.jobs import Job
from signaling.workers import Worker


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A record to be.

    Attributes:
        mark: Is another one as soon as the record is.
        describe: Makes its value.
    """

    kind: Kind
    key: str
    mark: object
    describe: Callable[[], Value]
    room: str = ""


_DOUBT = object()
"""The mark of what may have been written."""


class Written:
    """What the engine was told by this node."""

    def __init__(self) -> None:
        self._marks: dict[str, dict[tuple[Kind, str], object]] = {}

    def news(self, scope: str, entries: Iterable[Entry]) -> "News":
        """What it does not know yet of a scope, of which `entries` are all that there is."""
        known = self._marks.get(scope, {})
        now = {(entry.kind, entry.key): entry for entry in entries}
        return News(
            scope=scope,
            put=tuple(entry for key, entry in now.items() if key not in known or known[key] != entry.mark),
            gone=tuple(key for key in known if key not in now),
        )

    def doubt(self, news: "News") -> None:
        """It is being told, and may know or not: whatever comes of it, it is to be told again, or to forget."""
        known = self._marks.setdefault(news.scope, {})
        known.update({(entry.kind, entry.key): _DOUBT for entry in news.put})

    def learn(self, news: "News") -> None:
        """It was told."""
        known = self._marks.setdefault(news.scope, {})
        known.update({(entry.kind, entry.key): entry.mark for entry in news.put})
        for key in news.gone:
            del known[key]
        if not known:
            del self._marks[news.scope]

    def forget(self) -> None:
        """It knows nothing any more."""
        self._marks.clear()


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """What the engine is to be told of a scope."""

    scope: str
    put: tuple[Entry, ...]
    gone: tuple[tuple[Kind, str], ...]

    def records(self, epoch: Callable[[str], int | None]) -> Iterator[Record]:
        """What is to be put, in the name of the epoch in which each room is owned."""
        for entry in self.put:
            record = Record(kind=entry.kind, key=entry.key, value=entry.describe())
            owned = epoch(entry.room)
            yield record if owned is None else replace(record, fence=(entry.room, owned))


def entries_of_room(info: RoomInfo, participants: Iterable[Participant]) -> Iterator[Entry]:
    """A room and those in it."""
    name = info.name
    yield Entry(kind=Kind.ROOM, key=name, mark=info, describe=partial(info.model_dump, mode="json"), room=name)
    for one in participants:
        yield Entry(
            kind=Kind.PARTICIPANT,
            key=participant_key(name, one.identity),
            mark=one,
            describe=partial(one.model_dump, mode="json"),
            room=name,
        )


def entry_of_job(job: Job, *, is_live: bool) -> Entry:
    """A job; a live one is in its room, or on its way there."""
    mark = (job.state, job.worker, job.epoch, job.restarts, job.outcome, is_live)
    return Entry(kind=Kind.JOB, key=job.id, mark=mark, describe=lambda: {**job_facts(job), "live": is_live})


def entry_of_worker(worker: Worker, now: float) -> Entry:
    """A worker: told anew with each status."""
    is_there = worker.lost_at is None
    mark = (worker.seen_at, is_there, worker.agent, worker.max_jobs, worker.state, frozenset(worker.slots))
    return Entry(kind=Kind.WORKER, key=worker.id, mark=mark, describe=partial(worker_facts, worker, now))


def job_facts(job: Job) -> Value:
    """A job, as JSON."""
    state = job.outcome[0] if job.outcome else job.state.value
    return {
        "dispatch_id": job.id,
        "room": job.room.name,
        "agent": job.wish.name,
        "metadata": job.wish.metadata,
        "attributes": dict(job.wish.attributes),
        "state": state,
        "reason": job.outcome[1] if job.outcome else None,
        "worker": job.worker,
        "epoch": job.epoch,
        "restarts": job.restarts,
    }


def worker_facts(worker: Worker, now: float) -> Value:
    """A worker, as JSON; `held`, `reported` and `quiet` are what it is chosen by."""
    return {
        "worker": worker.id,
        "agent": worker.agent,
        "connected": worker.lost_at is None,
        "state": worker.state,
        "load": worker.load,
        "jobs": len(worker.slots),
        "max_jobs": worker.max_jobs,
        "held": [*sorted(worker.slots)],
        "reported": [*sorted(worker.reported)],
        "quiet": max(0.0, now - worker.seen_at),
    }
