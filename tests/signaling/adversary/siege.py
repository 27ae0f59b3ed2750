"""A server that is attacked, and two people in the next room who must notice nothing of it."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace

import psutil
import pytest

from signaling.settings import Settings
from tests.signaling.serving import DEV, Site, Socket, serving

NEXT_ROOM = "next-room"
BESIEGED = replace(DEV, rooms=replace(DEV.rooms, departure_timeout=0.0))
"""A room that everybody has left is gone at once."""
SETTLED = 20.0
"""Seconds in which the server must be rid of all traces; generous, since tests run side by side."""


@dataclass
class Traces:
    """What an attack may not leave behind."""

    sockets: int
    rooms: frozenset[str]
    tasks: int
    files: int

    def within(self, before: "Traces") -> bool:
        """Whether nothing is there that was not before; the test's own HTTP connection may be."""
        known = self.sockets == before.sockets and self.rooms == before.rooms
        return known and self.tasks <= before.tasks + 1 and self.files <= before.files + 2

    @classmethod
    def of(cls, site: Site) -> "Traces":
        node = site.app.state.node
        rooms = frozenset(room.name for room in node.rooms())
        return cls(node.watch.sockets, rooms, len(asyncio.all_tasks()), psutil.Process().num_fds())


async def converse(ann: Socket, bob: Socket, over: asyncio.Event) -> int:
    """Ann counts and Bob hears every number, in order; gives how many."""
    number = 0
    while not over.is_set() or number < 10:
        await ann.send("data", topic="count", payload=number, to="bob")
        heard = await bob.expect("data")
        assert (heard["from"], heard["payload"]) == ("ann", number)
        number += 1
        await asyncio.sleep(0.03)
    return number


@contextlib.asynccontextmanager
async def siege(caplog: pytest.LogCaptureFixture, settings: Settings = BESIEGED, **changes) -> AsyncIterator[Site]:
    """Attack within the block; after it nothing may be left, in memory or in the log."""
    caplog.set_level(logging.DEBUG, "signaling")
    async with (
        serving(settings, **changes) as site,
        site.joined("ann", NEXT_ROOM) as ann,
        site.joined("bob", NEXT_ROOM) as bob,
    ):
        before, over = Traces.of(site), asyncio.Event()
        async with asyncio.TaskGroup() as group:
            talk = group.create_task(converse(ann, bob, over))
            try:
                yield site
            finally:
                over.set()
        assert talk.result() >= 10
        try:
            async with asyncio.timeout(SETTLED):
                while not (now := Traces.of(site)).within(before):
                    await asyncio.sleep(0.05)
        except TimeoutError:
            pytest.fail(f"something is left behind: {now}, which was {before}")
        node = site.app.state.node
        assert [one.identity for one in node.participants(NEXT_ROOM)] == ["ann", "bob"]
    ours = [record for record in caplog.records if record.name.startswith("signaling")]
    assert not [record.getMessage() for record in ours if record.levelno >= logging.ERROR], "defects of ours"
    said = "\n".join(record.getMessage() for record in ours)
    for secret in ("eyJ", "ice-pwd", "a=fingerprint", "candidate:"):
        assert secret not in said, f"{secret} is in the log"
