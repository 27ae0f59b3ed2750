"""The open rooms of this server by name, how many there may be, and reports of who comes and goes.

Pure; a part of the registry.
"""

from collections.abc import Callable

from signaling.envelope import RoomInfo
from signaling.errors import ErrorCode, MessageError
from signaling.members import Member, Room, RoomSettings
from signaling.reports import (
    ParticipantJoined,
    ParticipantKicked,
    ParticipantLeft,
    Report,
    RoomFinished,
    RoomStarted,
)


class Rooms(dict[str, Room]):
    """The rooms.

    Args:
        settings: How rooms live, and how many may.
        new_id: Makes an id with the given prefix, unlike any other.

    Attributes:
        reports: What has happened, until somebody takes it.
        changed: The names of rooms that are not what they were, until somebody takes them.
    """

    def __init__(self, settings: RoomSettings, new_id: Callable[[str], str]) -> None:
        super().__init__()
        self._settings = settings
        self._new_id = new_id
        self.reports: list[Report] = []
        self.changed: set[str] = set()

    def open(self, name: str, key: str) -> Room:
        """Open a room in the name of an API key.

        Raises:
            MessageError: `no_capacity`.
        """
        settings = self._settings
        if len(self) >= settings.max_rooms:
            raise MessageError(ErrorCode.NO_CAPACITY, "this server has no room for another room", retry_after=5.0)
        quota = settings.max_rooms_per_key
        if quota is not None and sum(room.key == key for room in self.values()) >= quota:
            raise MessageError(ErrorCode.NO_CAPACITY, "this API key has too many open rooms", retry_after=5.0)
        info = RoomInfo(name=name, sid=self._new_id("RM"))
        self[name] = Room(info, settings.max_participants, settings.departure_timeout, key, changed=self.changed)
        self.changed.add(name)
        self.reports.append(RoomStarted(info))
        return self[name]

    def close(self, room: Room) -> None:
        """Forget a room that everybody has left."""
        del self[room.info.name]
        self.changed.add(room.info.name)
        self.reports.append(RoomFinished(room.info))

    def take_changed(self) -> set[str]:
        """The names of rooms that are not what they were when this was called last."""
        changed = set(self.changed)
        # Each room has this very set.
        self.changed.clear()
        return changed

    def enter(self, room: Room, member: Member) -> None:
        """Somebody is in a room from now on."""
        room.members[member.identity] = member
        self.changed.add(room.info.name)
        self.reports.append(ParticipantJoined(room.info, member.participant))

    def leave(self, member: Member, reason: str) -> None:
        """Somebody is in its room no more."""
        room = self[member.room]
        del room.members[member.identity]
        self.changed.add(member.room)
        self.reports.append(ParticipantLeft(room.info, member.participant, reason))

    def kick(self, member: Member, by: str) -> None:
        """Somebody is about to be removed, because somebody else wants it."""
        self.reports.append(ParticipantKicked(room=self[member.room].info, identity=member.identity, by=by))

    def find(self, name: str) -> Room:
        """The open room of this name.

        Raises:
            MessageError: `not_found`.
        """
        if name not in self:
            raise MessageError(ErrorCode.NOT_FOUND, "there is no such room")
        return self[name]
