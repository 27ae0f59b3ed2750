"""Several programs at once, for a command such as `demo`: started, waited for, and ended together.

plan (starts companions, waits for each) -> Ensemble -> until told to stop, or until one of them ends
"""

import asyncio
import signal
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from typing import Final
from urllib.parse import urlsplit

from rich.console import Console
from rich.text import Text

from agent_worker.cli.companion import Companion, CompanionError

__all__ = ["Ensemble", "is_well"]

READY_SECONDS: Final = 90.0
"""For each of the programs; the first start of a machine reads hundreds of megabytes."""
HEALTH_SECONDS: Final = 5.0


class Ensemble:
    """Programs that belong together, from the first to the last moment.

    Args:
        console: Where it is said how they are.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._told = asyncio.Event()

    async def run(self, plan: Callable[["Ensemble"], Awaitable[None]]) -> None:
        """Carry out the plan, and keep what it started until told to stop.

        Raises:
            CompanionError: One of the programs ended, or was never ready.
        """
        failure: CompanionError | None = None
        with self._obeying_signals():
            try:
                async with asyncio.TaskGroup() as self._tasks:
                    living = self._tasks.create_task(_carry_out(plan, self))
                    await self._told.wait()
                    living.cancel()
                    self._console.print("\nStopping ...")
                    raise _ToldError
            except* _ToldError:
                pass
            except* CompanionError as failed:
                failure = _first(failed)
        if failure is not None:
            raise failure

    def start(self, name: str, *command: str) -> Companion:
        """Start a program: arguments of this Python."""
        companion = Companion(name, command, lambda line: self.say(f"[{name}] {line}"))
        self._tasks.create_task(companion.run())
        return companion

    def say(self, text: str, style: str = "") -> None:
        """Tell the person something, as it is."""
        self._console.print(Text(text, style=style))

    async def wait_for(self, companion: Companion) -> str:
        """Wait until a program is ready; the address that it says.

        Raises:
            CompanionError: It was not in time.
        """
        with self._console.status(f"Starting {companion.name} ..."):
            address = await companion.wait_ready(READY_SECONDS)
            if companion.name != "worker":
                await _check_health(companion.name, address)
        self.say(f"  {companion.name} is ready")
        return address

    @contextmanager
    def _obeying_signals(self) -> Generator[None]:
        loop = asyncio.get_running_loop()
        numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        for number in numbers:
            loop.add_signal_handler(number, self._told.set)
        try:
            yield
        finally:
            for number in numbers:
                loop.remove_signal_handler(number)


class _ToldError(Exception):
    """Leaves the task group of an ensemble that was told to stop."""


async def _carry_out(plan: Callable[[Ensemble], Awaitable[None]], ensemble: Ensemble) -> None:
    await plan(ensemble)


async def is_well(address: str) -> bool:
    """Whether a program of ours answers at an address."""
    try:
        await _check_health("it", address)
    except CompanionError:
        return False
    return True


async def _check_health(name: str, address: str) -> None:
    """One GET of /healthz.

    Raises:
        CompanionError: It was not answered with 200 in time.
    """
    parts = urlsplit(address)
    try:
        async with asyncio.timeout(HEALTH_SECONDS):
            reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
            try:
                request = f"GET /healthz HTTP/1.1\r\nHost: {parts.netloc}\r\nConnection: close\r\n\r\n"
                writer.write(request.encode())
                status = await reader.readline()
            finally:
                writer.close()
    except (OSError, ValueError) as error:  # TimeoutError is an OSError
        raise CompanionError(f"{name} at {address} does not answer: {error or 'no answer in time'}") from error
    if b" 200 " not in status:
        raise CompanionError(f"{name} at {address} is not well: {status.decode(errors='replace').strip()}")


def _first(group: BaseExceptionGroup[CompanionError]) -> CompanionError:
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    assert isinstance(error, CompanionError)
    return error
