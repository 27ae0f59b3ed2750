"""The messages of `/v1/rtc` between a participant and the server itself, and the unions of all that goes either way.

Pure. What members say to each other is in `member_messages`.
"""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from signaling.envelope import (
    AttributeChanges,
    Error,
    Event,
    Generation,
    Ice,
    IceServer,
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
    Track,
    Word,
)
from signaling.member_messages import (
    Answer,
    Candidate,
    Data,
    Offer,
    PcRebuild,
    Reject,
    RelayedAnswer,
    RelayedCandidate,
    RelayedData,
    RelayedOffer,
    RelayedPcRebuild,
    RelayedReject,
    RelayedRenegotiate,
    RelayedRpc,
    RelayedRpcResult,
    RelayedStream,
    Renegotiate,
    Rpc,
    RpcResult,
    Stream,
)

# From a participant to the server. -----------------------------------------------------------------------------


KnownPeers = Annotated[dict[Identity, Generation], Field(max_length=64)]


class ClientInfo(Model):
    """Who joins; for logs."""

    sdk: Name = ""
    version: Name = ""
    ua: Annotated[str, StringConstraints(max_length=1024)] = ""


class Resume(Model):
    """The session that a client had: what `joined` told, and the `seq` of the last event that it has seen."""

    sid: Word
    key: Word = Field(repr=False)
    last_seq: Annotated[int, Field(ge=0, lt=2**53)] = 0


class Join(Message):
    """The first message on a socket. The token says who, and which room."""

    t: Literal["join"] = "join"
    token: str = Field(default="", repr=False)
    """Empty where the token came as `Authorization: Bearer`."""
    v: int = 1
    client: ClientInfo = ClientInfo()
    resume: Resume | None = None
    known_peers: KnownPeers = Field(default_factory=dict)
    """The `gen` of each peer connection ("main") that stands, by the other's identity."""


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
    """Mute, describe or take out somebody else; needs the admin grant, which agents have.

    Being muted is told to everybody and done by the client that is told: the server carries no sound.
    """

    t: Literal["moderate"] = "moderate"
    op: Literal["mute", "remove", "update"]
    identity: Identity
    reason: Reason = ""
    track: Word | None = None
    """Which track to mute; None means all of them."""
    muted: bool = True
    name: Name | None = None
    metadata: Metadata | None = None
    attributes: AttributeChanges = Field(default_factory=dict)


class RefreshToken(Message):
    """A newer token of the same identity, kind and room; its grants count from now on."""

    t: Literal["token"] = "token"
    token: str = Field(repr=False)


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
    key: str = Field(default="", repr=False)
    """Proves, together with `sid`, that a later join is by the same client."""
    resumed: bool = False
    """The session goes on: the events that you missed follow, and `seq` is the last one that you have seen."""
    kept: tuple[str, ...] = ()
    """Those of `known_peers` for whom the same connection stands: nobody needs to offer again."""
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
    kept: bool | None = None
    """They came back, and the connection that you have with them still stands."""


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


class TokenPushed(Event):
    """A newer token for you, since the one you have soon expires; join with it next time."""

    t: Literal["token"] = "token"
    token: str = Field(repr=False)
    exp: int


class IcePushed(Event):
    """Newer credentials for new connections; those that stand keep what they have."""

    t: Literal["ice"] = "ice"
    servers: tuple[IceServer, ...] = ()
    ttl_s: int = 3600
    policy: Literal["all", "relay"] = "all"


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
    | Rpc
    | RpcResult
    | Moderate
    | RefreshToken
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
    | RelayedRpc
    | RelayedRpcResult
    | DispatchChanged
    | TokenPushed
    | IcePushed
    | Left
    | Pong
    | Ok
    | Error
)
