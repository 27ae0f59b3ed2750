"""What those who rule rooms do to the rooms of this server, and to tokens and workers everywhere: over the node."""

from signaling.administration import (
    DataRequest,
    DispatchRequest,
    MuteRequest,
    RoomChanges,
    RoomRequest,
    change_room,
    send_data,
)
from signaling.engine.base import Kind
from signaling.envelope import AgentWish, Participant, RoomInfo
from signaling.errors import ErrorCode, MessageError
from signaling.jobs import AgentDispatched, DispatchDeleted, Job
from signaling.links import new_id
from signaling.node import Node
from signaling.orders import DrainWorker, RevokeToken
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

    async def open_room(self, wanted: RoomRequest, key: str) -> tuple[RoomInfo, bool]:
        """Open a room in the name of an API key, or change it.

        Returns:
            The room, and whether it is new.
        """
        is_new = self._node.holdings.room(wanted.name) is None
        if is_new:
            await self._node.open_room(wanted.name, wanted.empty_timeout_s, key)
        return self.change_room(wanted.name, wanted), is_new

    def change_room(self, room: str, changes: RoomChanges) -> RoomInfo:
        """Change a room and tell everybody in it."""
        self._node.rule(lambda registry, _: change_room(registry.room(room), changes))
        info = self._node.holdings.room(room)
        assert info is not None
        return info

    def close_room(self, room: str) -> None:
        """Close a room."""
        self._node.rule(lambda registry, _: registry.close(registry.room(room)))

    def remove(self, room: str, identity: str, by: str) -> None:
        """Take somebody out, because `by` wants it."""
        self._node.rule(lambda registry, now: registry.remove(room, identity, "removed", now, by))

    async def revoke(self, token: str) -> None:
        """Let nobody in with this token any more, and nobody stay, here and at all other servers.

        Raises:
            MessageError: `no_capacity`: it holds here, but the others could not be told.
        """
        order = RevokeToken(token=token)
        self._node.holdings.obey(order)
        await self._node.cluster.order_others(order)

    def mute(self, room: str, identity: str, wanted: MuteRequest) -> None:
        """Mute somebody, or let them be heard again."""
        order = Moderate(op="mute", identity=identity, track=wanted.track, muted=wanted.muted)
        self._node.rule(lambda registry, _: moderate(registry.room(room), registry.room(room).find(identity), order))

    def send_data(self, room: str, request: DataRequest) -> None:
        """Give data to those in a room."""
        self._node.rule(lambda registry, _: send_data(registry.room(room), request))

    async def prepare_dispatch(self, room: str, request: DispatchRequest, key: str) -> None:
        """Open a room for an agent if need be; `dispatch` follows at once, and waits for nothing."""
        if request.participant is not None:
            self._participant(room, request.participant)
        await self._node.cluster.check()
        await self._node.open_room(room, None, key)

    def dispatch(self, room: str, request: DispatchRequest) -> Job:
        """Send an agent to an open room."""
        most = self._node.settings.dispatch.max_jobs
        if len(self._node.jobs(room)) >= most:
            raise MessageError(ErrorCode.NO_CAPACITY, f"the room has {most} agents already")
        info = self._node.holdings.room(room)
        assert info is not None, "prepared"
        event = AgentDispatched(
            job=new_id("AJ"),
            room=info,
            wish=AgentWish(name=request.agent, metadata=request.metadata, attributes=request.attributes),
            participant=None if request.participant is None else self._participant(room, request.participant),
            restart=request.restart == "on_failure",
        )
        self._node.post(event)
        job = self._node.job(event.job)
        assert job is not None
        return job

    def _participant(self, room: str, identity: str) -> Participant:
        for one in self._node.participants(room) or ():
            if one.identity == identity:
                return one
        raise MessageError(ErrorCode.NOT_FOUND, f"{identity} is not in the room")

    def delete_dispatch(self, job: str) -> None:
        """End a job."""
        self._node.post(DispatchDeleted(job))

    async def drain_worker(self, worker: str, patience: float) -> None:
        """Have a worker take no more jobs, and go; whichever server it is connected to."""
        found = await self._node.cluster.get(Kind.WORKER, worker)
        if found is None or not found.value["connected"]:
            raise MessageError(ErrorCode.NOT_FOUND, "there is no such worker")
        order = DrainWorker(worker=worker, timeout_s=patience)
        if found.node == self._node.id:
            self._node.holdings.obey(order)
        else:
            await self._node.cluster.order(found.node, order)
