"""A realtime model that follows a script, and notices when the session does not.

    model = ScriptFollower([Hears("What time is it?"), Replies("It is noon.")])
    ... run a session on it ...
    model.check()

It is a `ScriptedModel` to which the script gives the cues. `agent_worker.testing.rehearse` runs a session on it, and
plays the user as well.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager
from typing import Generic, TypeVar, assert_never

from agent_worker import clock
from agent_worker.history.items import Item
from agent_worker.realtime.base import (
    Capabilities,
    CreateResponse,
    FunctionCallReady,
    ModelError,
    RealtimeCommand,
    RealtimeConnection,
    RealtimeEvent,
    SessionSettings,
)
from agent_worker.realtime.scripted import ScriptedModel, ScriptedReply
from agent_worker.realtime.scripted_steps import (
    Breaks,
    Emits,
    Hears,
    Progress,
    Refuses,
    Replies,
    ScriptError,
    Stalls,
    Step,
    Waiting,
    Waits,
)

_T = TypeVar("_T")


class ScriptFollower:
    """A model for one conversation, written down beforehand; fits `realtime.base.RealtimeModel`.

    Args:
        steps: The conversation, in order.
        capabilities: What the model says of itself.

    Attributes:
        model: What does the talking; it has recorded all commands, with their times.

    """

    def __init__(self, steps: Iterable[Step], *, capabilities: Capabilities | None = None) -> None:
        self._progress = Progress(steps)
        self._replies: _Cue[ScriptedReply] = _Cue()
        self._heard: _Cue[str] = _Cue()
        self._stalled_until = 0.0
        self.model = ScriptedModel(replies=self._replies, heard=self._heard, capabilities=capabilities)

    @property
    def capabilities(self) -> Capabilities:
        """As given."""
        return self.model.capabilities

    @property
    def next(self) -> Step | None:
        """The step that is to come; None at the end of the script."""
        return self._progress.next

    @property
    def failure(self) -> ScriptError | None:
        """How the session has left the script."""
        return self._progress.failure

    @property
    def over(self) -> bool:
        """Whether the script has come to its end, or the session has left it."""
        return self.failure is not None or self._progress.next is None

    def check(self) -> None:
        """Make sure that all of the script was followed.

        Raises:
            ScriptError: The session has left it, or has not come to its end.

        """
        self._progress.check()

    @asynccontextmanager
    async def connect(
        self, settings: SessionSettings, history: Callable[[], Sequence[Item]] = tuple
    ) -> AsyncGenerator[RealtimeConnection, None]:
        """Open a session at once.

        Raises:
            ScriptError: The script says that something else comes.

        """
        known = tuple(history())
        self._progress.connected(known)
        async with self.model.connect(settings, lambda: known) as connection:
            self._go_on()
            yield _FollowingConnection(connection, self)

    def receive(self, command: RealtimeCommand, answer: Callable[[RealtimeCommand], None]) -> None:
        """A command of the session: find its cue, have it answered, and go on in the script."""
        step = self._progress.receive(command)
        if step is not None:
            self._prompt(step)
        answer(command)
        if isinstance(step, Refuses) and isinstance(command, CreateResponse):
            self.model.emit(ModelError(code=step.code, message=step.message, request_id=command.request_id))
        if step is not None:
            self._go_on()

    async def flow(self, events: AsyncIterator[RealtimeEvent]) -> AsyncIterator[RealtimeEvent]:
        """The model's events, behind the stalls of the script."""
        async for event in events:
            if isinstance(event, FunctionCallReady):
                self._progress.called(event.call_id, event.name)
            stalled = self._stalled_until - clock.now()
            if stalled > 0:
                await asyncio.sleep(stalled)
            yield event

    def _prompt(self, step: Waiting) -> None:
        match step:
            case Replies(text, calls=calls, ends=ends):
                self._replies.give(ScriptedReply(text, calls=tuple(calls), ends=ends))
            case Hears(text):
                self._heard.give(text)
            case _:
                pass

    def _go_on(self) -> None:
        """Do what the script has the model do by itself."""
        while (step := self._progress.act()) is not None:
            match step:
                case Emits(events):
                    self.model.emit(*events)
                case Stalls(seconds):
                    self._stalled_until = clock.now() + seconds
                case Breaks(why):
                    self.model.lose(why)
                case Waits(seconds):
                    asyncio.get_running_loop().call_later(seconds, self._go_on)
                    return
                case _:
                    assert_never(step)


class _Cue(Generic[_T]):
    """An iterator that has something to give only when it was given it."""

    def __init__(self) -> None:
        self._waiting: list[_T] = []

    def give(self, value: _T) -> None:
        self._waiting.append(value)

    def __iter__(self) -> Iterator[_T]:
        return self

    def __next__(self) -> _T:
        if not self._waiting:
            raise StopIteration
        return self._waiting.pop(0)


class _FollowingConnection:
    """A connection that shows each command to the script first."""

    def __init__(self, connection: RealtimeConnection, follower: ScriptFollower) -> None:
        self._connection = connection
        self._follower = follower

    @property
    def capabilities(self) -> Capabilities:
        return self._connection.capabilities

    def send(self, command: RealtimeCommand) -> None:
        self._follower.receive(command, self._connection.send)

    def events(self) -> AsyncIterator[RealtimeEvent]:
        return self._follower.flow(self._connection.events())
