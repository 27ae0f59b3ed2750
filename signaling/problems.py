"""Errors as answers to HTTP requests: application/problem+json (RFC 9457), with the same codes as on the sockets."""

import json
from http import HTTPStatus

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from signaling.errors import HTTP_STATUS, ErrorCode, MessageError
from signaling.reports import Refused
from signaling.watch import Watch

RETRY_AFTER = 5
"""Seconds, for a refusal that is temporary and does not say for how long."""


def problem(refused: MessageError, status: int | None = None) -> Response:
    """The answer that says why a request was refused."""
    number = HTTP_STATUS[refused.code] if status is None else status
    body = {
        "type": "about:blank",
        "title": HTTPStatus(number).phrase,
        "status": number,
        "code": refused.code,
        "detail": refused.text,
    }
    headers: dict[str, str] = {}
    if number in {429, 503}:
        wait = RETRY_AFTER if refused.retry_after is None else max(1, round(refused.retry_after))
        headers["Retry-After"] = str(wait)
    if number == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer"
    return Response(json.dumps(body), number, headers, "application/problem+json")


async def refuse(request: Request, exc: Exception) -> Response:
    """Answer a request that raised MessageError, and tell the watch (`app.state.watch`)."""
    assert isinstance(exc, MessageError)
    watch: Watch = request.app.state.watch
    address = "" if request.client is None else request.client.host
    watch.hear(Refused(address=address, code=exc.code, text=f"{request.method}: {exc.text}"))
    return problem(exc)


async def refuse_http(_: Request, exc: Exception) -> Response:
    """Answer a request that the framework itself refuses."""
    assert isinstance(exc, HTTPException)
    code = ErrorCode.NOT_FOUND if exc.status_code == 404 else ErrorCode.BAD_REQUEST
    response = problem(MessageError(code, exc.detail), exc.status_code)
    response.headers.update(exc.headers or {})
    return response
