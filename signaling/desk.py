"""The desk where jobs are given out: one worker is asked after the other, and what fails is tried anew.

Pure; the part of dispatch that moves a job from state to state, whatever the reason was. Each step leaves its actions
in `actions`, which dispatch takes.
"""

from collections.abc import Callable
from typing import assert_never

from signaling.docket import Docket
from signaling.envelope import AgentWish, Participant, RoomInfo
from signaling.events import AgentRevoked, Announced
from signaling.jobs import (
    ASSIGNED_STATES,
    DispatchAction,
    DispatchSettings,
    Job,
    JobState,
    NobodyReserved,
    ReserveWorker,
    SendWorker,
    SettleJob,
    WorkerReserved,
)
from signaling.reports import JobChanged, Report
from signaling.room_messages import DispatchChanged, DispatchOp
from signaling.worker_messages import JobTerminate
from signaling.workers import Worker, Workers


class Desk:
    """Moves jobs between workers.

    Args:
        settings: How long everybody has.
        workers: Who can be asked.
        new_id: Makes an id with the given prefix, unlike any other.

    Attributes:
        jobs: All jobs.
        rooms_with_humans: Where somebody waits for an agent that failed.
        actions: What is to be done.
        reports: What has happened.
    """

    def __init__(self, settings: DispatchSettings, workers: Workers, new_id: Callable[[str], str]) -> None:
        self._settings = settings
        self._new_id = new_id
        self.workers = workers
        self.jobs = Docket()
        self.rooms_with_humans: set[str] = set()
        self.actions: list[DispatchAction] = []
        self.reports: list[Report] = []

    def want(
        self, room: RoomInfo, participant: Participant | None, wish: AgentWish, now: float, held_until: float
    ) -> None:
        """A room shall have an agent, if it does not have it."""
        present = self.jobs.serving(room.name, wish)
        if present is not None:
            present.wanted_again = present.state is JobState.DEPARTED
            return
        if len(self.jobs.of_room(room.name)) >= self._settings.max_jobs:
            refusal = DispatchChanged(op="failed", agent=wish.name, job="", reason="the room has too many agents")
            self.actions.append(Announced(room.name, refusal))
            return
        job = Job(self._new_id("AJ"), room, participant, wish, self.give_up_at(held_until), held_until=held_until)
        self.begin(job, now)

    def begin(self, job: Job, now: float) -> None:
        """A job begins."""
        self.jobs.add(job)
        self.place(job, now)
        if job.asked is None:
            self.announce(job, "pending")

    def give_up_at(self, now: float) -> float:
        """When a job that begins to wait now has waited too long."""
        return now + self._settings.dispatch_timeout

    def place(self, job: Job, now: float) -> None:
        """Have a worker found for a pending job; `offer` or `leave_waiting` follows."""
        if job.asked is not None:
            return
        if job.held_until > now:
            job.until = job.held_until
            return
        if len(job.tried) >= self._settings.max_offers:
            self._pause(job, now)
            return
        # Who had the job before knows what was said; but not for the last try, as it may be what fails.
        last_try = job.restarts >= len(self._settings.backoff)
        first = None if last_try or job.last_worker in job.tried else job.last_worker
        job.asked = job.attempt + 1
        want = ReserveWorker(
            job=job.id,
            attempt=job.asked,
            room=job.room.name,
            agent=job.wish.name,
            tried=frozenset(job.tried),
            first=first,
        )
        self.actions.append(want)

    def offer(self, found: WorkerReserved, now: float) -> None:
        """A slot is held for a job: offer it there, unless the world has changed since it was asked for."""
        job, worker = self.jobs.get(found.job), self.workers.get(found.worker)
        is_asked = job is not None and job.state is JobState.PENDING and job.asked == found.attempt
        if job is None or not is_asked or worker is None or worker.lost_at is not None:
            self.actions.append(SettleJob(job=found.job, attempt=found.attempt))
            if job is not None and is_asked:
                job.asked = None
                self.place(job, now)
            return
        job.asked, job.attempt, job.why = None, found.attempt, None
        job.state, job.worker, job.until = JobState.OFFERED, worker.id, now + self._settings.offer_deadline
        job.tried.add(worker.id)
        worker.slots.add(job.id)
        self.actions.append(SendWorker(worker.session, job.offer(self._settings.offer_deadline)))
        self._announce_waiting(job)

    def leave_waiting(self, answer: NobodyReserved, now: float) -> None:
        """Nobody can take a job now: it waits until somebody can."""
        job = self.jobs.get(answer.job)
        if job is None or job.asked != answer.attempt:
            return
        job.asked, job.why = None, answer.reason
        if job.tried:
            self._pause(job, now)
        self._announce_waiting(job)

    def _pause(self, job: Job, now: float) -> None:
        if job.until is None:
            job.until = now + self._settings.retry_pause

    def _announce_waiting(self, job: Job) -> None:
        """Tell the people that a job waits, as soon as it is known whether for an answer or for a worker."""
        if not job.is_announced:
            self.announce(job, "pending", self.why_waiting(job))

    def place_all(self, now: float) -> None:
        """Offer every pending job."""
        for job in self.jobs:
            if job.state is JobState.PENDING:
                self.place(job, now)

    def withdraw(self, job: Job) -> None:
        """An offer was not taken."""
        self.release_slot(job)
        job.state, job.worker, job.until = JobState.PENDING, None, None

    def adopt(self, name: str, epoch: int, room: RoomInfo, wish: AgentWish, now: float) -> None:
        """Take up a job of before our restart, whose agent and worker both have to come back in time."""
        known = self.jobs.get(name)
        if known is not None:
            self.actions.append(AgentRevoked(room=known.room.name, job=known.id, epoch=known.epoch))
            self.remove(known)
        rival = self.jobs.serving(room.name, wish)
        if rival is not None:
            self.remove(rival)
        job = Job(name, room, None, wish, now, state=JobState.DEPARTED, epoch=epoch)
        job.until = now + self._settings.adoption_grace
        self.jobs.add(job)

    def take_from(self, job: Job, reason: str, now: float) -> None:
        """A job's worker is not to be relied on: the job goes on without it."""
        if job.state is JobState.OFFERED:
            self.withdraw(job)
            self.place(job, now)
        elif job.state is JobState.CLOSING:
            self.remove(job)
        else:
            self.restart(job, reason, now)

    def end(self, job: Job, reason: str, now: float) -> None:
        """Nobody wants the job any more, whoever has it."""
        if job.state in ASSIGNED_STATES:
            self.actions.append(AgentRevoked(room=job.room.name, job=job.id, epoch=job.epoch))
        self.close(job, reason, now)
        self.announce(job, "ended", reason)

    def close(self, job: Job, reason: str, now: float) -> None:
        """Have a job's worker end it; it holds its slot until then."""
        worker = self.worker_of(job)
        job.outcome = "ended", reason
        if job.state not in ASSIGNED_STATES or worker is None:
            self.remove(job)
            return
        self.terminate(worker, job, reason)
        grace = self._settings.terminate_grace + self._settings.settle_timeout
        job.state, job.until = JobState.CLOSING, now + grace

    def time_out(self, job: Job, now: float) -> None:
        """A job waited too long in its state."""
        match job.state:
            case JobState.PENDING if now >= job.give_up_at:
                why = self.why_waiting(job) or "no worker took it"
                self.fail(job, f"{why} (waited {self._settings.dispatch_timeout:g} s)")
            case JobState.PENDING:
                job.tried.clear()
                job.until = None
                self.place(job, now)
            case JobState.OFFERED:
                self.withdraw(job)
                self.place(job, now)
            case JobState.ASSIGNED:
                self.restart(job, "the agent did not join in time", now)
            case JobState.RUNNING | JobState.DEPARTED:
                self.restart(job, "the agent left the room", now)
            case JobState.BACKOFF if job.room.name not in self.rooms_with_humans:
                self.remove(job)
            case JobState.BACKOFF:
                job.state, job.until = JobState.PENDING, None
                job.give_up_at = self.give_up_at(now)
                self.place(job, now)
            case JobState.CLOSING:
                self.remove(job)
            case _:
                assert_never(job.state)

    def restart(self, job: Job, reason: str, now: float, *, failed: bool = True) -> None:
        """An assignment is over: try anew while somebody human waits for it; without a pause if it did not fail."""
        worker = self.worker_of(job)
        if worker is not None:
            self.terminate(worker, job, "superseded")
        self.actions.append(AgentRevoked(room=job.room.name, job=job.id, epoch=job.epoch))
        self.release_slot(job)
        job.last_worker, job.worker = job.worker, None
        if job.running_since is not None and now - job.running_since >= self._settings.stable_after:
            job.restarts = 0
        job.running_since = None
        if job.room.name not in self.rooms_with_humans:
            job.outcome = "failed", reason
            self.remove(job)
        elif failed and (not job.restart or job.restarts >= len(self._settings.backoff)):
            self.fail(job, reason)
        else:
            pause = self._settings.backoff[job.restarts] if failed else 0.0
            job.state, job.until = JobState.BACKOFF, now + pause
            job.restarts += failed
            job.tried.clear()
            self.announce(job, "pending", reason)

    def terminate(self, worker: Worker, job: Job, reason: str) -> None:
        """Tell a worker to end a job."""
        if worker.lost_at is None:
            grace_ms = round(self._settings.terminate_grace * 1000)
            message = JobTerminate(job=job.id, epoch=job.epoch, reason=reason, grace_ms=grace_ms)
            self.actions.append(SendWorker(worker.session, message))

    def fail(self, job: Job, reason: str) -> None:
        """Nobody can do it."""
        self.announce(job, "failed", reason)
        self.remove(job)

    def remove(self, job: Job) -> None:
        """A job is over."""
        self._report(job, *(job.outcome or ("ended", None)))
        self.release_slot(job)
        self.jobs.remove(job)

    def jobs_of(self, worker: Worker) -> list[Job]:
        """The jobs that hold a slot of a worker."""
        found = [self.jobs.get(job) for job in sorted(worker.slots)]
        return [job for job in found if job is not None]

    def worker_of(self, job: Job) -> Worker | None:
        """The worker that has a job, or was asked."""
        return None if job.worker is None else self.workers.get(job.worker)

    def release_slot(self, job: Job) -> None:
        """A worker has one job less."""
        worker = self.worker_of(job)
        if worker is not None:
            worker.slots.discard(job.id)
        if job.worker is not None:
            self.actions.append(SettleJob(job=job.id, attempt=job.attempt))

    def announce(self, job: Job, op: DispatchOp, reason: str | None = None) -> None:
        """Tell the humans of a room how far its agent is."""
        job.is_announced = True
        if op in {"ended", "failed"}:
            job.outcome = op, reason
        self._report(job, op, reason)
        event = DispatchChanged(op=op, agent=job.wish.name, job=job.id, reason=reason)
        self.actions.append(Announced(job.room.name, event))

    def _report(self, job: Job, op: DispatchOp, reason: str | None) -> None:
        """Take note of where a job is; of its end once, whichever way it came to it."""
        if job.is_reported_over:
            return
        job.is_reported_over = op in {"ended", "failed"}
        changed = JobChanged(room=job.room.name, agent=job.wish.name, job=job.id, op=op, reason=reason)
        self.reports.append(changed)

    def why_waiting(self, job: Job) -> str | None:
        """Why a job is pending, in words for people."""
        return job.why if job.state is JobState.PENDING else None
