"""Any realtime model behind a connection that does not break: what a session talks to.

session -> EnduringModel -> Continuity (decides) -> one connection after the other of the model within

    AgentSession(..., model=EnduringModel(OpenAIRealtimeModel(...), endurance=Endurance(patience=20.0)))

A session wraps its model by itself; only another patience has to be said. Here are the tasks and the clock.
"""

import asyncio
import logging
import random
from collections import Counter, deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final, assert_never

from agent_worker import clock
from agent_worker.errors import AgentWorkerError, RealtimeError, RealtimeLostError
from agent_worker.history.items import Item
from agent_worker.realtime import base as rt
from agent_worker.realtime.base import (
    Capabilities,
    RealtimeCommand,
    RealtimeConnection,
    RealtimeEvent,
    RealtimeModel,
    SessionSettings,
)
from agent_worker.realtime.continuity import Continuity, Endurance
from agent_worker.realtime.enduring_actions import Action, Fail, Leave, Open, Send, Tell, Use
from agent_worker.realtime.reach import UNSUPPORTED, Fitted, Reach, beyond, not_settable

__all__ = ["Endurance", "EnduringConnection", "EnduringModel", "ModelStatistics"]

_QUEUED_EVENTS: Final = 1024
"""Events that wait for a slow session; beyond them the model is not read, which slows it down and loses nothing."""

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelStatistics:
    """How the model was reached, since the conversation began.

    Attributes:
        connections: Connections that stood, the present one included.
        losses: Of these, those that broke.
        sent: Commands that went to the model.
        received: Events that came from it.
        waiting: Events that the session has not taken yet.
    """

    connections: int = 0
    losses: int = 0
    sent: int = 0
    received: int = 0
    waiting: int = 0


class EnduringModel:
    """A model whose connections are made again when they break, and before they expire.

    A new connection knows the settings as they were last changed, the tools and the history; the session goes on
    sending and reading, and learns by `ConnectionLost` and `ConnectionRestored` that there was a pause.

    Args:
        model: The model within.
        endurance: How long it is waited for, and when its connections are renewed.
        jitter: Random numbers from 0 to 1, which spread the attempts of many sessions.

    """

    def __init__(
        self,
        model: RealtimeModel,
        *,
        endurance: Endurance | None = None,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._model = model
        self._endurance = endurance or Endurance()
        self._jitter = jitter

    def __repr__(self) -> str:
        return f"<EnduringModel of {self._model!r}>"

    @property
    def capabilities(self) -> Capabilities:
        """Those of the model within."""
        return self._model.capabilities

    @asynccontextmanager
    async def connect(
        self, settings: SessionSettings, history: Callable[[], Sequence[Item]] = tuple
    ) -> "AsyncGenerator[EnduringConnection, None]":
        """Open a session; entering waits until the model is ready, or was waited for in vain.

        Raises:
            RealtimeLostError: It could not be reached for as long as `endurance` says; later `events` and `send`
                raise it.
            RealtimeError: It refused the credential, the model or the settings; likewise.

        """
        capabilities = self._model.capabilities
        if problem := beyond(settings, capabilities):
            raise RealtimeError(f"The model cannot be set so: {problem}.", code=UNSUPPORTED)
        connection = EnduringConnection(
            self._model,
            Continuity(
                settings,
                history,
                endurance=self._endurance,
                capabilities=capabilities,
                transcribed=capabilities.user_transcription and settings.transcription_model is not None,
                jitter=self._jitter,
            ),
        )
        failure: Exception | None = None
        async with asyncio.TaskGroup() as group:
            running = group.create_task(connection.run())
            try:
                await connection.ready()
                yield connection
            except Exception as exc:  # noqa: BLE001 - raised below: a task group would wrap the session's own error
                failure = exc
            finally:
                running.cancel()
        if failure is not None:
            raise failure


@dataclass(frozen=True, slots=True, eq=False)
class _Opened:
    """A connection that is ready, and what its model can do."""

    number: int
    connection: RealtimeConnection
    reach: Reach


class EnduringConnection:
    """One conversation, over as many connections as it takes; made by `EnduringModel.connect`."""

    def __init__(self, model: RealtimeModel, continuity: Continuity) -> None:
        self._model = model
        self._continuity = continuity
        self._capabilities: Capabilities | None = None
        self._open: dict[int, _Opened] = {}
        self._holding: dict[int, asyncio.Task[None]] = {}
        self._current: _Opened | None = None
        self._group: asyncio.TaskGroup | None = None
        self._failure: AgentWorkerError | None = None
        self._events: deque[RealtimeEvent] = deque()
        self._arrived = asyncio.Event()
        self._read = asyncio.Event()
        self._changed = asyncio.Event()
        self._due: float | None = None
        self._counts: Counter[str] = Counter()

    def __repr__(self) -> str:
        return f"<enduring connection: {self._continuity!r}>"

    @property
    def capabilities(self) -> Capabilities:
        """Those of the first connection, which all have."""
        return self._capabilities or self._model.capabilities

    def statistics(self) -> ModelStatistics:
        """What has happened so far."""
        return ModelStatistics(**self._counts, waiting=len(self._events))

    def send(self, command: RealtimeCommand) -> None:
        """See `RealtimeConnection.send`."""
        if self._failure is not None:
            raise self._failure
        if isinstance(command, rt.UpdateSession) and (problem := beyond(command.settings, self._model.capabilities)):
            self._tell(not_settable(problem))
            return
        self._do(self._continuity.send(command, clock.now()))

    async def events(self) -> AsyncIterator[RealtimeEvent]:
        """See `RealtimeConnection.events`."""
        while True:
            while self._events:
                event = self._events.popleft()
                self._read.set()
                yield event
            if self._failure is not None:
                raise self._failure
            self._arrived.clear()
            await self._arrived.wait()

    async def ready(self) -> None:
        """Wait for the first connection."""
        while self._current is None:
            if self._failure is not None:
                raise self._failure
            self._arrived.clear()
            await self._arrived.wait()

    async def run(self) -> None:
        """Keep the conversation connected, until this is cancelled."""
        async with asyncio.TaskGroup() as self._group:
            self._do(self._continuity.begin())
            while True:
                self._due = self._continuity.deadline
                try:
                    async with asyncio.timeout_at(self._due):
                        await self._changed.wait()
                except TimeoutError:
                    self._do(self._continuity.advance(clock.now()))
                self._changed.clear()

    def _do(self, actions: Sequence[Action]) -> None:
        for action in actions:
            match action:
                case Send(command):
                    self._send(command)
                case Tell(event):
                    self._tell(event)
                case Open(number):
                    assert self._group is not None
                    self._holding[number] = self._group.create_task(self._hold(number))
                case Use(number):
                    self._current = self._open[number]
                    self._arrived.set()
                case Leave(number):
                    holding = self._holding.get(number)
                    if holding is not None:
                        holding.cancel()
                case Fail(message=message, code=None):
                    self._fail(RealtimeLostError(message))
                case Fail(message=message, code=code):
                    self._fail(RealtimeError(message, code=code or ""))
                case _:
                    assert_never(action)
        # Most events change nothing about the time: whoever keeps it sleeps on.
        if self._continuity.deadline != self._due:
            self._changed.set()

    def _tell(self, event: RealtimeEvent) -> None:
        self._events.append(event)
        self._arrived.set()

    def _send(self, command: RealtimeCommand) -> None:
        if self._current is not None:
            self._pass(self._current, self._current.reach.send(command))

    def _pass(self, opened: _Opened, fitted: Fitted) -> None:
        """What the model is told, and what is its own word or is told in its place."""
        try:
            for command in fitted.commands:
                opened.connection.send(command)
                self._counts["sent"] += 1
        except RealtimeLostError:
            # Whoever reads this connection is told, too, and what was not sent is made good by what follows.
            kinds = ", ".join(type(command).__name__ for command in fitted.commands)
            _logger.debug("Not sent over a broken connection: %s", kinds)
        for event in fitted.events:
            self._do(self._continuity.receive(opened.number, event, clock.now()))

    def _fail(self, failure: AgentWorkerError) -> None:
        self._failure = failure
        self._arrived.set()

    async def _hold(self, number: int) -> None:
        """One connection, from its opening to its loss."""
        continuity = self._continuity
        try:
            async with self._model.connect(continuity.settings, lambda: continuity.told(number)) as connection:
                self._capabilities = self._capabilities or connection.capabilities
                reach = Reach(connection.capabilities, turns=continuity.settings.turn_detection)
                self._open[number] = opened = _Opened(number, connection, reach)
                self._counts["connections"] += 1
                self._do(continuity.connected(number, clock.now(), lifetime=connection.capabilities.lifetime))
                # A broken connection may take its time to close: nobody waits for that.
                self._lost(number, await self._read_all(opened))
        except RealtimeLostError as lost:
            self._lost(number, lost)
        except RealtimeError as refused:
            self._forget(number)
            self._do(continuity.refused(number, str(refused), refused.code, clock.now()))
        finally:
            self._forget(number)

    async def _read_all(self, opened: _Opened) -> RealtimeLostError:
        try:
            async for event in opened.connection.events():
                while len(self._events) >= _QUEUED_EVENTS:
                    self._read.clear()
                    await self._read.wait()
                self._counts["received"] += 1
                self._pass(opened, opened.reach.receive(event))
        except RealtimeLostError as lost:
            return lost
        return RealtimeLostError("The model ended the connection.")

    def _lost(self, number: int, lost: RealtimeLostError) -> None:
        _logger.debug("Connection %d: %s", number, lost)
        # One that was left, or never stood, was no loss.
        self._counts["losses"] += self._current is not None and self._open.get(number) is self._current
        self._forget(number)
        self._do(self._continuity.lost(number, str(lost), clock.now()))

    def _forget(self, number: int) -> None:
        self._holding.pop(number, None)
        opened = self._open.pop(number, None)
        if opened is not None and opened is self._current:
            self._current = None
