"""The life of a room process: load the agent, wait for jobs, run each, tell how each ended, exit when told to.

By default it is given one job; several share its event loop, each in a task of its own. Nothing here knows what a job
does: that is the `Program`, which the supervisor hands over.
"""

import asyncio
import faulthandler
import gc
import logging
import signal
import socket
import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from contextvars import ContextVar
from typing import Final, Protocol, assert_never

from agent_worker.errors import AgentWorkerError, ConfigError, ProtocolError
from agent_worker.worker.checkpoint import CheckpointChange
from agent_worker.worker.ipc import (
    Broken,
    Ended,
    JobNews,
    Ping,
    Ready,
    Start,
    Started,
    Stop,
    StopJob,
    Told,
    ToProcess,
)
from agent_worker.worker.last_lines import Remembering
from agent_worker.worker.lifeline import Lifeline

__all__ = ["Job", "Keep", "Program", "main"]

logger = logging.getLogger(__name__)

_room: Final = ContextVar("room", default="no room")
"""Whose log lines these are: every task that a job starts inherits it."""


Keep = Callable[[Sequence[CheckpointChange]], bool]
"""Sends ahead what has changed in a conversation, for the process that would go on with it; False: not now, the
supervisor takes nothing."""


class Job(Protocol):
    """A program that is loaded and can run, in one room or in several at a time."""

    @property
    def name(self) -> str:
        """What it is, for people."""
        ...

    def serving(self) -> AbstractAsyncContextManager[None]:
        """Keep what all its rooms share, for as long as there are any."""
        ...

    async def run(self, start: Start, joined: Callable[[], None], keep: Keep) -> str:
        """Do the job in one room, inside of `serving`; cancelled when it has to end.

        Args:
            start: What is to be done.
            joined: To be called when the agent is in its room.
            keep: To be called with what changes in the conversation.

        Returns:
            Why it is over.
        """
        ...


class Program(Protocol):
    """What a room's process runs: plain values that can be pickled, given to every process."""

    @property
    def modules(self) -> Sequence[str]:
        """What every process has imported from birth, besides what all rooms need; names of modules."""
        ...

    def load(self) -> Job:
        """Import the application, in the process.

        Raises:
            ConfigError: It cannot be.
        """
        ...


def main(channel: socket.socket, program: Program, log_level: int) -> None:
    """Be a room process, from its first to its last moment.

    Args:
        channel: One end of the socket pair to the supervisor.
        program: What to run.
        log_level: Of the root logger; lines go to standard error and carry the room's name.
    """
    # A terminal's Ctrl-C reaches the whole process group, and systemd's SIGTERM the whole unit; what they mean is the
    # supervisor's decision.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    last_lines = Remembering.received(channel)
    # A crash in native code, and a supervisor that finds us hanging, make us say where: it stands in the log then.
    faulthandler.enable(last_lines.fd)
    faulthandler.register(signal.SIGUSR1)
    _log(log_level, logging.StreamHandler(), last_lines)
    lifeline = Lifeline(channel)
    try:
        _live(lifeline, program)
    finally:
        lifeline.flush()


def _live(lifeline: Lifeline, program: Program) -> None:
    try:
        job = program.load()
    except ConfigError as error:
        lifeline.send(Broken(message=str(error)))
        sys.exit(1)
    gc.freeze()
    lifeline.send(Ready(agent=job.name))
    start = lifeline.wait_for_job()
    if start is not None:
        asyncio.run(_Rooms(job, lifeline).run(start))


class _Rooms:
    """The jobs of this process while its loop runs."""

    def __init__(self, job: Job, lifeline: Lifeline) -> None:
        self._job = job
        self._lifeline = lifeline
        self._running: dict[str, asyncio.Task[Ended]] = {}
        # Bounded by the supervisor: one start and one stop for each place.
        self._inbox: asyncio.Queue[ToProcess] = asyncio.Queue()

    async def run(self, first: Start) -> None:
        """Do the first job and whatever comes, until told to stop."""
        loop = asyncio.get_running_loop()
        async with self._job.serving(), asyncio.TaskGroup() as tasks:
            self._start(first, tasks)
            self._lifeline.follow(lambda message: self._call_in(loop, message))
            while True:
                message = await self._inbox.get()
                match message:
                    case Start():
                        self._start(message, tasks)
                    case StopJob(job=job, reason=reason):
                        if job in self._running:
                            _end(self._running[job], reason)
                    case Stop(reason=reason):
                        for task in self._running.values():
                            _end(task, reason)
                        return
                    case Ping():
                        self._lifeline.answer(message)
                    case _:
                        assert_never(message)

    def _start(self, start: Start, tasks: asyncio.TaskGroup) -> None:
        task = tasks.create_task(self._outcome(start), name=start.room)
        self._running[start.job] = task
        task.add_done_callback(lambda _: self._over(start.job))

    async def _outcome(self, start: Start) -> Ended:
        _room.set(start.room)
        try:
            reason = await self._job.run(
                start,
                lambda: self._tell(start.job, Started()),
                lambda changes: self._keep(start.job, changes),
            )
        except AgentWorkerError as error:
            logger.error("the job failed: %s", error)
            return Ended(succeeded=False, reason=str(error))
        except Exception as error:
            logger.exception("the job failed")
            return Ended(succeeded=False, reason=f"{type(error).__name__}: {error}")
        return Ended(succeeded=True, reason=reason)

    def _over(self, job: str) -> None:
        self._tell(job, _ended(self._running.pop(job)))

    def _tell(self, job: str, what: JobNews) -> None:
        self._lifeline.send(Told(job=job, what=what))

    def _keep(self, job: str, changes: Sequence[CheckpointChange]) -> bool:
        if self._lifeline.is_crowded:
            return False
        for change in changes:
            try:
                self._tell(job, change)
            except ProtocolError as error:
                logger.warning("a part of the conversation would be lost with this process: %s", error)
        return True

    def _call_in(self, loop: asyncio.AbstractEventLoop, message: ToProcess) -> None:
        try:
            loop.call_soon_threadsafe(self._inbox.put_nowait, message)
        except RuntimeError:
            # The loop is closed: everything had ended already.
            logger.debug("told of %s after the end", message.t)


def _end(running: "asyncio.Task[Ended]", reason: str) -> None:
    # Once: a second one would break off what it does before it goes.
    if not running.cancelling():
        running.cancel(reason)


def _ended(running: "asyncio.Task[Ended]") -> Ended:
    try:
        return running.result()
    except asyncio.CancelledError as cancelled:
        return Ended(succeeded=True, reason=str(cancelled) or "it was stopped")
    except BaseException as error:  # noqa: BLE001 - such as SystemExit: it ends the process, and is told of first
        return Ended(succeeded=False, reason=f"{type(error).__name__}: {error}")


class _RoomLines(logging.Formatter):
    """Log lines that say which room they are about."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s [%(room)s, process %(process)d] %(name)s: %(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 (the library's name)
        record.room = _room.get()
        return super().formatMessage(record)


def _log(level: int, *handlers: logging.Handler) -> None:
    for handler in handlers:
        handler.setFormatter(_RoomLines())
    logging.basicConfig(level=level, handlers=handlers, force=True)
    if level > logging.DEBUG:
        for vendor in ("aioice", "aiortc", "websockets"):
            logging.getLogger(vendor).setLevel(logging.WARNING)
