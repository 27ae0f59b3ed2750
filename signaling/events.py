"""What can happen to rooms, what the registry wants done about it, and what of it dispatch must know.

Pure. Events are past tense, actions imperative, all frozen. A room event is an action of the registry and an event of
dispatch: the node carries it over.
"""

from dataclasses import dataclass, field

from signaling.claims import Claims
from signaling.envelope import Event, Ice, Message, Participant, RoomInfo
from signaling.relay import Addressed, Broadcast
from signaling.room_messages import ChangeTrack, Leave, Moderate, ServerInfo, Update

FromMember = Addressed | Broadcast | ChangeTrack | Update | Moderate | Leave
"""What the registry hears from a member; join needs a token and ping a clock, so the shell answers those."""


# Into the registry. --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrived:
    """Somebody with a verified token is at the door of the room that it names.

    Attributes:
        sid: The session's id; whatever is sent to it goes by this.
        request: The id of the join request, if it had one.
        agent: The agent to fetch should this be the room's first human: a name, "" for any, None for none.
    """

    sid: str
    claims: Claims
    request: int | str | None = None
    agent: str | None = None
    ice: Ice = field(default_factory=Ice)
    server: ServerInfo = field(default_factory=ServerInfo)


@dataclass(frozen=True, slots=True)
class Received:
    """A member said something."""

    sid: str
    message: FromMember


@dataclass(frozen=True, slots=True)
class Disconnected:
    """A session's way to us is gone."""

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


RegistryEvent = Arrived | Received | Disconnected | AgentRevoked | Announced


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


# Out of the registry, into dispatch. ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstHumanArrived:
    """A room without humans got one.

    Attributes:
        agent: The agent to fetch: a name, "" for any, None for none.
    """

    room: RoomInfo
    participant: Participant
    agent: str | None


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


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentDeparted:
    """The agent of a job is out of its room.

    Attributes:
        wanted: It said good-bye; else its connection was lost, and it may come back.
    """

    room: str
    job: str
    epoch: int
    wanted: bool


@dataclass(frozen=True, slots=True)
class RoomClosed:
    """The room is over and everybody is out."""

    room: str


RoomEvent = FirstHumanArrived | LastHumanLeft | AgentArrived | AgentDeparted | RoomClosed
RegistryAction = Send | Close | RoomEvent
