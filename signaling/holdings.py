"""What this server holds, as the cluster asks for it, and what other servers may have done to it.

A shell without waiting, between the node and its cluster.
"""

from collections.abc import Callable
from typing import Protocol, assert_never

from signaling.dispatch import Dispatch
from signaling.door import Door
from signaling.engine.base import Value
from signaling.envelope import RoomInfo
from signaling.errors import ErrorCode, MessageError
from signaling.events import RegistryAction
from signaling.jobs import DispatchEvent, NobodyReserved, WorkerDrained, WorkerReserved
from signaling.orders import DrainWorker, Order, RevokeToken
from signaling.records import Entry, entries_of_room, entry_of_job, entry_of_worker
from signaling.registry import Registry
from signaling.watch import Watch


class Host(Protocol):
    """The node, by which everything is done."""

    watch: Watch
    door: Door
    now: Callable[[], float]
    """The time by which everybody's patience counts."""

    def post(self, event: DispatchEvent) -> None:
        """Take an event and all that follows from it."""
        ...

    def rule(self, decide: Callable[[Registry, float], list[RegistryAction]]) -> None:
        """Perform what somebody with the right to it does to rooms."""
        ...


class Holdings:
    """Rooms, jobs and workers of this server; a `Holder` for the cluster.

    Args:
        registry: Is asked for rooms.
        dispatch: Is asked for jobs and workers.
        host: Does what is wanted.
    """

    def __init__(self, registry: Registry, dispatch: Dispatch, host: Host) -> None:
        self._registry = registry
        self._dispatch = dispatch
        self._host = host

    def state(self) -> Value:
        """What other servers may know of this one."""
        return {"rooms": len(self._registry.rooms()), "sockets": self._host.watch.sockets}

    def room(self, name: str) -> RoomInfo | None:
        """An open room."""
        try:
            return self._registry.room(name).info
        except MessageError:
            return None

    def is_open(self, room: str) -> bool:
        """Whether there is such a room here."""
        return self.room(room) is not None

    def entries_of_room(self, room: str) -> list[Entry]:
        """A room and those in it."""
        info = self.room(room)
        return [] if info is None else list(entries_of_room(info, self._registry.participants(room) or ()))

    def entries_of_dispatch(self) -> list[Entry]:
        """All jobs and workers."""
        now = self._host.now()
        jobs = [entry_of_job(job, is_live=is_live) for job, is_live in self._dispatch.all_jobs()]
        return jobs + [entry_of_worker(worker, now) for worker in self._dispatch.workers()]

    def settle_want(self, answer: WorkerReserved | NobodyReserved) -> None:
        """A worker was found for a job, or not."""
        self._host.post(answer)

    def lose_room(self, room: str) -> None:
        """Another server owns a room of this one: everybody is sent there."""
        if self.is_open(room):
            self._host.rule(lambda registry, _: registry.close(registry.room(room), ErrorCode.SERVER_DRAINING))

    def obey(self, order: Order) -> None:
        """Carry out what somebody wants who asked this server, or another one."""
        match order:
            case RevokeToken(token=token):
                self._host.door.revoke(token)
                self._host.rule(lambda registry, now: registry.revoke(token, now))
            case DrainWorker(worker=worker, timeout_s=timeout):
                self._host.post(WorkerDrained(worker, timeout))
            case _:
                assert_never(order)
