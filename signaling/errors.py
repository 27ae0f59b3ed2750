"""What can go wrong on the wire, in one table: stable words, and the WebSocket close code of each.

Pure. Everything that answers a client with an error takes the word from here.
"""

from enum import StrEnum


class ErrorCode(StrEnum):
    """The stable word of an error. Clients decide by it; the text beside it is for people."""

    BAD_REQUEST = "bad_request"
    UNSUPPORTED_VERSION = "unsupported_version"
    UNAUTHORIZED = "unauthorized"
    TOKEN_EXPIRED = "token_expired"  # noqa: S105 - a word of the wire
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not_found"
    GONE = "gone"
    JOIN_TIMEOUT = "join_timeout"
    HEARTBEAT_TIMEOUT = "heartbeat_timeout"
    DUPLICATE_IDENTITY = "duplicate_identity"
    ROOM_CLOSED = "room_closed"
    REMOVED = "removed"
    SERVER_DRAINING = "server_draining"
    TOO_LARGE = "too_large"
    RATE_LIMITED = "rate_limited"
    ROOM_FULL = "room_full"
    NO_CAPACITY = "no_capacity"
    DISPATCH_FAILED = "dispatch_failed"
    SLOW_CONSUMER = "slow_consumer"
    INTERNAL = "internal"


CLOSE_CODES: dict[ErrorCode, int] = {
    ErrorCode.BAD_REQUEST: 4400,
    ErrorCode.UNSUPPORTED_VERSION: 4400,
    ErrorCode.UNAUTHORIZED: 4401,
    ErrorCode.TOKEN_EXPIRED: 4401,
    ErrorCode.FORBIDDEN: 4403,
    ErrorCode.NOT_FOUND: 4404,
    ErrorCode.GONE: 4404,
    ErrorCode.JOIN_TIMEOUT: 4408,
    ErrorCode.HEARTBEAT_TIMEOUT: 4408,
    ErrorCode.DUPLICATE_IDENTITY: 4409,
    ErrorCode.ROOM_CLOSED: 4410,
    ErrorCode.REMOVED: 4411,
    ErrorCode.SERVER_DRAINING: 4512,
    ErrorCode.TOO_LARGE: 4413,
    ErrorCode.RATE_LIMITED: 4429,
    ErrorCode.ROOM_FULL: 4503,
    ErrorCode.NO_CAPACITY: 4503,
    ErrorCode.DISPATCH_FAILED: 4503,
    ErrorCode.SLOW_CONSUMER: 4508,
    ErrorCode.INTERNAL: 4500,
}
"""How the socket is closed when the error ends the connection."""

HTTP_STATUS: dict[ErrorCode, int] = {
    ErrorCode.BAD_REQUEST: 400,
    ErrorCode.UNSUPPORTED_VERSION: 400,
    ErrorCode.UNAUTHORIZED: 401,
    ErrorCode.TOKEN_EXPIRED: 401,
    ErrorCode.FORBIDDEN: 403,
    ErrorCode.NOT_FOUND: 404,
    ErrorCode.GONE: 410,
    ErrorCode.JOIN_TIMEOUT: 408,
    ErrorCode.HEARTBEAT_TIMEOUT: 408,
    ErrorCode.DUPLICATE_IDENTITY: 409,
    ErrorCode.ROOM_CLOSED: 410,
    ErrorCode.REMOVED: 410,
    ErrorCode.SERVER_DRAINING: 503,
    ErrorCode.TOO_LARGE: 413,
    ErrorCode.RATE_LIMITED: 429,
    ErrorCode.ROOM_FULL: 503,
    ErrorCode.NO_CAPACITY: 503,
    ErrorCode.DISPATCH_FAILED: 503,
    ErrorCode.SLOW_CONSUMER: 503,
    ErrorCode.INTERNAL: 500,
}
"""The same errors as answers to HTTP requests (application/problem+json, RFC 9457)."""


class MessageError(Exception):
    """A message, a token or a request that we refuse. Its text goes to whoever sent it.

    Attributes:
        code: The stable word.
        re: The `id` of the request that is refused, where it could be read.
        retry_after: Seconds after which trying again makes sense, or None.
    """

    def __init__(
        self, code: ErrorCode, text: str, *, re: int | str | None = None, retry_after: float | None = None
    ) -> None:
        super().__init__(text)
        self.code = code
        self.text = text
        self.re = re
        self.retry_after = retry_after
