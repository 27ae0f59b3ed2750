"""Which worker runs the agent of which room: offers, assignments, and what happens when one of them fails.

Pure: `receive(event, now)` and `advance(now)` give actions, `deadline` says when to call again. A room may have
several jobs. A job is offered to one worker at a time, each assignment of it has the next `epoch`, and only the
agent of the current one is admitted to the room: so a job never has two agents, whatever the network does.

    PENDING -> OFFERED -> ASSIGNED -> RUNNING <-> DEPARTED      any of the last three may end,
       ^          |           |          |           |          or be CLOSING when its room is over
       |<---------+           +----------+-----------+
       |                                 v
       +----------------------------- BACKOFF
"""

from collections.abc import Callable
from typing import assert_never

from signaling.desk import Desk
from signaling.envelope import AgentWish, RoomInfo
from signaling.errors import ErrorCode
from signaling.events import (
    AgentArrived,
    AgentDeparted,
    AgentRevoked,
    Departure,
    FirstHumanArrived,
    LastHumanLeft,
    RoomClosed,
)
from signaling.jobs import (
    ASSIGNED_STATES,
    AgentDispatched,
    AgentReturned,
    AgentWanted,
    AssignJob,
    CloseWorker,
    DispatchAction,
    DispatchDeleted,
    DispatchEvent,
    DispatchSettings,
    Job,
    JobState,
    NobodyReserved,
    SendWorker,
    WorkerDrained,
    WorkerLost,
    WorkerRegistered,
    WorkerReserved,
    WorkerSaid,
)
from signaling.reports import Report, WorkerChanged
from signaling.room_messages import DispatchChanged
from signaling.worker_messages import (
    Drain,
    JobAccept,
    JobReject,
    JobTerminate,
    JobUpdate,
    Register,
    Registered,
    RunningJob,
    Status,
)
from signaling.workers import Worker, Workers


class Dispatch:
    """All workers and all jobs of this server.

    Args:
        settings: How long everybody has.
        new_id: Makes an id with the given prefix, unlike any other.
    """

    def __init__(self, settings: DispatchSettings, new_id: Callable[[str], str]) -> None:
        self._settings = settings
        self._desk = Desk(settings, Workers(), new_id)

    # What can be asked. ----------------------------------------------------------------------------------------

    @property
    def deadline(self) -> float | None:
        """When `advance` has something to do, or None."""
        due = [job.due for job in self._desk.jobs] + [self._lease_end(worker) for worker in self._desk.workers]
        return min((at for at in due if at is not None), default=None)

    def admits(self, room: str, job: str, epoch: int) -> bool:
        """Whether the agent of this assignment may be in that room."""
        live = self._desk.jobs.get(job)
        return live is not None and (live.room.name, live.epoch) == (room, epoch) and live.state in ASSIGNED_STATES

    def can_adopt(self, room: str, job: str, epoch: int, wish: AgentWish) -> bool:
        """Whether an agent that we do not know may be one of before our restart, with nobody in its place."""
        known = self._desk.jobs.remembered(job)
        if known is not None:
            # Of two that come back the one that was assigned later is right.
            unclaimed = known.outcome is None and known.state in ASSIGNED_STATES and known.worker is None
            return unclaimed and known.room.name == room and epoch > known.epoch
        rival = self._desk.jobs.serving(room, wish)
        return rival is None or rival.state not in ASSIGNED_STATES

    def progress(self, room: str) -> list[DispatchChanged]:
        """How far each agent on its way into the room is."""
        return [
            DispatchChanged(
                op="assigned" if job.state is JobState.ASSIGNED else "pending",
                agent=job.wish.name,
                job=job.id,
                reason=self._desk.why_waiting(job),
            )
            for job in self._desk.jobs.of_room(room)
            if job.state not in {JobState.RUNNING, JobState.DEPARTED}
        ]

    def jobs(self, room: str) -> list[Job]:
        """The live jobs of a room."""
        return self._desk.jobs.of_room(room)

    def job(self, job: str) -> Job | None:
        """A job, live or over."""
        return self._desk.jobs.remembered(job)

    def all_jobs(self) -> list[tuple[Job, bool]]:
        """All jobs that can be asked for, and whether each is live."""
        live = [(job, job.state is not JobState.CLOSING) for job in self._desk.jobs]
        return [*((job, False) for job in self._desk.jobs.over()), *live]

    def workers(self) -> tuple[Worker, ...]:
        """Everybody who is registered, or was within the last lease."""
        return tuple(self._desk.workers)

    def take_reports(self) -> list[Report]:
        """What has happened since this was called last."""
        reports, self._desk.reports = self._desk.reports, []
        return reports

    # What can happen. ------------------------------------------------------------------------------------------

    def receive(self, event: DispatchEvent, now: float) -> list[DispatchAction]:
        """What follows from an event."""
        match event:
            case FirstHumanArrived(room=room, participant=participant, agents=agents):
                self._desk.rooms_with_humans.add(room.name)
                held_until = now + self._settings.adoption_grace if event.returning else now
                for wish in agents:
                    self._desk.want(room, participant, wish, now, held_until)
            case LastHumanLeft(room=name):
                self._desk.rooms_with_humans.discard(name)
            case AgentArrived():
                self._agent_arrived(event, now)
            case AgentDeparted():
                self._agent_departed(event, now)
            case RoomClosed(room=name):
                self._close_room(name, now)
            case WorkerRegistered() | WorkerSaid() | WorkerLost() | WorkerDrained():
                self._on_worker(event, now)
            case WorkerReserved():
                self._desk.offer(event, now)
            case NobodyReserved():
                self._desk.leave_waiting(event, now)
            case _:
                self._on_wish(event, now)
        return self.advance(now)

    def _on_wish(self, event: AgentWanted | AgentDispatched | DispatchDeleted | AgentReturned, now: float) -> None:
        match event:
            case AgentWanted(room=room, participant=participant, wish=wish):
                self._desk.want(room, participant, wish, now, now)
            case AgentDispatched(job=name, room=room, participant=participant, wish=wish, restart=restart):
                give_up_at = self._desk.give_up_at(now)
                self._desk.begin(Job(name, room, participant, wish, give_up_at, restart=restart), now)
            case DispatchDeleted(job=name):
                job = self._desk.jobs.get(name)
                if job is not None and job.state is not JobState.CLOSING:
                    self._desk.end(job, "dispatch_deleted", now)
            case AgentReturned():
                self._desk.adopt(event.job, event.epoch, event.room, event.wish, now)
            case _:
                assert_never(event)

    def _on_worker(self, event: WorkerRegistered | WorkerSaid | WorkerLost | WorkerDrained, now: float) -> None:
        match event:
            case WorkerRegistered(session=session, message=message):
                self._register(session, message, now)
            case WorkerSaid(session=session, message=message):
                worker = self._desk.workers.of_session(session)
                if worker is not None:
                    self._hear(worker, message, now)
            case WorkerLost(session=session):
                self._lose(session, now)
            case WorkerDrained(worker=name, timeout=timeout):
                self._drain(name, timeout)
            case _:
                assert_never(event)

    def advance(self, now: float) -> list[DispatchAction]:
        """What follows from the time."""
        for worker in self.workers():
            lease_end = self._lease_end(worker)
            if lease_end is not None and lease_end <= now:
                self._expire(worker, now)
        for job in self._desk.jobs:
            if job.due is not None and job.due <= now:
                self._desk.time_out(job, now)
        actions, self._desk.actions = self._desk.actions, []
        return actions

    def _assign(self, worker: Worker, accept: JobAccept, now: float) -> None:
        job = self._desk.jobs.get(accept.job)
        if job is None or job.state is not JobState.OFFERED or job.worker != worker.id:
            late = JobTerminate(job=accept.job, epoch=0, reason="superseded", grace_ms=0)
            self._desk.actions.append(SendWorker(worker.session, late))
            return
        job.state, job.until = JobState.ASSIGNED, now + self._settings.join_deadline
        job.epoch += 1
        job.tried.clear()
        assign = AssignJob(
            session=worker.session,
            room=job.room.name,
            job=job.id,
            epoch=job.epoch,
            wish=job.wish,
            accept=accept,
        )
        self._desk.actions.append(assign)
        self._desk.announce(job, "assigned")

    # What workers say. -----------------------------------------------------------------------------------------

    def _register(self, session: str, message: Register, now: float) -> None:
        old = self._desk.workers.get(message.worker)
        if old is not None and old.lost_at is None:
            self._desk.actions.append(CloseWorker(old.session, ErrorCode.DUPLICATE_IDENTITY))
        worker = self._desk.workers.register(session, message, now)
        self._desk.reports.append(WorkerChanged(worker=worker.id, agent=worker.agent, is_there=True))
        for running in message.jobs:
            self._claim(worker, running, now)
        claimed = {(running.job, running.epoch) for running in message.jobs}
        own = self._desk.jobs_of(worker)
        kept = [job for job in own if job.state in ASSIGNED_STATES and (job.id, job.epoch) in claimed]
        keep = tuple(sorted(job.id for job in kept))
        revoke = tuple(sorted({job for job, _ in claimed} - set(keep)))
        self._desk.actions.append(SendWorker(session, Registered(session=session, keep=keep, revoke=revoke)))
        for job in own:
            if job not in kept:
                self._desk.take_from(job, "its worker was started anew", now)
            elif job.state is JobState.DEPARTED:
                job.until = now + self._settings.return_timeout
            elif job.state is JobState.ASSIGNED:
                job.until = now + self._settings.join_deadline
        self._desk.place_all(now)

    def _claim(self, worker: Worker, running: RunningJob, now: float) -> None:
        """A worker goes on with a job: if we forgot it, because we were restarted, it is its own again."""
        wish = AgentWish(name=worker.agent)
        if running.room and self.can_adopt(running.room, running.job, running.epoch, wish):
            room = RoomInfo(name=running.room, sid="")
            self._desk.adopt(running.job, running.epoch, room, wish, now)
        job = self._desk.jobs.get(running.job)
        if job is None or job.worker is not None or job.epoch != running.epoch or job.state not in ASSIGNED_STATES:
            return
        job.worker = worker.id
        worker.slots.add(job.id)
        if job.state is JobState.RUNNING:
            job.until = None

    def _drain(self, name: str, timeout: float) -> None:
        worker = self._desk.workers.get(name)
        if worker is not None and worker.lost_at is None:
            worker.state = "draining"
            self._desk.actions.append(SendWorker(worker.session, Drain(timeout_ms=round(timeout * 1000))))

    def _hear(self, worker: Worker, message: Status | JobAccept | JobReject | JobUpdate, now: float) -> None:
        match message:
            case Status():
                self._desk.workers.report(worker, message, now)
                self._end_strays(worker, message)
            case JobAccept():
                self._assign(worker, message, now)
            case JobReject():
                job = self._desk.jobs.get(message.job)
                if job is not None and job.state is JobState.OFFERED and job.worker == worker.id:
                    self._desk.withdraw(job)
                    if message.final:
                        self._desk.fail(job, message.reason or "refused")
            case JobUpdate():
                self._update(worker, message, now)
            case _:
                assert_never(message)
        self._desk.place_all(now)

    def _end_strays(self, worker: Worker, status: Status) -> None:
        """A worker that was silent too long may run what was given to another: it must end it."""
        for running in status.running:
            job = self._desk.jobs.get(running.job)
            if job is None or job.worker != worker.id or job.epoch != running.epoch:
                stray = JobTerminate(job=running.job, epoch=running.epoch, reason="superseded")
                self._desk.actions.append(SendWorker(worker.session, stray))

    def _update(self, worker: Worker, update: JobUpdate, now: float) -> None:
        job = self._desk.jobs.get(update.job)
        if job is None or job.worker != worker.id or job.epoch != update.epoch or update.state != "ended":
            return
        if job.state is JobState.CLOSING:
            self._desk.remove(job)
        elif job.state in ASSIGNED_STATES and update.result == "failed":
            self._desk.restart(job, update.reason or "the agent failed", now)
        elif job.state in ASSIGNED_STATES and update.result == "replaced":
            self._desk.restart(job, update.reason or "the agent is replaced", now, failed=False)
        elif job.state in ASSIGNED_STATES:
            self._desk.actions.append(AgentRevoked(room=job.room.name, job=job.id, epoch=job.epoch))
            self._desk.announce(job, "ended", update.reason)
            self._desk.remove(job)
            if job.wanted_again and job.state is JobState.DEPARTED:
                self._desk.want(job.room, job.participant, job.wish, now, now)

    def _lose(self, session: str, now: float) -> None:
        worker = self._desk.workers.of_session(session)
        if worker is None:
            return
        worker.lost_at = now
        self._desk.reports.append(WorkerChanged(worker=worker.id, agent=worker.agent, is_there=False))
        for job in self._desk.jobs_of(worker):
            if job.state is JobState.OFFERED:
                self._desk.take_from(job, "its worker was lost", now)
            elif job.state in {JobState.ASSIGNED, JobState.DEPARTED} and job.until is not None:
                job.until = min(job.until, now + self._settings.orphan_timeout)

    def _lease_end(self, worker: Worker) -> float | None:
        if worker.lost_at is not None:
            return worker.lost_at + self._settings.lease
        return worker.seen_at + self._settings.lease if worker.slots else None

    def _expire(self, worker: Worker, now: float) -> None:
        """A worker was silent for a lease: what it had is given to others."""
        for job in self._desk.jobs_of(worker):
            self._desk.take_from(job, "its worker was lost", now)
        if worker.lost_at is not None:
            self._desk.workers.forget(worker)

    # What happens in rooms. ------------------------------------------------------------------------------------

    def _agent_arrived(self, event: AgentArrived, now: float) -> None:
        if self.admits(event.room, event.job, event.epoch):
            job = self._job_of(event)
            if job.running_since is None:
                self._desk.announce(job, "started")
                job.running_since = now
            unclaimed = now + self._settings.adoption_grace if job.worker is None else None
            job.state, job.until = JobState.RUNNING, unclaimed

    def _agent_departed(self, event: AgentDeparted, now: float) -> None:
        if self.admits(event.room, event.job, event.epoch):
            job = self._job_of(event)
            if event.how is Departure.REMOVED:
                self._desk.end(job, "removed", now)
                return
            left = event.how is Departure.LEFT
            patience = self._settings.settle_timeout if left else self._settings.return_timeout
            worker = self._desk.worker_of(job)
            if worker is None or worker.lost_at is not None:
                patience = min(patience, self._settings.orphan_timeout)
            job.state, job.until = JobState.DEPARTED, now + patience

    def _job_of(self, event: AgentArrived | AgentDeparted) -> Job:
        job = self._desk.jobs.get(event.job)
        assert job is not None, "admitted"
        return job

    def _close_room(self, room: str, now: float) -> None:
        self._desk.rooms_with_humans.discard(room)
        for job in self._desk.jobs.of_room(room):
            self._desk.close(job, "room_closed", now)
