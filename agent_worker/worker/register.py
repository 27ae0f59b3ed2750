"""The worker's side of `/v1/worker`, decided: which jobs it has, what it answers, when it is done.

Pure: what the server says, what became of processes and what the operator wants go in; messages to send and processes
to start or stop come out. The supervisor performs them.
"""

from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Final, Literal, assert_never

from agent_worker.worker.checkpoint_store import CheckpointStore
from agent_worker.worker.events import (
    Action,
    Connected,
    Disconnected,
    DrainWanted,
    Event,
    Finish,
    Launch,
    Measured,
    ProcessTold,
    Reconnect,
    ReloadWanted,
    Replace,
    Send,
    StopJob,
)
from agent_worker.worker.ipc import Ended, JobNews, Start, Started
from agent_worker.worker.load import Load
from agent_worker.worker.tally import Tally
from signaling.messages import (
    HEARTBEAT_MS,
    Drain,
    Draining,
    Error,
    JobAccept,
    JobAssign,
    JobOffer,
    JobReject,
    JobTerminate,
    JobUpdate,
    Ok,
    Ping,
    Pong,
    Registered,
    RunningJob,
    Status,
)
from signaling.messages import Register as RegisterMessage

__all__ = ["ASSIGN_TIMEOUT", "DRAIN_GRACE", "JobState", "Register"]

ASSIGN_TIMEOUT: Final = 10.0
"""Seconds that a place is kept for a job that was accepted and not assigned."""
DRAIN_GRACE: Final = 10.0
"""Seconds that jobs have for leaving when a drain's time is up."""
MAX_REASON: Final = 500
"""Characters of a reason on the wire."""

WorkerState = Literal["available", "full", "draining"]


class JobState(Enum):
    """How far a job is."""

    ACCEPTED = auto()
    """We said yes and wait to hear that it is ours."""
    STARTING = auto()
    RUNNING = auto()
    STOPPING = auto()
    OVER = auto()
    """It has ended, and the server has not been told."""


@dataclass(slots=True)
class _Job:
    room: str
    offer: JobOffer
    state: JobState = JobState.ACCEPTED
    epoch: int = 0
    expires: float = 0.0
    """When an accepted job is forgotten."""
    ended: Ended | None = None
    is_replaced: bool = False
    """Its process is replaced by one with newer code: its end is no failure."""


@dataclass(slots=True)
class Register:
    """A worker's jobs.

    Attributes:
        worker: Its stable id.
        agent: The name of its agent; "" takes jobs that ask for none.
        max_jobs: How many at once.
        version: For logs at the server.
        title: What people in a room read as the agent's name.
        load_limit: A machine that is busier takes no more jobs; 1: no matter how busy it is.
        load: How busy it is.
        checkpoints: The conversations of the jobs.
        tally: What has happened so far.
    """

    worker: str
    agent: str = ""
    max_jobs: int = 8
    version: str = ""
    title: str = ""
    load_limit: float = 1.0
    load: Load = field(default_factory=Load)
    checkpoints: CheckpointStore = field(default_factory=CheckpointStore)
    tally: Tally = field(default_factory=Tally)
    _jobs: dict[str, _Job] = field(default_factory=dict[str, _Job])
    _registered: bool = False
    _heartbeat: float = HEARTBEAT_MS / 1000
    _next_status: float = 0.0
    _status_seq: int = 0
    _draining: bool = False
    _drain_ends: float | None = None
    _finished: bool = False

    @property
    def jobs(self) -> dict[str, JobState]:
        """The state of each job, by its id."""
        return {name: job.state for name, job in self._jobs.items()}

    @property
    def rooms(self) -> dict[str, str]:
        """The room of each job, by the job's id."""
        return {name: job.room for name, job in self._jobs.items()}

    @property
    def is_registered(self) -> bool:
        """Whether a signaling server gives us jobs."""
        return self._registered

    @property
    def state(self) -> WorkerState:
        """Whether it takes jobs."""
        if self._draining:
            return "draining"
        return "full" if self._is_full() else "available"

    @property
    def deadline(self) -> float | None:
        """When `advance` has something to do."""
        times = [job.expires for job in self._jobs.values() if job.state is JobState.ACCEPTED]
        if self._registered:
            times.append(self._next_status)
        if self._drain_ends is not None:
            times.append(self._drain_ends)
        return min(times, default=None)

    def receive(self, event: Event, now: float) -> list[Action]:
        """Something happened; what is to be done, in order."""
        before = self._summary()
        actions = self._react(event, now)
        if self._registered and self._summary() != before:
            actions.append(self._status(now))
        return actions + self._finish()

    def advance(self, now: float) -> list[Action]:
        """Time has passed; what is to be done."""
        actions: list[Action] = []
        before = self._summary()
        for name, job in list(self._jobs.items()):
            if job.state is JobState.ACCEPTED and job.expires <= now:
                del self._jobs[name]
        if self._drain_ends is not None and self._drain_ends <= now:
            self._drain_ends = None
            actions += self._stop_all("the worker is shutting down")
        if self._registered and (self._next_status <= now or self._summary() != before):
            actions.append(self._status(now))
        return actions + self._finish()

    def _react(self, event: Event, now: float) -> list[Action]:
        match event:
            case Connected():
                return [Send(self._registration())]
            case Disconnected():
                return self._on_disconnected()
            case ProcessTold(job=name, told=told):
                return self._on_told(name, told, now)
            case Measured(reading=reading):
                self.load.add(reading, now)
                return []
            case ReloadWanted():
                return self._on_reload()
            case DrainWanted(timeout=timeout):
                return self._on_drain(timeout, now)
            case Registered() | JobOffer() | JobAssign() | JobTerminate() | Drain() | Draining():
                return self._on_message(event, now)
            case Ping(ts=ts):
                return [Send(Pong(ts=ts))]
            case Pong() | Ok() | Error():
                return []
            case _:
                assert_never(event)

    def _on_message(
        self, message: Registered | JobOffer | JobAssign | JobTerminate | Drain | Draining, now: float
    ) -> list[Action]:
        match message:
            case Registered():
                return self._on_registered(message, now)
            case JobOffer():
                return self._on_offer(message, now)
            case JobAssign():
                return self._on_assign(message)
            case JobTerminate():
                return self._on_terminate(message)
            case Drain(timeout_ms=timeout):
                return self._on_drain(timeout / 1000, now)
            case Draining(reconnect_after_ms=delay):
                return [Reconnect(delay / 1000)]
            case _:
                assert_never(message)

    def _registration(self) -> RegisterMessage:
        return RegisterMessage(
            worker=self.worker,
            agent=self.agent,
            max_jobs=self.max_jobs,
            version=self.version,
            jobs=tuple(self._assigned()),
        )

    def _assigned(self) -> list[RunningJob]:
        return [
            RunningJob(job=name, epoch=job.epoch, room=job.room)
            for name, job in self._jobs.items()
            if job.state is not JobState.ACCEPTED
        ]

    def _on_disconnected(self) -> list[Action]:
        self._registered = False
        # A promise made on a socket that is gone binds nobody; running jobs go on.
        self._jobs = {name: job for name, job in self._jobs.items() if job.state is not JobState.ACCEPTED}
        return []

    def _on_registered(self, message: Registered, now: float) -> list[Action]:
        self._registered = True
        self._heartbeat = max(message.heartbeat_ms, 100) / 1000
        self._next_status = now + self._heartbeat
        actions: list[Action] = []
        for name in message.revoke:
            job = self._jobs.get(name)
            if job is not None and job.state is JobState.OVER:
                del self._jobs[name]
            elif job is not None:
                actions.append(self._stop(name, "superseded", DRAIN_GRACE))
        for name, job in list(self._jobs.items()):
            actions += self._tell(name, job)
        return actions

    def _on_offer(self, offer: JobOffer, now: float) -> list[Action]:
        if self._draining:
            self.tally.refused += 1
            return [Send(JobReject(job=offer.job, reason="refused"))]
        if self._is_full() or offer.job in self._jobs:
            self.tally.refused += 1
            return [Send(JobReject(job=offer.job, reason="busy"))]
        self._jobs[offer.job] = _Job(offer.room.name, offer, expires=now + ASSIGN_TIMEOUT)
        return [Send(JobAccept(job=offer.job, name=self.agent or self.title))]

    def _on_assign(self, assign: JobAssign) -> list[Action]:
        job = self._jobs.get(assign.job)
        if job is None or job.state is not JobState.ACCEPTED:
            late = "it came too late" if job is None else "this worker has it already"
            update = JobUpdate(job=assign.job, epoch=assign.epoch, state="ended", result="failed", reason=late)
            return [Send(update)]
        job.state = JobState.STARTING
        job.epoch = assign.epoch
        checkpoint = self.checkpoints.resume(assign.job)
        self.tally.started += 1
        self.tally.resumed += checkpoint is not None
        start = Start(
            job=assign.job,
            room=job.room,
            url=assign.url,
            token=assign.token,
            participant=None if job.offer.participant is None else job.offer.participant.identity,
            metadata=job.offer.metadata,
            attributes=job.offer.attributes,
            checkpoint=checkpoint,
        )
        return [
            Launch(start),
            Send(JobUpdate(job=assign.job, epoch=assign.epoch, state="starting")),
        ]

    def _on_terminate(self, terminate: JobTerminate) -> list[Action]:
        job = self._jobs.get(terminate.job)
        if job is None or job.epoch > terminate.epoch:
            return []
        match job.state:
            case JobState.ACCEPTED:
                del self._jobs[terminate.job]
                return []
            case JobState.OVER | JobState.STOPPING:
                return []
            case JobState.STARTING | JobState.RUNNING:
                return [self._stop(terminate.job, terminate.reason, terminate.grace_ms / 1000)]
            case _:
                assert_never(job.state)

    def _on_told(self, name: str, told: JobNews, now: float) -> list[Action]:
        job = self._jobs.get(name)
        if job is None:
            return []
        match told:
            case Ended(succeeded=succeeded):
                job.state = JobState.OVER
                job.ended = told
                self.checkpoints.end(name, broken=not succeeded, now=now)
                self.tally.succeeded += succeeded
                self.tally.failed += not succeeded
            case Started() if job.state is JobState.STARTING:
                job.state = JobState.RUNNING
            case Started():
                return []
            case _:
                self.checkpoints.change(name, told)
                return []
        return self._tell(name, job) if self._registered else []

    def _tell(self, name: str, job: _Job) -> list[Action]:
        """Tell the server how a job stands; one that is over is forgotten by this."""
        if job.ended is not None:
            del self._jobs[name]
            result = "success" if job.ended.succeeded else "replaced" if job.is_replaced else "failed"
            reason = job.ended.reason[:MAX_REASON]
            return [Send(JobUpdate(job=name, epoch=job.epoch, state="ended", result=result, reason=reason))]
        if job.state is JobState.RUNNING:
            return [Send(JobUpdate(job=name, epoch=job.epoch, state="running"))]
        return []

    def _on_reload(self) -> list[Action]:
        for job in self._jobs.values():
            job.is_replaced = job.is_replaced or job.state in (JobState.STARTING, JobState.RUNNING)
        return [Replace()]

    def _on_drain(self, timeout: float, now: float) -> list[Action]:
        self._draining = True
        self._jobs = {name: job for name, job in self._jobs.items() if job.state is not JobState.ACCEPTED}
        if timeout > 0:
            ends = now + timeout
            self._drain_ends = ends if self._drain_ends is None else min(ends, self._drain_ends)
            return []
        self._drain_ends = None
        return self._stop_all("the worker is shutting down")

    def _stop_all(self, reason: str) -> list[Action]:
        return [
            self._stop(name, reason, DRAIN_GRACE)
            for name, job in self._jobs.items()
            if job.state in (JobState.STARTING, JobState.RUNNING)
        ]

    def _stop(self, name: str, reason: str, grace: float) -> StopJob:
        self._jobs[name].state = JobState.STOPPING
        return StopJob(job=name, reason=reason, grace=grace)

    def _finish(self) -> list[Action]:
        """Once, when draining has left nothing to run. An end that the server was not told of dies with us."""
        if self._finished or not self._draining:
            return []
        if any(job.state is not JobState.OVER for job in self._jobs.values()):
            return []
        self._finished = True
        return [Finish()]

    def _status(self, now: float) -> Action:
        self._next_status = now + self._heartbeat
        self._status_seq += 1
        state, running = self._summary()
        return Send(
            Status(
                seq=self._status_seq,
                load=round(self.load.of(len(self._jobs), self.max_jobs), 3),
                jobs=len(self._jobs),
                state=state,
                running=tuple(RunningJob(job=job, epoch=epoch) for job, epoch in running),
            )
        )

    def _summary(self) -> tuple[WorkerState, tuple[tuple[str, int], ...]]:
        """What a status says and the server should know at once when it changes."""
        running = tuple((job.job, job.epoch) for job in self._assigned())
        return self.state, running

    def _is_full(self) -> bool:
        busy = max(self.load.cpu, self.load.memory)
        return len(self._jobs) >= self.max_jobs or (self.load_limit < 1.0 and busy >= self.load_limit)
