"""An MCP server as a child process of ours: one JSON-RPC message per line on its standard input and output.

client's message -> a line of stdin -> program;  a line of stdout -> message -> client

The package `mcp` can start programs, too. There one that never answers can outlive a session whose task is cancelled
twice (for the deadline of connecting, and for the end), and the session waits for it. Here nothing is shielded, and
the last step takes no time: whichever way this is left, the program is dead.
"""

import asyncio
import logging
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any, Final

from agent_worker.tools.mcp_server import Program

if TYPE_CHECKING:
    from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
    from mcp.shared.message import SessionMessage

    Hear = MemoryObjectReceiveStream[SessionMessage | Exception]
    Tell = MemoryObjectSendStream[SessionMessage]

log = logging.getLogger(__name__)

LEAVE_SECONDS: Final = 1.0
"""How long a program may take to end by itself once its input ends (MCP, lifecycle: shutdown, stdio)."""
OBEY_SECONDS: Final = 0.5
"""The same once it was told to (SIGTERM); and what the system gets to clear away one that was killed."""
LINE_BYTES: Final = 16 * 1024 * 1024
"""The longest message that is taken; a program that sends more is left."""


@asynccontextmanager
async def running(program: Program) -> "AsyncGenerator[tuple[Hear, Tell], None]":
    """Start it; on leaving end it, within `LEAVE_SECONDS` and twice `OBEY_SECONDS`, or at once if that is cancelled.

    Its standard error is ours.

    Yields:
        What it says and what it is told, as `mcp.Client` takes them. The first ends when the program does.

    Raises:
        OSError: It cannot be started.

    """
    # Imported when the first server is connected: it takes most of a second.
    import anyio
    from mcp.client.stdio import get_default_environment
    from mcp.shared.message import SessionMessage

    process = await asyncio.create_subprocess_exec(
        program.command,
        *program.args,
        stdin=PIPE,
        stdout=PIPE,
        stderr=sys.__stderr__ or sys.stderr,
        env=get_default_environment() | dict(program.env),
        cwd=program.cwd,
        limit=LINE_BYTES,
        # Its own children are ended with it.
        start_new_session=True,
    )
    try:
        said, hear = anyio.create_memory_object_stream[SessionMessage | Exception](0)
        tell, told = anyio.create_memory_object_stream[SessionMessage](0)
        # Whoever uses these may be cancelled at any point: what is left open is closed here.
        with said, hear, tell, told:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(_hear(process, said)), group.create_task(_tell(process, told, said))]
                try:
                    yield hear, tell
                finally:
                    for task in tasks:
                        task.cancel()
    finally:
        await _end(process)


async def _hear(process: Process, said: "MemoryObjectSendStream[SessionMessage | Exception]") -> None:
    import anyio
    from mcp.shared.message import SessionMessage
    from mcp_types import jsonrpc_message_adapter

    assert process.stdout is not None
    try:
        while line := await process.stdout.readline():
            try:
                message = SessionMessage(jsonrpc_message_adapter.validate_json(line, by_name=False))
            except ValueError as error:
                log.warning("! a tool server's program wrote a line that is no message: %.80r", line)
                await said.send(error)
            else:
                await said.send(message)
    except (anyio.BrokenResourceError, anyio.ClosedResourceError, OSError) as error:
        log.debug("a tool server's program is heard no more: %r", error)
    except ValueError:
        log.warning("! a tool server's program sent a message of more than %d bytes, and is left", LINE_BYTES)
    finally:
        # Calls that wait for an answer end with this.
        said.close()


async def _tell(
    process: Process,
    told: "MemoryObjectReceiveStream[SessionMessage]",
    said: "MemoryObjectSendStream[SessionMessage | Exception]",
) -> None:
    assert process.stdin is not None
    try:
        async for message in told:
            line = message.message.model_dump_json(by_alias=True, exclude_unset=True)
            process.stdin.write(line.encode() + b"\n")
            await process.stdin.drain()
    except OSError as error:
        log.debug("a tool server's program takes nothing more: %r", error)
    finally:
        # Calls that wait to be told end with the one, those that wait for an answer with the other.
        told.close()
        said.close()


async def _end(process: Process) -> None:
    """First the end of its input, then a word, then force: the last of it without waiting, whatever happens here."""
    assert process.stdin is not None
    try:
        process.stdin.close()
        if not await _ends(process, LEAVE_SECONDS):
            _signal(process, signal.SIGTERM)
            await _ends(process, OBEY_SECONDS)
    finally:
        _signal(process, signal.SIGKILL)
        # A grandchild in a session of its own may hold the pipes open: only this lets go of them then.
        transport: Any = getattr(process, "_transport", None)
        if transport is not None:
            transport.close()
        await _ends(process, OBEY_SECONDS)


async def _ends(process: Process, seconds: float) -> bool:
    try:
        async with asyncio.timeout(seconds):
            await process.wait()
    except TimeoutError:
        return False
    return True


def _signal(process: Process, number: signal.Signals) -> None:
    """To the program and to what it has started."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)
