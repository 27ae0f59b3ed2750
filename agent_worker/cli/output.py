"""What commands have in common towards a person and the system: log lines, errors in one line, signals."""

import asyncio
import logging
import signal
from collections.abc import Coroutine, Generator
from contextlib import contextmanager
from enum import IntEnum, StrEnum
from typing import Any

import typer

from agent_worker.errors import AgentWorkerError, ConfigError

__all__ = ["ExitCode", "LogLevel", "clear_errors", "log_to_stderr", "run_until_interrupted", "run_until_told"]


class ExitCode(IntEnum):
    """What a command's end says to a script (docs/cli.md)."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    """Something is to be mended in the command line or the setup."""
    INTERRUPTED = 128 + signal.SIGINT
    TERMINATED = 128 + signal.SIGTERM


class LogLevel(StrEnum):
    """How much to log."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"

    @property
    def number(self) -> int:
        """As the logging package has it."""
        return logging.getLevelNamesMapping()[self.value.upper()]


def log_to_stderr(level: LogLevel) -> None:
    """Log lines with a time, a level and a source."""
    logging.basicConfig(level=level.number, format="%(asctime)s %(levelname)s %(name)s: %(message)s")


@contextmanager
def clear_errors() -> Generator[None]:
    """Errors that we expect are one line for a person and an exit code: 2 to mend the setup, 1 for the rest."""
    try:
        yield
    except AgentWorkerError as error:
        typer.echo(f"agent-worker: {error}", err=True)
        raise SystemExit(ExitCode.USAGE if isinstance(error, ConfigError) else ExitCode.FAILED) from error


def run_until_interrupted(work: Coroutine[Any, Any, None]) -> None:
    """Run until the work ends by itself; SIGINT or SIGTERM ends it before it is done, which the exit code says.

    Raises:
        SystemExit: It was interrupted, with the code that shells know for it.
    """
    told: list[int] = []
    run_until_told(work, told=told)
    if told:
        raise SystemExit(ExitCode.INTERRUPTED if told[0] == signal.SIGINT else ExitCode.TERMINATED)


def run_until_told(work: Coroutine[Any, Any, None], *, told: list[int] | None = None) -> None:
    """Run until the work ends by itself, or SIGINT or SIGTERM asks for its end.

    Args:
        work: What is to be done.
        told: Gets the signals that came.
    """
    heard: list[int] = [] if told is None else told

    async def run() -> None:
        loop = asyncio.get_running_loop()
        async with asyncio.TaskGroup() as tasks:
            working = tasks.create_task(work)

            def stop(number: int) -> None:
                heard.append(number)
                working.cancel()

            for number in (signal.SIGINT, signal.SIGTERM):
                loop.add_signal_handler(number, stop, number)

    try:
        asyncio.run(run())
    except* AgentWorkerError as failed:
        raise _first(failed) from None


def _first(group: BaseExceptionGroup[AgentWorkerError]) -> BaseException:
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
