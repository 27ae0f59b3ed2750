"""What the tests of the pool run in its processes. Importable by them, so in a module of its own."""

import asyncio
import ctypes
import logging
import os
import time
from collections.abc import Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from agent_worker.errors import ConfigError, RoomLostError
from agent_worker.history.items import Message, Role
from agent_worker.rooms.base import HumanJoined, RoomClosed
from agent_worker.rooms.signaled import SignaledDoor
from agent_worker.worker.checkpoint import ItemKept
from agent_worker.worker.ipc import Start
from agent_worker.worker.room_process import Keep

logger = logging.getLogger(__name__)


class Sharing:
    """A job whose rooms share nothing."""

    modules = ()

    @asynccontextmanager
    async def serving(self):
        yield


@dataclass(frozen=True)
class Scripted(Sharing):
    """A job that does what its room is called, such as "sleep", "crash", "stubborn" or "talk"."""

    name: str = "scripted"

    def load(self):
        return self

    async def run(self, start: Start, joined: Callable[[], None], keep: Keep) -> str:
        logger.warning("at work as %s", os.getpid())
        joined()
        match start.room:
            case "end":
                return "all is said"
            case "fail":
                raise RoomLostError("the room is gone")
            case "crash":
                raise ZeroDivisionError("oh")
            case "segfault":
                ctypes.string_at(0)
            case "hang":
                time.sleep(3600)
            case "stubborn":
                await stubbornly()
            case "talk":
                keep([ItemKept(item=Message(id="m1", role=Role.USER, text="my name is Alice"), after="root")])
            case "recall":
                return start.checkpoint.items[0].text
        await asyncio.sleep(3600)
        return "never"


async def stubbornly() -> None:
    while True:
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            continue


@dataclass(frozen=True)
class Unloadable:
    """An application that cannot be imported until a file exists."""

    modules = ()

    wanted: Path

    def load(self):
        if not self.wanted.exists():
            raise ConfigError(f"{self.wanted} is missing: make it")
        return Scripted()


@dataclass(frozen=True)
class DiesOnLoad:
    """An application that takes its process down."""

    modules = ()

    def load(self):
        os._exit(3)


@dataclass(frozen=True)
class LoadsForEver:
    """An application whose import does not come to an end."""

    modules = ()

    def load(self):
        time.sleep(3600)


@dataclass(frozen=True)
class Hoards(Scripted):
    """A job that takes half a gigabyte."""

    async def run(self, start: Start, joined: Callable[[], None], keep: Keep) -> str:
        joined()
        hoard: list[bytes] = []
        for _ in range(512):
            hoard.append(b"x" * (1024 * 1024))
            await asyncio.sleep(0)  # it does not hang: pings are answered while it takes more and more
        await asyncio.sleep(3600)
        return str(len(hoard))


class Quiet:
    """A voice that says nothing."""

    def pull(self):
        return np.zeros(480, np.int16)


@dataclass(frozen=True)
class InRoom(Sharing):
    """A job that is in its room, tells everybody there the id of its process, and stays until the room closes."""

    name: str = "in room"

    def load(self):
        return self

    async def run(self, start: Start, joined: Callable[[], None], keep: Keep) -> str:
        async with SignaledDoor(start.url, start.token).join(Quiet()) as room:
            joined()
            async for event in room.events():
                match event:
                    case HumanJoined():
                        room.send_data("pid", {"pid": os.getpid()})
                    case RoomClosed(reason=reason):
                        return reason
        return "never"
