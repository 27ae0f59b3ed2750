"""Who may ask what over HTTP, and the JSON that comes with a request.

Tokens are those of the sockets. A token that names a room has its rights in that room alone; in development nobody
needs one.
"""

import asyncio
from typing import Final, TypeVar

from fastapi import Request
from pydantic import TypeAdapter

from signaling.administration import SERVER_IDENTITY
from signaling.claims import Claims
from signaling.door import Door
from signaling.envelope import Identity, parse, parse_value
from signaling.errors import ErrorCode, MessageError
from signaling.sessions import address_of, bearer_token

MAX_BODY_BYTES: Final = 64 * 1024
BODY_TIMEOUT: Final = 10.0

_T = TypeVar("_T")
_name: TypeAdapter[str] = TypeAdapter(Identity)


def guest_claims(request: Request, door: Door) -> Claims | None:
    """Whose token to join came with the request; None for nobody's, which is enough in development.

    Raises:
        MessageError: `unauthorized`, `token_expired` or `forbidden`.
    """
    token = bearer_token(request)
    if not token and door.is_open:
        return None
    claims = door.join(token, address_of(request))
    if claims.kind == "agent":
        raise MessageError(ErrorCode.FORBIDDEN, "an agent's token is for its room's socket alone")
    return claims


def admin_claims(request: Request, door: Door) -> Claims | None:
    """Who rules here; None for anybody, in development.

    Raises:
        MessageError: `unauthorized`, `token_expired` or `forbidden`.
    """
    return _claims(request, door, "admin")


def check_admin(request: Request, door: Door, room: str) -> str:
    """Let nobody rule a room who has no right to; gives who does.

    Raises:
        MessageError: `unauthorized`, `token_expired` or `forbidden`.
    """
    claims = _claims(request, door, "admin")
    _check_room(claims, room)
    return SERVER_IDENTITY if claims is None else claims.sub


def check_creator(request: Request, door: Door, room: str) -> str:
    """Let nobody open a room, or change one, who has no right to; gives the id of the API key, if there is one.

    Raises:
        MessageError: `unauthorized`, `token_expired` or `forbidden`.
    """
    claims = _claims(request, door, "create")
    _check_room(claims, room)
    return "" if claims is None else claims.iss


def check_dispatcher(request: Request, door: Door, room: str, agent: str) -> str:
    """Let nobody send an agent who has no right to send this one; gives the id of the API key, if there is one.

    Raises:
        MessageError: `unauthorized`, `token_expired` or `forbidden`.
    """
    claims = _claims(request, door, "dispatch")
    _check_room(claims, room)
    if claims is not None and not claims.grants.admin and agent not in claims.grants.dispatch:
        raise MessageError(ErrorCode.FORBIDDEN, "the token does not grant to send this agent (dispatch)")
    return "" if claims is None else claims.iss


def _claims(request: Request, door: Door, grant: str) -> Claims | None:
    token = bearer_token(request)
    if not token and door.is_open:
        return None
    claims = door.verify(token, address_of(request))
    if claims.kind == "agent":
        raise MessageError(ErrorCode.FORBIDDEN, "an agent's token is for its room's socket alone")
    grants = claims.grants
    if not grants.admin and not (grants.create if grant == "create" else grant == "dispatch" and grants.dispatch):
        raise MessageError(ErrorCode.FORBIDDEN, f"the token does not grant this ({grant})")
    return claims


def _check_room(claims: Claims | None, room: str) -> None:
    if claims is not None and claims.room not in {None, room}:
        raise MessageError(ErrorCode.FORBIDDEN, "the token is for another room")


def room_name(name: str) -> str:
    """The name of a room, as it stands in a URL.

    Raises:
        MessageError: `bad_request`.
    """
    return parse_value(_name, name, "the room's name")


def participant_identity(identity: str) -> str:
    """The identity of a participant, as it stands in a URL.

    Raises:
        MessageError: `bad_request`.
    """
    return parse_value(_name, identity, "the identity")


async def read_body(request: Request) -> bytes:
    """The body of a request.

    Raises:
        MessageError: It is too large, or too slow.
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
    return bytes(body)


async def read_json(request: Request, adapter: TypeAdapter[_T]) -> _T:
    """The body of a request, which is JSON.

    Raises:
        MessageError: It is too large, too slow, or not what was asked for.
    """
    return parse(adapter, await read_body(request))
