"""A room and its members as the server knows them, and how events are numbered, kept and told.

Pure; a part of the registry. Each event that a member is sent has the next number of its session and is kept for a
while, so that a client which lost its socket can be told what it missed.
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from signaling.claims import Claims
from signaling.envelope import AgentWish, Event, Participant, RoomInfo
from signaling.errors import ErrorCode, MessageError
from signaling.events import RegistryAction, Send
from signaling.limits import TokenBucket
from signaling.room_messages import Joined, ParticipantChanged
from signaling.sdp import CandidatePolicy

MAX_BACKLOG: Final = 256
"""Events that a client may have missed and still be told."""
GENERATION_RATE: Final = 0.5
GENERATION_BURST: Final = 2
"""New peer connections from one member to another: two at once, and then one in 2 s."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RoomSettings:
    """How rooms live. Times are seconds."""

    empty_timeout: float = 300.0
    departure_timeout: float = 20.0
    reconnect_timeout: float = 20.0
    """For a participant whose socket was lost to come back."""
    max_participants: int = 16
    max_rooms: int = 1000
    max_rooms_per_key: int | None = None
    """Rooms that were opened with tokens of one API key; None means half of them where there are several keys."""
    strict_expiry: bool = False
    """Nobody stays whose token has expired, and the server makes no newer ones for people."""
    expiry_grace: float = 60.0
    """For a newer token to be shown after all; clocks differ, and backends may be slow."""
    candidates: CandidatePolicy = CandidatePolicy.PUBLIC


class Due(Enum):
    """What happens when its time comes."""

    CLOSE = "close"
    """A room closes."""
    REMOVE = "remove"
    """A member that was away for too long is removed."""
    TOKEN = "token"  # noqa: S105 - no secret
    """A token is made anew."""
    EXPIRED = "expired"
    """Whose token is over for too long has to go."""
    ICE = "ice"


@dataclass(slots=True, kw_only=True)
class Toward:
    """What one member has sent to another, counted; and which connection stands between the two.

    Attributes:
        candidates: Since its last description.
        gen: The highest generation that it offered.
        offers: Of new generations.
        link: The generation that was answered, or that both said to have; None when none stands.
    """

    offers: TokenBucket
    candidates: int = 0
    gen: tuple[str, int] | None = None
    link: int | None = None


@dataclass(slots=True, kw_only=True)
class Member:
    """A participant and what only the server knows of it.

    Attributes:
        key: What a client must know to take this session over on another socket.
        expires: When its token does, on our clock.
        seq: How many events it was told.
        toward: By the identity of the other member.
    """

    participant: Participant
    room: str
    claims: Claims
    key: str
    expires: float
    seq: int = 0
    backlog: deque[Event] = field(default_factory=lambda: deque[Event](maxlen=MAX_BACKLOG))
    toward: dict[str, Toward] = field(default_factory=dict[str, Toward])

    @property
    def sid(self) -> str:
        """The id of its session."""
        return self.participant.sid

    @property
    def identity(self) -> str:
        """Its name in the room."""
        return self.participant.identity

    @property
    def job(self) -> tuple[str, int] | None:
        """Of an agent, the job and the epoch that it is here for."""
        job, epoch = self.claims.job, self.claims.epoch
        return None if job is None or epoch is None else (job, epoch)

    @property
    def is_agent(self) -> bool:
        """Whether it is an agent."""
        return self.participant.kind == "agent"

    @property
    def is_hidden(self) -> bool:
        """Whether nobody is shown it."""
        return self.claims.grants.hidden

    @property
    def is_human(self) -> bool:
        """Whether an agent is there for it, and its room open: who listens in is not enough."""
        return not self.is_agent and not self.is_hidden and self.participant.kind != "whep"

    @property
    def is_away(self) -> bool:
        """Whether its socket is lost and it may come back."""
        return self.participant.state == "reconnecting"

    def to(self, identity: str, now: float) -> Toward:
        """What it has sent to another one."""
        known = self.toward.get(identity)
        if known is None:
            known = self.toward[identity] = Toward(offers=TokenBucket(GENERATION_RATE, GENERATION_BURST, now))
        return known

    def missed(self, last_seq: int) -> list[Event] | None:
        """The events after the one with this number; None when they are not all known any more."""
        if not 0 <= last_seq <= self.seq:
            return None
        missed = [event for event in self.backlog if event.seq is not None and event.seq > last_seq]
        return missed if len(missed) == self.seq - last_seq else None


@dataclass(slots=True)
class Room:
    """A room and who is in it, by identity.

    `agents` come with its first human; `key` is the id of the API key in whose name it was opened; `changed` are the
    names of all rooms that are not what they were.
    """

    info: RoomInfo
    max_participants: int
    departure_timeout: float
    key: str
    agents: tuple[AgentWish, ...] = ()
    members: dict[str, Member] = field(default_factory=dict[str, Member])
    changed: set[str] = field(default_factory=set[str])

    def has_human(self) -> bool:
        """Whether somebody is there for whom it stays open."""
        return any(member.is_human for member in self.members.values())

    def others(self, member: Member) -> list[Member]:
        """All but this one."""
        return [other for other in self.members.values() if other is not member]

    def shown_to(self, member: Member) -> tuple[Participant, ...]:
        """All others that a member may know of."""
        return tuple(other.participant for other in self.others(member) if not other.is_hidden)

    def find(self, identity: str) -> Member:
        """The member with this identity.

        Raises:
            MessageError: `not_found`.
        """
        member = self.members.get(identity)
        if member is None:
            raise MessageError(ErrorCode.NOT_FOUND, f"{identity} is not in the room")
        return member

    def describe(self, member: Member, changed: Participant, *, to_itself: bool = False) -> list[RegistryAction]:
        """A member is not what it was: tell the others, and itself if it was not its own doing."""
        if changed == member.participant:
            return []
        member.participant = changed
        self.changed.add(self.info.name)
        hearers = [member] if to_itself else []
        if not member.is_hidden:
            hearers += self.others(member)
        return tell(hearers, ParticipantChanged(op="updated", participant=changed))


def tell(members: Iterable[Member], event: Event) -> list[RegistryAction]:
    """The event for each of them, with the next number of its session; a member who is away gets it when back."""
    actions: list[RegistryAction] = []
    for member in members:
        member.seq += 1
        numbered = event.model_copy(update={"seq": member.seq})
        # A welcome is never missed: it is what a client that comes back is told first.
        if not isinstance(event, Joined):
            member.backlog.append(numbered)
        if not member.is_away:
            actions.append(Send(member.sid, numbered))
    return actions


def need(granted: bool, grant: str) -> None:
    """Refuse what a token does not grant.

    Raises:
        MessageError: `forbidden`.
    """
    if not granted:
        raise MessageError(ErrorCode.FORBIDDEN, f"the token does not grant this ({grant})")
