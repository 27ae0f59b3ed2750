"""What commands have in common towards a person and the system: log lines, errors in one line, signals."""

import asyncio
import logging
import signal
from collections.abc import Coroutine, Generator
from contextlib import contextmanager
from enum import StrEnum
from typing import Any

import typer

from agent_worker.errors import AgentWorkerError, ConfigError

__all__ = ["LogLevel", "clear_errors", "log_to_stderr", "run_until_told"]


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
        raise SystemExit(2 if isinstance(error, ConfigError) else 1) from error


def run_until_told(work: Coroutine[Any, Any, None]) -> None:
    """Run until the work ends by itself, or SIGINT or SIGTERM asks for its end."""

    async def run() -> None:
        loop = asyncio.get_running_loop()
        async with asyncio.TaskGroup() as tasks:
            working = tasks.create_task(work)
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.add_signal_handler(number, working.cancel)

    try:
        asyncio.run(run())
    except* AgentWorkerError as failed:
        raise _first(failed) from None


def _first(group: BaseExceptionGroup[AgentWorkerError]) -> BaseException:
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
