"""Rooms, participants, dispatches, workers and jobs over HTTP, for those who may rule them."""

from collections import OrderedDict
from typing import Any, Final

from fastapi import APIRouter, Request
from pydantic import TypeAdapter
from starlette.responses import JSONResponse, Response

from signaling.access import (
    admin_claims,
    check_admin,
    check_creator,
    check_dispatcher,
    participant_identity,
    read_json,
    room_name,
)
from signaling.administration import DataRequest, DispatchRequest, DrainRequest, MuteRequest, RoomChanges, RoomRequest
from signaling.engine.base import Kind, Record, participant_key
from signaling.envelope import Word, parse_value
from signaling.errors import ErrorCode, MessageError
from signaling.governance import Governance
from signaling.node import Node
from signaling.openapi import describe
from signaling.records import job_facts

MAX_KEYS: Final = 1000
"""Idempotency keys that are remembered."""

_changes: TypeAdapter[RoomChanges] = TypeAdapter(RoomChanges)
_room: TypeAdapter[RoomRequest] = TypeAdapter(RoomRequest)
_mute: TypeAdapter[MuteRequest] = TypeAdapter(MuteRequest)
_data: TypeAdapter[DataRequest] = TypeAdapter(DataRequest)
_dispatch: TypeAdapter[DispatchRequest] = TypeAdapter(DispatchRequest)
_drain: TypeAdapter[DrainRequest] = TypeAdapter(DrainRequest)
_token_id: TypeAdapter[str] = TypeAdapter(Word)


_INTERNAL: Final = frozenset({"held", "reported", "quiet", "live"})
"""What records say for servers alone."""


def _facts(record: Record) -> dict[str, Any]:
    return {key: value for key, value in record.value.items() if key not in _INTERNAL}


class RoomRest:
    """The routes.

    Args:
        node: Where rooms and workers are.
    """

    def __init__(self, node: Node) -> None:
        self._node = node
        self._cluster = node.cluster
        self._door = node.door
        self._governance = Governance(node)
        self._keys: OrderedDict[tuple[str, str], str] = OrderedDict()
        self.router = APIRouter()
        add = self.router.add_api_route
        add("/v1/rooms", self.rooms, methods=["GET"])
        add("/v1/rooms", self.open, methods=["POST"], openapi_extra=describe(RoomRequest))
        add("/v1/rooms/{room}", self.room, methods=["GET"])
        add("/v1/rooms/{room}", self.change, methods=["PATCH"], openapi_extra=describe(RoomChanges))
        add("/v1/rooms/{room}", self.close, methods=["DELETE"])
        add("/v1/rooms/{room}/participants", self.participants, methods=["GET"])
        add("/v1/rooms/{room}/participants/{identity}", self.remove, methods=["DELETE"])
        mute = "/v1/rooms/{room}/participants/{identity}/mute"
        add(mute, self.mute, methods=["POST"], openapi_extra=describe(MuteRequest))
        add("/v1/rooms/{room}/data", self.data, methods=["POST"], openapi_extra=describe(DataRequest))
        dispatches = "/v1/rooms/{room}/dispatches"
        add(dispatches, self.dispatch, methods=["POST"], openapi_extra=describe(DispatchRequest))
        add(dispatches, self.dispatches, methods=["GET"])
        add("/v1/rooms/{room}/dispatches/{job}", self.dispatched, methods=["GET"])
        add("/v1/rooms/{room}/dispatches/{job}", self.delete_dispatch, methods=["DELETE"])
        add("/v1/tokens/{token}", self.revoke, methods=["DELETE"])
        add("/v1/jobs/{job}", self.job, methods=["GET"])
        add("/v1/workers", self.workers, methods=["GET"])
        add("/v1/workers/{worker}/drain", self.drain, methods=["POST"], openapi_extra=describe(DrainRequest))

    async def rooms(self, request: Request) -> Response:
        """All open rooms, or the one that the token names."""
        claims = admin_claims(request, self._door)
        own = None if claims is None else claims.room
        rooms = [_facts(room) for room in await self._cluster.scan(Kind.ROOM) if own in {None, room.key}]
        return JSONResponse({"rooms": rooms})

    async def open(self, request: Request) -> Response:
        """Open a room, or change it if it is open."""
        wanted = await read_json(request, _room)
        key = check_creator(request, self._door, wanted.name)
        info, is_new = await self._governance.open_room(wanted, key)
        return JSONResponse(info.model_dump(), 201 if is_new else 200)

    async def room(self, request: Request, room: str) -> Response:
        """One room."""
        check_admin(request, self._door, room)
        return JSONResponse(_facts(await self._room(room)))

    async def change(self, request: Request, room: str) -> Response:
        """Change a room."""
        check_creator(request, self._door, room)
        changes = await read_json(request, _changes)
        return JSONResponse(self._governance.change_room(room, changes).model_dump())

    async def close(self, request: Request, room: str) -> Response:
        """Close a room: everybody leaves, and its jobs end."""
        check_admin(request, self._door, room)
        self._governance.close_room(room)
        return Response(status_code=204)

    async def participants(self, request: Request, room: str) -> Response:
        """Who is in a room."""
        check_admin(request, self._door, room)
        await self._room(room)
        found = await self._cluster.scan(Kind.PARTICIPANT, participant_key(room))
        return JSONResponse({"participants": [_facts(one) for one in found]})

    async def remove(self, request: Request, room: str, identity: str) -> Response:
        """Take somebody out of a room, who does not come in again with a token that was issued before."""
        by = check_admin(request, self._door, room)
        self._governance.remove(room, identity, by)
        return Response(status_code=204)

    async def mute(self, request: Request, room: str, identity: str) -> Response:
        """Ask a participant's client to mute, and tell everybody that it is."""
        check_admin(request, self._door, room)
        wanted = await read_json(request, _mute)
        self._governance.mute(room, participant_identity(identity), wanted)
        return Response(status_code=204)

    async def data(self, request: Request, room: str) -> Response:
        """Send data to participants."""
        check_admin(request, self._door, room)
        self._governance.send_data(room, await read_json(request, _data))
        return Response(status_code=204)

    async def revoke(self, request: Request, token: str) -> Response:
        """Take no token with this id (`jti`) any more; who is in a room with it is taken out."""
        claims = admin_claims(request, self._door)
        if claims is not None and claims.room is not None:
            raise MessageError(ErrorCode.FORBIDDEN, "a token for one room cannot revoke others")
        await self._governance.revoke(parse_value(_token_id, token, "the token's id"))
        return Response(status_code=204)

    async def dispatch(self, request: Request, room: str) -> Response:
        """Send an agent to a room, which is opened if need be. With an `Idempotency-Key`, once."""
        room_name(room)
        wanted = await read_json(request, _dispatch)
        issuer = check_dispatcher(request, self._door, room, wanted.agent)
        key = (room, request.headers.get("idempotency-key", "")[:256])
        await self._governance.prepare_dispatch(room, wanted, issuer)
        # Nothing is waited for from here on: of two that come at once with one key the second finds the first's job.
        known = self._node.job(self._keys.get(key, ""))
        if known is not None:
            return JSONResponse(job_facts(known), 202)
        job = self._governance.dispatch(room, wanted)
        if key[1]:
            self._keys[key] = job.id
            if len(self._keys) > MAX_KEYS:
                self._keys.popitem(last=False)
        return JSONResponse(job_facts(job), 202, {"Location": f"/v1/rooms/{room}/dispatches/{job.id}"})

    async def dispatches(self, request: Request, room: str) -> Response:
        """The agents that are in a room, or on their way."""
        check_admin(request, self._door, room)
        jobs = [_facts(job) for job in await self._cluster.scan(Kind.JOB) if job.value["live"]]
        return JSONResponse({"dispatches": [job for job in jobs if job["room"] == room]})

    async def dispatched(self, request: Request, room: str, job: str) -> Response:
        """One of them, or one that is over."""
        check_admin(request, self._door, room)
        return JSONResponse(_facts(await self._find(job, room)))

    async def delete_dispatch(self, request: Request, room: str, job: str) -> Response:
        """End a job."""
        check_admin(request, self._door, room)
        self._governance.delete_dispatch((await self._find(job, room)).key)
        return Response(status_code=204)

    async def job(self, request: Request, job: str) -> Response:
        """A job, whichever room it is for."""
        claims = admin_claims(request, self._door)
        return JSONResponse(_facts(await self._find(job, None if claims is None else claims.room)))

    async def workers(self, request: Request) -> Response:
        """All workers, and how busy each is."""
        admin_claims(request, self._door)
        return JSONResponse({"workers": [_facts(worker) for worker in await self._cluster.scan(Kind.WORKER)]})

    async def drain(self, request: Request, worker: str) -> Response:
        """Have a worker take no more jobs, and go when those that it has are over."""
        admin_claims(request, self._door)
        wanted = await read_json(request, _drain)
        await self._governance.drain_worker(worker, wanted.timeout_s)
        return Response(status_code=202)

    async def _room(self, room: str) -> Record:
        found = await self._cluster.get(Kind.ROOM, room)
        if found is None:
            raise _missing("room")
        return found

    async def _find(self, job: str, room: str | None) -> Record:
        found = await self._cluster.get(Kind.JOB, job)
        if found is None or (room is not None and room != found.value["room"]):
            raise _missing("job")
        return found


def _missing(what: str) -> MessageError:
    return MessageError(ErrorCode.NOT_FOUND, f"there is no such {what}")
