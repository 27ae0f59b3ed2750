"""The engine of one process: what nodes share lies in its memory. The default, and the measure of every other one.

Several nodes of one process may share a store, as tests do. Values are kept as JSON text: what could not be written
down elsewhere fails here as well, and nobody holds a piece of another's state.
"""

import asyncio
import json
import math
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from random import SystemRandom
from typing import TYPE_CHECKING, Any

from signaling.engine.base import (
    MAX_INBOX,
    NODE_LEASE,
    Kind,
    NobodyFree,
    Ownership,
    Record,
    Reserved,
    StaleOwnerError,
    Value,
    Want,
)
from signaling.engine.placement import Candidate, place
from signaling.links import new_id

if TYPE_CHECKING:
    from random import Random


@dataclass(frozen=True, slots=True, kw_only=True)
class _Written:
    text: str
    at: float


@dataclass(frozen=True, slots=True)
class _Slot:
    attempt: int
    worker: str
    asker: str
    """The node that owns the job."""


@dataclass(slots=True)
class _Node:
    """What one node wrote, and what waits for it; `name` is another one when it is remembered anew."""

    name: str = field(default_factory=lambda: new_id("MY"))
    seen_at: float = -math.inf
    records: dict[tuple[Kind, str], _Written] = field(default_factory=dict[tuple[Kind, str], _Written])
    inbox: deque[str] = field(default_factory=lambda: deque[str](maxlen=MAX_INBOX))
    arrived: asyncio.Event = field(default_factory=asyncio.Event)


class MemoryStore:
    """What the nodes of one process share.

    Args:
        clock: Seconds of any clock.
        random: Draws the workers that are compared.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic, random: "Random | None" = None) -> None:
        self.clock = clock
        self.random = random or SystemRandom()
        self.nodes: dict[str, _Node] = {}
        self.owners: dict[str, Ownership] = {}
        self.slots: dict[str, _Slot] = {}
        """By job."""
        self.epoch = 0

    def forget(self) -> None:
        """Lose everything, as a server does that was started anew."""
        for node in list(self.nodes):
            self.drop(node)

    def drop(self, node: str) -> None:
        """Forget a node, and all that it had."""
        # Who waits for its inbox must come to wait for the new one.
        self.nodes.pop(node, _Node()).arrived.set()
        self.owners = {room: owner for room, owner in self.owners.items() if owner.node != node}
        self.slots = {job: slot for job, slot in self.slots.items() if slot.asker != node}

    def is_alive(self, node: str) -> bool:
        """Whether a node has been heard of within its lease."""
        found = self.nodes.get(node)
        return found is not None and self.clock() - found.seen_at < NODE_LEASE

    def living(self) -> Iterator[tuple[str, _Node]]:
        """The nodes that are alive."""
        return ((name, node) for name, node in self.nodes.items() if self.is_alive(name))


class MemoryEngine:
    """A store as one node sees it; an `Engine`.

    Args:
        store: What is shared.
        node: The node's id.
    """

    def __init__(self, store: MemoryStore, node: str) -> None:
        self._store = store
        self._node = node

    @property
    def node(self) -> str:
        """The id of the node that this is for."""
        return self._node

    async def announce_node(self, state: Value) -> str:
        """Say that this node is alive."""
        if not self._store.is_alive(self._node):
            self._store.drop(self._node)
        self._mine.seen_at = self._store.clock()
        self._write(Record(kind=Kind.NODE, key=self._node, value=state))
        return self._mine.name

    async def own_room(self, room: str) -> Ownership:
        """Own a room, unless a living node does."""
        store = self._store
        owner = store.owners.get(room)
        if owner is None or not (owner.node == self._node or store.is_alive(owner.node)):
            store.epoch += 1
            owner = store.owners[room] = Ownership(self._node, store.epoch)
        return owner

    async def release_room(self, room: str, epoch: int) -> None:
        """Own a room no more."""
        if self._store.owners.get(room) == Ownership(self._node, epoch):
            del self._store.owners[room]

    async def put(self, *records: Record) -> None:
        """Write records of this node."""
        for record in records:
            if record.fence is not None:
                self._check(record.fence)
        for record in records:
            self._write(record)

    async def remove(self, *keys: tuple[Kind, str]) -> None:
        """Take back records of this node."""
        for key in keys:
            self._mine.records.pop(key, None)

    async def get(self, kind: Kind, key: str) -> Record | None:
        """The record that a living node wrote."""
        for name, node in self._store.living():
            written = node.records.get((kind, key))
            if written is not None:
                return Record(kind=kind, key=key, value=json.loads(written.text), node=name)
        return None

    async def scan(self, kind: Kind, prefix: str = "") -> tuple[Record, ...]:
        """The records of all living nodes whose keys begin like this."""
        return tuple(
            Record(kind=kind, key=key, value=json.loads(written.text), node=name)
            for name, node in self._store.living()
            for (of, key), written in node.records.items()
            if of is kind and key.startswith(prefix)
        )

    async def send(self, node: str, message: Value) -> bool:
        """Put a message into a node's inbox."""
        if not self._store.is_alive(node):
            return False
        receiver = self._store.nodes[node]
        receiver.inbox.append(json.dumps(message))
        receiver.arrived.set()
        return True

    async def receive(self) -> Value:
        """The next message for this node."""
        while not self._mine.inbox:
            self._mine.arrived.clear()
            await self._mine.arrived.wait()
        return json.loads(self._mine.inbox.popleft())

    async def reserve(self, want: Want) -> Reserved | NobodyFree:
        """Find a worker and hold a slot of it."""
        self._check(want.fence)
        held = self._store.slots.get(want.job)
        if held is not None and held.attempt == want.attempt:
            return Reserved(held.worker)
        reserved: defaultdict[str, set[str]] = defaultdict(set)
        for job, slot in self._store.slots.items():
            reserved[slot.worker].add(job)
        candidates = [
            self._candidate(key, written, reserved[key])
            for name, node in self._store.living()
            for (kind, key), written in node.records.items()
            if kind is Kind.WORKER and want.at in {None, name}
        ]
        found = place(want, candidates, self._store.random)
        if isinstance(found, Reserved):
            self._store.slots[want.job] = _Slot(want.attempt, found.worker, self._node)
        return found

    async def settle(self, job: str, attempt: int) -> bool:
        """Give back the slot of this attempt."""
        held = self._store.slots.get(job)
        if held is None or held.attempt != attempt:
            return False
        del self._store.slots[job]
        return True

    async def sweep(self) -> tuple[str, ...]:
        """Clear away what dead nodes left."""
        store = self._store
        dead = tuple(name for name in store.nodes if name != self._node and not store.is_alive(name))
        for name in dead:
            store.drop(name)
        return dead

    @property
    def _mine(self) -> _Node:
        return self._store.nodes.setdefault(self._node, _Node())

    def _write(self, record: Record) -> None:
        written = _Written(text=json.dumps(dict(record.value)), at=self._store.clock())
        self._mine.records[record.kind, record.key] = written

    def _check(self, fence: tuple[str, int]) -> None:
        room, epoch = fence
        if self._store.owners.get(room) != Ownership(self._node, epoch):
            raise StaleOwnerError(room)

    def _candidate(self, worker: str, written: _Written, reserved: set[str]) -> Candidate:
        """A worker by its record (signaling/records.py), and by the slots that are held."""
        value: dict[str, Any] = json.loads(written.text)
        return Candidate(
            worker=worker,
            agent=value["agent"],
            max_jobs=value["max_jobs"],
            is_connected=value["connected"],
            state=value["state"],
            load=value["load"],
            held=reserved | set(value["held"]),
            reported=value["reported"],
            quiet=value["quiet"] + self._store.clock() - written.at,
        )
