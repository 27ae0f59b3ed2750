import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from agent_worker.localmodel import outbox as module
from agent_worker.localmodel.outbox import LIMIT, ROOM, TOO_SLOW, Outbox


class Socket:
    """A client that reads when it is allowed to."""

    id = "test"

    def __init__(self) -> None:
        self.sent: list[str] = []
        self.closed: tuple[int, str] | None = None
        self.reads = asyncio.Event()
        self.reads.set()

    async def send(self, text: str) -> None:
        await self.reads.wait()
        self.sent.append(text)

    async def close(self, code: int, reason: str) -> None:
        self.closed = (code, reason)


@asynccontextmanager
async def running(outbox: Outbox, socket: Any) -> AsyncIterator["asyncio.Task[None]"]:
    async with asyncio.TaskGroup() as group:
        task = group.create_task(outbox.run(socket))
        yield task
        task.cancel()


async def test_events_go_in_order_and_the_end_comes_after_them() -> None:
    outbox, socket = Outbox(), Socket()
    for text in "abc":
        outbox.put(text)
    outbox.close(1000, "bye")
    outbox.close(1011, "too late")
    outbox.put("d")
    async with running(outbox, socket) as task, asyncio.timeout(5):
        await task
    assert socket.sent == ["a", "b", "c"]
    assert socket.closed == (1000, "bye")


async def test_there_is_room_while_the_client_reads() -> None:
    outbox, socket = Outbox(), Socket()
    socket.reads.clear()
    async with running(outbox, socket):
        for _ in range(ROOM - 1):
            outbox.put("x")
        async with asyncio.timeout(1):
            await outbox.room()
        for _ in range(3):
            outbox.put("x")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await outbox.room()
        socket.reads.set()
        async with asyncio.timeout(5):
            await outbox.room()


async def test_a_client_that_does_not_read_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SEND_TIMEOUT", 0.05)
    outbox, socket = Outbox(), Socket()
    socket.reads.clear()
    outbox.put("a")
    async with running(outbox, socket) as task, asyncio.timeout(5):
        await task
    assert socket.closed == TOO_SLOW


@pytest.mark.parametrize(("count", "length"), [(LIMIT + 1, 1), (65, 2**20)])
async def test_a_client_that_asks_and_does_not_read_is_left(count: int, length: int) -> None:
    outbox, socket = Outbox(), Socket()
    text = "x" * length
    for _ in range(count):
        outbox.put(text)
    async with running(outbox, socket) as task, asyncio.timeout(5):
        await task
    assert socket.closed == TOO_SLOW
    assert socket.sent == []
