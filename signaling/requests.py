"""What a member of a room asks for and the room can do at once: pass something on, change a description, call.

Pure; a part of the registry. Each function changes nothing and raises MessageError, or does it whole and says what
is to be told to whom.
"""

from collections.abc import Callable, Mapping
from typing import Final

from signaling.envelope import Participant, attributes_fit
from signaling.errors import ErrorCode, MessageError
from signaling.events import FromMember, RegistryAction
from signaling.member_messages import Answer, Candidate, Offer, RelayedRpc, Rpc, RpcResult
from signaling.members import Member, Room, Toward, need, tell
from signaling.relay import Addressed, Broadcast, broadcast, check, relay
from signaling.room_messages import ChangeTrack, Leave, Moderate, Update
from signaling.rpc import PendingCall, PendingCalls
from signaling.sdp import MAX_CANDIDATES, CandidatePolicy

MAX_TRACKS: Final = 8


class Requests:
    """Carries out what members ask for, as far as nobody comes or goes by it.

    Args:
        members: All members by session, kept by the registry.
        policy: Which candidates of humans agents may be given.
        new_id: Makes an id with the given prefix, unlike any other and not to be guessed.
    """

    def __init__(self, members: Mapping[str, Member], policy: CandidatePolicy, new_id: Callable[[str], str]) -> None:
        self._members = members
        self._policy = policy
        self._new_id = new_id
        self._calls = PendingCalls()

    @property
    def deadline(self) -> float | None:
        """When `expire` has something to do."""
        return self._calls.deadline

    def carry_out(self, room: Room, member: Member, message: FromMember, now: float) -> list[RegistryAction]:
        """Change nothing and raise MessageError, or do it whole."""
        match message:
            case Update():
                return update(room, member, message)
            case ChangeTrack():
                return change_track(room, member, message)
            case Moderate():
                need(member.claims.grants.admin, "admin")
                return moderate(room, room.find(message.identity), message)
            case Rpc():
                return self._call(room, member, message, now)
            case RpcResult(re=call):
                pending = self._calls.answer(call, member.sid)
                return tell([self._members[pending.caller]], pending.answered(message))
            case Leave():
                raise AssertionError("who leaves is removed by the registry")
            case _:
                return pass_on(room, member, message, self._policy, now)

    def expire(self, now: float) -> list[RegistryAction]:
        """Tell those who have waited too long for an answer."""
        return self._fail(self._calls.expire(now), "timeout", "the call was not answered in time")

    def drop(self, member: Member) -> list[RegistryAction]:
        """A member is gone: tell those who wait for its answers."""
        return self._fail(self._calls.drop(member.sid), ErrorCode.GONE, "who was called has left the room")

    def _fail(self, calls: list[PendingCall], code: str, text: str) -> list[RegistryAction]:
        actions: list[RegistryAction] = []
        for pending in calls:
            caller = self._members.get(pending.caller)
            actions += [] if caller is None else tell([caller], pending.failed(code, text))
        return actions

    def _call(self, room: Room, member: Member, rpc: Rpc, now: float) -> list[RegistryAction]:
        need(member.claims.grants.data, "data")
        if rpc.id is None:
            raise MessageError(ErrorCode.BAD_REQUEST, "an rpc needs an id, by which it is answered")
        callee = room.find(rpc.to)
        call = self._new_id("RC")
        pending = PendingCall(caller=member.sid, request=rpc.id, callee=callee.sid, identity=callee.identity)
        self._calls.open(call, pending, now + rpc.timeout_ms / 1000)
        relayed = RelayedRpc(
            sender=member.identity, call=call, method=rpc.method, payload=rpc.payload, timeout_ms=rpc.timeout_ms
        )
        return tell([callee], relayed)


def pass_on(
    room: Room, member: Member, message: Addressed | Broadcast, policy: CandidatePolicy, now: float
) -> list[RegistryAction]:
    """Give a message to another member, or to some, or to all others.

    Args:
        room: Where it is said.
        member: Who says it.
        message: What is said.
        policy: Which candidates of humans agents may be given.
        now: Seconds.

    Raises:
        MessageError: `forbidden`, `not_found`, `bad_request`, `too_large` or `rate_limited`.
    """
    if isinstance(message, Broadcast):
        need(member.claims.grants.data, "data")
        if message.to is None:
            return tell(room.others(member), broadcast(message, member.identity))
        present = [room.members[to] for to in dict.fromkeys(message.to) if to in room.members]
        if message.to and not present:
            raise MessageError(ErrorCode.NOT_FOUND, "none of the recipients is in the room")
        return tell(present, broadcast(message, member.identity))
    grants = member.claims.grants
    need(grants.publish or grants.subscribe, "publish or subscribe")
    check(message)
    receiver = room.find(message.to)
    toward = member.to(message.to, now)
    if isinstance(message, Offer):
        _check_offer(member, message, toward, now)
    elif isinstance(message, Answer):
        toward.candidates = 0
        toward.link = receiver.to(member.identity, now).link = message.gen
    elif isinstance(message, Candidate):
        if toward.candidates >= MAX_CANDIDATES:
            text = f"more than {MAX_CANDIDATES} candidates since the last description"
            raise MessageError(ErrorCode.TOO_LARGE, text)
        toward.candidates += 1
    filtered = receiver.is_agent and not member.is_agent
    relayed = relay(message, member.identity, policy if filtered else None)
    return [] if relayed is None else tell([receiver], relayed)


def _check_offer(member: Member, offer: Offer, toward: Toward, now: float) -> None:
    """Agents never offer; and a new peer connection costs the other side a lot, so there may not be many."""
    if member.is_agent:
        raise MessageError(ErrorCode.FORBIDDEN, "agents never offer: send renegotiate, and an offer will come")
    generation = (offer.pc, offer.gen)
    if generation != toward.gen:
        wait = toward.offers.take(now)
        if wait > 0.0:
            raise MessageError(ErrorCode.RATE_LIMITED, "too many new peer connections", retry_after=wait)
        toward.gen = generation
    toward.candidates = 0


def update(room: Room, member: Member, message: Update) -> list[RegistryAction]:
    """Change what others see of a member.

    Raises:
        MessageError: `forbidden` or `too_large`.
    """
    need(member.claims.grants.update_own, "updateOwn")
    return room.describe(member, _described(member.participant, message))


def change_track(room: Room, member: Member, message: ChangeTrack) -> list[RegistryAction]:
    """Publish, change or withdraw a track.

    Raises:
        MessageError: `forbidden`, `not_found` or `too_large`.
    """
    need(member.claims.grants.publish, "publish")
    others = tuple(track for track in member.participant.tracks if track.id != message.track.id)
    known = len(others) < len(member.participant.tracks)
    if message.op != "publish" and not known:
        raise MessageError(ErrorCode.NOT_FOUND, "no such track was published")
    if len(others) >= MAX_TRACKS:
        raise MessageError(ErrorCode.TOO_LARGE, f"more than {MAX_TRACKS} tracks")
    tracks = others if message.op == "unpublish" else (*others, message.track)
    return room.describe(member, member.participant.model_copy(update={"tracks": tracks}))


def moderate(room: Room, target: Member, message: Moderate) -> list[RegistryAction]:
    """Mute or describe a member on somebody else's behalf, who has the right to.

    Raises:
        MessageError: `not_found` or `too_large`.
    """
    if message.op == "update":
        return room.describe(target, _described(target.participant, message), to_itself=True)
    wanted = {track.id for track in target.participant.tracks if message.track in {None, track.id}}
    if not wanted:
        raise MessageError(ErrorCode.NOT_FOUND, "no such track was published")
    tracks = tuple(
        track.model_copy(update={"muted": message.muted}) if track.id in wanted else track
        for track in target.participant.tracks
    )
    return room.describe(target, target.participant.model_copy(update={"tracks": tracks}), to_itself=True)


def merged_attributes(old: Mapping[str, str], changes: Mapping[str, str | None]) -> dict[str, str]:
    """The attributes after a change, in which None takes one back.

    Raises:
        MessageError: `too_large`.
    """
    merged = {**old, **changes}
    attributes = {key: value for key, value in merged.items() if value is not None}
    if not attributes_fit(attributes):
        raise MessageError(ErrorCode.TOO_LARGE, "these attributes and those already set are too many together")
    return attributes


def _described(old: Participant, message: Update | Moderate) -> Participant:
    return old.model_copy(
        update={
            "attributes": merged_attributes(old.attributes, message.attributes),
            "name": old.name if message.name is None else message.name,
            "metadata": old.metadata if message.metadata is None else message.metadata,
        }
    )
