"""What can happen to rooms, what the registry wants done about it, and what of it dispatch must know.

Pure. Events are past tense, actions imperative, all frozen. A room event is an action of the registry and an event of
dispatch: the node carries it over.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from signaling.claims import Claims
from signaling.envelope import AgentWish, Event, Ice, Message, Participant, RoomInfo
from signaling.member_messages import Rpc, RpcResult
from signaling.relay import Addressed, Broadcast
from signaling.room_messages import ChangeTrack, IcePushed, Leave, Moderate, ServerInfo, TokenPushed, Update

FromMember = Addressed | Broadcast | Rpc | RpcResult | ChangeTrack | Update | Moderate | Leave
"""What the registry hears from a member; a token needs keys and ping a clock, so the shell answers those."""


# Into the registry. --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrived:
    """Somebody with a verified token is at the door of the room that it names.

    Attributes:
        sid: The session's id; whatever is sent to it goes by this.
        token_life: Seconds until the token expires.
        token_age: Seconds since it was issued, if it says.
        request: The id of the join request, if it had one.
        known_peers: The generation of each connection that stands, by the other's identity.
        agents: Those to fetch should this be the room's first human.
        returning: It may have been here before this server was restarted, and its agent, too.
    """

    sid: str
    claims: Claims
    token_life: float
    token_age: float | None = None
    request: int | str | None = None
    known_peers: Mapping[str, int] = field(default_factory=dict[str, int])
    agents: tuple[AgentWish, ...] = ()
    returning: bool = False
    ice: Ice = field(default_factory=Ice)
    server: ServerInfo = field(default_factory=ServerInfo)


@dataclass(frozen=True, slots=True, kw_only=True)
class Returned:
    """The client of a session is back, with a verified token, on another socket.

    Attributes:
        last_seq: The number of the last event that it has seen.
    """

    sid: str
    claims: Claims
    token_life: float
    last_seq: int
    request: int | str | None = None
    known_peers: Mapping[str, int] = field(default_factory=dict[str, int])
    ice: Ice = field(default_factory=Ice)
    server: ServerInfo = field(default_factory=ServerInfo)


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenShown:
    """A member has shown another verified token."""

    sid: str
    claims: Claims
    token_life: float
    request: int | str | None = None


@dataclass(frozen=True, slots=True)
class Renewed:
    """What a member needs and soon would have run out is made anew; it is good for `life` seconds."""

    sid: str
    event: TokenPushed | IcePushed
    life: float


@dataclass(frozen=True, slots=True)
class Received:
    """A member said something."""

    sid: str
    message: FromMember


@dataclass(frozen=True, slots=True)
class Disconnected:
    """A session's way to us is gone; its client may come back."""

    sid: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentRevoked:
    """An agent may not stay: another one takes over its job, or the job is over."""

    room: str
    job: str
    epoch: int


@dataclass(frozen=True, slots=True)
class Announced:
    """All humans of a room shall hear this, or the one with the session `only`."""

    room: str
    event: Event
    only: str | None = None


RegistryEvent = Arrived | Returned | TokenShown | Renewed | Received | Disconnected | AgentRevoked | Announced


# Out of the registry. ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Send:
    """Queue a message for a session."""

    sid: str
    message: Message


@dataclass(frozen=True, slots=True)
class Close:
    """End a session after what is queued for it was sent; `code` is a WebSocket close code."""

    sid: str
    code: int
    reason: str


@dataclass(frozen=True, slots=True)
class RenewToken:
    """Make a newer token for a session: the one it has soon expires."""

    sid: str
    claims: Claims


@dataclass(frozen=True, slots=True)
class RenewIce:
    """Make newer ICE credentials for a session."""

    sid: str
    identity: str


# Out of the registry, into dispatch. ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstHumanArrived:
    """A room without humans got one.

    Attributes:
        agents: Those to fetch.
        returning: An agent of before may be on its way back: it is waited for.
    """

    room: RoomInfo
    participant: Participant
    agents: tuple[AgentWish, ...] = ()
    returning: bool = False


@dataclass(frozen=True, slots=True)
class LastHumanLeft:
    """No human is in the room any more; it stays open for its departure timeout."""

    room: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentArrived:
    """The agent of an assigned job is in its room."""

    room: str
    job: str
    epoch: int


class Departure(Enum):
    """How somebody went."""

    LEFT = "left"
    """With a good-bye."""
    LOST = "lost"
    """The way to them is gone, and they may come back."""
    REMOVED = "removed"
    """Somebody had them removed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentDeparted:
    """The agent of a job is out of its room, or out of sight."""

    room: str
    job: str
    epoch: int
    how: Departure


@dataclass(frozen=True, slots=True)
class RoomClosed:
    """The room is over and everybody is out."""

    room: str


RoomEvent = FirstHumanArrived | LastHumanLeft | AgentArrived | AgentDeparted | RoomClosed
RegistryAction = Send | Close | RenewToken | RenewIce | RoomEvent
