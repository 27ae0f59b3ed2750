"""What those who rule rooms over HTTP may ask for, and how a room is described and changed by it.

Pure: the bodies of requests, and what follows from them in a room.
"""

from typing import Annotated, Literal

from pydantic import Field, JsonValue

from signaling.envelope import (
    AgentWish,
    AttributeChanges,
    Attributes,
    Identity,
    Metadata,
    Model,
    Payload,
    Recipients,
    Word,
)
from signaling.events import RegistryAction
from signaling.member_messages import RelayedData
from signaling.members import Room, tell
from signaling.requests import merged_attributes
from signaling.room_messages import RoomChanged

SERVER_IDENTITY = "@server"
"""Who data is from that comes over HTTP; no participant can be called so and be mistaken for it."""

Seconds = Annotated[float, Field(ge=0.0, le=86_400.0)]


class RoomChanges(Model):
    """What a room shall be; what is left out stays as it is."""

    metadata: Metadata | None = None
    attributes: AttributeChanges = Field(default_factory=dict)
    max_participants: Annotated[int, Field(ge=1, le=100)] | None = None
    departure_timeout_s: Seconds | None = None
    agents: Annotated[tuple[AgentWish, ...], Field(max_length=3)] | None = None
    """Those that come with the first human."""


class RoomRequest(RoomChanges):
    """A room to open, or to change if it is open."""

    name: Identity
    empty_timeout_s: Seconds | None = None
    """For its first human to come; it counts when the room is opened."""


class MuteRequest(Model):
    """Which track to mute, or all; false lets it be heard again."""

    track: Word | None = None
    muted: bool = True


class DataRequest(Model):
    """Data for some participants, or for all."""

    topic: Word
    payload: Payload = None
    to: Recipients | None = None


class DispatchRequest(Model):
    """An agent to send to a room."""

    agent: Word = ""
    metadata: Metadata = ""
    attributes: Attributes = Field(default_factory=dict)
    participant: Identity | None = None
    """Whom the agent is for, who must be in the room; None for whoever is there."""
    restart: Literal["on_failure", "never"] = "on_failure"


class DrainRequest(Model):
    """How long a worker's jobs may go on."""

    timeout_s: Seconds = 600.0


def change_room(room: Room, changes: RoomChanges) -> list[RegistryAction]:
    """Change what a room is and tell everybody in it.

    Raises:
        MessageError: `too_large`.
    """
    attributes = merged_attributes(room.info.attributes, changes.attributes)
    if changes.max_participants is not None:
        room.max_participants = changes.max_participants
    if changes.departure_timeout_s is not None:
        room.departure_timeout = changes.departure_timeout_s
    if changes.agents is not None:
        room.agents = changes.agents
    config: dict[str, JsonValue] = {"max_participants": room.max_participants}
    metadata = room.info.metadata if changes.metadata is None else changes.metadata
    changed = room.info.model_copy(update={"metadata": metadata, "attributes": attributes, "config": config})
    if changed == room.info:
        return []
    room.info = changed
    room.changed.add(changed.name)
    return tell(room.members.values(), RoomChanged(op="updated", room=changed))


def send_data(room: Room, request: DataRequest) -> list[RegistryAction]:
    """Give data to those who are named and here, or to all."""
    to = None if request.to is None else set(request.to)
    hearers = [member for member in room.members.values() if to is None or member.identity in to]
    return tell(hearers, RelayedData(sender=SERVER_IDENTITY, topic=request.topic, payload=request.payload))
