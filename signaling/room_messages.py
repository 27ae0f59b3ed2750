"""The messages of `/v1/rtc`: what participants say to the server and to each other.

Pure. What is relayed has two forms: with `to` as a member sends it, with `from` as another one receives it.
"""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from signaling.envelope import (
    AttributeChanges,
    Attributes,
    Error,
    Event,
    Generation,
    Ice,
    Identity,
    Message,
    Metadata,
    Model,
    Name,
    Ok,
    Participant,
    Payload,
    Ping,
    Pong,
    Reason,
    Recipients,
    RoomInfo,
    Text,
    Track,
    Word,
)
from signaling.errors import ErrorCode


class To(Message):
    """Addressed to one member of the same room."""

    to: Identity


class From(Event):
    """Relayed from a member of the same room."""

    sender: Identity = Field(validation_alias="from", serialization_alias="from")


class _Negotiation(Message):
    pc: Identity = "main"
    """Which peer connection between the two is meant."""
    gen: Generation = 0
    """Counts how often it was rebuilt, so that what belongs to an earlier one can be dropped."""


class _Description(_Negotiation):
    sdp: str = Field(repr=False)


class Offer(_Description, To):
    """A session description that asks for an answer. Humans offer to agents; agents never offer."""

    t: Literal["offer"] = "offer"


class RelayedOffer(_Description, From):
    """An offer from a member."""

    t: Literal["offer"] = "offer"


class Answer(_Description, To):
    """The answer to the offer of the same `pc` and `gen`."""

    t: Literal["answer"] = "answer"


class RelayedAnswer(_Description, From):
    """An answer from a member."""

    t: Literal["answer"] = "answer"


class _Candidate(_Negotiation):
    nullable = frozenset({"candidate"})
    candidate: Annotated[str, StringConstraints(max_length=1024)] | None = Field(default=None, repr=False)
    """None: no more will come."""
    sdp_mid: Word | None = Field(default=None, validation_alias="sdpMid", serialization_alias="sdpMid")
    sdp_mline_index: Annotated[int, Field(ge=0, lt=1024)] | None = Field(
        default=None, validation_alias="sdpMLineIndex", serialization_alias="sdpMLineIndex"
    )


class Candidate(_Candidate, To):
    """One trickled ICE candidate."""

    t: Literal["candidate"] = "candidate"


class RelayedCandidate(_Candidate, From):
    """A candidate from a member."""

    t: Literal["candidate"] = "candidate"


class _PcRebuild(_Negotiation):
    reason: Reason = ""


class PcRebuild(_PcRebuild, To):
    """Forget the peer connection: a fresh offer comes, or please send one, with `gen` + 1."""

    t: Literal["pc_rebuild"] = "pc_rebuild"


class RelayedPcRebuild(_PcRebuild, From):
    """A member's wish to start over."""

    t: Literal["pc_rebuild"] = "pc_rebuild"


class Renegotiate(To):
    """An agent asks for an offer: it never offers itself."""

    t: Literal["renegotiate"] = "renegotiate"
    pc: Identity = "main"


class RelayedRenegotiate(From):
    """An agent's wish for an offer."""

    t: Literal["renegotiate"] = "renegotiate"
    pc: Identity = "main"


class _Reject(_Negotiation):
    code: Word = ErrorCode.BAD_REQUEST.value
    message: Reason = ""


class Reject(_Reject, To):
    """The answer of an agent to an offer that it cannot take."""

    t: Literal["reject"] = "reject"


class RelayedReject(_Reject, From):
    """An agent cannot take the offer."""

    t: Literal["reject"] = "reject"


class _Data(Message):
    nullable = frozenset({"payload"})
    topic: Word
    payload: Payload = None


class Data(_Data):
    """Any JSON for some members (`to`), or for everybody else; at most 15 000 characters."""

    t: Literal["data"] = "data"
    to: Recipients | None = None


class RelayedData(_Data, From):
    """Data from a member."""

    t: Literal["data"] = "data"


class _Stream(Message):
    op: Literal["open", "chunk", "close"]
    sid: Word
    topic: Word = ""
    attributes: Attributes | None = None
    text: Text | None = None
    n: int | None = None


class Stream(_Stream):
    """A text that grows, such as a transcript; one `sid` from open to close."""

    t: Literal["stream"] = "stream"
    to: Recipients | None = None


class RelayedStream(_Stream, From):
    """A growing text of a member."""

    t: Literal["stream"] = "stream"


# From a participant to the server. -----------------------------------------------------------------------------


class ClientInfo(Model):
    """Who joins; for logs."""

    sdk: Name = ""
    version: Name = ""
    ua: Annotated[str, StringConstraints(max_length=1024)] = ""


class Join(Message):
    """The first message on a socket. The token says who, and which room."""

    t: Literal["join"] = "join"
    token: str = Field(default="", repr=False)
    """Empty where the token came as `Authorization: Bearer`."""
    v: int = 1
    client: ClientInfo = ClientInfo()


class ChangeTrack(Message):
    """A track of mine begins, changes or ends."""

    t: Literal["track"] = "track"
    op: Literal["publish", "update", "unpublish"]
    track: Track


class Update(Message):
    """Change what others see of me; an attribute that is None goes away."""

    t: Literal["update"] = "update"
    name: Name | None = None
    metadata: Metadata | None = None
    attributes: AttributeChanges = Field(default_factory=dict)


class Moderate(Message):
    """Take somebody out of the room; needs the admin grant, which agents have."""

    t: Literal["moderate"] = "moderate"
    op: Literal["remove"]
    identity: Identity
    reason: Reason = ""


class Leave(Message):
    """Good-bye."""

    t: Literal["leave"] = "leave"
    reason: Reason = ""


# From the server to a participant. -----------------------------------------------------------------------------


class PingSettings(Model):
    """How often to ping, and how long without any answer means that the server is gone."""

    interval_ms: int = 5000
    timeout_ms: int = 15_000


class ServerInfo(Model):
    """Who serves; `time` is Unix seconds, for people."""

    id: str = ""
    version: str = ""
    time: float = 0.0


class Joined(Event):
    """You are in: the room as it is, `you` in it, and everybody else in `participants`."""

    t: Literal["joined"] = "joined"
    sid: str
    resumed: bool = False
    room: RoomInfo
    you: Participant
    participants: tuple[Participant, ...] = ()
    ice: Ice = Ice()
    ping: PingSettings = PingSettings()
    server: ServerInfo = ServerInfo()


class ParticipantChanged(Event):
    """Somebody else joined, changed or left."""

    t: Literal["participant"] = "participant"
    op: Literal["joined", "updated", "left"]
    participant: Participant
    reason: str | None = None


class RoomChanged(Event):
    """The room itself changed, or is about to close."""

    t: Literal["room"] = "room"
    op: Literal["updated", "closing"]
    room: RoomInfo | None = None
    reason: str | None = None


DispatchOp = Literal["pending", "assigned", "started", "ended", "failed"]


class DispatchChanged(Event):
    """How far the agent is on its way into the room."""

    t: Literal["dispatch"] = "dispatch"
    op: DispatchOp
    agent: str = ""
    job: str = ""
    reason: str | None = None


class Left(Event):
    """The server ends the session; `action` says what the client should do."""

    t: Literal["leave"] = "leave"
    reason: str
    action: Literal["none", "resume", "rejoin"] = "none"
    retry_after_ms: int | None = None


FromClient = (
    Join
    | Offer
    | Answer
    | Candidate
    | PcRebuild
    | Renegotiate
    | Reject
    | ChangeTrack
    | Update
    | Data
    | Stream
    | Moderate
    | Ping
    | Leave
)
ToClient = (
    Joined
    | ParticipantChanged
    | RoomChanged
    | RelayedOffer
    | RelayedAnswer
    | RelayedCandidate
    | RelayedPcRebuild
    | RelayedRenegotiate
    | RelayedReject
    | RelayedData
    | RelayedStream
    | DispatchChanged
    | Left
    | Pong
    | Ok
    | Error
)
