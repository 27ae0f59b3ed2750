"""The media connections of a signaled room: opened, fed with candidates and closed as `Attendance` decides."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from agent_worker.rooms.attendance import LinkEvent, Open
from agent_worker.rooms.peer import Peer, PeerStatistics
from agent_worker.rooms.signaled_link import hold_link
from signaling.messages import RelayedCandidate

__all__ = ["Peers"]

MAX_CANDIDATES: Final = 64
"""Candidates that a connection has not taken; what comes on top is dropped."""


@dataclass(frozen=True, slots=True)
class _Held:
    identity: str
    peer: Peer
    task: asyncio.Task[None]
    candidates: asyncio.Queue[RelayedCandidate]


class Peers:
    """All connections, by their numbers.

    Args:
        make: Makes a connection that was not entered yet.
        tell: Told what happens to them.
    """

    def __init__(self, make: Callable[[], Peer], tell: Callable[[LinkEvent], None]) -> None:
        self._make = make
        self._tell = tell
        self._held: dict[int, _Held] = {}

    def open(self, wanted: Open, tasks: asyncio.TaskGroup) -> None:
        """Answer an offer, and hold the connection in these tasks."""
        peer = self._make()
        candidates = asyncio.Queue[RelayedCandidate](MAX_CANDIDATES)
        task = tasks.create_task(hold_link(peer, wanted, candidates, self._tell))
        task.add_done_callback(lambda _: self._held.pop(wanted.link))
        self._held[wanted.link] = _Held(wanted.identity, peer, task, candidates)

    def add_candidate(self, link: int, candidate: RelayedCandidate) -> None:
        """One more way to the other side; one too many is dropped."""
        queue = self._held[link].candidates
        if not queue.full():
            queue.put_nowait(candidate)

    def close(self, link: int) -> None:
        """End a connection."""
        self._held[link].task.cancel()

    def close_all(self) -> None:
        """End all of them."""
        for held in self._held.values():
            held.task.cancel()

    async def statistics(self) -> dict[str, PeerStatistics]:
        """How those that stand are doing, by identity."""
        found = [(held.identity, held.peer) for held in self._held.values() if held.peer.is_connected]
        return {identity: await peer.statistics() for identity, peer in found}
