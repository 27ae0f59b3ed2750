"""What somebody is told on entering a room, and with whom a media connection stands that need not be made again.

Pure; a part of the registry. A server that was restarted knows nobody: all come back and say which connections they
have. Where both ends name the same generation, or one end and our own memory do, it is kept.
"""

from collections.abc import Mapping

from signaling.claims import Claims
from signaling.envelope import Ice, Participant
from signaling.members import Member, Room
from signaling.room_messages import Joined, ServerInfo


def describe(claims: Claims, sid: str) -> Participant:
    """A newcomer, as the token says."""
    return Participant(
        identity=claims.sub,
        sid=sid,
        name=claims.name or claims.sub,
        kind=claims.kind,
        metadata=claims.metadata,
        attributes=claims.attributes,
    )


def is_same(one: Claims, other: Claims) -> bool:
    """Whether two tokens let the same participant into the same room."""
    return (one.sub, one.room, one.kind, one.job, one.epoch) == (
        other.sub,
        other.room,
        other.kind,
        other.job,
        other.epoch,
    )


def keep_links(room: Room, member: Member, known: Mapping[str, int], now: float) -> tuple[str, ...]:
    """Take note of the connections that a member says to have.

    Args:
        room: Where it is.
        member: Who came, or came back.
        known: The generation of each connection, by the other's identity.
        now: Seconds.

    Returns:
        The identities of those with whom the connection stands on both sides.
    """
    kept: list[str] = []
    for other in room.others(member):
        here, there = member.to(other.identity, now), other.to(member.identity, now)
        here.link = known.get(other.identity)
        if here.link is not None and here.link == there.link:
            kept.append(other.identity)
    for identity, gen in known.items():
        # Who is not here yet is asked when coming.
        member.to(identity, now).link = gen
    return tuple(kept)


def welcome(room: Room, member: Member, kept: tuple[str, ...], ice: Ice, server: ServerInfo) -> Joined:
    """The room as a member finds it."""
    return Joined(
        sid=member.sid,
        key=member.key,
        kept=kept,
        room=room.info,
        you=member.participant,
        participants=room.shown_to(member),
        ice=ice,
        server=server,
    )
