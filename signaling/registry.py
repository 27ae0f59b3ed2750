"""Rooms and who is in them: what a participant says goes in, what others are told comes out.

Pure: `receive(event, now)` and `advance(now)` give actions, `deadline` says when to call again. A request with an id
is answered exactly once, because every message passes through `_answer`. A room opens with its first participant
and closes by itself: `empty_timeout` after its opening when no human came, `departure_timeout` after the last human
left. Agents do not keep a room open. Whose socket is lost stays a member for `reconnect_timeout`, and a client that
comes back with the key of its session is told what it missed.
"""

import hmac
from collections.abc import Callable
from typing import assert_never

from signaling.claims import Claims
from signaling.envelope import Ok, Participant, RoomInfo, error_of
from signaling.errors import CLOSE_CODES, ErrorCode, MessageError
from signaling.events import (
    AgentArrived,
    AgentDeparted,
    AgentRevoked,
    Announced,
    Arrived,
    Close,
    Departure,
    Disconnected,
    FirstHumanArrived,
    FromMember,
    LastHumanLeft,
    Received,
    RegistryAction,
    RegistryEvent,
    Renewed,
    RenewIce,
    RenewToken,
    Returned,
    RoomClosed,
    Send,
    TokenShown,
)
from signaling.member_messages import Rpc
from signaling.members import Due, Member, Room, RoomSettings, need, tell
from signaling.removed import Removed
from signaling.reports import Report
from signaling.requests import Requests
from signaling.room_messages import Leave, Left, Moderate, ParticipantChanged, Resume, RoomChanged
from signaling.rooms import Rooms
from signaling.tenure import Tenure
from signaling.timers import Timers
from signaling.welcome import describe, is_same, keep_links, welcome

NORMAL_CLOSURE = 1000


class Registry:
    """All rooms of this server.

    Args:
        settings: How rooms live.
        new_id: Makes an id with the given prefix, unlike any other and not to be guessed.
    """

    def __init__(self, settings: RoomSettings, new_id: Callable[[str], str]) -> None:
        self._settings = settings
        self._new_id = new_id
        self._rooms = Rooms(settings, new_id)
        self._members: dict[str, Member] = {}
        self._requests = Requests(self._members, settings.candidates, new_id)
        self._removed = Removed()
        self._timers = Timers[tuple[Due, str]]()
        self._tenure = Tenure(settings, self._timers)

    @property
    def deadline(self) -> float | None:
        """When `advance` has something to do, or None."""
        due = [at for at in (self._timers.earliest, self._requests.deadline) if at is not None]
        return min(due, default=None)

    def rooms(self) -> tuple[RoomInfo, ...]:
        """All open rooms."""
        return tuple(room.info for room in self._rooms.values())

    def participants(self, room: str) -> tuple[Participant, ...] | None:
        """Who is in a room; None when there is no such room."""
        found = self._rooms.get(room)
        return None if found is None else tuple(member.participant for member in found.members.values())

    def take_reports(self) -> list[Report]:
        """What has happened since this was called last."""
        reports, self._rooms.reports = self._rooms.reports, []
        return reports

    def take_changed(self) -> set[str]:
        """The names of rooms that are not what they were when this was called last."""
        return self._rooms.take_changed()

    def can_resume(self, claims: Claims, resume: Resume) -> bool:
        """Whether a client with this token may take over the session that it names."""
        member = self._members.get(resume.sid)
        if member is None or not hmac.compare_digest(member.key.encode(), resume.key.encode()):
            return False
        return is_same(member.claims, claims)

    def room(self, name: str) -> Room:
        """The open room of this name, or MessageError `not_found`."""
        return self._rooms.find(name)

    def open(self, name: str, now: float, empty_timeout: float | None = None, *, key: str = "") -> Room:
        """Open a room, which closes by itself should no human come; `key` is the id of the API key that did.

        Raises:
            MessageError: `no_capacity`.
        """
        room = self._rooms.open(name, key)
        patience = self._settings.empty_timeout if empty_timeout is None else empty_timeout
        self._timers.set((Due.CLOSE, name), now + patience)
        return room

    def receive(self, event: RegistryEvent, now: float) -> list[RegistryAction]:
        """What follows from an event."""
        match event:
            case Arrived():
                return self._arrive(event, now)
            case AgentRevoked():
                return self._revoke(event, now)
            case Announced(room=name, event=announcement, only=only):
                room = self._rooms.get(name)
                humans = [] if room is None else [member for member in room.members.values() if not member.is_agent]
                return tell((human for human in humans if only in {None, human.sid}), announcement)
            case _:
                member = self._members.get(event.sid)
                return [] if member is None else self._on_member(member, event, now)

    def _on_member(
        self, member: Member, event: Returned | TokenShown | Renewed | Received | Disconnected, now: float
    ) -> list[RegistryAction]:
        match event:
            case Returned():
                return self._return(member, event, now)
            case TokenShown():
                return self._take_token(member, event, now)
            case Renewed(event=renewed):
                self._tenure.renew(member, event, now)
                return tell([member], renewed)
            case Received(message=message):
                return self._answer(member, message, now)
            case Disconnected(reason=reason):
                return self._lose(member, reason, now)
            case _:
                assert_never(event)

    def advance(self, now: float) -> list[RegistryAction]:
        """Do what is due."""
        actions: list[RegistryAction] = []
        while (due := self._timers.pop_due(now)) is not None:
            actions += self._do_due(*due, now)
        return actions + self._requests.expire(now)

    def _do_due(self, what: Due, name: str, now: float) -> list[RegistryAction]:
        match what:
            case Due.CLOSE:
                return self.close(self._rooms[name])
            case Due.REMOVE:
                return self._remove(self._members[name], "disconnected", now, Departure.LOST)
            case Due.TOKEN:
                return [RenewToken(name, self._members[name].claims)]
            case Due.EXPIRED:
                code = ErrorCode.TOKEN_EXPIRED
                return self._dismiss(self._members[name], code, code, now, Departure.LEFT)
            case Due.ICE:
                return [RenewIce(name, self._members[name].identity)]
            case _:
                assert_never(what)

    # Coming. ---------------------------------------------------------------------------------------------------

    def _arrive(self, event: Arrived, now: float) -> list[RegistryAction]:
        claims = event.claims
        try:
            room = self._admit(event, now)
        except MessageError as refused:
            refused.re = event.request
            return [Send(event.sid, error_of(refused)), Close(event.sid, CLOSE_CODES[refused.code], refused.code)]
        replaced = room.members.get(claims.sub)
        actions = [] if replaced is None else self._replace(replaced, now)
        had_human = room.has_human()
        member = Member(
            participant=describe(claims, event.sid),
            room=room.info.name,
            claims=claims,
            key=self._new_id("SK"),
            expires=now + event.token_life,
        )
        self._members[member.sid] = member
        self._rooms.enter(room, member)
        self._tenure.begin(member, event.token_life, event.ice, now)
        kept = keep_links(room, member, event.known_peers, now)
        if not member.is_hidden:
            for other in room.others(member):
                arrival = ParticipantChanged(op="joined", participant=member.participant)
                actions += tell([other], arrival.model_copy(update={"kept": other.identity in kept or None}))
        actions += tell([member], welcome(room, member, kept, event.ice, event.server))
        if event.request is not None:
            actions.append(Send(member.sid, Ok(re=event.request)))
        if member.is_human:
            self._timers.cancel((Due.CLOSE, room.info.name))
        if member.is_human and not had_human:
            first = FirstHumanArrived(
                room=room.info,
                participant=member.participant,
                agents=(*room.agents, *event.agents),
                returning=event.returning,
            )
            actions.append(first)
        if member.job is not None:
            actions.append(AgentArrived(room=room.info.name, job=member.job[0], epoch=member.job[1]))
        return actions

    def _admit(self, event: Arrived, now: float) -> Room:
        """The room that the token names, opened if need be.

        Raises:
            MessageError: `forbidden`, `room_full`, `no_capacity` or `duplicate_identity`.
        """
        claims = event.claims
        assert claims.room is not None, "a token without a room never gets here"
        issued = None if event.token_age is None else now - event.token_age
        if self._removed.bars(claims.room, claims.sub, issued=issued, now=now):
            raise MessageError(ErrorCode.FORBIDDEN, "you were removed from this room: a newer token is needed")
        room = self._rooms.get(claims.room) or self.open(claims.room, now, key=claims.iss)
        present = room.members.get(claims.sub)
        if present is None and len(room.members) >= room.max_participants:
            raise MessageError(ErrorCode.ROOM_FULL, "the room is full", retry_after=5.0)
        if present is not None and present.is_agent != (claims.kind == "agent"):
            raise MessageError(ErrorCode.DUPLICATE_IDENTITY, "this identity is taken: join with another one")
        return room

    def _return(self, member: Member, event: Returned, now: float) -> list[RegistryAction]:
        """A client goes on with its session: it is told what it missed, or else all there is."""
        room = self._rooms[member.room]
        was_away = member.is_away
        self._timers.cancel((Due.REMOVE, member.sid))
        self._tenure.begin(member, event.token_life, event.ice, now)
        member.claims = event.claims
        missed = member.missed(event.last_seq)
        back = room.describe(member, member.participant.model_copy(update={"state": "active"}))
        kept = keep_links(room, member, event.known_peers, now)
        joined = welcome(room, member, kept, event.ice, event.server)
        if missed is None:
            actions: list[RegistryAction] = tell([member], joined)
        else:
            resumed = joined.model_copy(update={"resumed": True, "seq": event.last_seq})
            actions = [Send(member.sid, resumed)]
            actions += [Send(member.sid, one) for one in missed]
        if event.request is not None:
            actions.append(Send(member.sid, Ok(re=event.request)))
        if member.job is not None and was_away:
            actions.append(AgentArrived(room=room.info.name, job=member.job[0], epoch=member.job[1]))
        return actions + back

    def _take_token(self, member: Member, event: TokenShown, now: float) -> list[RegistryAction]:
        if not is_same(member.claims, event.claims):
            text = "this token is for somebody else, or for another room"
            refused = MessageError(ErrorCode.FORBIDDEN, text, re=event.request)
            return [Send(member.sid, error_of(refused))]
        member.claims = event.claims
        self._tenure.extend(member, event.token_life, now)
        return [] if event.request is None else [Send(member.sid, Ok(re=event.request))]

    # Going. ----------------------------------------------------------------------------------------------------

    def _lose(self, member: Member, reason: str, now: float) -> list[RegistryAction]:
        """A member's socket is gone: it stays for a while, as one who is about to come back."""
        if self._settings.reconnect_timeout <= 0.0:
            return self._remove(member, reason, now, Departure.LOST)
        if member.is_away:
            return []
        self._timers.set((Due.REMOVE, member.sid), now + self._settings.reconnect_timeout)
        room = self._rooms[member.room]
        actions = room.describe(member, member.participant.model_copy(update={"state": "reconnecting"}))
        if member.job is not None:
            actions.append(self._departed(member, Departure.LOST))
        return actions

    def _remove(self, member: Member, reason: str, now: float, how: Departure) -> list[RegistryAction]:
        """Take a member out and tell the others; its session is left alone."""
        room = self._rooms[member.room]
        self._forget(member, reason)
        for other in room.members.values():
            other.toward.pop(member.identity, None)
        gone = ParticipantChanged(op="left", participant=member.participant, reason=reason)
        actions: list[RegistryAction] = [] if member.is_hidden else tell(room.members.values(), gone)
        actions += self._requests.drop(member)
        if member.is_human and not room.has_human():
            self._timers.set((Due.CLOSE, member.room), now + room.departure_timeout)
            actions.append(LastHumanLeft(member.room))
        # Of an agent that was away dispatch knows already.
        if member.job is not None and not (member.is_away and how is Departure.LOST):
            actions.append(self._departed(member, how))
        return actions

    def _forget(self, member: Member, reason: str) -> None:
        del self._members[member.sid]
        self._rooms.leave(member, reason)
        self._timers.cancel((Due.REMOVE, member.sid))
        self._tenure.end(member)

    def _departed(self, member: Member, how: Departure) -> AgentDeparted:
        assert member.job is not None
        return AgentDeparted(room=member.room, job=member.job[0], epoch=member.job[1], how=how)

    def _replace(self, member: Member, now: float) -> list[RegistryAction]:
        """The same identity is at the door without the key of this session: the newest wins."""
        room = self._rooms[member.room]
        links = {other.identity: other.to(member.identity, now).link for other in room.others(member)}
        actions = self._dismiss(member, ErrorCode.DUPLICATE_IDENTITY, "replaced", now, Departure.LOST)
        for other in room.members.values():
            # Its media may stand all the same, which the newcomer's `known_peers` will tell.
            other.to(member.identity, now).link = links[other.identity]
        return actions

    def _dismiss(
        self, member: Member, why: ErrorCode, reason: str, now: float, how: Departure
    ) -> list[RegistryAction]:
        """Take a member out and end its session."""
        actions = tell([member], Left(reason=why))
        actions.append(Close(member.sid, CLOSE_CODES[why], why))
        return actions + self._remove(member, reason, now, how)

    def remove(self, room: str, identity: str, reason: str, now: float, by: str) -> list[RegistryAction]:
        """Take somebody out because `by` wants it, who does not come in again with a token of before.

        Raises:
            MessageError: `not_found`.
        """
        member = self.room(room).find(identity)
        self._rooms.kick(member, by)
        if member.expires > now and not member.is_agent:
            self._removed.add(room, identity, expires=member.expires, now=now)
        return self._dismiss(member, ErrorCode.REMOVED, reason, now, Departure.REMOVED)

    def revoke(self, token: str, now: float) -> list[RegistryAction]:
        """Take out everybody whose token has this `jti`."""
        revoked = [member for member in self._members.values() if member.claims.jti == token]
        return self._dismiss_all(revoked, "token_revoked", now, Departure.REMOVED)

    def _revoke(self, event: AgentRevoked, now: float) -> list[RegistryAction]:
        room = self._rooms.get(event.room)
        members = [] if room is None else list(room.members.values())
        revoked = [member for member in members if member.job == (event.job, event.epoch)]
        return self._dismiss_all(revoked, "superseded", now, Departure.LEFT)

    def _dismiss_all(self, members: list[Member], reason: str, now: float, how: Departure) -> list[RegistryAction]:
        dismissed = [self._dismiss(member, ErrorCode.REMOVED, reason, now, how) for member in members]
        return [action for actions in dismissed for action in actions]

    def close(self, room: Room, code: ErrorCode = ErrorCode.ROOM_CLOSED) -> list[RegistryAction]:
        """Close a room: everybody leaves, to come again at another server if it is only draining here."""
        members = list(room.members.values())
        left = Left(reason=code, action="rejoin" if code is ErrorCode.SERVER_DRAINING else "none")
        actions = tell(members, RoomChanged(op="closing", reason=code)) + tell(members, left)
        for member in members:
            actions.append(Close(member.sid, CLOSE_CODES[code], code))
            self._forget(member, code)
            self._requests.drop(member)
        self._timers.cancel((Due.CLOSE, room.info.name))
        self._rooms.close(room)
        actions.append(RoomClosed(room.info.name))
        return actions

    # What members say. -----------------------------------------------------------------------------------------

    def _answer(self, member: Member, message: FromMember, now: float) -> list[RegistryAction]:
        """Carry a message out, or refuse it; either way its id is answered once, and first."""
        try:
            actions = self._carry_out(member, message, now)
        except MessageError as refused:
            refused.re = message.id
            return [Send(member.sid, error_of(refused))]
        # A call is answered by its result.
        if message.id is not None and not isinstance(message, Rpc):
            actions.insert(0, Send(member.sid, Ok(re=message.id)))
        return actions

    def _carry_out(self, member: Member, message: FromMember, now: float) -> list[RegistryAction]:
        """Change nothing and raise MessageError, or do it whole."""
        match message:
            case Leave(reason=reason):
                left = self._remove(member, reason or "left", now, Departure.LEFT)
                return [Close(member.sid, NORMAL_CLOSURE, "left"), *left]
            case Moderate(op="remove", identity=identity, reason=reason):
                need(member.claims.grants.admin, "admin")
                return self.remove(member.room, identity, reason or "removed", now, member.identity)
            case _:
                return self._requests.carry_out(self._rooms[member.room], member, message, now)
