"""The worker's way to a signaling server: one socket of `/v1/worker` after another, for as long as the worker lives.

supervisor -> send -> outbox -> socket -> events for the supervisor's mailbox
"""

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Final

import jwt
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus, InvalidURI
from websockets.typing import Subprotocol

from agent_worker.worker.events import Connected, Disconnected, Event
from signaling.messages import (
    CLOSE_CODES,
    SUBPROTOCOL,
    TOKEN_ALGORITHM,
    Error,
    ErrorCode,
    FromWorker,
    MessageError,
    Registered,
    encode,
    parse_to_worker,
    worker_claims,
)

__all__ = ["ServerLink"]

_logger = logging.getLogger(__name__)
_socket_logger = logging.getLogger(f"{__name__}.socket")
# At DEBUG websockets logs the handshake, and with it the Authorization header.
_socket_logger.setLevel(logging.INFO)

CONNECT_SECONDS: Final = 10.0
SEND_SECONDS: Final = 10.0
CLOSE_SECONDS: Final = 2.0
TOKEN_SECONDS: Final = 3600
FIRST_PAUSE: Final = 0.3
LAST_PAUSE: Final = 5.0
"""Seconds between attempts to reach the server; doubling, and spread."""
OUTBOX: Final = 256
"""Messages that wait for the socket. When it is full the server does not read: the socket is given up."""
MAX_FRAME: Final = 2**20
"""Bytes of one frame from the server."""

_FATAL: Final = {
    CLOSE_CODES[code]: code for code in (ErrorCode.UNAUTHORIZED, ErrorCode.FORBIDDEN, ErrorCode.BAD_REQUEST)
}
"""Close codes after which coming again is of no use."""


class ServerLink:
    """Keeps a worker connected.

    Args:
        url: ws:// or wss:// address of the server's `/v1/worker`.
        worker: The worker's id.
        api_key: The id of the key that signs our token.
        api_secret: Its secret.
        post: Takes what happens: Connected, the server's messages, Disconnected, and so again.
        settle: Waits until everything posted was decided on and what came of it was given to `send`.
    """

    def __init__(
        self,
        url: str,
        worker: str,
        *,
        api_key: str,
        api_secret: str,
        post: Callable[[Event], None],
        settle: Callable[[], Awaitable[None]],
    ) -> None:
        self._url = url
        self._worker = worker
        self._api_key = api_key
        self._api_secret = api_secret
        self._post = post
        self._settle = settle
        self._outbox = asyncio.Queue[FromWorker](OUTBOX)
        self._socket: ClientConnection | None = None
        self._come_back = 0.0
        self._is_known = False
        self._is_missed = False
        self._refusal = ""

    async def run(self) -> str:
        """Connect, and connect again whenever the connection is lost; ends when the server refuses us, with why."""
        pause = FIRST_PAUSE
        while True:
            # What was decided for a socket that is gone must not be the first word on the next one.
            await self._settle()
            self._outbox = asyncio.Queue[FromWorker](OUTBOX)
            self._come_back = 0.0
            pause = FIRST_PAUSE if await self._connect() else min(pause * 2, LAST_PAUSE)
            if self._refusal:
                return self._refusal
            # Spread, so that the workers of a server that comes back do not all arrive at once.
            await asyncio.sleep(self._come_back or pause * random.uniform(0.5, 1.0))  # noqa: S311 - no secret

    def send(self, message: FromWorker) -> None:
        """Queue a message; without a connection it is dropped when there is one again."""
        try:
            self._outbox.put_nowait(message)
        except asyncio.QueueFull:
            _logger.warning("the signaling server does not read: connecting anew")
            self._hang_up()

    def come_back(self, delay: float) -> None:
        """Leave the server, and connect again after `delay` seconds."""
        self._come_back = delay
        self._hang_up()

    async def say_the_rest(self) -> None:
        """Wait until what was sent is on its way, and close the socket; at most `CLOSE_SECONDS`."""
        socket = self._socket
        if socket is None:
            return
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                await self._outbox.join()
                await socket.close()
        except TimeoutError:
            _logger.warning("the signaling server did not take our last words within %g s", CLOSE_SECONDS)

    def _hang_up(self) -> None:
        if self._socket is not None:
            self._socket.transport.abort()

    async def _connect(self) -> bool:
        """Live with the server as long as it lasts; whether it took us in."""
        self._is_known = False
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                self._socket = await self._open()
        except InvalidStatus as error:
            status = error.response.status_code
            if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
                self._refuse(f"it answered with HTTP status {status}")
            else:
                self._unreachable(f"it answered with HTTP status {status}")
            return False
        except (InvalidHandshake, EOFError) as error:
            self._unreachable(f"what answers is no signaling server: {error}")
            return False
        except (OSError, InvalidURI) as error:  # TimeoutError is one
            self._unreachable(str(error) or f"no answer within {CONNECT_SECONDS:g} s")
            return False
        self._post(Connected())
        try:
            await self._use(self._socket)
        finally:
            self._hang_up()
            self._socket = None
            self._post(Disconnected())
        return self._is_known

    async def _open(self) -> ClientConnection:
        claims = worker_claims(self._api_key, self._worker, expires_at=int(time.time()) + TOKEN_SECONDS)
        token = jwt.encode(claims, self._api_secret, algorithm=TOKEN_ALGORITHM)
        return await connect(
            self._url,
            subprotocols=[Subprotocol(SUBPROTOCOL)],
            additional_headers={"Authorization": f"Bearer {token}"},
            compression=None,
            max_size=MAX_FRAME,
            open_timeout=None,
            close_timeout=CLOSE_SECONDS,
            ping_interval=5,
            ping_timeout=10,
            # The environment is read in the commands alone, and so no proxy is taken from it.
            proxy=None,
            logger=_socket_logger,
        )

    async def _use(self, socket: ClientConnection) -> None:
        async with asyncio.TaskGroup() as tasks:
            writing = tasks.create_task(self._write(socket, self._outbox))
            try:
                await self._read(socket)
            except TimeoutError:
                self._unreachable(f"it did not take us in within {CONNECT_SECONDS:g} s")
            except ConnectionClosed:
                self._on_closed(socket)
            finally:
                writing.cancel()

    async def _read(self, socket: ClientConnection) -> None:
        while True:
            async with asyncio.timeout(None if self._is_known else CONNECT_SECONDS):
                text = await socket.recv()
            try:
                message = parse_to_worker(text)
            except MessageError as unknown:
                _logger.debug("passed over a message of the signaling server: %s", unknown)
                continue
            match message:
                case Registered():
                    _logger.info("registered with the signaling server at %s as %s", self._url, self._worker)
                    self._is_known, self._is_missed = True, False
                case Error(code=code, message=why):
                    _logger.warning("the signaling server refused something: %s (%s)", why, code)
                case _:
                    pass
            self._post(message)

    def _on_closed(self, socket: ClientConnection) -> None:
        code = _FATAL.get(socket.close_code or 0)
        why = socket.close_reason or code or "no reason given"
        if code is None:
            _logger.warning(
                "the connection to the signaling server is lost (%s, %s); conversations go on",
                socket.close_code,
                why,
            )
        else:
            self._refuse(why)

    async def _write(self, socket: ClientConnection, outbox: asyncio.Queue[FromWorker]) -> None:
        try:
            while True:
                message = await outbox.get()
                async with asyncio.timeout(SEND_SECONDS):
                    await socket.send(encode(message))
                outbox.task_done()
        except TimeoutError:
            _logger.warning("the signaling server took nothing for %g s: connecting anew", SEND_SECONDS)
            socket.transport.abort()
        except ConnectionClosed:
            return  # whoever reads is told

    def _unreachable(self, why: str) -> None:
        level = logging.DEBUG if self._is_missed else logging.WARNING
        self._is_missed = True
        _logger.log(level, "the signaling server at %s cannot be reached: %s. Trying again.", self._url, why)

    def _refuse(self, why: str) -> None:
        self._refusal = (
            f"The signaling server at {self._url} does not take this worker: {why}. Give both the same"
            " AGENT_WORKER_API_KEY and AGENT_WORKER_API_SECRET; a server with --dev and no key of its own takes"
            " a worker that has none either."
        )
