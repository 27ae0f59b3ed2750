"""Our presence in a signaled room: one socket after another, read, written and kept alive.

what we say -> outbox (merges, paces) -> socket -> welcome, receive        a loss -> entrance -> the next socket

Agents and commands are in rooms by this; what a message means is theirs to decide.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Final

from pydantic import ValidationError
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from agent_worker.clock import now
from agent_worker.rooms.outbox import Outbox
from agent_worker.rooms.signaled_entrance import Entrance
from signaling.messages import (
    FromClient,
    Joined,
    Leave,
    Left,
    MessageError,
    Ping,
    PingSettings,
    ToClient,
    encode,
    parse_to_client,
)

__all__ = ["Presence"]

_logger = logging.getLogger(__name__)

SEND_SECONDS: Final = 10.0
"""A server that takes nothing for so long is gone."""
LEAVE_SECONDS: Final = 2.0
"""For saying what is still to be said, and good-bye."""
MIN_PING_SECONDS: Final = 1.0


def _no_links() -> Mapping[str, int]:
    return {}


def _nobody(is_there: bool) -> None:
    del is_there


class Presence:
    """Us in a room, for as long as the server lets us.

    Args:
        entrance: The way in, and in again.
        socket: Where we were let in; `leave` and the end of `run` close it.
        welcome: Takes what we are told each time that we are let in.
        receive: Takes every other message.
        links: The generation of each media connection that stands, by identity, asked when we come back.
        follow: Told False when the server is lost, and True when it is back, before the welcome.
    """

    def __init__(
        self,
        entrance: Entrance,
        socket: ClientConnection,
        *,
        welcome: Callable[[Joined], None],
        receive: Callable[[ToClient], None],
        links: Callable[[], Mapping[str, int]] = _no_links,
        follow: Callable[[bool], None] = _nobody,
    ) -> None:
        self._entrance = entrance
        self._welcome = welcome
        self._receive = receive
        self._links = links
        self._follow = follow
        self._socket: ClientConnection | None = socket
        self._outbox = Outbox()
        self._work = asyncio.Event()
        self._idle = asyncio.Event()
        self._leaving = False
        self._overflowed = False

    def say(self, message: Callable[[], FromClient]) -> bool:
        """Queue a message; one that the wire has no place for is an error in our log and nobody else's.

        Returns:
            Whether there was a place for it.
        """
        try:
            queued = self._outbox.put(message())
        except ValidationError as error:
            _logger.error("not sent, it does not fit the wire: %s", error.errors(include_input=False)[0]["msg"])
            return False
        if not queued and not self._overflowed:
            _logger.warning(
                "what is said in the room is dropped, too much waits already: the server does not take it"
            )
        self._overflowed = not queued
        self._idle.clear()
        self._work.set()
        return queued

    async def run(self, joined: Joined) -> str:
        """Be there until it is over for us; why, in a few words.

        Args:
            joined: With what words we were let in.

        Raises:
            RoomLostError: The server is lost and stayed away.
            ProtocolError: It is back and does not want us.
        """
        while True:
            assert self._socket is not None
            self._welcome(joined)
            try:
                reason = await self._use(self._socket, joined.ping)
            finally:
                self._socket.transport.abort()
                self._socket = None
            if reason or self._leaving:
                return reason or "left"
            _logger.warning("the signaling server is away; conversations go on while we look for it")
            self._follow(False)
            self._socket, joined = await self._entrance.enter_again(self._links)
            _logger.info("the signaling server is back")
            self._follow(True)

    async def leave(self) -> None:
        """Say what is still to be said, and good-bye; `run` has to go on meanwhile."""
        self._leaving = True
        socket = self._socket
        if socket is None:
            return
        try:
            async with asyncio.timeout(LEAVE_SECONDS):
                await self._all_said()
                self.say(Leave)
                await self._all_said()
                await socket.close()
        except TimeoutError:
            _logger.debug("the signaling server did not take our good-bye within %g s", LEAVE_SECONDS)
        finally:
            socket.transport.abort()

    async def _all_said(self) -> None:
        if not self._outbox.is_empty:
            await self._idle.wait()

    async def _use(self, socket: ClientConnection, ping: PingSettings) -> str:
        """Read and write until the socket is lost (""), or the room is over for us (why)."""
        async with asyncio.TaskGroup() as tasks:
            sides = [tasks.create_task(self._write(socket)), tasks.create_task(self._ping(ping.interval_ms / 1000))]
            try:
                return await self._read(socket, ping.timeout_ms / 1000)
            finally:
                for side in sides:
                    side.cancel()

    async def _read(self, socket: ClientConnection, patience: float) -> str:
        try:
            while True:
                async with asyncio.timeout(patience):
                    text = await socket.recv()
                try:
                    message = parse_to_client(text)
                except MessageError as unknown:
                    _logger.debug("passed over a message of the signaling server: %s", unknown)
                    continue
                self._entrance.follow(message)
                if isinstance(message, Left) and message.action == "none":
                    return message.reason
                self._receive(message)
        except TimeoutError:
            _logger.warning("the signaling server said nothing for %g s", patience)
            return ""
        except ConnectionClosed:
            return self._entrance.final_reason(socket)

    async def _write(self, socket: ClientConnection) -> None:
        try:
            while True:
                self._work.clear()
                message = self._outbox.take(now())
                if message is None:
                    await self._wait_for_work()
                    continue
                async with asyncio.timeout(SEND_SECONDS):
                    await socket.send(encode(message))
        except TimeoutError:
            _logger.warning("the signaling server took nothing for %g s", SEND_SECONDS)
            socket.transport.abort()
        except ConnectionClosed:
            return  # whoever reads is told

    async def _wait_for_work(self) -> None:
        if self._outbox.is_empty:
            self._idle.set()
        try:
            async with asyncio.timeout_at(self._outbox.deadline):
                await self._work.wait()
        except TimeoutError:
            pass

    async def _ping(self, interval: float) -> None:
        while True:
            await asyncio.sleep(max(interval, MIN_PING_SECONDS))
            self.say(lambda: Ping(ts=now()))
