"""What the two kinds of WebSocket speak for: a participant of a room, and a worker.

A thin layer between the text of a connection and the words of the node: tokens are verified and pings answered here,
and nothing waits.
"""

import time
from collections.abc import Generator
from contextlib import contextmanager

from starlette.requests import HTTPConnection

from signaling.connection import Connection
from signaling.envelope import Message, Ok, Ping, Pong
from signaling.errors import ErrorCode, MessageError
from signaling.messages import PROTOCOL_VERSION, parse_from_client, parse_from_worker
from signaling.node import Node
from signaling.room_messages import Join, RefreshToken
from signaling.settings import Settings
from signaling.worker_messages import Register


def bearer_token(request: HTTPConnection) -> str:
    """The token of an `Authorization: Bearer` header (RFC 6750, section 2.1), or ""."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def address_of(request: HTTPConnection) -> str:
    """Where a request comes from; behind a trusted proxy, what that one says."""
    return "" if request.client is None else request.client.host


def room_url(request: HTTPConnection, settings: Settings) -> str:
    """The address of `/v1/rtc`, by the name under which this request reached us.

    Who came by the public name goes by the public URL: the scheme that its proxy ends is not seen here. Who came
    by another name, such as a worker within our own network, goes on by that one.
    """
    public = settings.public
    if public is not None and request.url.hostname == public.hostname:
        return f"{'wss' if public.scheme == 'https' else 'ws'}://{public.netloc}/v1/rtc"
    scheme = "wss" if request.url.scheme in {"https", "wss"} else "ws"
    return f"{scheme}://{request.url.netloc}/v1/rtc"


@contextmanager
def _answering(message: Message) -> Generator[None]:
    """Let a refusal name the request that it answers."""
    try:
        yield
    except MessageError as refused:
        refused.re = message.id
        raise


def _answer_ping(connection: Connection, ping: Ping) -> None:
    if ping.id is not None:
        connection.send(Ok(re=ping.id))
    connection.send(Pong(ts=ping.ts, server_time=time.time()))


class ParticipantSession:
    """A participant on `/v1/rtc`.

    Args:
        node: Where rooms are.
        connection: The way to the participant.
        bearer: The token of the request itself, or "".
    """

    def __init__(self, node: Node, connection: Connection, bearer: str) -> None:
        self._node = node
        self._connection = connection
        self._bearer = bearer
        self._sid = ""
        self.is_trusted = False

    async def begin(self, text: str) -> None:
        """Join, which must be the first message."""
        message = parse_from_client(text)
        with _answering(message):
            if not isinstance(message, Join):
                raise MessageError(ErrorCode.BAD_REQUEST, "the first message must be join")
            if message.v != PROTOCOL_VERSION:
                raise MessageError(ErrorCode.UNSUPPORTED_VERSION, f"this server speaks version {PROTOCOL_VERSION}")
            address = self._connection.address
            claims = self._node.door.join(message.token or self._bearer, address)
            if claims.kind != "agent" and not self._node.can_resume(claims, message):
                self._node.door.knock(address)
        self.is_trusted = claims.kind == "agent"
        self._sid = await self._node.enter(self._connection, claims, message)

    def hear(self, text: str) -> None:
        """Anything after the join."""
        message = parse_from_client(text)
        if isinstance(message, Join):
            raise MessageError(ErrorCode.BAD_REQUEST, "already joined", re=message.id)
        match message:
            case Ping():
                _answer_ping(self._connection, message)
            case RefreshToken():
                with _answering(message):
                    claims = self._node.door.join(message.token, self._connection.address)
                self._node.show_token(self._sid, claims, message.id)
            case _:
                self._node.hear(self._sid, message)

    def end(self, reason: str) -> None:
        """The participant is gone."""
        self._node.lose(self._sid, self._connection, reason)


class WorkerSession:
    """A worker on `/v1/worker`.

    Args:
        node: Where jobs are.
        connection: The way to the worker.
        bearer: The token of the request itself, or "".
        url: Where the agents of this worker reach `/v1/rtc`.
    """

    is_trusted = True

    def __init__(self, node: Node, connection: Connection, bearer: str, url: str) -> None:
        self._node = node
        self._connection = connection
        self._bearer = bearer
        self._session = ""
        self.room_url = url

    def send(self, message: Message) -> None:
        """Queue a message for the worker."""
        self._connection.send(message)

    def close(self, code: int, reason: str) -> None:
        """End the worker's connection."""
        self._connection.close(code, reason)

    async def begin(self, text: str) -> None:
        """Register, which must be the first message."""
        message = parse_from_worker(text)
        with _answering(message):
            if not isinstance(message, Register):
                raise MessageError(ErrorCode.BAD_REQUEST, "the first message must be register")
            self._node.door.register(message.token or self._bearer, self._connection.address)
            self._session = self._node.register(self, message)
        self._acknowledge(message)

    def hear(self, text: str) -> None:
        """Anything after the registration."""
        message = parse_from_worker(text)
        if isinstance(message, Register):
            raise MessageError(ErrorCode.BAD_REQUEST, "already registered", re=message.id)
        if isinstance(message, Ping):
            _answer_ping(self._connection, message)
            return
        self._acknowledge(message)
        if not isinstance(message, Pong):
            self._node.hear_worker(self._session, message)

    def end(self, reason: str) -> None:
        """The worker is gone."""
        self._node.lose_worker(self._session, reason)

    def _acknowledge(self, message: Message) -> None:
        if message.id is not None:
            self._connection.send(Ok(re=message.id))
