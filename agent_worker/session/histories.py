"""The session's history and the model's copy of it, kept equal: each change of the copy is acknowledged (R-4).

    CreateItem, DeleteItem -> Histories -> model
    ItemAdded, ItemDeleted, ItemRetrieved, refusals <- model

A change that nobody acknowledges within 5 s is logged and sent once more; after the same time again it is told as an
error that the session survives.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from agent_worker import clock
from agent_worker.errors import RealtimeError
from agent_worker.history.items import Item, Message
from agent_worker.history.record import History
from agent_worker.realtime import base as rt
from agent_worker.session.events import ConversationItemAdded, ErrorOccurred, SessionEvent

log = logging.getLogger(__name__)

ACKNOWLEDGED_WITHIN_SECONDS: Final = 5.0
TRIES: Final = 2
MOST_WAITING: Final = 1024
"""Changes beyond these are sent, and not watched over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryStatistics:
    """How far the model's copy is behind, now.

    Attributes:
        items: What was said and done, in the session's own history.
        unacknowledged: Changes that the model has not confirmed yet.
        repeated: Of these, those that it was told twice.
    """

    items: int = 0
    unacknowledged: int = 0
    repeated: int = 0


@dataclass(slots=True)
class _Change:
    """One change that is under way."""

    command: rt.CreateItem | rt.DeleteItem
    deadline: float
    tries: int = 1

    @property
    def key(self) -> tuple[bool, str]:
        """Whether something is added, and its name."""
        if isinstance(self.command, rt.CreateItem):
            return True, self.command.item.id
        return False, self.command.item_id


class Histories:
    """Sends commands on, and watches over those that change the copy.

    Args:
        history: The session's own.
        send: Sends the model a command.
        emit: Tells who follows the session.

    """

    def __init__(
        self,
        *,
        history: History,
        send: Callable[[rt.RealtimeCommand], None],
        emit: Callable[[SessionEvent], None],
    ) -> None:
        self._history = history
        self._send = send
        self._emit = emit
        self._waiting: dict[tuple[bool, str], _Change] = {}
        self._retrievals: dict[str, list[asyncio.Future[rt.ItemRetrieved]]] = {}
        self._away = False
        self._something = asyncio.Event()

    def send(self, command: rt.RealtimeCommand) -> None:
        """Send a command; see `RealtimeConnection.send`."""
        if isinstance(command, rt.CreateItem | rt.DeleteItem) and not self._away:
            self._watch(_Change(command, clock.now() + ACKNOWLEDGED_WITHIN_SECONDS))
        self._send(command)

    def receive(self, event: rt.RealtimeEvent) -> None:
        """What the model says about its history."""
        match event:
            case rt.ItemAdded(item_id=item_id):
                self._waiting.pop((True, item_id), None)
            case rt.ItemDeleted(item_id=item_id):
                self._waiting.pop((False, item_id), None)
            case rt.ItemRetrieved(item_id=item_id):
                self._retrieved(item_id, event)
            case rt.ModelError(refused=rt.Refused.RETRIEVE, item_id=str(item_id), message=message):
                self._retrieved(item_id, RealtimeError(message))
            case rt.ModelError(refused=rt.Refused.CREATE | rt.Refused.DELETE as refused, item_id=str(item_id)):
                # Refused is answered: who follows the session is told of it as of any error.
                self._waiting.pop((refused is rt.Refused.CREATE, item_id), None)
            case rt.ConnectionLost():
                # The next connection is told the history as it is then.
                self._away = True
                self._waiting.clear()
                for item_id in tuple(self._retrievals):
                    self._retrieved(item_id, RealtimeError(f"the model was lost before it told of {item_id}"))
            case rt.ConnectionRestored():
                self._away = False
            case _:
                pass

    def statistics(self) -> HistoryStatistics:
        """How it is now."""
        waiting = self._waiting.values()
        return HistoryStatistics(
            items=len(self._history),
            unacknowledged=len(waiting),
            repeated=sum(change.tries > 1 for change in waiting),
        )

    # What becomes of both.

    def add(self, item: Item) -> None:
        """The model has this item already."""
        self._history.add(item)
        self._emit(ConversationItemAdded(at=clock.now(), item=item))

    def tell(self, item: Item) -> None:
        """The model is to have this item, too, behind all others."""
        self.send(rt.CreateItem(item=item))
        self.add(item)

    def tell_in_place(self, message: Message) -> None:
        """The model is to have this message where it stands here: what came meanwhile stands behind it (R-5)."""
        self.send(rt.CreateItem(item=message, previous_item_id=self._history.before(message.id) or "root"))

    def replace(self, item_id: str, message: Message | None) -> None:
        """The model's copy of an item is to be this message; None: it is to have none."""
        self.send(rt.DeleteItem(item_id))
        if message is not None:
            self.tell_in_place(message)

    def forget(self, item_id: str) -> None:
        """Take an item out of both."""
        if self._history.remove(item_id):
            self.send(rt.DeleteItem(item_id))

    def forget_all(self) -> None:
        """Empty both."""
        for item in self._history:
            self.forget(item.id)

    async def retrieve(self, item_id: str) -> rt.ItemRetrieved:
        """Read the model's copy of an item (M-6).

        Raises:
            RealtimeError: The model has no such item, or is away, or has not answered within 5 s.

        """
        answer: asyncio.Future[rt.ItemRetrieved] = asyncio.get_running_loop().create_future()
        waiting = self._retrievals.setdefault(item_id, [])
        waiting.append(answer)
        try:
            self._send(rt.RetrieveItem(item_id))
            async with asyncio.timeout(ACKNOWLEDGED_WITHIN_SECONDS):
                return await answer
        except TimeoutError:
            msg = f"the model has not answered within {ACKNOWLEDGED_WITHIN_SECONDS:g} s what it has of {item_id}"
            raise RealtimeError(msg) from None
        finally:
            waiting.remove(answer)
            if not waiting:
                self._retrievals.pop(item_id, None)

    def _retrieved(self, item_id: str, answer: rt.ItemRetrieved | RealtimeError) -> None:
        for waiting in self._retrievals.pop(item_id, ()):
            if waiting.done():
                continue
            if isinstance(answer, RealtimeError):
                waiting.set_exception(answer)
            else:
                waiting.set_result(answer)

    async def run(self) -> None:
        """Watch until cancelled."""
        while True:
            due = min((change.deadline for change in self._waiting.values()), default=None)
            try:
                async with asyncio.timeout_at(due):
                    await self._something.wait()
                self._something.clear()
            except TimeoutError:
                self._overdue(clock.now())

    def _watch(self, change: _Change) -> None:
        if len(self._waiting) >= MOST_WAITING:
            log.warning("! %d changes of the model's history are unacknowledged", len(self._waiting))
            return
        # What is taken out need not have come, and the other way round.
        added, item_id = change.key
        self._waiting.pop((not added, item_id), None)
        self._waiting[change.key] = change
        self._something.set()

    def _overdue(self, now: float) -> None:
        for key, change in [(key, change) for key, change in self._waiting.items() if change.deadline <= now]:
            added, item_id = key
            what = f"that {item_id} was {'added' if added else 'deleted'}"
            if change.tries < TRIES:
                log.warning("! the model has not acknowledged %s: it is told again", what)
                change.tries += 1
                change.deadline = now + ACKNOWLEDGED_WITHIN_SECONDS
                self._send(change.command)
                continue
            del self._waiting[key]
            message = f"the model has not acknowledged {what}: its history may differ from the session's"
            log.error("! %s", message)
            self._emit(ErrorOccurred(at=now, source="model", message=message, fatal=False))
