"""A job is one agent for one room: its states, its deadlines, and what can happen to it and be done about it.

Pure; the vocabulary of dispatch. Events are past tense, actions imperative, all frozen.
"""

from dataclasses import dataclass, field
from enum import Enum

from signaling.envelope import AgentWish, Participant, RoomInfo
from signaling.errors import ErrorCode
from signaling.events import AgentRevoked, Announced, RoomEvent
from signaling.room_messages import DispatchOp
from signaling.worker_messages import LEASE_MS, JobAccept, JobOffer, JobReject, JobUpdate, Register, Status, ToWorker


@dataclass(frozen=True, slots=True, kw_only=True)
class DispatchSettings:
    """How long everybody has. Times are seconds."""

    offer_deadline: float = 5.0
    """For a worker to accept or reject an offer."""
    dispatch_timeout: float = 30.0
    """For any worker to take a job."""
    max_offers: int = 3
    """How many workers are asked in a row, before a pause of `retry_pause`."""
    retry_pause: float = 2.0
    join_deadline: float = 15.0
    """For the agent of an assigned job to be in its room."""
    settle_timeout: float = 2.0
    """For the worker of an agent that left its room to say how the job ended."""
    return_timeout: float = 20.0
    """For an agent whose connection to the room was lost to come back, while its worker is there."""
    orphan_timeout: float = 3.0
    """The same while its worker is lost, too."""
    lease: float = LEASE_MS / 1000
    """Without a status, a worker's jobs are its own for so long."""
    backoff: tuple[float, ...] = (0.0, 1.0, 3.0)
    """The pause before each time that a failed job is tried anew; their number is the number of times."""
    stable_after: float = 60.0
    """An agent that ran for so long was a good one: its failures are counted from the beginning."""
    adoption_grace: float = 20.0
    """After a restart of this server, for agents and workers of before to come back."""
    max_jobs: int = 3
    """Agents in one room, or on their way to it."""
    terminate_grace: float = 10.0
    """For a job to end when told to."""


class JobState(Enum):
    """Where a job is on its way."""

    PENDING = "pending"
    """It waits for a worker that can take it."""
    OFFERED = "offered"
    """One worker was asked."""
    ASSIGNED = "assigned"
    """That worker has it, and its agent is not in the room yet."""
    RUNNING = "running"
    """Its agent is in the room."""
    DEPARTED = "departed"
    """Its agent is out of the room, and its worker has not said why."""
    BACKOFF = "backoff"
    """It failed and is about to be tried anew."""
    CLOSING = "closing"
    """It was told to end, and holds its worker's slot until it does."""


ASSIGNED_STATES = frozenset({JobState.ASSIGNED, JobState.RUNNING, JobState.DEPARTED})
"""The states in which a worker runs the job's current epoch."""


# Events. -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentWanted:
    """A room shall have an agent, if it does not have it."""

    room: RoomInfo
    participant: Participant
    wish: AgentWish


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentDispatched:
    """Somebody sends an agent to a room, whoever is there already.

    Attributes:
        job: The id that the job shall have.
        participant: Whom the agent is for, if anybody.
        restart: Try anew when it fails, while a human is in the room.
    """

    job: str
    room: RoomInfo
    wish: AgentWish
    participant: Participant | None = None
    restart: bool = True


@dataclass(frozen=True, slots=True)
class DispatchDeleted:
    """Nobody wants this job any more."""

    job: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentReturned:
    """An agent with a token that we signed is at the door, and we know nothing of its job: we were restarted."""

    job: str
    epoch: int
    room: RoomInfo
    wish: AgentWish


@dataclass(frozen=True, slots=True)
class WorkerDrained:
    """A worker shall take no more jobs, and go when those that it has are over, or after the timeout."""

    worker: str
    timeout: float


@dataclass(frozen=True, slots=True)
class WorkerRegistered:
    """A verified worker is there."""

    session: str
    message: Register


@dataclass(frozen=True, slots=True)
class WorkerSaid:
    """A registered worker said something."""

    session: str
    message: Status | JobAccept | JobReject | JobUpdate


@dataclass(frozen=True, slots=True)
class WorkerLost:
    """A worker's socket is gone; it may come back."""

    session: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerReserved:
    """A slot of this worker is held for the attempt of the job that was asked for."""

    job: str
    attempt: int
    worker: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NobodyReserved:
    """Nobody can take the job now; the reason is for the people who wait."""

    job: str
    attempt: int
    reason: str


DispatchEvent = (
    RoomEvent
    | AgentWanted
    | AgentDispatched
    | DispatchDeleted
    | AgentReturned
    | WorkerDrained
    | WorkerRegistered
    | WorkerSaid
    | WorkerLost
    | WorkerReserved
    | NobodyReserved
)


# Actions. ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SendWorker:
    """Queue a message for a worker."""

    session: str
    message: ToWorker


@dataclass(frozen=True, slots=True)
class CloseWorker:
    """End a worker's session."""

    session: str
    reason: ErrorCode


@dataclass(frozen=True, slots=True, kw_only=True)
class AssignJob:
    """Mint a token for the agent and send the worker its assignment."""

    session: str
    room: str
    job: str
    epoch: int
    wish: AgentWish
    accept: JobAccept


@dataclass(frozen=True, slots=True, kw_only=True)
class ReserveWorker:
    """Find a worker for a job and hold a slot of it; to be answered by WorkerReserved or NobodyReserved.

    Attributes:
        tried: Who is not to be asked again.
        first: Who is asked before all others.
    """

    job: str
    attempt: int
    room: str
    agent: str
    tried: frozenset[str]
    first: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SettleJob:
    """Give back the slot that is held for this attempt of a job."""

    job: str
    attempt: int


DispatchAction = SendWorker | CloseWorker | AssignJob | ReserveWorker | SettleJob | AgentRevoked | Announced


@dataclass(slots=True)
class Job:
    """One agent for one room.

    Attributes:
        until: When its state ends by itself; None if it does not.
        give_up_at: When it fails, should no worker have taken it by then.
        worker: The id of the worker that it is offered or assigned to.
        last_worker: The id of the one that had it last.
        tried: The ids of the workers that did not want it in this round.
        attempt: How many offers were made.
        asked: The attempt for which a worker is being looked for; None while none is.
        why: What kept it waiting when that was done last.
        is_announced: The people were told that it is pending.
        epoch: How many assignments were made.
        restarts: How many of them failed.
        wanted_again: Somebody came for the agent when it had just gone.
        restart: It is tried anew when it fails.
        running_since: When this assignment's agent came into the room.
        held_until: It is offered to nobody before; its agent of before a restart of ours may come back.
        outcome: How it ended, and why.
        is_reported_over: Those who run the server were told that it ended.
    """

    id: str
    room: RoomInfo
    participant: Participant | None
    wish: AgentWish
    give_up_at: float
    state: JobState = JobState.PENDING
    until: float | None = None
    worker: str | None = None
    last_worker: str | None = None
    tried: set[str] = field(default_factory=set[str])
    attempt: int = 0
    asked: int | None = None
    why: str | None = None
    is_announced: bool = False
    epoch: int = 0
    restarts: int = 0
    wanted_again: bool = False
    restart: bool = True
    running_since: float | None = None
    held_until: float = 0.0
    outcome: tuple[DispatchOp, str | None] | None = None
    is_reported_over: bool = False

    def offer(self, deadline: float) -> JobOffer:
        """The question to a worker, to be answered within `deadline` seconds."""
        return JobOffer(
            job=self.id,
            attempt=self.attempt,
            room=self.room,
            participant=self.participant,
            agent=self.wish.name,
            metadata=self.wish.metadata,
            attributes=self.wish.attributes,
            deadline_ms=round(deadline * 1000),
        )

    @property
    def due(self) -> float | None:
        """When something must be done about it."""
        if self.state is JobState.PENDING:
            return self.give_up_at if self.until is None else min(self.until, self.give_up_at)
        return self.until
