"""What a signaling server needs from whatever it shares with others: the interface, and the values that pass it.

The cut between the node and its state elsewhere (docs/decisions/0002). Everything that passes is JSON or can be made
of it, every step that must be atomic is one method, and nothing here knows of a clock but the engine's own.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Protocol

from pydantic import JsonValue

NODE_LEASE: Final = 6.0
"""Seconds without `announce_node` after which a node is dead, and all that it wrote with it."""
FRESH: Final = 5.0
"""Seconds without a status after which a worker is reserved for nothing: two beats of it."""
MAX_INBOX: Final = 10_000
"""Messages that wait for one node; then the oldest are lost, as a node that far behind is as good as dead."""

Value = Mapping[str, JsonValue]


class EngineError(Exception):
    """The engine cannot be reached, or does not answer. Nothing is known of what was asked."""


class StaleOwnerError(Exception):
    """Another node owns the room by now: whatever was asked was not done.

    Attributes:
        room: The name of the room.
    """

    def __init__(self, room: str) -> None:
        super().__init__(f"room {room} belongs to another node by now")
        self.room = room


class Kind(StrEnum):
    """What a record describes."""

    NODE = "node"
    ROOM = "room"
    PARTICIPANT = "participant"
    """Its key is `participant_key`."""
    WORKER = "worker"
    JOB = "job"


@dataclass(frozen=True, slots=True)
class Ownership:
    """Who owns a room. Each change of owner has a higher epoch; so whatever an earlier one still does is refused."""

    node: str
    epoch: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """Something that all nodes may read, and one writes.

    Attributes:
        value: JSON.
        node: Who wrote it; it is gone as soon as that node is dead.
        fence: The room and the epoch in whose name it is written; None where no room is concerned.
    """

    kind: Kind
    key: str
    value: Value
    node: str = ""
    fence: tuple[str, int] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Want:
    """A worker is wanted for a job.

    Attributes:
        attempt: Counts the offers of this job: asking twice for the same gives the same.
        fence: The room and the epoch in whose name it is asked.
        agent: The name of the agent; "" for any.
        tried: Workers that are not to be asked again.
        first: Who is asked before all others, if it can take it.
        at: Only workers that this node announced; None for all.
    """

    job: str
    attempt: int
    fence: tuple[str, int]
    agent: str = ""
    tried: frozenset[str] = frozenset()
    first: str | None = None
    at: str | None = None


@dataclass(frozen=True, slots=True)
class Reserved:
    """This worker holds a slot for the job, until it is settled."""

    worker: str


@dataclass(frozen=True, slots=True)
class NobodyFree:
    """Nobody can take the job; the reason is for the people who wait."""

    reason: str


class Engine(Protocol):
    """What the nodes share, as one of them sees it.

    Each method may raise EngineError. The caller bounds each wait, apart from `receive`.
    """

    @property
    def node(self) -> str:
        """The id of the node that this is for."""
        ...

    async def announce_node(self, state: Value) -> str:
        """Say that this node is alive, which holds for `NODE_LEASE`; its state is a record of kind `node`.

        Returns:
            What names the engine's memory of this node: another one than the last time means that all is lost which
            this node wrote, owned and reserved, since it was silent for too long or the engine was started anew.
        """
        ...

    async def own_room(self, room: str) -> Ownership:
        """Own a room, unless a living node does; atomic. To own it already changes nothing."""
        ...

    async def release_room(self, room: str, epoch: int) -> None:
        """Own a room no more; nothing happens if another one does by now."""
        ...

    async def put(self, *records: Record) -> None:
        """Write records of this node, all or none; a value replaces the one before.

        Raises:
            StaleOwnerError: A fence is an earlier epoch's, or of a room that this node does not own.
        """
        ...

    async def remove(self, *keys: tuple[Kind, str]) -> None:
        """Take back records of this node; those that are not there do no harm."""
        ...

    async def get(self, kind: Kind, key: str) -> Record | None:
        """The record that a living node wrote."""
        ...

    async def scan(self, kind: Kind, prefix: str = "") -> tuple[Record, ...]:
        """The records of all living nodes whose keys begin like this; those of one node in the order of writing."""
        ...

    async def send(self, node: str, message: Value) -> bool:
        """Put a message into a node's inbox, where those of one sender keep their order.

        Returns:
            False if there is no such living node.
        """
        ...

    async def receive(self) -> Value:
        """The next message for this node; waits for it."""
        ...

    async def reserve(self, want: Want) -> Reserved | NobodyFree:
        """Find a worker and hold a slot of it; atomic, so that none ever holds more than its `max_jobs`.

        Records of kind `worker` say who there is (signaling/records.py). The choice is that of
        `signaling.engine.placement`.

        Raises:
            StaleOwnerError: The fence is an earlier epoch's, or of a room that this node does not own.
        """
        ...

    async def settle(self, job: str, attempt: int) -> bool:
        """Give back the slot of this attempt, once; False if none is held for it, by now or ever."""
        ...

    async def sweep(self) -> tuple[str, ...]:
        """Clear away what dead nodes left: rooms, records, slots, inboxes.

        Returns:
            Their ids; each is given to one caller only.
        """
        ...


def participant_key(room: str, identity: str = "") -> str:
    """The key of somebody in a room; without an identity the prefix of all of them."""
    # A slash is in no name of a room.
    return f"{room}/{identity}"
