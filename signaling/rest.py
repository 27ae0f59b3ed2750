"""The HTTP side: tokens for development, ICE servers, one-request clients, who is where, and whether we are well.

Requests are JSON of at most 64 KiB, refusals are application/problem+json with the codes of the sockets.
"""

import asyncio
import secrets
import time
from typing import TypeVar

from fastapi import APIRouter, Request
from pydantic import TypeAdapter
from starlette.responses import JSONResponse, Response

from signaling.auth import join_claims, verify
from signaling.claims import AgentWishes, Claims
from signaling.connect import Calls
from signaling.envelope import Identity, Model, Name, parse, parse_value
from signaling.errors import ErrorCode, MessageError
from signaling.node import Node
from signaling.sessions import bearer_token, room_url

MAX_BODY_BYTES = 64 * 1024
BODY_TIMEOUT = 10.0

_T = TypeVar("_T")


class TokenRequest(Model):
    """`POST /v1/token`: who wants to join which room, and, perhaps, which agent shall be there."""

    room: Identity
    identity: Identity | None = None
    name: Name = ""
    agent: AgentWishes | None = None


class ConnectRequest(Model):
    """`POST /v1/rooms/{room}/connect`: an offer with all its candidates."""

    sdp: str
    type: str = "offer"


_token_request: TypeAdapter[TokenRequest] = TypeAdapter(TokenRequest)
_connect_request: TypeAdapter[ConnectRequest] = TypeAdapter(ConnectRequest)
_room_name: TypeAdapter[str] = TypeAdapter(Identity)


class Rest:
    """The routes.

    Args:
        node: Where rooms and workers are.
    """

    def __init__(self, node: Node) -> None:
        self._node = node
        self._calls = Calls(node)
        self.router = APIRouter()
        add = self.router.add_api_route
        add("/healthz", self.health, methods=["GET"])
        add("/readyz", self.ready, methods=["GET"])
        add("/v1/token", self.token, methods=["POST"])
        add("/v1/ice", self.ice, methods=["GET"])
        add("/v1/rooms", self.rooms, methods=["GET"])
        add("/v1/rooms/{room}/participants", self.participants, methods=["GET"])
        add("/v1/workers", self.workers, methods=["GET"])
        add("/v1/rooms/{room}/connect", self.connect, methods=["POST"])
        # Clients are told /session/{id}; some put what they were told behind the address that they called.
        add("/v1/rooms/{room}/connect/{session:path}", self.hang_up, methods=["DELETE"])
        add("/session/{session:path}", self.hang_up, methods=["DELETE"])

    async def health(self) -> Response:
        """The process is alive."""
        return JSONResponse({"status": "ok"})

    async def ready(self) -> Response:
        """New rooms and workers are welcome; says how many of both there are."""
        if self._node.is_draining:
            raise MessageError(ErrorCode.SERVER_DRAINING, "this server is about to stop")
        workers = sum(worker.lost_at is None for worker in self._node.workers())
        return JSONResponse({"status": "ready", "rooms": len(self._node.rooms()), "workers": workers})

    async def token(self, request: Request) -> Response:
        """A token for anybody who asks: in development only."""
        if not self._node.settings.dev:
            raise MessageError(ErrorCode.NOT_FOUND, "this server mints no tokens: it does so only with --dev")
        wanted = await _read_json(request, _token_request)
        claims = self._node.credentials.guest(wanted.room, wanted.identity or f"guest-{secrets.token_hex(4)}")
        claims = claims.model_copy(update={"name": wanted.name, "agent": wanted.agent})
        body = {"token": self._node.credentials.sign(claims), "url": room_url(request), "exp": claims.exp}
        return JSONResponse(body, headers={"Cache-Control": "no-store"})

    async def ice(self, request: Request) -> Response:
        """STUN and TURN servers with fresh credentials."""
        claims = self._claims(request)
        identity = "guest" if claims is None else claims.sub
        ice = self._node.credentials.ice(identity)
        servers = [server.model_dump(exclude_none=True) for server in ice.servers]
        body = {"iceServers": servers, "iceTransportPolicy": ice.policy, "ttl_s": ice.ttl_s}
        return JSONResponse(body, headers={"Cache-Control": "no-store"})

    async def rooms(self, request: Request) -> Response:
        """All open rooms."""
        self._check_admin(request)
        return JSONResponse({"rooms": [room.model_dump() for room in self._node.rooms()]})

    async def participants(self, request: Request, room: str) -> Response:
        """Who is in a room."""
        self._check_admin(request)
        found = self._node.participants(room)
        if found is None:
            raise MessageError(ErrorCode.NOT_FOUND, "there is no such room")
        return JSONResponse({"participants": [one.model_dump(mode="json") for one in found]})

    async def workers(self, request: Request) -> Response:
        """All workers, and how busy each is."""
        self._check_admin(request)
        return JSONResponse(
            {
                "workers": [
                    {
                        "worker": worker.id,
                        "agent": worker.agent,
                        "connected": worker.lost_at is None,
                        "state": worker.state,
                        "load": worker.load,
                        "jobs": len(worker.slots),
                        "max_jobs": worker.max_jobs,
                    }
                    for worker in self._node.workers()
                ]
            }
        )

    async def connect(self, request: Request, room: str) -> Response:
        """The simplest client: an offer in, the agent's answer out."""
        claims = self._claims(request) or self._node.credentials.guest(_room(room), f"caller-{secrets.token_hex(8)}")
        if claims.room != room:
            raise MessageError(ErrorCode.FORBIDDEN, "the token is for another room")
        wanted = await _read_json(request, _connect_request)
        if wanted.type != "offer":
            raise MessageError(ErrorCode.BAD_REQUEST, 'the type must be "offer"')
        session, answer = await self._calls.connect(claims, wanted.sdp)
        location = f"/session/{session}"
        return JSONResponse({"sdp": answer, "type": "answer", "session": location}, headers={"Location": location})

    async def hang_up(self, session: str) -> Response:
        """End what `connect` began. The name of the session is a secret, and its proof."""
        self._calls.hang_up(session.rsplit("/", 1)[-1])
        return Response(status_code=204)

    def _claims(self, request: Request) -> Claims | None:
        """Whose token came with the request; None for nobody's, which is enough in development."""
        token = bearer_token(request)
        if not token and self._node.settings.dev:
            return None
        claims = join_claims(token, self._node.settings.keys, wall=time.time())
        if claims.kind == "agent":
            raise MessageError(ErrorCode.FORBIDDEN, "an agent's token is for its room's socket alone")
        return claims

    def _check_admin(self, request: Request) -> None:
        token = bearer_token(request)
        if not token and self._node.settings.dev:
            return
        if not verify(token, self._node.settings.keys, wall=time.time()).grants.admin:
            raise MessageError(ErrorCode.FORBIDDEN, "the token does not grant this (admin)")


def _room(name: str) -> str:
    return parse_value(_room_name, name, "the room's name")


async def _read_json(request: Request, adapter: TypeAdapter[_T]) -> _T:
    """The body of a request.

    Raises:
        MessageError: It is too large, too slow, or not what was asked for.
    """
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_TIMEOUT):
            async for chunk in request.stream():
                body += chunk
                if len(body) > MAX_BODY_BYTES:
                    raise MessageError(ErrorCode.TOO_LARGE, f"the body is larger than {MAX_BODY_BYTES} bytes")
    except TimeoutError as exc:
        raise MessageError(ErrorCode.JOIN_TIMEOUT, f"the body did not come within {BODY_TIMEOUT:g} s") from exc
    return parse(adapter, bytes(body))
