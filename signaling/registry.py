"""Rooms and who is in them: what a participant says goes in, what others are told comes out.

Pure: `receive(event, now)` and `advance(now)` give actions, `deadline` says when to call again. A request with an id
is answered exactly once, because every message passes through `_answer`. A room opens with its first participant
and closes by itself: `empty_timeout` after its opening when no human came, `departure_timeout` after the last human
left. Agents do not keep a room open.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import assert_never

from signaling.claims import Claims, Grants
from signaling.envelope import Event, Ok, Participant, RoomInfo, attributes_fit, error_of
from signaling.errors import CLOSE_CODES, ErrorCode, MessageError
from signaling.events import (
    AgentArrived,
    AgentDeparted,
    AgentRevoked,
    Announced,
    Arrived,
    Close,
    Disconnected,
    FirstHumanArrived,
    FromMember,
    LastHumanLeft,
    Received,
    RegistryAction,
    RegistryEvent,
    RoomClosed,
    Send,
)
from signaling.relay import Addressed, Broadcast, broadcast, check, relay
from signaling.room_messages import (
    Answer,
    Candidate,
    ChangeTrack,
    Joined,
    Leave,
    Left,
    Moderate,
    Offer,
    ParticipantChanged,
    RoomChanged,
    Update,
)
from signaling.sdp import MAX_CANDIDATES, CandidatePolicy

MAX_TRACKS = 8
NORMAL_CLOSURE = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class RoomSettings:
    """How rooms live. Times are seconds."""

    empty_timeout: float = 300.0
    departure_timeout: float = 20.0
    max_participants: int = 16
    max_rooms: int = 1000
    candidates: CandidatePolicy = CandidatePolicy.PUBLIC


@dataclass(slots=True)
class _Member:
    """A participant and what only the server knows of it.

    Attributes:
        job: Of an agent, the job and the epoch that it is here for.
        seq: How many events it was sent.
        candidates: How many candidates it sent to each other member since its last description for them.
    """

    participant: Participant
    room: str
    grants: Grants
    job: tuple[str, int] | None
    seq: int = 0
    candidates: dict[str, int] = field(default_factory=dict[str, int])

    @property
    def sid(self) -> str:
        return self.participant.sid

    @property
    def is_human(self) -> bool:
        return self.participant.kind != "agent"


@dataclass(slots=True)
class _Room:
    info: RoomInfo
    closes_at: float | None
    members: dict[str, _Member] = field(default_factory=dict[str, _Member])

    def has_human(self) -> bool:
        return any(member.is_human for member in self.members.values())

    def others(self, member: _Member) -> list[_Member]:
        return [other for other in self.members.values() if other is not member]


class Registry:
    """All rooms of this server.

    Args:
        settings: How rooms live.
        new_id: Makes an id with the given prefix, unlike any other.
    """

    def __init__(self, settings: RoomSettings, new_id: Callable[[str], str]) -> None:
        self._settings = settings
        self._new_id = new_id
        self._rooms: dict[str, _Room] = {}
        self._members: dict[str, _Member] = {}

    def __repr__(self) -> str:
        return f"<Registry {len(self._rooms)} rooms, {len(self._members)} participants>"

    @property
    def deadline(self) -> float | None:
        """When `advance` has something to do, or None."""
        return min((room.closes_at for room in self._rooms.values() if room.closes_at is not None), default=None)

    def rooms(self) -> tuple[RoomInfo, ...]:
        """All open rooms."""
        return tuple(room.info for room in self._rooms.values())

    def participants(self, room: str) -> tuple[Participant, ...] | None:
        """Who is in a room; None when there is no such room."""
        found = self._rooms.get(room)
        return None if found is None else tuple(member.participant for member in found.members.values())

    def receive(self, event: RegistryEvent, now: float) -> list[RegistryAction]:
        """What follows from an event."""
        match event:
            case Arrived():
                return self._arrive(event, now)
            case Received(sid=sid, message=message):
                member = self._members.get(sid)
                return [] if member is None else self._answer(member, message, now)
            case Disconnected(sid=sid, reason=reason):
                member = self._members.get(sid)
                return [] if member is None else self._remove(member, reason, now, wanted=False)
            case AgentRevoked():
                return self._revoke(event, now)
            case Announced(room=name, event=announcement, only=only):
                room = self._rooms.get(name)
                humans = [] if room is None else [member for member in room.members.values() if member.is_human]
                return _tell((human for human in humans if only in {None, human.sid}), announcement)
            case _:
                assert_never(event)

    def advance(self, now: float) -> list[RegistryAction]:
        """Close the rooms whose time has come."""
        due = [room for room in self._rooms.values() if room.closes_at is not None and room.closes_at <= now]
        return [action for room in due for action in self._close_room(room)]

    # Coming and going. -----------------------------------------------------------------------------------------

    def _arrive(self, event: Arrived, now: float) -> list[RegistryAction]:
        claims = event.claims
        try:
            room = self._admit(claims, now)
        except MessageError as refused:
            refused.re = event.request
            return [Send(event.sid, error_of(refused)), Close(event.sid, CLOSE_CODES[refused.code], refused.code)]
        replaced = room.members.get(claims.sub)
        actions = [] if replaced is None else self._dismiss(replaced, ErrorCode.DUPLICATE_IDENTITY, "replaced", now)
        is_first_human = claims.kind != "agent" and not room.has_human()
        member = _Member(
            participant=_describe(claims, event.sid),
            room=room.info.name,
            grants=claims.grants,
            job=None if claims.job is None or claims.epoch is None else (claims.job, claims.epoch),
        )
        self._members[member.sid] = room.members[claims.sub] = member
        others = room.others(member)
        actions += _tell(others, ParticipantChanged(op="joined", participant=member.participant))
        welcome = Joined(
            sid=member.sid,
            room=room.info,
            you=member.participant,
            participants=tuple(other.participant for other in others),
            ice=event.ice,
            server=event.server,
        )
        actions += _tell([member], welcome)
        if event.request is not None:
            actions.append(Send(member.sid, Ok(re=event.request)))
        if member.is_human:
            room.closes_at = None
        if is_first_human:
            actions.append(FirstHumanArrived(room=room.info, participant=member.participant, agent=event.agent))
        if member.job is not None:
            actions.append(AgentArrived(room=room.info.name, job=member.job[0], epoch=member.job[1]))
        return actions

    def _admit(self, claims: Claims, now: float) -> _Room:
        """The room that the token names, opened if need be.

        Raises:
            MessageError: `room_full`, `no_capacity` or `duplicate_identity`.
        """
        assert claims.room is not None, "a token without a room never gets here"
        room = self._rooms.get(claims.room)
        if room is None:
            if len(self._rooms) >= self._settings.max_rooms:
                raise MessageError(ErrorCode.NO_CAPACITY, "this server has no room for another room", retry_after=5.0)
            info = RoomInfo(name=claims.room, sid=self._new_id("RM"))
            room = self._rooms[claims.room] = _Room(info, closes_at=now + self._settings.empty_timeout)
        present = room.members.get(claims.sub)
        if present is None and len(room.members) >= self._settings.max_participants:
            raise MessageError(ErrorCode.ROOM_FULL, "the room is full", retry_after=5.0)
        if present is not None and present.is_human != (claims.kind != "agent"):
            raise MessageError(ErrorCode.DUPLICATE_IDENTITY, "this identity is taken: join with another one")
        return room

    def _remove(self, member: _Member, reason: str, now: float, *, wanted: bool) -> list[RegistryAction]:
        """Take a member out and tell the others; its session is left alone."""
        room = self._rooms[member.room]
        del self._members[member.sid]
        del room.members[member.participant.identity]
        for other in room.members.values():
            other.candidates.pop(member.participant.identity, None)
        gone = ParticipantChanged(op="left", participant=member.participant, reason=reason)
        actions = _tell(room.members.values(), gone)
        if member.is_human and not room.has_human():
            room.closes_at = now + self._settings.departure_timeout
            actions.append(LastHumanLeft(member.room))
        if member.job is not None:
            job, epoch = member.job
            actions.append(AgentDeparted(room=member.room, job=job, epoch=epoch, wanted=wanted))
        return actions

    def _dismiss(self, member: _Member, why: ErrorCode, reason: str, now: float) -> list[RegistryAction]:
        """Take a member out and end its session."""
        actions = _tell([member], Left(reason=why))
        actions.append(Close(member.sid, CLOSE_CODES[why], why))
        return actions + self._remove(member, reason, now, wanted=True)

    def _revoke(self, event: AgentRevoked, now: float) -> list[RegistryAction]:
        room = self._rooms.get(event.room)
        members = [] if room is None else list(room.members.values())
        revoked = [member for member in members if member.job == (event.job, event.epoch)]
        return [a for member in revoked for a in self._dismiss(member, ErrorCode.REMOVED, "superseded", now)]

    def _close_room(self, room: _Room) -> list[RegistryAction]:
        members = list(room.members.values())
        code = ErrorCode.ROOM_CLOSED
        actions = _tell(members, RoomChanged(op="closing", reason=code)) + _tell(members, Left(reason=code))
        for member in members:
            actions.append(Close(member.sid, CLOSE_CODES[code], code))
            del self._members[member.sid]
        del self._rooms[room.info.name]
        actions.append(RoomClosed(room.info.name))
        return actions

    # What members say. -----------------------------------------------------------------------------------------

    def _answer(self, member: _Member, message: FromMember, now: float) -> list[RegistryAction]:
        """Carry a message out, or refuse it; either way its id is answered once, and first."""
        try:
            actions = self._carry_out(member, message, now)
        except MessageError as refused:
            refused.re = message.id
            return [Send(member.sid, error_of(refused))]
        if message.id is not None:
            actions.insert(0, Send(member.sid, Ok(re=message.id)))
        return actions

    def _carry_out(self, member: _Member, message: FromMember, now: float) -> list[RegistryAction]:
        """Change nothing and raise MessageError, or do it whole."""
        room = self._rooms[member.room]
        match message:
            case Update():
                return self._update(room, member, message)
            case ChangeTrack():
                return self._change_track(room, member, message)
            case Moderate(identity=identity):
                _need(member.grants.admin, "admin")
                return self._dismiss(_find(room, identity), ErrorCode.REMOVED, message.reason or "removed", now)
            case Leave(reason=reason):
                left = self._remove(member, reason or "left", now, wanted=True)
                return [Close(member.sid, NORMAL_CLOSURE, "left"), *left]
            case _:
                return self._pass_on(room, member, message)

    def _pass_on(self, room: _Room, member: _Member, message: Addressed | Broadcast) -> list[RegistryAction]:
        identity = member.participant.identity
        if isinstance(message, Broadcast):
            _need(member.grants.data, "data")
            if message.to is None:
                return _tell(room.others(member), broadcast(message, identity))
            present = [room.members[to] for to in dict.fromkeys(message.to) if to in room.members]
            if message.to and not present:
                raise MessageError(ErrorCode.NOT_FOUND, "none of the recipients is in the room")
            return _tell(present, broadcast(message, identity))
        _need(member.grants.publish or member.grants.subscribe, "publish or subscribe")
        check(message)
        receiver = _find(room, message.to)
        _count_candidates(member, message)
        filtered = member.is_human and not receiver.is_human
        relayed = relay(message, identity, self._settings.candidates if filtered else None)
        return [] if relayed is None else _tell([receiver], relayed)

    def _update(self, room: _Room, member: _Member, message: Update) -> list[RegistryAction]:
        _need(member.grants.update_own, "updateOwn")
        old = member.participant
        merged = {**old.attributes, **message.attributes}
        attributes = {key: value for key, value in merged.items() if value is not None}
        if not attributes_fit(attributes):
            raise MessageError(ErrorCode.TOO_LARGE, "these attributes and those already set are too many together")
        changed = old.model_copy(
            update={
                "attributes": attributes,
                "name": old.name if message.name is None else message.name,
                "metadata": old.metadata if message.metadata is None else message.metadata,
            }
        )
        return _describe_anew(room, member, changed)

    def _change_track(self, room: _Room, member: _Member, message: ChangeTrack) -> list[RegistryAction]:
        _need(member.grants.publish, "publish")
        others = tuple(track for track in member.participant.tracks if track.id != message.track.id)
        known = len(others) < len(member.participant.tracks)
        if message.op != "publish" and not known:
            raise MessageError(ErrorCode.NOT_FOUND, "no such track was published")
        if len(others) >= MAX_TRACKS:
            raise MessageError(ErrorCode.TOO_LARGE, f"more than {MAX_TRACKS} tracks")
        tracks = others if message.op == "unpublish" else (*others, message.track)
        return _describe_anew(room, member, member.participant.model_copy(update={"tracks": tracks}))


def _describe(claims: Claims, sid: str) -> Participant:
    return Participant(
        identity=claims.sub,
        sid=sid,
        name=claims.name or claims.sub,
        kind=claims.kind,
        metadata=claims.metadata,
        attributes=claims.attributes,
    )


def _describe_anew(room: _Room, member: _Member, changed: Participant) -> list[RegistryAction]:
    if changed == member.participant:
        return []
    member.participant = changed
    return _tell(room.others(member), ParticipantChanged(op="updated", participant=changed))


def _tell(members: Iterable[_Member], event: Event) -> list[RegistryAction]:
    """The event for each of them, with the next number of its session."""
    actions: list[RegistryAction] = []
    for member in members:
        member.seq += 1
        actions.append(Send(member.sid, event.model_copy(update={"seq": member.seq})))
    return actions


def _find(room: _Room, identity: str) -> _Member:
    member = room.members.get(identity)
    if member is None:
        raise MessageError(ErrorCode.NOT_FOUND, f"{identity} is not in the room")
    return member


def _need(granted: bool, grant: str) -> None:
    if not granted:
        raise MessageError(ErrorCode.FORBIDDEN, f"the token does not grant this ({grant})")


def _count_candidates(member: _Member, message: Addressed) -> None:
    """Refuse more trickled candidates than a description may carry: each costs an agent time and packets."""
    if isinstance(message, Offer | Answer):
        member.candidates[message.to] = 0
    elif isinstance(message, Candidate):
        count = member.candidates.get(message.to, 0) + 1
        if count > MAX_CANDIDATES:
            raise MessageError(
                ErrorCode.TOO_LARGE, f"more than {MAX_CANDIDATES} candidates since the last description"
            )
        member.candidates[message.to] = count
