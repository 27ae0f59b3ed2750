"""A realtime model whose connections break when the test wants them to, and what each of them had been told by then.

model = BreakingModel(ScriptedModel(replies=...), after=[3, 20])
... the first connection breaks after 3 commands and events, the second after 20, the next ones hold ...
assert model.items == session.history
"""

import asyncio
import math
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace

from agent_worker import clock
from agent_worker.errors import RealtimeLostError
from agent_worker.history.items import FunctionCall, Item, Message, Role
from agent_worker.realtime import base as rt


class BreakingModel:
    """Any model with connections that break.

    What is on the way when a connection breaks, in either direction, is lost.

    Args:
        model: The model within.
        after: How many commands and events each next connection carries before it breaks; audio of the user does not
            count. When they are used up connections hold.
        away: For how many seconds nobody can connect, after each of these breaks.

    """

    def __init__(self, model: rt.RealtimeModel, *, after: Iterable[int] = (), away: Iterable[float] = ()) -> None:
        self._model = model
        self._after = iter(after)
        self._away = iter(away)
        self._away_until = -math.inf
        self._items: dict[str, Item] = {}
        self.broken = 0
        """How many connections broke."""
        self.connected = 0
        """How many connections were made."""
        self.is_connected = False
        """Whether the newest connection holds."""

    @property
    def capabilities(self) -> rt.Capabilities:
        """Those of the model within."""
        return self._model.capabilities

    @property
    def items(self) -> tuple[Item, ...]:
        """What the model knows over its newest connection, in its order."""
        return tuple(self._items.values())

    @asynccontextmanager
    async def connect(
        self, settings: rt.SessionSettings, history: Callable[[], Sequence[Item]] = tuple
    ) -> AsyncGenerator[rt.RealtimeConnection, None]:
        """Open a session that will break, as the model within; RealtimeLostError while it is away."""
        if clock.now() < self._away_until:
            raise RealtimeLostError("The breaking model is away.")
        items: dict[str, Item] = {}
        self._items = items

        def told() -> Sequence[Item]:
            known = history()
            items.update((item.id, item) for item in known)
            return known

        failure: Exception | None = None
        async with self._model.connect(settings, told) as connection, asyncio.TaskGroup() as group:
            self.connected += 1
            self.is_connected = True
            breaking = _BreakingConnection(connection, items, next(self._after, math.inf), self._broke)
            reading = group.create_task(breaking.read())
            try:
                yield breaking
            except Exception as exc:  # noqa: BLE001 - raised below: a task group would wrap it
                failure = exc
            finally:
                reading.cancel()
        if failure is not None:
            raise failure

    def _broke(self) -> None:
        self.broken += 1
        self.is_connected = False
        self._away_until = clock.now() + next(self._away, 0.0)


class _BreakingConnection:
    def __init__(
        self, connection: rt.RealtimeConnection, items: dict[str, Item], left: float, broke: Callable[[], None]
    ) -> None:
        self._connection = connection
        self._items = items
        self._left = left
        self._broke = broke
        self._events = asyncio.Queue[rt.RealtimeEvent | RealtimeLostError]()
        self._lost: RealtimeLostError | None = None

    @property
    def capabilities(self) -> rt.Capabilities:
        return self._connection.capabilities

    def send(self, command: rt.RealtimeCommand) -> None:
        if self._lost is not None:
            raise self._lost
        if isinstance(command, rt.AppendAudio) or self._carries():
            self._follow_command(command)
            self._connection.send(command)

    async def events(self) -> AsyncIterator[rt.RealtimeEvent]:
        while True:
            match await self._events.get():
                case RealtimeLostError() as lost:
                    raise lost
                case event:
                    yield event

    async def read(self) -> None:
        """Take the model's events as they come, until it breaks."""
        try:
            async for event in self._connection.events():
                if not self._carries():
                    return
                self._follow_event(event)
                self._events.put_nowait(event)
        except RealtimeLostError as lost:
            self._lose(lost)

    def _carries(self) -> bool:
        self._left -= 1
        if self._left < 0 and self._lost is None:
            self._lose(RealtimeLostError("The connection to the breaking model is lost."))
        return self._lost is None

    def _lose(self, lost: RealtimeLostError) -> None:
        self._lost = lost
        self._events.put_nowait(lost)
        self._broke()

    def _follow_command(self, command: rt.RealtimeCommand) -> None:
        match command:
            case rt.CreateItem(item=item, previous_item_id=previous):
                self._insert(item, previous)
            case rt.DeleteItem(item_id):
                self._items.pop(item_id, None)
            case rt.TruncateItem(item_id=item_id):
                item = self._items.get(item_id)
                if isinstance(item, Message):
                    self._items[item_id] = replace(item, interrupted=True)
            case _:
                pass

    def _insert(self, item: Item, previous: str | None) -> None:
        assert item.id not in self._items, f"{item.id} was created twice"
        known = list(self._items.items())
        place = len(known)
        if previous is not None:
            assert previous == "root" or previous in self._items, f"{item.id} was put behind {previous}: not there"
            place = 0 if previous == "root" else list(self._items).index(previous) + 1
        known.insert(place, (item.id, item))
        self._items.clear()
        self._items.update(known)

    def _follow_event(self, event: rt.RealtimeEvent) -> None:
        match event:
            case rt.InputCommitted(item_id):
                self._items[item_id] = Message(id=item_id, role=Role.USER, text="")
            case rt.InputTranscribed(item_id, text):
                self._grow(item_id, text)
            case rt.OutputItemStarted(item_id=item_id):
                self._items[item_id] = Message(id=item_id, role=Role.ASSISTANT, text="")
            case rt.OutputTranscript(item_id=item_id, delta=delta):
                self._grow(item_id, delta)
            case rt.FunctionCallReady(item_id=item_id, call_id=call_id, name=name, arguments=arguments):
                self._items[item_id] = FunctionCall(id=item_id, call_id=call_id, name=name, arguments=arguments)
            case _:
                pass

    def _grow(self, item_id: str, text: str) -> None:
        item = self._items.get(item_id)
        if isinstance(item, Message):
            self._items[item_id] = replace(item, text=item.text + text)
