"""The way to one client: events as text -> bounded queue -> socket. Whoever makes much waits for room first."""

import asyncio
import logging
from collections import deque
from typing import Final

from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

log = logging.getLogger(__name__)

ROOM: Final = 32
"""With this many events waiting there is no room for more speech."""
LIMIT: Final = 4096
LIMIT_CHARACTERS: Final = 64 * 1024 * 1024
"""With more events waiting, or longer ones, the client is given up: it asks and does not read."""
SEND_TIMEOUT: Final = 10.0
"""Seconds that a client may take to read one event."""
TOO_SLOW: Final = (1013, "the client reads too slowly")


class Outbox:
    """Events on their way to one client, in order."""

    def __init__(self) -> None:
        self._texts: deque[str] = deque()
        self._size = 0
        self._end: tuple[int, str] | None = None
        self._arrived = asyncio.Event()
        self._roomy = asyncio.Event()
        self._roomy.set()

    def put(self, text: str) -> None:
        """Queue an event; beyond the limits the connection is ended instead."""
        if self._end is not None:
            return
        self._texts.append(text)
        self._size += len(text)
        if len(self._texts) > LIMIT or self._size > LIMIT_CHARACTERS:
            self._texts.clear()
            self._end = TOO_SLOW
        if len(self._texts) >= ROOM:
            self._roomy.clear()
        self._arrived.set()

    def close(self, code: int, reason: str) -> None:
        """End the connection after what is queued."""
        if self._end is None:
            self._end = (code, reason)
            self._arrived.set()

    async def room(self) -> None:
        """Wait until the client has read most of what was sent."""
        await self._roomy.wait()

    async def run(self, socket: ServerConnection) -> None:
        """Send until the connection ends, and end it when it is time."""
        try:
            while (text := await self._next()) is not None:
                async with asyncio.timeout(SEND_TIMEOUT):
                    await socket.send(text)
        except TimeoutError:
            self._end = TOO_SLOW
        except ConnectionClosed:
            return
        assert self._end is not None
        log.info("closing %s: %d %s", socket.id, *self._end)
        await socket.close(*self._end)

    async def _next(self) -> str | None:
        """The next event; None at the end."""
        while not self._texts:
            if self._end is not None:
                return None
            self._arrived.clear()
            await self._arrived.wait()
        text = self._texts.popleft()
        self._size -= len(text)
        if len(self._texts) < ROOM:
            self._roomy.set()
        return text
