"""A program that runs beside a command: started in a session of its own, watched, and ended with all it has started.

its standard output -> the line that says it is ready    its standard error -> warnings and errors, for people
"""

import asyncio
import os
import re
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

from agent_worker.worker.orphans import die_with_parent

__all__ = ["Companion", "CompanionError"]

STOP_SECONDS: Final = 5.0
"""Between SIGTERM and SIGKILL."""
_LOOK_SECONDS: Final = 0.05
LAST_LINES: Final = 20
"""Lines of standard error that are kept for saying why a program ended."""
MAX_LINE: Final = 64 * 1024
"""Bytes; a longer line is shown in pieces."""
_READY: Final = re.compile(r"\bis ready on (\w+://\S+?)[:,.]?(?:\s|$)")
_QUIET: Final = re.compile(r"^\S+ \S+ (DEBUG|INFO)\b")


class CompanionError(Exception):
    """The program ended, or was not ready in time. The text is for people."""


class Companion:
    """One program.

    Args:
        name: For people.
        command: Arguments of this Python: "-m", the module, and so on.
        show: Takes each line of standard error that is more than information.
    """

    def __init__(self, name: str, command: Sequence[str], show: Callable[[str], None]) -> None:
        self.name = name
        self._command = command
        self._show = show
        self._ready = asyncio.Event()
        self._last: deque[str] = deque(maxlen=LAST_LINES)
        self._process: Process | None = None
        self.address = ""
        """What it says that it is ready on."""

    def signal(self, number: int) -> None:
        """Send it a signal; nothing happens when it is not running."""
        if self._process is not None and self._process.returncode is None:
            self._process.send_signal(number)

    async def run(self) -> None:
        """Run it to its end; being cancelled ends it, and leaves none of its processes.

        Raises:
            CompanionError: It ended by itself.
        """
        process = self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            *self._command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=PIPE,
            stderr=PIPE,
            limit=MAX_LINE,
            start_new_session=True,
            preexec_fn=die_with_parent if sys.platform == "linux" else None,
        )
        assert process.stdout is not None
        assert process.stderr is not None
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._follow(process.stdout, self._said))
                tasks.create_task(self._follow(process.stderr, self._complained))
            code = await process.wait()
        finally:
            await self._end(process)
        raise CompanionError(self._obituary(code))

    async def wait_ready(self, seconds: float) -> str:
        """Wait until it says that it is ready; the address that it says.

        Raises:
            CompanionError: It did not within so many seconds.
        """
        try:
            async with asyncio.timeout(seconds):
                await self._ready.wait()
        except TimeoutError as error:
            raise CompanionError(f"{self.name} was not ready within {seconds:g} s.{self._tail()}") from error
        return self.address

    async def _follow(self, stream: asyncio.StreamReader, take: Callable[[str], None]) -> None:
        while True:
            try:
                line = await stream.readuntil(b"\n")
            except asyncio.LimitOverrunError as overrun:
                line = await stream.readexactly(overrun.consumed)
            except asyncio.IncompleteReadError as end:
                if end.partial:
                    take(end.partial.decode(errors="replace"))
                return
            take(line.decode(errors="replace").rstrip())

    def _said(self, line: str) -> None:
        if not self._ready.is_set() and (found := _READY.search(line)) is not None:
            self.address = found.group(1)
            self._ready.set()

    def _complained(self, line: str) -> None:
        self._last.append(line)
        if not _QUIET.match(line):
            self._show(line)

    def _obituary(self, code: int) -> str:
        how = f"killed by signal {-code}" if code < 0 else f"exit code {code}"
        return f"{self.name} ended ({how}).{self._tail()}"

    def _tail(self) -> str:
        lines = [line for line in self._last if line.strip()]
        return " Its last words:\n  " + "\n  ".join(lines) if lines else ""

    async def _end(self, process: Process) -> None:
        """End the whole session of processes: politely, then not."""
        if process.returncode is None:
            process.terminate()
        try:
            async with asyncio.timeout(STOP_SECONDS):
                await process.wait()
                while _is_alive(process.pid):  # noqa: ASYNC110 - grandchildren: the kernel tells of our own alone
                    await asyncio.sleep(_LOOK_SECONDS)
        except TimeoutError:
            self._show(f"did not end within {STOP_SECONDS:g} s and is killed")
        finally:
            _kill_group(process.pid)


def _is_alive(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def _kill_group(group: int) -> None:
    try:
        os.killpg(group, signal.SIGKILL)
    except ProcessLookupError:
        return
