"""One open session of OpenAI's Realtime protocol, from its first frames to its close.

Session -> `send` -> bounded queue -> writer task -> codec -> socket -> codec -> `events` -> session. What the frames
mean, and what an error means, is decided in the pure codec; here are the deadlines and the ways to fail.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final, TypeVar

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConcurrencyError, ConnectionClosed
from websockets.protocol import State

from agent_worker import clock
from agent_worker.errors import RealtimeError, RealtimeLostError
from agent_worker.realtime.base import (
    Capabilities,
    ErrorPolicy,
    ModelError,
    RealtimeCommand,
    RealtimeEvent,
    ResponseEnded,
    SessionSettings,
    SettingsApplied,
)
from agent_worker.realtime.openai_errors import MALFORMED
from agent_worker.realtime.openai_events import SessionCreated
from agent_worker.realtime.openai_refusal import refusal, refusal_by_close
from agent_worker.realtime.openai_wire import Codec
from agent_worker.realtime.reply_times import ReplyTimes

_QUEUED_COMMANDS: Final = 2048
"""About 40 s of 20 ms appends: a server that is further behind will not catch up."""
_SEND_SECONDS: Final = 10.0
CLOSE_SECONDS: Final = 2.0

_Milestone = TypeVar("_Milestone", SessionCreated, SettingsApplied)

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Server:
    """Who is talked to, in what people read."""

    address: str
    secret: str = field(repr=False)
    """The key of this connect: servers quote the one that they refuse."""

    def without_secret(self, text: str) -> str:
        """What the server said, as it may be shown."""
        return text.replace(self.secret, "[key]") if self.secret else text

    def lost(self, why: str) -> RealtimeLostError:
        """The error of a connection that is no more."""
        return RealtimeLostError(f"The connection to the realtime model at {self.address} is lost: {why}.")

    def refusal(self, code: str, message: str) -> RealtimeError:
        """The error of a server that refused for good."""
        return refusal(self.address, code=code, message=self.without_secret(message))


@asynccontextmanager
async def closing(socket: ClientConnection) -> AsyncGenerator[None, None]:
    """Closes the socket at the end, politely if the server plays along, within `CLOSE_SECONDS`."""
    try:
        yield
    finally:
        try:
            # websockets' own close timeout does not cover a server that has stopped reading.
            async with asyncio.timeout(CLOSE_SECONDS), asyncio.TaskGroup() as group:
                group.create_task(_discard(socket))
                await socket.close()
        except TimeoutError:
            _logger.debug("The realtime model did not close the connection within %g s", CLOSE_SECONDS)
        finally:
            socket.transport.abort()


async def _discard(socket: ClientConnection) -> None:
    """Reads to the end: behind frames that nobody reads the server's close frame would never be seen."""
    try:
        while True:
            await socket.recv(decode=False)
    except (ConnectionClosed, ConcurrencyError):
        return


async def configure(
    socket: ClientConnection, codec: Codec, settings: SessionSettings, server: Server
) -> SessionCreated:
    """The first frames: session.created, session.update, session.updated. The caller sets the deadline.

    Raises:
        RealtimeError: The server refused, by an error event or by its close code.
        RealtimeLostError: The connection broke.

    """

    async def wait_for(kind: type[_Milestone]) -> _Milestone:
        while True:
            for event in codec.decode(await socket.recv(decode=False)):
                if isinstance(event, kind):
                    return event
                if isinstance(event, ModelError) and event.code != MALFORMED:
                    raise server.refusal(event.code, event.message)

    try:
        created = await wait_for(SessionCreated)
        await socket.send(codec.configure(settings))
        await wait_for(SettingsApplied)
    except ConnectionClosed as exc:
        reason = server.without_secret(socket.close_reason or "")
        refused = refusal_by_close(server.address, close_code=socket.close_code, reason=reason)
        if refused is not None:
            # Without its cause, whose text repeats the reason as the server wrote it.
            raise refused from None
        closed = f"close code {socket.close_code}{reason and ', '}{reason}"
        raise server.lost(f"it was closed before the session was ready ({closed})") from exc
    _logger.debug("The realtime model at %s is ready: session %s", server.address, created.session_id)
    return created


class OpenAIRealtimeConnection:
    """One open session.

    Reading is the caller's own loop: a slow one slows the server down and loses nothing. Only one that reads nothing
    at all for many seconds is cut off, because the server's pongs lie behind what it does not read.
    """

    def __init__(self, socket: ClientConnection, codec: Codec, server: Server, capabilities: Capabilities) -> None:
        self._socket = socket
        self._codec = codec
        self._server = server
        self._capabilities = capabilities
        self._commands = asyncio.Queue[RealtimeCommand](_QUEUED_COMMANDS)
        self._abandoned = ""
        self._times = ReplyTimes()

    def __repr__(self) -> str:
        state, queued = self._socket.state.name, self._commands.qsize()
        return f"<connection to {self._server.address}, {state}, {queued} commands queued>"

    @property
    def capabilities(self) -> Capabilities:
        """What this very session can do."""
        return self._capabilities

    def send(self, command: RealtimeCommand) -> None:
        """Queue a command.

        Raises:
            RealtimeLostError: The connection is gone, or so far behind that its queue is full.

        """
        if self._socket.state is not State.OPEN:
            raise self._loss()
        self._times.sent(command, clock.now())
        try:
            self._commands.put_nowait(command)
        except asyncio.QueueFull:
            self._abandon(f"it is {_QUEUED_COMMANDS} commands behind")
            raise self._loss() from None

    async def events(self) -> AsyncIterator[RealtimeEvent]:
        """All events, in order.

        Raises:
            RealtimeLostError: The connection is lost, or of no more use.
            RealtimeError: The server refused for good.

        """
        try:
            while True:
                for event in self._codec.decode(await self._socket.recv(decode=False)):
                    if isinstance(event, SessionCreated):
                        continue
                    yield self._times.saw(event, clock.now())
                    if isinstance(event, ModelError | ResponseEnded):
                        self._follow_policy(event)
        except ConnectionClosed as exc:
            raise self._loss() from exc

    def _follow_policy(self, event: ModelError | ResponseEnded) -> None:
        """Ends the connection after an error that it, or any other one, cannot live with."""
        match event.policy:
            case ErrorPolicy.FATAL:
                raise self._server.refusal(event.code, event.message)
            case ErrorPolicy.RECONNECT:
                self._abandon(event.message)
                raise self._loss()
            case ErrorPolicy.IGNORE | ErrorPolicy.WARN | ErrorPolicy.FAIL_REQUEST:
                return

    @asynccontextmanager
    async def writing(self) -> AsyncGenerator[None, None]:
        """Commands are sent while the block runs."""
        failure: Exception | None = None
        async with asyncio.TaskGroup() as group:
            writer = group.create_task(self._write())
            try:
                yield
            except Exception as exc:  # noqa: BLE001 - raised below: a task group would wrap the session's own error
                failure = exc
            finally:
                writer.cancel()
        if failure is not None:
            raise failure

    async def _write(self) -> None:
        try:
            while True:
                command = await self._commands.get()
                for frame in self._codec.encode(command):
                    async with asyncio.timeout(_SEND_SECONDS):
                        await self._socket.send(frame)
        except TimeoutError:
            self._abandon(f"it took nothing for {_SEND_SECONDS:g} s")
        except ConnectionClosed:
            # Whoever reads or sends next is told: there is one voice for a loss, and it is `_loss`.
            return

    def _abandon(self, why: str) -> None:
        self._abandoned = why
        self._socket.transport.abort()

    def _loss(self) -> RealtimeLostError:
        code, reason = self._socket.close_code, self._socket.close_reason
        why = self._abandoned or f"close code {code}{reason and ', '}{reason}"
        return self._server.lost(self._server.without_secret(why))
