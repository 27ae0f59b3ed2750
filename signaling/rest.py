"""The HTTP side for everybody: tokens for development, ICE servers, one-request clients, and whether we are well.

Requests are JSON of at most 64 KiB, refusals are application/problem+json with the codes of the sockets.
"""

import secrets

from fastapi import APIRouter, Request
from pydantic import TypeAdapter
from starlette.responses import JSONResponse, Response

from signaling.access import guest_claims, read_json, room_name
from signaling.claims import AgentWishes
from signaling.connect import Calls
from signaling.envelope import Identity, Model, Name
from signaling.errors import ErrorCode, MessageError
from signaling.health import Health
from signaling.node import Node
from signaling.openapi import describe
from signaling.sessions import address_of, room_url


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
        health = Health(node)
        add("/healthz", health.health, methods=["GET"])
        add("/readyz", health.ready, methods=["GET"])
        add("/v1/token", self.token, methods=["POST"], openapi_extra=describe(TokenRequest))
        add("/v1/ice", self.ice, methods=["GET"])
        add("/v1/rooms/{room}/connect", self.connect, methods=["POST"], openapi_extra=describe(ConnectRequest))
        # Clients are told /session/{id}; some put what they were told behind the address that they called.
        add("/v1/rooms/{room}/connect/{session:path}", self.hang_up, methods=["DELETE"])
        add("/session/{session:path}", self.hang_up, methods=["DELETE"])

    async def token(self, request: Request) -> Response:
        """A token for anybody who asks: in development only."""
        if not self._node.settings.dev:
            raise MessageError(ErrorCode.NOT_FOUND, "this server mints no tokens: it does so only with --dev")
        wanted = await read_json(request, _token_request)
        claims = self._node.credentials.guest(wanted.room, wanted.identity or f"guest-{secrets.token_hex(4)}")
        claims = claims.model_copy(update={"name": wanted.name, "agent": wanted.agent})
        body = {
            "token": self._node.credentials.sign(claims),
            "url": room_url(request, self._node.settings),
            "exp": claims.exp,
        }
        return JSONResponse(body, headers={"Cache-Control": "no-store"})

    async def ice(self, request: Request) -> Response:
        """STUN and TURN servers with fresh credentials."""
        claims = guest_claims(request, self._node.door)
        identity = "guest" if claims is None else claims.sub
        ice = self._node.credentials.ice(identity)
        servers = [server.model_dump(exclude_none=True) for server in ice.servers]
        body = {"iceServers": servers, "iceTransportPolicy": ice.policy, "ttl_s": ice.ttl_s}
        return JSONResponse(body, headers={"Cache-Control": "no-store"})

    async def connect(self, request: Request, room: str) -> Response:
        """The simplest client: an offer in, the agent's answer out."""
        self._node.door.knock(address_of(request))
        claims = guest_claims(request, self._node.door) or self._node.credentials.guest(
            room_name(room), f"caller-{secrets.token_hex(8)}"
        )
        if claims.room != room:
            raise MessageError(ErrorCode.FORBIDDEN, "the token is for another room")
        wanted = await read_json(request, _connect_request)
        if wanted.type != "offer":
            raise MessageError(ErrorCode.BAD_REQUEST, 'the type must be "offer"')
        session, answer = await self._calls.connect(claims, wanted.sdp)
        location = f"/session/{session}"
        return JSONResponse({"sdp": answer, "type": "answer", "session": location}, headers={"Location": location})

    async def hang_up(self, session: str) -> Response:
        """End what `connect` began. The name of the session is a secret, and its proof."""
        self._calls.hang_up(session.rsplit("/", 1)[-1])
        return Response(status_code=204)
