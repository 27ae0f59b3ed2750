"""Errors as answers to HTTP requests: application/problem+json (RFC 9457), with the same codes as on the sockets."""

import json
from http import HTTPStatus

from starlette.responses import Response

from signaling.errors import HTTP_STATUS, MessageError

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
