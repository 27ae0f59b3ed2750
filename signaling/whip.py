"""WHIP (RFC 9725) and WHEP (a draft): by one request and no script of ours a client is heard by an agent or hears it.

A facade over `connect`: the client is in the room as a participant of kind `whip` or `whep`, its offer is narrowed to
the one way, and the agent's answer is the body of the 201. `POST /v1/rooms/{room}/connect` goes both ways. WHEP is
draft-ietf-wish-whep-03, which WHIP's methods, headers and status codes were taken over from.
"""

import asyncio
import hashlib
import secrets
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, Literal

from fastapi import APIRouter, Request
from starlette.exceptions import HTTPException
from starlette.responses import Response

from signaling.access import guest_claims, participant_identity, read_body, room_name
from signaling.claims import Claims
from signaling.connect import Calls
from signaling.envelope import Ice
from signaling.errors import ErrorCode, MessageError
from signaling.node import Node
from signaling.sdp import check_sdp, one_way
from signaling.sdpfrag import parse_fragment
from signaling.sessions import address_of

SDP: Final = "application/sdp"
FRAGMENT: Final = "application/trickle-ice-sdpfrag"
_ENDPOINT_METHODS: Final = {"Allow": "OPTIONS, POST", "Accept-Post": SDP}
_SESSION_METHODS: Final = {"Allow": "DELETE, OPTIONS, PATCH", "Accept-Patch": FRAGMENT}


class Whip:
    """The routes.

    Args:
        node: Where the rooms are.
    """

    def __init__(self, node: Node) -> None:
        self._node = node
        self._calls = Calls(node)
        self.router = APIRouter()
        self._add("/whip/{room}", self.publish)
        self._add("/whep/{room}/{identity}", self.listen)

    def _add(self, endpoint: str, begin: Callable[..., Awaitable[Response]]) -> None:
        """The routes of one of the two, which differ in how a session begins."""
        add = self.router.add_api_route
        session = f"{endpoint}/{{session}}"
        add(endpoint, begin, methods=["POST"], status_code=201, openapi_extra=_described(SDP))
        add(session, self.trickle, methods=["PATCH"], status_code=204, openapi_extra=_described(FRAGMENT))
        add(session, self.hang_up, methods=["DELETE"])
        # The page is mounted behind these routes: without these two it would answer for the other methods.
        others = ["GET", "HEAD", "PUT", "OPTIONS"]
        add(endpoint, self.endpoint_methods, methods=[*others, "PATCH", "DELETE"], include_in_schema=False)
        add(session, self.session_methods, methods=[*others, "POST"], include_in_schema=False)

    async def publish(self, request: Request, room: str) -> Response:
        """Begin to be heard: an offer in, the agent's answer out (RFC 9725, section 4.2)."""
        claims = self._claims(request, room, "whip")
        offer = one_way(await _read_offer(request), "sendonly")
        session, answer = await self._connect(claims, offer, None)
        return self._created(f"/whip/{room}/{session}", session, answer, claims)

    async def listen(self, request: Request, room: str, identity: str) -> Response:
        """Begin to hear an agent that is there: an offer in, its answer out (draft-ietf-wish-whep, section 4.2)."""
        agent = participant_identity(identity)
        claims = self._claims(request, room, "whep")
        if not claims.grants.subscribe:
            raise MessageError(ErrorCode.FORBIDDEN, "the token does not grant this (subscribe)")
        if claims.sub == agent:
            raise MessageError(ErrorCode.FORBIDDEN, "nobody listens to themselves: use a token of another identity")
        offer = one_way(await _read_offer(request), "recvonly")
        session, answer = await self._connect(claims, offer, agent)
        return self._created(f"/whep/{room}/{agent}/{session}", session, answer, claims)

    def _claims(self, request: Request, room: str, kind: Literal["whip", "whep"]) -> Claims:
        """Who it is, and in which room."""
        self._node.door.knock(address_of(request))
        claims = guest_claims(request, self._node.door) or self._node.credentials.guest(
            room_name(room), f"{kind}-{secrets.token_hex(8)}"
        )
        if claims.room != room:
            raise MessageError(ErrorCode.FORBIDDEN, "the token is for another room")
        return claims.model_copy(update={"kind": kind})

    async def _connect(self, claims: Claims, offer: str, agent: str | None) -> tuple[str, str]:
        limit = self._node.settings.connect.whip_timeout
        try:
            async with asyncio.timeout(limit):
                return await self._calls.connect(claims, offer, agent)
        except TimeoutError as exc:
            text = f"no agent answered within {limit:g} s: try again soon"
            raise MessageError(ErrorCode.DISPATCH_FAILED, text) from exc

    def _created(self, location: str, session: str, answer: str, claims: Claims) -> Response:
        headers = {"Location": location, "ETag": _etag(session), "Cache-Control": "no-store"}
        response = Response(answer, 201, headers, SDP)
        for link in ice_links(self._node.credentials.ice(claims.sub)):
            response.headers.append("Link", link)
        return response

    async def trickle(self, request: Request, session: str) -> Response:
        """Take candidates that were found after the offer (section 4.3.1). A refusal leaves the session as it is."""
        self._calls.check(session)
        expected = {tag.strip() for tag in request.headers.get("if-match", "").split(",")} - {""}
        if not expected:
            raise HTTPException(428, f"If-Match is missing: it is the ETag of the session ({_etag(session)})")
        if not expected & {"*", _etag(session)}:
            raise HTTPException(412, "If-Match names another ICE session: it is the ETag that came with the answer")
        fragment = parse_fragment(await _read(request, FRAGMENT, {"Accept-Patch": FRAGMENT}))
        if "*" in expected or not self._calls.trickle(session, fragment):
            raise HTTPException(422, "ICE is not restarted here: this session goes on; for another one POST again")
        return Response(status_code=204)

    async def hang_up(self, session: str) -> Response:
        """End a session (section 4.2). Its name is a secret, and its proof."""
        self._calls.hang_up(session)
        return Response()

    async def endpoint_methods(self, request: Request) -> Response:
        """What can be done here; a 405 for everything else."""
        return _methods(request, _ENDPOINT_METHODS)

    async def session_methods(self, request: Request) -> Response:
        """What can be done with a session; a 405 for everything else."""
        return _methods(request, _SESSION_METHODS)


def ice_links(ice: Ice) -> list[str]:
    """ICE servers as values of Link headers (RFC 9725, section 4.6)."""
    links: list[str] = []
    for server in ice.servers:
        secret = ""
        if server.username is not None:
            # Our user names are an expiry and an identity, the passwords Base64: no quote is in either.
            secret = f'; username="{server.username}"; credential="{server.credential}"; credential-type="password"'
        links += [f'<{url}>; rel="ice-server"{secret}' for url in server.urls]
    return links


def _described(media_type: str) -> dict[str, Any]:
    return {"requestBody": {"required": True, "content": {media_type: {"schema": {"type": "string"}}}}}


async def _read_offer(request: Request) -> str:
    offer = await _read(request, SDP, {"Accept-Post": SDP})
    check_sdp(offer, "offer")
    return offer


def _etag(session: str) -> str:
    """The tag of the ICE session: there is one for each session, and never another, since ICE is not restarted."""
    return f'"{hashlib.sha256(session.encode()).hexdigest()[:32]}"'


def _methods(request: Request, allowed: Mapping[str, str]) -> Response:
    if request.method == "OPTIONS":
        return Response(headers=allowed)
    raise HTTPException(405, f"{request.method} is not for this address: {allowed['Allow']}", dict(allowed))


async def _read(request: Request, media_type: str, accepted: dict[str, str]) -> str:
    given = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if given != media_type:
        raise HTTPException(415, f"the body must be {media_type}, not {given or 'of no type'}", accepted)
    try:
        return (await read_body(request)).decode()
    except UnicodeDecodeError as exc:
        raise MessageError(ErrorCode.BAD_REQUEST, "the body is not UTF-8") from exc
