"""Real child processes that speak badly, or never, or will not end: none outlives its connection."""

import asyncio
import os
import sys
from pathlib import Path
from typing import Any

import pytest
from anyio import BrokenResourceError, EndOfStream
from mcp.shared.message import SessionMessage
from mcp_types import JSONRPCNotification, JSONRPCRequest

from agent_worker.tools.mcp_program import LINE_BYTES, running
from agent_worker.tools.mcp_server import Program

SECONDS = 40.0

STUBBORN = """
import os, signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = os.fork()
print('{"jsonrpc": "2.0", "method": "pid/%d"}' % os.getpid(), flush=True)
time.sleep(600)
"""
ECHO = """
import sys
print("I am no message", flush=True)
for line in sys.stdin:
    print(line.replace("ask", "answer"), end="", flush=True)
"""
WORDY = f"""
print("x" * {LINE_BYTES + 10}, flush=True)
input()
"""


def program(text: str) -> Program:
    return Program(command=sys.executable, args=("-c", text), env={})


def is_alive(pid: int) -> bool:
    """A zombie that nobody reaps (an orphan in a container without an init) is dead, too."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


async def hear(heard: Any) -> SessionMessage | Exception:
    async with asyncio.timeout(SECONDS):
        return await heard.receive()


async def tell_on(tell: Any) -> None:
    async with asyncio.timeout(SECONDS):
        while True:
            await tell.send(SessionMessage(JSONRPCNotification(jsonrpc="2.0", method="hello")))


async def test_a_line_is_a_message_both_ways_and_what_is_none_is_told() -> None:
    async with running(program(ECHO)) as (heard, tell):
        assert isinstance(await hear(heard), ValueError)
        await tell.send(SessionMessage(JSONRPCRequest(jsonrpc="2.0", id=1, method="ask", params={"text": "ü\n"})))
        back = await hear(heard)
        assert isinstance(back, SessionMessage)
        assert back.message == JSONRPCRequest(jsonrpc="2.0", id=1, method="answer", params={"text": "ü\n"})


@pytest.mark.parametrize(
    ("text", "log"), [("pass", ""), (WORDY, "sent a message of more than")], ids=["ends", "wordy"]
)
async def test_what_it_says_ends_with_it(text: str, log: str, caplog: pytest.LogCaptureFixture) -> None:
    async with running(program(text)) as (heard, _):
        with pytest.raises(EndOfStream):
            await hear(heard)
    assert log in caplog.text


async def test_what_is_told_to_one_that_takes_nothing_ends_what_it_says() -> None:
    text = "import os, time; os.close(0); print(flush=True); time.sleep(600)"
    async with running(program(text)) as (heard, tell):
        assert isinstance(await hear(heard), ValueError)
        with pytest.raises(BrokenResourceError):
            await tell_on(tell)
        with pytest.raises(EndOfStream):
            await hear(heard)


@pytest.mark.parametrize("cancels", [0, 1, 2, 3])
async def test_one_that_will_not_end_is_dead_with_its_children_however_it_is_left(cancels: int) -> None:
    pids: list[int] = []
    known = asyncio.Event()

    async def use() -> None:
        async with running(program(STUBBORN)) as (heard, _):
            for _ in range(2):
                message = await hear(heard)
                assert isinstance(message, SessionMessage)
                assert isinstance(message.message, JSONRPCNotification)
                pids.append(int(message.message.method.partition("/")[2]))
            known.set()
            if cancels:
                await asyncio.sleep(600.0)

    async with asyncio.timeout(SECONDS), asyncio.TaskGroup() as group:
        task = group.create_task(use())
        await known.wait()
        for _ in range(cancels):
            task.cancel()
            # It is in the midst of ending by now, and is cancelled there.
            await asyncio.sleep(0.05)
        await asyncio.wait([task])
        assert len(set(pids)) == 2
        while any(is_alive(pid) for pid in pids):
            await asyncio.sleep(0.01)
    assert os.getpid() not in pids
