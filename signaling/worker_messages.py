"""The messages of `/v1/worker`: how a worker gets jobs and says how they go. One job is one agent in one room.

Pure. An offer is answered by accept or reject; an accepted job is assigned with an `epoch`, which counts the
assignments of that job, so that of two copies of an agent only the newer one is let into the room.
"""

from typing import Annotated, Literal

from pydantic import Field, JsonValue

from signaling.envelope import (
    Attributes,
    Error,
    Ice,
    Identity,
    Message,
    Metadata,
    Model,
    Name,
    Ok,
    Participant,
    Ping,
    Pong,
    Reason,
    RoomInfo,
    Word,
)

HEARTBEAT_MS = 2500
"""How often a worker sends `status`: it is its heartbeat and renews its leases."""
LEASE_MS = 10_000
"""How long jobs stay a worker's own without a status."""

Epoch = Annotated[int, Field(ge=0, lt=2**53)]


class RunningJob(Model):
    """A job that a worker is busy with."""

    job: Identity
    epoch: Epoch
    room: Identity | Literal[""] = ""
    """Where it runs: without it a server that was restarted cannot take the job up again."""


# From a worker. ------------------------------------------------------------------------------------------------


class Register(Message):
    """The first message on a socket; `jobs` are still running after a reconnect."""

    t: Literal["register"] = "register"
    token: str = Field(default="", repr=False)
    """Empty where the token came as `Authorization: Bearer`."""
    worker: Identity
    """A stable id: the same one after a reconnect."""
    agent: Word = ""
    """The agent's name; "" takes any job that asks for none."""
    job_types: tuple[Word, ...] = ("room",)
    max_jobs: Annotated[int, Field(ge=1, le=1000)] = 8
    version: Name = ""
    labels: Attributes = Field(default_factory=dict)
    jobs: Annotated[tuple[RunningJob, ...], Field(max_length=1000)] = ()


class Status(Message):
    """The heartbeat, each 2.5 s and on each change."""

    t: Literal["status"] = "status"
    seq: int = 0
    load: Annotated[float, Field(ge=0.0, le=1.0)] = 0.0
    jobs: Annotated[int, Field(ge=0)] = 0
    state: Literal["available", "full", "draining"] = "available"
    running: Annotated[tuple[RunningJob, ...], Field(max_length=1000)] = ()


class JobAccept(Message):
    """Yes; this is how the agent will be called in the room. An empty identity is made by the server."""

    t: Literal["accept"] = "accept"
    job: Identity
    identity: Identity | Literal[""] = ""
    name: Name = ""
    attributes: Attributes = Field(default_factory=dict)
    metadata: Metadata = ""


class JobReject(Message):
    """No; with `final` nobody else is asked either."""

    t: Literal["reject"] = "reject"
    job: Identity
    reason: Reason = "busy"
    final: bool = False


class JobUpdate(Message):
    """How an assigned job goes."""

    t: Literal["update"] = "update"
    job: Identity
    epoch: Epoch
    state: Literal["starting", "running", "ended"]
    result: Literal["success", "failed", "replaced"] | None = None
    """Replaced: its code has changed; it is to be tried anew at once, and that is no failure."""
    reason: Reason | None = None
    usage: JsonValue = None


# From the server. ----------------------------------------------------------------------------------------------


class Registered(Message):
    """You get offers now. Of the jobs that you named, go on with `keep` and stop `revoke`."""

    t: Literal["registered"] = "registered"
    session: str
    heartbeat_ms: int = HEARTBEAT_MS
    lease_ms: int = LEASE_MS
    keep: tuple[str, ...] = ()
    revoke: tuple[str, ...] = ()


class JobOffer(Message):
    """Will you take this job? Silence until the deadline means no."""

    t: Literal["offer"] = "offer"
    job: Identity
    attempt: int = 1
    type: str = "room"
    room: RoomInfo
    participant: Participant | None = None
    """Who is waiting, where the job was asked for by somebody."""
    agent: str = ""
    metadata: str = ""
    attributes: dict[str, str] = Field(default_factory=dict)
    deadline_ms: int = 5000


class JobAssign(Message):
    """The job is yours: join the room at `url` with this token, within 15 s."""

    t: Literal["assign"] = "assign"
    job: Identity
    epoch: Epoch
    token: str = Field(repr=False)
    url: str
    ice: Ice = Ice()


class JobTerminate(Message):
    """End the job within `grace_ms`."""

    t: Literal["terminate"] = "terminate"
    job: Identity
    epoch: Epoch
    reason: str
    grace_ms: int = 10_000


class Drain(Message):
    """Take no more jobs, finish those you have, and go."""

    t: Literal["drain"] = "drain"
    timeout_ms: int = 600_000


class Draining(Message):
    """This server goes away: reconnect later."""

    t: Literal["draining"] = "draining"
    reconnect_after_ms: int = 1000


FromWorker = Register | Status | JobAccept | JobReject | JobUpdate | Ping | Pong
ToWorker = Registered | JobOffer | JobAssign | JobTerminate | Drain | Draining | Ping | Pong | Ok | Error
