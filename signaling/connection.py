"""One WebSocket: text in, text out, with a bounded queue towards the peer and limits on what it may send.

A shell. One task reads, one writes. Nobody else ever waits for this peer: what does not fit into its queue ends it,
as a slow consumer, and the room goes on.
"""

import asyncio
import logging
from typing import Protocol

from starlette.websockets import WebSocket, WebSocketDisconnect

from signaling.envelope import MAX_FIRST_FRAME_BYTES, Error, Message, error_of, peek_request_id
from signaling.errors import CLOSE_CODES, ErrorCode, MessageError
from signaling.limits import AddressQuota, SocketSettings, TokenBucket, Visit
from signaling.messages import SUBPROTOCOL
from signaling.outbox import Outbox
from signaling.problems import problem
from signaling.reports import Refused
from signaling.watch import Watch

logger = logging.getLogger(__name__)

CLOSE_TIMEOUT = 2.0
PATIENCE_RATE = 1.0
"""Messages per second that may be dropped for ever, beyond one burst, before the connection is."""


class Session(Protocol):
    """What a connection speaks for. No method waits, but for `begin`."""

    @property
    def is_trusted(self) -> bool:
        """Whether this peer is one of ours, and may send more."""
        ...

    async def begin(self, text: str) -> None:
        """The first message; waits where what it begins must be secured elsewhere.

        Raises:
            MessageError: It is refused, and the connection with it.
        """
        ...

    def hear(self, text: str) -> None:
        """Each further message.

        Raises:
            MessageError: It is refused; the connection stays.
        """
        ...

    def end(self, reason: str) -> None:
        """The connection is over; called once or more."""
        ...


class Connection:
    """A WebSocket and its two tasks; a `Link` for the node.

    Args:
        websocket: Not accepted yet.
        settings: The limits.
        quota: Counts this connection for its address.
        watch: Counts messages and refusals.
    """

    def __init__(self, websocket: WebSocket, settings: SocketSettings, quota: AddressQuota, watch: Watch) -> None:
        self._websocket = websocket
        self._settings = settings
        self._quota = quota
        self._watch = watch
        self._outbox = Outbox(settings.queue_messages, settings.queue_chars)
        self._farewell: tuple[int, str] | None = None
        self._session: Session | None = None
        self.address = "" if websocket.client is None else websocket.client.host

    def send(self, message: Message) -> None:
        """Queue a message; when the queue is full the connection ends with 4508."""
        self._watch.sent += 1
        if isinstance(message, Error):
            self._watch.hear(Refused(address=self.address, code=ErrorCode(message.code), text=message.message))
        if not self._outbox.put(message):
            code = ErrorCode.SLOW_CONSUMER
            text = "it does not take what it is sent: disconnected"
            self._watch.hear(Refused(address=self.address, code=code, text=text))
            self.close(CLOSE_CODES[code], code)
            if self._session is not None:
                self._session.end(code)

    def close(self, code: int, reason: str) -> None:
        """End the connection after what is queued was sent; the first reason stands."""
        self._farewell = self._farewell or (code, reason)
        self._outbox.end()

    async def run(self, session: Session) -> None:
        """Accept, and carry messages until either side ends it."""
        visit = self._quota.enter(self.address)
        if visit is None:
            refused = MessageError(ErrorCode.RATE_LIMITED, "too many connections from this address")
            self._watch.hear(Refused(address=self.address, code=refused.code, text=refused.text))
            await self._websocket.send_denial_response(problem(refused))
            return
        self._session = session
        try:
            offered: list[str] = self._websocket.scope["subprotocols"]
            await self._websocket.accept(subprotocol=SUBPROTOCOL if SUBPROTOCOL in offered else None)
            async with asyncio.TaskGroup() as group:
                reader = group.create_task(self._read(session, visit))
                await self._write()
                reader.cancel()
        finally:
            visit.end()
            session.end("disconnected")

    def _refuse(self, refused: MessageError) -> None:
        """Say why, and end the connection."""
        self.send(error_of(refused))
        self.close(CLOSE_CODES[refused.code], refused.code)

    # Towards the peer. -----------------------------------------------------------------------------------------

    async def _write(self) -> None:
        try:
            while (text := await self._outbox.get()) is not None:
                async with asyncio.timeout(self._settings.send_timeout):
                    await self._websocket.send_text(text)
            if self._farewell is not None:
                code, reason = self._farewell
                async with asyncio.timeout(CLOSE_TIMEOUT):
                    await self._websocket.close(code, reason)
        except WebSocketDisconnect:
            pass
        except TimeoutError:
            logger.warning("x %s took nothing for %g s: dropped", self.address, self._settings.send_timeout)

    # From the peer. --------------------------------------------------------------------------------------------

    async def _read(self, session: Session, visit: Visit) -> None:
        try:
            await session.begin(await self._read_first())
            visit.introduce()
            await self._read_on(session)
        except MessageError as refused:
            self._refuse(refused)
        except WebSocketDisconnect:
            self._outbox.clear()
        except TimeoutError:
            text = f"nothing was heard for {self._settings.heartbeat_timeout:g} s: ping"
            self._refuse(MessageError(ErrorCode.HEARTBEAT_TIMEOUT, text))
        except Exception:
            # A defect of ours must cost this one connection alone, and its client comes back.
            logger.exception("x a message of %s cannot be carried out", self.address)
            self._refuse(MessageError(ErrorCode.INTERNAL, "a defect of this server: come again", retry_after=1.0))

    async def _read_first(self) -> str:
        try:
            async with asyncio.timeout(self._settings.join_timeout):
                text = _text(await self._receive())
        except TimeoutError as exc:
            wait = self._settings.join_timeout
            raise MessageError(ErrorCode.JOIN_TIMEOUT, f"the first message did not come within {wait:g} s") from exc
        if len(text.encode()) > MAX_FIRST_FRAME_BYTES:
            raise MessageError(ErrorCode.TOO_LARGE, f"the first message is larger than {MAX_FIRST_FRAME_BYTES} bytes")
        return text

    async def _read_on(self, session: Session) -> None:
        """Hear message after message; who floods is told so, and cut off when that does not help."""
        clock = asyncio.get_running_loop()
        factor = self._settings.trusted_factor if session.is_trusted else 1
        burst = self._settings.message_burst * factor
        bucket = TokenBucket(self._settings.message_rate * factor, burst, clock.time())
        patience = TokenBucket(PATIENCE_RATE, burst, clock.time())
        while True:
            async with asyncio.timeout(self._settings.heartbeat_timeout):
                frame = await self._receive()
            self._watch.received += 1
            wait = bucket.take(clock.time())
            try:
                if wait > 0.0:
                    request = peek_request_id(frame)
                    raise MessageError(ErrorCode.RATE_LIMITED, "too many messages", re=request, retry_after=wait)
                session.hear(_text(frame))
            except MessageError as refused:
                self.send(error_of(refused))
                if refused.code is ErrorCode.RATE_LIMITED and patience.take(clock.time()) > 0.0:
                    logger.warning("x %s floods us: disconnected", self.address)
                    self.close(CLOSE_CODES[ErrorCode.RATE_LIMITED], ErrorCode.RATE_LIMITED)
                    return

    async def _receive(self) -> str | bytes:
        """The next frame.

        Raises:
            WebSocketDisconnect: There is none.
        """
        message = await self._websocket.receive()
        if message["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(message["code"])
        text: str | None = message.get("text")
        return message["bytes"] if text is None else text


def _text(frame: str | bytes) -> str:
    if isinstance(frame, bytes):
        raise MessageError(ErrorCode.BAD_REQUEST, "send JSON in text frames, not binary ones")
    return frame
