"""What those who rule rooms do to the rooms of this server: a thin layer over the node, without waiting."""

from signaling.administration import DataRequest, MuteRequest, RoomChanges, RoomRequest, change_room, send_data
from signaling.envelope import AgentWish, RoomInfo
from signaling.errors import ErrorCode, MessageError
from signaling.events import RegistryAction
from signaling.jobs import AgentDispatched, DispatchDeleted, Job, WorkerDrained
from signaling.links import new_id
from signaling.node import Node
from signaling.registry import Registry
from signaling.requests import moderate
from signaling.room_messages import Moderate


class Governance:
    """Changes rooms, removes and mutes people, sends agents.

    Every method raises MessageError when it is refused: `not_found`, `no_capacity` or `too_large`.

    Args:
        node: Where rooms and workers are.
    """

    def __init__(self, node: Node) -> None:
        self._node = node

    def open_room(self, wanted: RoomRequest, key: str) -> tuple[RoomInfo, bool]:
        """Open a room in the name of an API key, or change it.

        Returns:
            The room, and whether it is new.
        """
        is_new = self._node.room(wanted.name) is None
        if is_new:
            self._open(wanted.name, wanted.empty_timeout_s, key)
        return self.change_room(wanted.name, wanted), is_new

    def change_room(self, room: str, changes: RoomChanges) -> RoomInfo:
        """Change a room and tell everybody in it."""
        self._node.rule(lambda registry, _: change_room(registry.room(room), changes))
        info = self._node.room(room)
        assert info is not None
        return info

    def close_room(self, room: str) -> None:
        """Close a room."""
        self._node.rule(lambda registry, _: registry.close(registry.room(room)))

    def remove(self, room: str, identity: str, by: str) -> None:
        """Take somebody out, because `by` wants it."""
        self._node.rule(lambda registry, now: registry.remove(room, identity, "removed", now, by))

    def revoke(self, token: str) -> None:
        """Let nobody in with this token any more, and nobody stay."""
        self._node.door.revoke(token)
        self._node.rule(lambda registry, now: registry.revoke(token, now))

    def mute(self, room: str, identity: str, wanted: MuteRequest) -> None:
        """Mute somebody, or let them be heard again."""
        order = Moderate(op="mute", identity=identity, track=wanted.track, muted=wanted.muted)
        self._node.rule(lambda registry, _: moderate(registry.room(room), registry.room(room).find(identity), order))

    def send_data(self, room: str, request: DataRequest) -> None:
        """Give data to those in a room."""
        self._node.rule(lambda registry, _: send_data(registry.room(room), request))

    def dispatch(self, room: str, wish: AgentWish, key: str, *, restart: bool) -> Job:
        """Send an agent to a room, which is opened if need be."""
        most = self._node.settings.dispatch.max_jobs
        if len(self._node.jobs(room)) >= most:
            raise MessageError(ErrorCode.NO_CAPACITY, f"the room has {most} agents already")
        if self._node.room(room) is None:
            self._open(room, None, key)
        info = self._node.room(room)
        assert info is not None
        name = new_id("AJ")
        self._node.post(AgentDispatched(job=name, room=info, wish=wish, restart=restart))
        job = self._node.job(name)
        assert job is not None
        return job

    def delete_dispatch(self, job: str) -> None:
        """End a job."""
        self._node.post(DispatchDeleted(job))

    def drain_worker(self, worker: str, timeout: float) -> None:
        """Have a worker take no more jobs, and go."""
        if not any(one.id == worker and one.lost_at is None for one in self._node.workers()):
            raise MessageError(ErrorCode.NOT_FOUND, "there is no such worker")
        self._node.post(WorkerDrained(worker, timeout))

    def _open(self, room: str, empty_timeout: float | None, key: str) -> None:
        if self._node.is_draining:
            raise MessageError(ErrorCode.SERVER_DRAINING, "this server is about to stop", retry_after=1.0)

        def decide(registry: Registry, now: float) -> list[RegistryAction]:
            registry.open(room, now, empty_timeout, key=key)
            return []

        self._node.rule(decide)
