"""The life of one room's process: load the agent, wait for a job, run it, tell how it ended, exit.

Nothing here knows what a job does: that is the `Program`, which the supervisor hands over.
"""

import asyncio
import gc
import logging
import signal
import socket
import sys
from collections.abc import Callable
from typing import Protocol

from agent_worker.errors import AgentWorkerError, ConfigError
from agent_worker.worker.ipc import Broken, Ended, Ready, Start, Started
from agent_worker.worker.lifeline import Lifeline

__all__ = ["Job", "Program", "main"]

logger = logging.getLogger(__name__)


class Job(Protocol):
    """A program that is loaded and can run, once."""

    @property
    def name(self) -> str:
        """What it is, for people."""
        ...

    async def run(self, start: Start, joined: Callable[[], None]) -> str:
        """Do the job; cancelled when it has to end.

        Args:
            start: What is to be done.
            joined: To be called when the agent is in its room.

        Returns:
            Why it is over.
        """
        ...


class Program(Protocol):
    """What a room's process runs: plain values that can be pickled, given to every process."""

    def load(self) -> Job:
        """Import the application, in the process.

        Raises:
            ConfigError: It cannot be.
        """
        ...


def main(channel: socket.socket, program: Program, log_level: int) -> None:
    """Be a room's process, from its first to its last moment.

    Args:
        channel: One end of the socket pair to the supervisor.
        program: What to run.
        log_level: Of the root logger; lines go to standard error and carry the room's name.
    """
    # The terminal's Ctrl-C reaches the whole process group; what it means is the supervisor's decision.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    log_lines = _log_to_stderr(log_level)
    lifeline = Lifeline(channel)
    try:
        job = program.load()
    except ConfigError as error:
        lifeline.send(Broken(message=str(error)))
        sys.exit(1)
    gc.freeze()
    lifeline.send(Ready(agent=job.name))
    start = lifeline.wait_for_job()
    if start is not None:
        log_lines.room = start.room
        asyncio.run(_run(job, start, lifeline))


async def _run(job: Job, start: Start, lifeline: Lifeline) -> None:
    loop = asyncio.get_running_loop()
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(_outcome(job, start, lifeline))
        lifeline.on_stop(lambda reason: _call_in(loop, running, reason))
        loop.add_signal_handler(signal.SIGTERM, running.cancel, "it was told to terminate")
    lifeline.send(_ended(running))


def _call_in(loop: asyncio.AbstractEventLoop, running: "asyncio.Task[Ended]", reason: str) -> None:
    try:
        loop.call_soon_threadsafe(running.cancel, reason)
    except RuntimeError:
        # The loop is closed: the job had ended already.
        logger.debug("stopped (%s) after its end", reason)


async def _outcome(job: Job, start: Start, lifeline: Lifeline) -> Ended:
    try:
        reason = await job.run(start, lambda: lifeline.send(Started()))
    except AgentWorkerError as error:
        logger.error("the job failed: %s", error)
        return Ended(succeeded=False, reason=str(error))
    except Exception as error:
        logger.exception("the job failed")
        return Ended(succeeded=False, reason=f"{type(error).__name__}: {error}")
    return Ended(succeeded=True, reason=reason)


def _ended(running: "asyncio.Task[Ended]") -> Ended:
    try:
        return running.result()
    except asyncio.CancelledError as cancelled:
        return Ended(succeeded=True, reason=str(cancelled) or "it was stopped")


class _RoomLines(logging.Formatter):
    """Log lines that say which room they are about."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s [%(room)s, process %(process)d] %(name)s: %(message)s")
        self.room = "no room yet"

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 (the library's name)
        record.room = self.room
        return super().formatMessage(record)


def _log_to_stderr(level: int) -> _RoomLines:
    lines = _RoomLines()
    stderr = logging.StreamHandler()
    stderr.setFormatter(lines)
    logging.basicConfig(level=level, handlers=[stderr], force=True)
    if level > logging.DEBUG:
        for vendor in ("aioice", "aiortc", "websockets"):
            logging.getLogger(vendor).setLevel(logging.WARNING)
    return lines
