"""The room processes of a worker: one is kept warm, each runs one job or a few, none outlives the pool.

supervisor -> Pool.launch -> Child (one process) -> report(job, Started | Ended) -> supervisor

To the supervisor jobs are all the same: which of them share a process is known here alone.
"""

import asyncio
import logging
import multiprocessing
import socket
from collections import deque
from collections.abc import AsyncGenerator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from multiprocessing import forkserver
from multiprocessing.context import ForkServerProcess
from typing import Final

from agent_worker.errors import ConfigError
from agent_worker.rooms.background import Background
from agent_worker.worker import room_process
from agent_worker.worker.child import Child, ChildState, Report
from agent_worker.worker.ipc import Ended, Start
from agent_worker.worker.limits import ProcessLimits

__all__ = ["Pool", "open_pool"]

logger = logging.getLogger(__name__)

LAUNCH_TIMEOUT: Final = 10.0
"""Seconds that a job waits for a process."""
FIRST_BACKOFF: Final = 0.2
LAST_BACKOFF: Final = 10.0
"""Seconds between attempts to replace a process that died before it had a job; doubling."""


class Pool:
    """All room processes of a worker. Made by `open_pool`."""

    def __init__(
        self,
        program: room_process.Program,
        thread: ThreadPoolExecutor,
        *,
        report: Report,
        log_level: int,
        idle: int,
        rooms: int,
        limits: ProcessLimits,
    ) -> None:
        self._rooms = rooms
        self._limits = limits
        self._program = program
        self._thread = thread
        self._report = report
        self._log_level = log_level
        self._idle = idle
        self._context = multiprocessing.get_context("forkserver")
        # "__main__" is left out: the command line is nothing that a room needs.
        # The last one is what forking waits for: it freezes all that is there.
        self._context.set_forkserver_preload([*program.modules, "agent_worker.worker.preload"])
        self._children: set[Child] = set()
        # Bounded by the jobs that the supervisor takes; a job that waits too long is given back as failed.
        self._waiting: deque[Start] = deque()
        self._wake = asyncio.Event()
        self._settled = asyncio.Event()
        self._failure = ""
        self._agent = ""
        self._backoff = 0.0
        self._closing = False

    def launch(self, start: Start) -> None:
        """Run a job in the fullest process that has a place, or in the next one that has; `report` is told how."""
        open_ones = [child for child in self._children if child.free]
        if open_ones:
            min(open_ones, key=lambda child: child.free).start(start)
            return
        self._waiting.append(start)
        asyncio.get_running_loop().call_later(
            LAUNCH_TIMEOUT, self._give_up, start, f"no process was ready within {LAUNCH_TIMEOUT:.0f} s"
        )

    def stop(self, job: str, reason: str, grace: float) -> None:
        """End a job: its process is asked to, and killed after `grace` seconds. An unknown job: nothing to do."""
        for child in self._children:
            if job in child.jobs:
                child.stop(job, reason, grace)
        for start in [start for start in self._waiting if start.job == job]:
            self._give_up(start, reason)

    @property
    def children(self) -> tuple[Child, ...]:
        """The processes that there are, warm ones and those at work."""
        return tuple(self._children)

    def replace_all(self) -> None:
        """The application has changed: kill every process; new ones load it as it is now."""
        for child in tuple(self._children):
            child.replace()

    async def wait_ready(self) -> str:
        """Wait until the first process is warm; what the application calls its agent.

        Raises:
            ConfigError: It cannot be, and why.
        """
        # A process that loads for too long is killed, and that settles it.
        await self._settled.wait()
        if self._failure:
            raise ConfigError(self._failure)
        return self._agent

    async def run(self) -> None:
        """Keep the pool filled; being cancelled ends every process in it."""
        async with asyncio.TaskGroup() as tasks:
            try:
                while True:
                    await self._fill(tasks)
            finally:
                self._closing = True

    async def _fill(self, tasks: asyncio.TaskGroup) -> None:
        self._wake.clear()
        spare = [child for child in self._children if child.free or child.state is ChildState.WARMING]
        if len(spare) >= self._idle:
            await self._wake.wait()
            return
        await asyncio.sleep(self._backoff)
        child = self._new_child()
        self._children.add(child)
        tasks.create_task(child.run())

    def _new_child(self) -> Child:
        return Child(
            self._new_process,
            self._thread,
            rooms=self._rooms,
            limits=self._limits,
            changed=self._on_change,
            report=self._report,
        )

    def _new_process(self, channel: socket.socket) -> ForkServerProcess:
        arguments = (channel, self._program, self._log_level)
        return self._context.Process(target=room_process.main, args=arguments, name="room")

    def _on_change(self, child: Child) -> None:
        match child.state:
            case ChildState.READY:
                self._agent = child.agent
                self._settled.set()
                self._hand_out(child)
            case ChildState.RUNNING:
                self._backoff = 0.0
                self._hand_out(child)
            case ChildState.LEAVING:
                pass
            case ChildState.ENDED:
                self._children.discard(child)
                if not (child.had_job or child.is_replaced or self._closing):
                    self._on_lost_spare(child)
            case ChildState.WARMING:
                pass
        self._wake.set()

    def _hand_out(self, child: Child) -> None:
        while self._waiting and child.free:
            child.start(self._waiting.popleft())

    def _on_lost_spare(self, child: Child) -> None:
        died = f"A room's process {child.killed or 'died'} before it had a job: see the log above."
        why = child.broken or died
        self._backoff = min(max(self._backoff * 2, FIRST_BACKOFF), LAST_BACKOFF)
        if self._settled.is_set():
            logger.error("%s", why)
        else:
            self._failure = why
            self._settled.set()

    def _give_up(self, start: Start, reason: str) -> None:
        if start in self._waiting:
            self._waiting.remove(start)
            self._report(start.job, Ended(succeeded=False, reason=reason))


@asynccontextmanager
async def open_pool(
    program: room_process.Program,
    *,
    report: Report,
    log_level: int = logging.INFO,
    idle: int = 1,
    rooms: int = 1,
    limits: ProcessLimits | None = None,
) -> AsyncGenerator[Pool]:
    """A pool that keeps `idle` processes with a place free; leaving the block ends every process in it.

    Args:
        program: What each of them runs.
        report: Told of what becomes of each job.
        log_level: Of the processes' root loggers.
        idle: How many wait for a job.
        rooms: How many jobs share a process. What takes it down takes all of them.
        limits: What each process may take.
    """
    with ThreadPoolExecutor(1, thread_name_prefix="processes") as thread:
        pool = Pool(
            program,
            thread,
            report=report,
            log_level=log_level,
            idle=idle,
            rooms=rooms,
            limits=limits or ProcessLimits(),
        )
        # From here and not from the pool's own thread, whose end the kernel would take for its parent's (`orphans`).
        # It loads by itself: this takes some milliseconds.
        forkserver.ensure_running()
        async with Background() as background:
            background.start(pool.run(), name="pool")
            yield pool
