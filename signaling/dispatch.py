"""Which worker runs the agent of which room: offers, assignments, and what happens when one of them fails.

Pure: `receive(event, now)` and `advance(now)` give actions, `deadline` says when to call again. A room has at most
one live job. A job is offered to one worker at a time, each assignment of it has the next `epoch`, and only the agent
of the current one is admitted to the room: so there are never two agents, whatever the network does.

    PENDING -> OFFERED -> ASSIGNED -> RUNNING <-> DEPARTED      any of the last three may end,
       ^          |           |          |           |          or be CLOSING when its room is over
       |<---------+           +----------+-----------+
       |                                 v
       +----------------------------- BACKOFF
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, assert_never

from signaling.envelope import Participant, RoomInfo
from signaling.errors import ErrorCode
from signaling.events import (
    AgentArrived,
    AgentDeparted,
    AgentRevoked,
    Announced,
    Departure,
    FirstHumanArrived,
    LastHumanLeft,
    RoomClosed,
)
from signaling.jobs import (
    ASSIGNED_STATES,
    AgentWanted,
    AssignJob,
    CloseWorker,
    DispatchAction,
    DispatchEvent,
    DispatchSettings,
    Job,
    JobState,
    SendWorker,
    WorkerLost,
    WorkerRegistered,
    WorkerSaid,
)
from signaling.room_messages import DispatchChanged, DispatchOp
from signaling.worker_messages import (
    HEARTBEAT_MS,
    JobAccept,
    JobReject,
    JobTerminate,
    JobUpdate,
    Register,
    Registered,
    Status,
)
from signaling.workers import Worker, Workers

if TYPE_CHECKING:
    from random import Random


class Dispatch:
    """All workers and all jobs of this server.

    Args:
        settings: How long everybody has.
        random: Draws the workers that are compared.
        new_id: Makes an id with the given prefix, unlike any other.
    """

    def __init__(self, settings: DispatchSettings, random: "Random", new_id: Callable[[str], str]) -> None:
        self._settings = settings
        self._new_id = new_id
        self._workers = Workers(random, fresh=2 * HEARTBEAT_MS / 1000)
        self._jobs: dict[str, Job] = {}
        self._job_of_room: dict[str, Job] = {}
        self._rooms_with_humans: set[str] = set()
        self._actions: list[DispatchAction] = []

    # What can be asked. ----------------------------------------------------------------------------------------

    @property
    def deadline(self) -> float | None:
        """When `advance` has something to do, or None."""
        due = [job.due for job in self._jobs.values()] + [self._lease_end(worker) for worker in self._workers]
        return min((at for at in due if at is not None), default=None)

    def admits(self, room: str, job: str, epoch: int) -> bool:
        """Whether the agent of this assignment may be in that room."""
        live = self._job_of_room.get(room)
        return live is not None and (live.id, live.epoch) == (job, epoch) and live.state in ASSIGNED_STATES

    def progress(self, room: str) -> DispatchChanged | None:
        """How far an agent on its way into the room is; None when none is on its way."""
        job = self._job_of_room.get(room)
        if job is None or job.state in {JobState.RUNNING, JobState.DEPARTED}:
            return None
        op = "assigned" if job.state is JobState.ASSIGNED else "pending"
        return DispatchChanged(op=op, agent=job.agent, job=job.id, reason=self._why_waiting(job))

    def workers(self) -> tuple[Worker, ...]:
        """Everybody who is registered, or was within the last lease."""
        return tuple(self._workers)

    # What can happen. ------------------------------------------------------------------------------------------

    def receive(self, event: DispatchEvent, now: float) -> list[DispatchAction]:
        """What follows from an event."""
        match event:
            case FirstHumanArrived(room=room, participant=participant, agent=agent):
                self._rooms_with_humans.add(room.name)
                if agent is not None:
                    self._want(room, participant, agent, now)
            case LastHumanLeft(room=name):
                self._rooms_with_humans.discard(name)
            case AgentWanted(room=room, participant=participant, agent=agent):
                self._want(room, participant, agent, now)
            case AgentArrived():
                self._agent_arrived(event)
            case AgentDeparted():
                self._agent_departed(event, now)
            case RoomClosed(room=name):
                self._close_room(name, now)
            case WorkerRegistered(session=session, message=message):
                self._register(session, message, now)
            case WorkerSaid(session=session, message=message):
                worker = self._workers.of_session(session)
                if worker is not None:
                    self._hear(worker, message, now)
            case WorkerLost(session=session):
                self._lose(session, now)
            case _:
                assert_never(event)
        return self.advance(now)

    def advance(self, now: float) -> list[DispatchAction]:
        """What follows from the time."""
        for worker in self.workers():
            lease_end = self._lease_end(worker)
            if lease_end is not None and lease_end <= now:
                self._expire(worker, now)
        for job in list(self._jobs.values()):
            if job.due is not None and job.due <= now:
                self._time_out(job, now)
        actions, self._actions = self._actions, []
        return actions

    # From wish to worker. --------------------------------------------------------------------------------------

    def _want(self, room: RoomInfo, participant: Participant, agent: str, now: float) -> None:
        present = self._job_of_room.get(room.name)
        if present is not None:
            present.wanted_again = present.state is JobState.DEPARTED
            return
        job = Job(self._new_id("AJ"), room, participant, agent, now + self._settings.dispatch_timeout)
        self._jobs[job.id] = self._job_of_room[room.name] = job
        self._place(job, now)
        self._announce(job, "pending", self._why_waiting(job))

    def _place(self, job: Job, now: float) -> None:
        """Offer a pending job to the next worker, or leave it pending until there is one."""
        exhausted = len(job.tried) >= self._settings.max_offers
        worker = None if exhausted else self._workers.choose(job.agent, job.tried, now)
        if worker is None:
            if job.tried and job.until is None:
                job.until = now + self._settings.retry_pause
            return
        job.state, job.worker, job.until = JobState.OFFERED, worker.id, now + self._settings.offer_deadline
        job.tried.add(worker.id)
        job.attempt += 1
        worker.slots.add(job.id)
        self._actions.append(SendWorker(worker.session, job.offer(self._settings.offer_deadline)))

    def _place_all(self, now: float) -> None:
        for job in self._jobs.values():
            if job.state is JobState.PENDING:
                self._place(job, now)

    def _withdraw(self, job: Job) -> None:
        """An offer was not taken."""
        self._release_slot(job)
        job.state, job.worker, job.until = JobState.PENDING, None, None

    def _assign(self, worker: Worker, accept: JobAccept, now: float) -> None:
        job = self._jobs.get(accept.job)
        if job is None or job.state is not JobState.OFFERED or job.worker != worker.id:
            late = JobTerminate(job=accept.job, epoch=0, reason="superseded", grace_ms=0)
            self._actions.append(SendWorker(worker.session, late))
            return
        job.state, job.until = JobState.ASSIGNED, now + self._settings.join_deadline
        job.epoch += 1
        job.tried.clear()
        assign = AssignJob(session=worker.session, room=job.room.name, job=job.id, epoch=job.epoch, accept=accept)
        self._actions.append(assign)
        self._announce(job, "assigned")

    # What workers say. -----------------------------------------------------------------------------------------

    def _register(self, session: str, message: Register, now: float) -> None:
        old = self._workers.get(message.worker)
        if old is not None and old.lost_at is None:
            self._actions.append(CloseWorker(old.session, ErrorCode.DUPLICATE_IDENTITY))
        worker = self._workers.register(session, message, now)
        claimed = {(running.job, running.epoch) for running in message.jobs}
        own = self._jobs_of(worker)
        kept = [job for job in own if job.state in ASSIGNED_STATES and (job.id, job.epoch) in claimed]
        keep = tuple(sorted(job.id for job in kept))
        revoke = tuple(sorted({job for job, _ in claimed} - set(keep)))
        self._actions.append(SendWorker(session, Registered(session=session, keep=keep, revoke=revoke)))
        for job in own:
            if job not in kept:
                self._take_from(job, "its worker was started anew", now)
            elif job.state is JobState.DEPARTED:
                job.until = now + self._settings.return_timeout
        self._place_all(now)

    def _hear(self, worker: Worker, message: Status | JobAccept | JobReject | JobUpdate, now: float) -> None:
        match message:
            case Status():
                self._workers.report(worker, message, now)
                self._end_strays(worker, message)
            case JobAccept():
                self._assign(worker, message, now)
            case JobReject():
                job = self._jobs.get(message.job)
                if job is not None and job.state is JobState.OFFERED and job.worker == worker.id:
                    self._withdraw(job)
                    if message.final:
                        self._fail(job, message.reason or "refused")
            case JobUpdate():
                self._update(worker, message, now)
            case _:
                assert_never(message)
        self._place_all(now)

    def _end_strays(self, worker: Worker, status: Status) -> None:
        """A worker that was silent too long may run what was given to another: it must end it."""
        for running in status.running:
            job = self._jobs.get(running.job)
            if job is None or job.worker != worker.id or job.epoch != running.epoch:
                stray = JobTerminate(job=running.job, epoch=running.epoch, reason="superseded")
                self._actions.append(SendWorker(worker.session, stray))

    def _update(self, worker: Worker, update: JobUpdate, now: float) -> None:
        job = self._jobs.get(update.job)
        if job is None or job.worker != worker.id or job.epoch != update.epoch or update.state != "ended":
            return
        if job.state is JobState.CLOSING:
            self._remove(job)
        elif job.state in ASSIGNED_STATES and update.result == "failed":
            self._restart(job, update.reason or "the agent failed", now)
        elif job.state in ASSIGNED_STATES:
            self._actions.append(AgentRevoked(room=job.room.name, job=job.id, epoch=job.epoch))
            self._remove(job)
            self._announce(job, "ended", update.reason)
            if job.wanted_again and job.state is JobState.DEPARTED:
                self._want(job.room, job.participant, job.agent, now)

    def _lose(self, session: str, now: float) -> None:
        worker = self._workers.of_session(session)
        if worker is None:
            return
        worker.lost_at = now
        for job in self._jobs_of(worker):
            if job.state is JobState.OFFERED:
                self._take_from(job, "its worker was lost", now)
            elif job.state is JobState.DEPARTED and job.until is not None:
                job.until = min(job.until, now + self._settings.orphan_timeout)

    def _lease_end(self, worker: Worker) -> float | None:
        if worker.lost_at is not None:
            return worker.lost_at + self._settings.lease
        return worker.seen_at + self._settings.lease if worker.slots else None

    def _expire(self, worker: Worker, now: float) -> None:
        """A worker was silent for a lease: what it had is given to others."""
        for job in self._jobs_of(worker):
            self._take_from(job, "its worker was lost", now)
        if worker.lost_at is not None:
            self._workers.forget(worker)

    def _take_from(self, job: Job, reason: str, now: float) -> None:
        """A job's worker is not to be relied on: the job goes on without it."""
        if job.state is JobState.OFFERED:
            self._withdraw(job)
            self._place(job, now)
        elif job.state is JobState.CLOSING:
            self._remove(job)
        else:
            self._restart(job, reason, now)

    # What happens in rooms. ------------------------------------------------------------------------------------

    def _agent_arrived(self, event: AgentArrived) -> None:
        if self.admits(event.room, event.job, event.epoch):
            job = self._jobs[event.job]
            if job.state is JobState.ASSIGNED:
                self._announce(job, "started")
            job.state, job.until = JobState.RUNNING, None

    def _agent_departed(self, event: AgentDeparted, now: float) -> None:
        if self.admits(event.room, event.job, event.epoch):
            job = self._jobs[event.job]
            if event.how is Departure.REMOVED:
                self._end(job, "removed")
                return
            left = event.how is Departure.LEFT
            patience = self._settings.settle_timeout if left else self._settings.return_timeout
            worker = self._worker_of(job)
            if worker is None or worker.lost_at is not None:
                patience = min(patience, self._settings.orphan_timeout)
            job.state, job.until = JobState.DEPARTED, now + patience

    def _end(self, job: Job, reason: str) -> None:
        """Nobody wants the job any more, whoever has it."""
        worker = self._worker_of(job)
        if worker is not None:
            self._terminate(worker, job, reason)
        self._actions.append(AgentRevoked(room=job.room.name, job=job.id, epoch=job.epoch))
        self._remove(job)
        self._announce(job, "ended", reason)

    def _close_room(self, room: str, now: float) -> None:
        self._rooms_with_humans.discard(room)
        job = self._job_of_room.pop(room, None)
        if job is None:
            return
        worker = self._worker_of(job)
        if job.state not in ASSIGNED_STATES or worker is None:
            self._remove(job)
            return
        self._terminate(worker, job, "room_closed")
        grace = self._settings.terminate_grace + self._settings.settle_timeout
        job.state, job.until = JobState.CLOSING, now + grace

    # How jobs fail. --------------------------------------------------------------------------------------------

    def _time_out(self, job: Job, now: float) -> None:
        match job.state:
            case JobState.PENDING if now >= job.give_up_at:
                why = self._why_waiting(job) or "no worker took it"
                self._fail(job, f"{why} (waited {self._settings.dispatch_timeout:g} s)")
            case JobState.PENDING:
                job.tried.clear()
                job.until = None
                self._place(job, now)
            case JobState.OFFERED:
                self._withdraw(job)
                self._place(job, now)
            case JobState.ASSIGNED:
                self._restart(job, "the agent did not join in time", now)
            case JobState.RUNNING | JobState.DEPARTED:
                self._restart(job, "the agent left the room", now)
            case JobState.BACKOFF if job.room.name not in self._rooms_with_humans:
                self._remove(job)
            case JobState.BACKOFF:
                job.state, job.until = JobState.PENDING, None
                job.give_up_at = now + self._settings.dispatch_timeout
                self._place(job, now)
            case JobState.CLOSING:
                self._remove(job)
            case _:
                assert_never(job.state)

    def _restart(self, job: Job, reason: str, now: float) -> None:
        """An assignment came to nothing: try anew while somebody human waits for it."""
        worker = self._worker_of(job)
        if worker is not None:
            self._terminate(worker, job, "superseded")
        self._actions.append(AgentRevoked(room=job.room.name, job=job.id, epoch=job.epoch))
        self._release_slot(job)
        job.worker = None
        if job.room.name not in self._rooms_with_humans:
            self._remove(job)
        elif job.restarts >= len(self._settings.backoff):
            self._fail(job, reason)
        else:
            job.state, job.until = JobState.BACKOFF, now + self._settings.backoff[job.restarts]
            job.restarts += 1
            job.tried.clear()
            self._announce(job, "pending", reason)

    def _terminate(self, worker: Worker, job: Job, reason: str) -> None:
        if worker.lost_at is None:
            grace_ms = round(self._settings.terminate_grace * 1000)
            message = JobTerminate(job=job.id, epoch=job.epoch, reason=reason, grace_ms=grace_ms)
            self._actions.append(SendWorker(worker.session, message))

    def _fail(self, job: Job, reason: str) -> None:
        self._remove(job)
        self._announce(job, "failed", reason)

    def _remove(self, job: Job) -> None:
        self._release_slot(job)
        del self._jobs[job.id]
        if self._job_of_room.get(job.room.name) is job:
            del self._job_of_room[job.room.name]

    def _jobs_of(self, worker: Worker) -> list[Job]:
        return [self._jobs[job] for job in sorted(worker.slots)]

    def _worker_of(self, job: Job) -> Worker | None:
        return None if job.worker is None else self._workers.get(job.worker)

    def _release_slot(self, job: Job) -> None:
        worker = self._worker_of(job)
        if worker is not None:
            worker.slots.discard(job.id)

    def _announce(self, job: Job, op: DispatchOp, reason: str | None = None) -> None:
        event = DispatchChanged(op=op, agent=job.agent, job=job.id, reason=reason)
        self._actions.append(Announced(job.room.name, event))

    def _why_waiting(self, job: Job) -> str | None:
        return self._workers.why_nobody(job.agent) if job.state is JobState.PENDING else None
