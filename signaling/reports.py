"""What has happened, for those who run the server: the audit log, the metrics, the webhooks.

Pure values, all past tense. The registry and dispatch decide without them; the node passes them to the `Watch`.
"""

from dataclasses import dataclass

from signaling.envelope import Participant, RoomInfo
from signaling.errors import ErrorCode
from signaling.room_messages import DispatchOp


@dataclass(frozen=True, slots=True)
class RoomStarted:
    """A room was opened."""

    room: RoomInfo


@dataclass(frozen=True, slots=True)
class RoomFinished:
    """A room was closed."""

    room: RoomInfo


@dataclass(frozen=True, slots=True)
class ParticipantJoined:
    """Somebody is in a room."""

    room: RoomInfo
    participant: Participant


@dataclass(frozen=True, slots=True)
class ParticipantLeft:
    """Somebody is in a room no more."""

    room: RoomInfo
    participant: Participant
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ParticipantKicked:
    """Somebody had somebody removed; that they left is a report of its own."""

    room: RoomInfo
    identity: str
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class JobChanged:
    """A job has got on, or is over."""

    room: str
    agent: str
    job: str
    op: DispatchOp
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerChanged:
    """A worker has registered, or its socket is gone."""

    worker: str
    agent: str
    is_there: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """A message or a request was refused; the text never quotes what was sent."""

    address: str
    code: ErrorCode
    text: str


Report = (
    RoomStarted
    | RoomFinished
    | ParticipantJoined
    | ParticipantLeft
    | ParticipantKicked
    | JobChanged
    | WorkerChanged
    | Refused
)
