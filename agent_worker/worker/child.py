"""One room process, as the supervisor sees it: born, warm, at work in one room or several, gone.

ipc messages, memory and the exit code in -> `state`, `free`, and what became of each of its jobs, out
"""

import asyncio
import contextlib
import functools
import logging
import os
import signal
import socket
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from enum import Enum, auto
from multiprocessing.context import ForkServerProcess
from typing import Final, ParamSpec, TypeVar

from agent_worker import clock
from agent_worker.errors import ProtocolError
from agent_worker.rooms.background import Background
from agent_worker.worker.death import death, obituary
from agent_worker.worker.ipc import (
    Broken,
    Ended,
    JobNews,
    Lines,
    Ping,
    Pong,
    Ready,
    Start,
    Stop,
    StopJob,
    Told,
    ToProcess,
    ToSupervisor,
    decode_for_supervisor,
    encode,
)
from agent_worker.worker.last_lines import LastLines
from agent_worker.worker.lifeline import LAST_GRACE
from agent_worker.worker.limits import ProcessLimits
from agent_worker.worker.machine import resident_bytes
from agent_worker.worker.memory import MIB, MemoryVerdict, MemoryWatch
from agent_worker.worker.pulse import Beat, Pulse

__all__ = ["Child", "ChildState", "Report"]

P = ParamSpec("P")
T = TypeVar("T")

logger = logging.getLogger(__name__)

EXIT_GRACE: Final = LAST_GRACE + 2.0
"""Seconds between a process's last word, or the end of its pipe, and its being killed."""

DUMP_SECONDS: Final = 0.5
"""For a process that hangs to write where it does, before it is killed."""

Report = Callable[[str, JobNews], None]
"""Told of what became of a job (its id first): at most one Started, what was said, then exactly one Ended."""


class ChildState(Enum):
    """How far a process is."""

    WARMING = auto()
    READY = auto()
    """It is loaded, and has had no job."""
    RUNNING = auto()
    LEAVING = auto()
    """It gets no more jobs, and ends with those that it has."""
    ENDED = auto()


class Child:
    """One room process, from the supervisor's side.

    Args:
        make: Gives the process, not started yet, for its end of a pipe.
        thread: Where everything that touches `multiprocessing` runs, one call at a time: it blocks, and two threads
            that ask for one exit code can both get it wrong.
        rooms: How many jobs it runs at a time.
        limits: What it may take.
        changed: Called after each change of `state` or `free`.
        report: Told of its jobs.
    """

    def __init__(
        self,
        make: Callable[[socket.socket], ForkServerProcess],
        thread: ThreadPoolExecutor,
        *,
        rooms: int,
        limits: ProcessLimits,
        changed: Callable[["Child"], None],
        report: Report,
    ) -> None:
        self._make = make
        self._thread = thread
        self._rooms = rooms
        self._changed = changed
        self._report = report
        self._limits = limits
        self._deadline = asyncio.timeout(limits.init_seconds)
        self._pulse = Pulse(limits.ping_seconds)
        self._memory = MemoryWatch(limits.memory_warn, limits.memory_limit)
        self._answering = asyncio.Event()
        self._writer: asyncio.StreamWriter | None = None
        self._jobs: dict[str, Ended | None] = {}  # with the outcome of the last one, until the process is gone
        self._room_of: dict[str, str] = {}
        self._expiries: dict[str, asyncio.TimerHandle] = {}
        self.had_job = False
        self.is_replaced = False
        """It is killed because the application has changed."""
        self.state = ChildState.WARMING
        self.agent = ""
        """What the application calls its agent, once it is loaded."""
        self.broken = ""
        """Why the application could not be loaded, if that was said."""
        self.killed = ""
        """Why it was killed by us, if it was."""
        self.resident = 0
        """Bytes of memory that it had when it was last looked at."""

    @property
    def jobs(self) -> tuple[str, ...]:
        """The ids of the jobs that it has."""
        return tuple(self._jobs)

    @property
    def lag(self) -> float:
        """Seconds that its event loop took to hear of the last ping."""
        return self._pulse.lag

    @property
    def free(self) -> int:
        """How many more jobs it takes now."""
        takes = self.state in (ChildState.READY, ChildState.RUNNING)
        return self._rooms - len(self._jobs) if takes else 0

    async def run(self) -> None:
        """Live as long as the process does; being cancelled ends it."""
        ours, theirs = socket.socketpair()
        process = self._make(theirs)
        with LastLines() as last_lines:
            last_lines.send_to(ours)
            try:
                await self._in_thread(_start, process, theirs)
                async with Background() as background:
                    background.start(self._watch(process), name="pulse")
                    await self._listen(ours, process)
            except (OSError, EOFError) as error:
                logger.error("no process could be started: %s", error)
            finally:
                # The process takes the end of its pipe for its own.
                ours.close()
                pid = process.pid
                exit_code = await self._reap(process)
                theirs.close()  # open still when it was never started
                if pid is not None and exit_code != 0 and not (self.is_replaced or self.broken):
                    self._mourn(pid, exit_code, last_lines.read())
                self._end(exit_code)

    def start(self, job: Start) -> None:
        """Give it one more job; `free` says whether it takes one."""
        assert self.free
        self.had_job = True
        self._jobs[job.job] = None
        self._room_of[job.job] = job.room
        self._become(ChildState.RUNNING)
        self._send(job)

    def stop(self, job: str, reason: str, grace: float) -> None:
        """Ask it to end one of its jobs within `grace` seconds.

        A process that has no other is killed after that. One that has is not, since others talk there: the job is
        given up, and the process gets no more.
        """
        self._send(StopJob(job=job, reason=reason))
        if len(self._jobs) == 1:
            self._become(ChildState.LEAVING)
            self._expire_in(grace)
        elif job not in self._expiries:
            loop = asyncio.get_running_loop()
            self._expiries[job] = loop.call_later(grace, self._give_up, job, grace)

    def replace(self) -> None:
        """Kill it: another one, with the application as it is now, takes its place."""
        self.is_replaced = True
        self._become(ChildState.LEAVING)
        self._expire_in(0.0)

    async def _listen(self, ours: socket.socket, process: ForkServerProcess) -> None:
        reader, self._writer = await asyncio.open_unix_connection(sock=ours)
        try:
            async with self._deadline:
                if self.is_replaced:
                    self._expire_in(0.0)
                lines = Lines()
                while data := await reader.read(4096):
                    for line in lines.feed(data):
                        self._receive(decode_for_supervisor(line))
        except TimeoutError:
            late = "is past its deadline"
            if self.state is ChildState.WARMING:
                late = f"did not load within {self._limits.init_seconds:g} s"
            if self.is_replaced:
                await self._in_thread(process.kill)
            else:
                await self._kill(process, late)
        except (OSError, ProtocolError) as error:
            logger.error("the pipe to %s broke: %s", self._title(), error)
        finally:
            self._writer.close()

    async def _watch(self, process: ForkServerProcess) -> None:
        """Ask it whether it is alive, and look at its memory, until it is to be killed for one of them."""
        await self._answering.wait()
        self._pulse.begin(clock.now())
        while self._pulse.deadline is not None:
            await asyncio.sleep(self._pulse.deadline - clock.now())
            match self._pulse.advance(clock.now()):
                case Beat.ASK:
                    self._send(Ping(self._pulse.number))
                    await self._weigh(process)
                case Beat.HUNG:
                    assert process.pid is not None
                    # Its thread that reads signals in C writes all stacks to the log, whatever Python does.
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(process.pid, signal.SIGUSR1)
                    await asyncio.sleep(DUMP_SECONDS)
                    await self._kill(process, f"hangs: no answer for {self._limits.ping_seconds * 4:g} s")
                case None:
                    pass

    async def _weigh(self, process: ForkServerProcess) -> None:
        assert process.pid is not None
        self.resident = resident_bytes(process.pid)
        mebibytes = self.resident // MIB
        match self._memory.judge(self.resident, clock.now()):
            case MemoryVerdict.KILL:
                allowed = self._limits.memory_limit
                await self._kill(process, f"uses {mebibytes} MiB of memory where {allowed} are allowed")
            case MemoryVerdict.WARN:
                logger.warning("%s uses %d MiB of memory", self._title(), mebibytes)
            case MemoryVerdict.FINE:
                pass

    async def _kill(self, process: ForkServerProcess, why: str) -> None:
        self.killed = self.killed or why
        logger.error("%s %s: killing it", self._title(), why)
        await self._in_thread(process.kill)

    def _receive(self, message: ToSupervisor) -> None:
        match message:
            case Ready() if self.is_replaced:
                pass  # it is about to be killed
            case Ready(agent=agent):
                self.agent = agent
                self._deadline.reschedule(None)
                self._answering.set()
                self._become(ChildState.READY)
            case Pong(number=number, lag=lag):
                self._pulse.answer(number, lag)
            case Broken(message=why):
                self.broken = why
                self._expire_in(EXIT_GRACE)
            case Told(job=job, what=what):
                if isinstance(what, Ended):
                    self._on_ended(job, what)
                elif job in self._jobs:  # and was not given up
                    self._report(job, what)

    def _on_ended(self, job: str, ended: Ended) -> None:
        if job not in self._jobs:
            return  # it was given up
        self._forget_expiry(job)
        if len(self._jobs) > 1:
            del self._jobs[job]
            self._report(job, ended)
            self._changed(self)
            return
        # The last one's end is told when the process is gone: nothing of it is left then.
        self._jobs[job] = ended
        self._leave()

    def _leave(self) -> None:
        self._become(ChildState.LEAVING)
        self._send(Stop(reason="its work is done"))
        self._expire_in(EXIT_GRACE)

    def _give_up(self, job: str, grace: float) -> None:
        self._expiries.pop(job, None)
        if job not in self._jobs:
            return
        logger.error("job %s is past its deadline: its process ends with the other rooms that it has", job)
        self._become(ChildState.LEAVING)
        if len(self._jobs) == 1:
            self._expire_in(0.0)
            return
        del self._jobs[job]
        self._report(job, Ended(succeeded=False, reason=f"it did not end within {grace:g} s"))

    def _forget_expiry(self, job: str) -> None:
        expiry = self._expiries.pop(job, None)
        if expiry is not None:
            expiry.cancel()

    def _expire_in(self, seconds: float) -> None:
        with contextlib.suppress(RuntimeError):  # it is past its deadline, or its pipe's end, already
            self._deadline.reschedule(clock.now() + seconds)

    def _send(self, message: ToProcess) -> None:
        assert self._writer is not None
        self._writer.write(encode(message))

    def _become(self, state: ChildState) -> None:
        self.state = state
        self._changed(self)

    def _mourn(self, pid: int, exit_code: int | None, lines: Sequence[str]) -> None:
        rooms = [self._room_of[job] for job, ended in self._jobs.items() if ended is None]
        logger.error("%s", obituary(rooms, pid, self._fate(exit_code), lines))

    def _fate(self, exit_code: int | None) -> str:
        return self.killed or f"died ({death(exit_code)})"

    def _end(self, exit_code: int | None) -> None:
        for job in tuple(self._expiries):
            self._forget_expiry(job)
        jobs, self._jobs = self._jobs, {}
        self._become(ChildState.ENDED)
        fate = f"its process {self._fate(exit_code)}"
        died = Ended(succeeded=False, reason="the agent's code has changed" if self.is_replaced else fate)
        for job, ended in jobs.items():
            self._report(job, ended or died)

    async def _reap(self, process: ForkServerProcess) -> int | None:
        """Wait for the process, with force if need be. Its exit code; None: it was never born."""
        if not await self._in_thread(_is_born, process):
            return None
        try:
            async with asyncio.timeout(EXIT_GRACE):
                await _readable(process.sentinel)
        except TimeoutError:
            await self._in_thread(process.kill)
            await _readable(process.sentinel)
        return await self._in_thread(_bury, process)

    async def _in_thread(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, functools.partial(call, *args, **kwargs))

    def _title(self) -> str:
        match self.jobs:
            case ():
                return "a process without a job"
            case (job,):
                return f"the process of job {job}"
            case jobs:
                return f"the process of jobs {', '.join(jobs)}"


def _start(process: ForkServerProcess, theirs: socket.socket) -> None:
    with theirs:
        process.start()


def _is_born(process: ForkServerProcess) -> bool:
    return process.pid is not None


def _bury(process: ForkServerProcess) -> int | None:
    code = process.exitcode
    process.close()
    return code


async def _readable(fd: int) -> None:
    loop = asyncio.get_running_loop()
    seen = asyncio.Event()
    loop.add_reader(fd, seen.set)
    try:
        await seen.wait()
    finally:
        loop.remove_reader(fd)
