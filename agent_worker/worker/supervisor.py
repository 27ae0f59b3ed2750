"""The worker itself: registers with a signaling server, takes jobs, and gives each to a process of its own.

socket and processes -> mailbox -> register (decides) -> socket and processes
"""

import asyncio
import logging
import os
import signal
import uuid
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final, assert_never

from agent_worker.clock import now
from agent_worker.errors import ConfigError
from agent_worker.version import own_version
from agent_worker.worker.address import endpoint
from agent_worker.worker.child import ChildState
from agent_worker.worker.events import (
    Action,
    DrainWanted,
    Event,
    Finish,
    Launch,
    Measured,
    ProcessTold,
    Reconnect,
    ReloadWanted,
    Replace,
    Send,
    StopJob,
)
from agent_worker.worker.figures import Figures, RoomFigures
from agent_worker.worker.limits import ProcessLimits
from agent_worker.worker.load import SAMPLE_SECONDS
from agent_worker.worker.machine import Machine
from agent_worker.worker.pool import Pool, open_pool
from agent_worker.worker.register import Register
from agent_worker.worker.residence import give_back
from agent_worker.worker.room_process import Program
from agent_worker.worker.server_link import ServerLink
from signaling.messages import FromWorker, JobUpdate, Registered

__all__ = ["Supervisor", "WorkerSettings"]

_logger = logging.getLogger(__name__)

MAILBOX: Final = 1024
"""Events that wait for a decision. One takes microseconds: a full mailbox is a bug, and ends the worker."""


def _nothing() -> None:
    return


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerSettings:
    """What a worker is set up with.

    Attributes:
        signaling: Address of the signaling server.
        api_key: The id of the key with which it signs its token.
        api_secret: That key's secret.
        agent: The name that its agent is asked for by; "" takes any job that names none.
        max_jobs: How many rooms at once.
        drain_seconds: How long conversations may go on after the worker was told to stop.
        idle: How many processes wait warm.
        rooms_per_process: How many rooms share a process; a crash takes them all.
        load_limit: A machine whose processors or memory are in use by more than this fraction takes no more rooms;
            1: no matter how busy it is.
        limits: What each process may take.
        health_host: Address where `worker.health` listens.
        health_port: Its port; 0: nowhere.
        log_level: Of the processes.
    """

    signaling: str
    api_key: str
    api_secret: str = field(repr=False)
    agent: str = ""
    max_jobs: int = 8
    drain_seconds: float = 600.0
    idle: int = 1
    rooms_per_process: int = 1
    load_limit: float = 1.0
    limits: ProcessLimits = field(default_factory=ProcessLimits)
    health_host: str = "127.0.0.1"
    health_port: int = 0
    log_level: int = logging.INFO


class Supervisor:
    """Runs a worker until it is told to stop.

    Args:
        settings: How.
        program: What each job's process runs.

    Raises:
        ConfigError: The server's address is none.
    """

    def __init__(self, settings: WorkerSettings, program: Program) -> None:
        self._settings = settings
        self._program = program
        self._register = Register(
            f"worker-{uuid.uuid4().hex[:12]}",
            settings.agent,
            settings.max_jobs,
            own_version(),
            load_limit=settings.load_limit,
        )
        self._mailbox = asyncio.Queue[Event](MAILBOX)
        self._link = ServerLink(
            endpoint(settings.signaling, "/v1/worker"),
            self._register.worker,
            api_key=settings.api_key,
            api_secret=settings.api_secret,
            post=self._post,
            settle=self._mailbox.join,
        )
        self._is_stopping = False
        self._refusal: ConfigError | None = None
        self._finished = asyncio.Event()
        self._ready: Callable[[], None] = _nothing

    async def run(self, *, ready: Callable[[], None] = _nothing) -> None:
        """Take jobs until drained: `stop` begins that, and so do SIGTERM and SIGINT while this runs.

        SIGHUP replaces every process by one that loads the application anew.

        Args:
            ready: Called when the worker is registered for the first time.

        Raises:
            ConfigError: The agent cannot be loaded, or the server refuses us; the text says what to do.
        """
        self._ready = ready
        with self._obeying_signals():
            async with (
                open_pool(
                    self._program,
                    report=lambda job, told: self._post(ProcessTold(job, told)),
                    log_level=self._settings.log_level,
                    idle=self._settings.idle,
                    rooms=self._settings.rooms_per_process,
                    limits=self._settings.limits,
                ) as pool,
                asyncio.TaskGroup() as tasks,
            ):
                sides = [
                    tasks.create_task(self._decide(pool)),
                    tasks.create_task(self._serve(pool)),
                    tasks.create_task(self._measure()),
                    tasks.create_task(self._be_watched(pool)),
                ]
                await self._finished.wait()
                await self._link.say_the_rest()
                for side in sides:
                    side.cancel()
        if self._refusal is not None:
            raise self._refusal

    def stop(self, drain_seconds: float | None = None) -> None:
        """Take no more jobs, let conversations go on for so long, and end.

        Args:
            drain_seconds: None: as the settings say.
        """
        self._post(DrainWanted(self._settings.drain_seconds if drain_seconds is None else drain_seconds))

    # Decisions. --------------------------------------------------------------------------------------------------

    def _post(self, event: Event) -> None:
        self._mailbox.put_nowait(event)

    async def _decide(self, pool: Pool) -> None:
        while True:
            event = await self._next_event()
            try:
                if isinstance(event, Registered) and self._ready is not _nothing:
                    self._ready()
                    self._ready = _nothing
                    give_back()
                actions = self._register.advance(now()) if event is None else self._register.receive(event, now())
                for action in actions:
                    self._perform(action, pool)
            finally:
                if event is not None:
                    self._mailbox.task_done()

    async def _next_event(self) -> Event | None:
        """What happened next; None when time has come."""
        try:
            async with asyncio.timeout_at(self._register.deadline):
                return await self._mailbox.get()
        except TimeoutError:
            return None

    def _perform(self, action: Action, pool: Pool) -> None:
        match action:
            case Send(message=message):
                self._send(message)
            case Launch(start=start):
                _logger.info("room %s: starting (job %s)", start.room, start.job)
                pool.launch(start)
            case StopJob(job=job, reason=reason, grace=grace):
                _logger.info("job %s: stopping within %g s: %s", job, grace, reason)
                pool.stop(job, reason, grace)
            case Replace():
                pool.replace_all()
            case Reconnect(delay=delay):
                self._link.come_back(delay)
            case Finish():
                self._finished.set()
            case _:
                assert_never(action)

    def _send(self, message: FromWorker) -> None:
        if isinstance(message, JobUpdate) and message.state == "ended":
            _logger.log(
                logging.ERROR if message.result == "failed" else logging.INFO,
                "job %s: ended (%s): %s",
                message.job,
                message.result,
                message.reason,
            )
        self._link.send(message)

    # The server. -------------------------------------------------------------------------------------------------

    async def _serve(self, pool: Pool) -> None:
        try:
            self._register.title = await pool.wait_ready()
            refusal = ConfigError(await self._link.run())
        except ConfigError as error:
            refusal = error
        self._refusal = refusal
        self._finished.set()

    # Those who watch. --------------------------------------------------------------------------------------------

    async def _measure(self) -> None:
        machine = Machine()
        while True:
            self._post(Measured(machine.read()))
            await asyncio.sleep(SAMPLE_SECONDS)

    async def _be_watched(self, pool: Pool) -> None:
        if not self._settings.health_port:
            return
        from agent_worker.worker import health  # a web server and Prometheus, some MiB that nobody else needs

        try:
            await health.serve(lambda: self._figures(pool), self._settings.health_host, self._settings.health_port)
        except ConfigError as error:
            self._refusal = error
            self._finished.set()

    def _figures(self, pool: Pool) -> Figures:
        register, tally = self._register, self._register.tally
        rooms = register.rooms
        return Figures(
            connected=register.is_registered,
            draining=register.state == "draining",
            full=register.state == "full",
            max_jobs=register.max_jobs,
            load=register.load.of(len(rooms), register.max_jobs),
            cpu=register.load.cpu,
            memory=register.load.memory,
            warm=sum(child.state is ChildState.READY for child in pool.children),
            checkpoints=len(register.checkpoints),
            started=tally.started,
            resumed=tally.resumed,
            succeeded=tally.succeeded,
            failed=tally.failed,
            refused=tally.refused,
            rooms=tuple(
                RoomFigures(name=rooms[job], resident=child.resident, lag=child.lag)
                for child in pool.children
                for job in child.jobs
                if job in rooms
            ),
        )

    # Signals. ----------------------------------------------------------------------------------------------------

    @contextmanager
    def _obeying_signals(self) -> Generator[None]:
        loop = asyncio.get_running_loop()
        numbers = (signal.SIGTERM, signal.SIGINT)
        for number in numbers:
            loop.add_signal_handler(number, self._on_signal)
        loop.add_signal_handler(signal.SIGHUP, self._post, ReloadWanted())
        try:
            yield
        finally:
            for number in (*numbers, signal.SIGHUP):
                loop.remove_signal_handler(number)

    def _on_signal(self) -> None:
        if self._is_stopping:
            _logger.warning("told to stop again: ending at once")
            # Every process sees the end of its pipe and follows.
            os._exit(1)
        self._is_stopping = True
        busy = len(self._register.jobs)
        if busy and self._settings.drain_seconds > 0:
            _logger.warning(
                "stopping: %s may go on for %g s; stop again to end at once",
                "one conversation" if busy == 1 else f"{busy} conversations",
                self._settings.drain_seconds,
            )
        self.stop()
