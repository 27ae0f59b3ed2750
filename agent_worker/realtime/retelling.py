"""What the current connection's model was told, and still must be, for its history to equal ours (R-4). Pure.

Over the first connection the session tells the model everything by its own commands. Over a later one the model knows
in words what it once said by voice: commands about that are answered here, and the history says what becomes of it.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

from agent_worker.history.diff import ROOT, Deletion, Insertion
from agent_worker.history.items import FunctionCallOutput, Item, Message
from agent_worker.history.window import Window
from agent_worker.realtime import base as rt
from agent_worker.realtime.enduring_actions import Action, Send, Tell
from agent_worker.realtime.model_copy import ModelCopy, is_blank
from agent_worker.realtime.sequencer import LOST
from agent_worker.realtime.unheard import Unheard

KEPT_COMMANDS: Final = 256
"""Items and such that wait for a connection; beyond them the oldest is forgotten."""
KEPT_WORDS: Final = 16
"""Turns whose words are on their way into the history."""
FOLLOW_SECONDS: Final = 1.0
"""Between two looks at what is still being heard of a reply whose connection is lost."""


class Retelling:
    """Commands about items, turned into what this connection's model can make of them.

    Args:
        history: Gives what was said so far.
        window: How much of that a new connection is told.
        unheard: What is told by its sound.

    Attributes:
        follow_at: When `follow` is due without being asked for, or None.

    """

    def __init__(self, history: Callable[[], Sequence[Item]], window: Window, unheard: Unheard) -> None:
        self.follow_at: float | None = None
        self._history = history
        self._window = window
        self._unheard = unheard
        self._copy = ModelCopy()
        self._has_moved = False
        self._waiting: list[rt.RealtimeCommand] = []
        self._unsaid: set[str] = set()
        self._retrieving: dict[str, None] = {}
        self._words: dict[str, str] = {}

    def __repr__(self) -> str:
        return f"<Retelling {self._copy}, {len(self._waiting)} commands waiting>"

    def known(self) -> tuple[list[Item], ModelCopy]:
        """What a new connection is told as it is opened, and what it then knows."""
        items = [item for item in self._history_now() if not is_blank(item) and not self._unheard.is_pending(item.id)]
        earlier = self._window.earlier(items)
        if earlier is not None:
            items = earlier.without(items)
        return items, ModelCopy(items, earlier=earlier)

    def made(self, item_id: str) -> None:
        """The model made an item."""
        self._copy.made(item_id)

    def understood(self, item_id: str, text: str) -> None:
        """What the user said: the history will have it a little later, perhaps after the connection has broken."""
        self._words[item_id] = text
        if len(self._words) > KEPT_WORDS:
            del self._words[next(iter(self._words))]

    def deleted(self, item_id: str) -> list[Action]:
        """The model has deleted an item; what we replaced is no news."""
        known_as = self._unheard.known_as(item_id)
        if known_as in self._unsaid:
            self._unsaid.discard(known_as)
            return []
        return [Tell(rt.ItemDeleted(known_as))]

    def retrieved(self, event: rt.ItemRetrieved) -> list[Action]:
        """An item was read back."""
        item_id = self._unheard.known_as(event.item_id)
        self._retrieving.pop(item_id, None)
        return [Tell(replace(event, item_id=item_id))]

    def not_retrieved(self, event: rt.ModelError, item_id: str) -> rt.ModelError:
        """An item could not be read back: the error, in the session's words."""
        known_as = self._unheard.known_as(item_id)
        self._retrieving.pop(known_as, None)
        return replace(event, item_id=known_as)

    def lost(self) -> list[Action]:
        """The connection is lost: nothing is acknowledged any more, and who waits for an item is told."""
        self.follow_at = None
        self._unsaid.clear()
        retrieving, self._retrieving = self._retrieving, {}
        return [Tell(_not_retrieved(item_id)) for item_id in retrieving]

    def move(self, copy: ModelCopy, now: float, *, again: bool) -> list[Action]:
        """Another connection is the current one. `again`: the conversation began on an earlier one."""
        self._copy, self._has_moved = copy, again
        actions: list[Action] = []
        if again:
            actions += self.follow(now)
            self.follow_at = now + FOLLOW_SECONDS
        waiting, self._waiting = self._waiting, []
        for command in waiting:
            actions += self.send(command, now)
        return actions

    def say_again(self, settings: rt.SessionSettings) -> list[Action]:
        """What the user has said that is not in words yet, and is saying, by its sound."""
        turns: list[Action] = [Send(command) for command in self._unheard.replay()]
        if turns and settings.turn_detection is not rt.TurnDetection.NONE:
            # Each turn as it was: a detector would find them anew, commit them before we do, and answer them.
            ours = replace(settings, turn_detection=rt.TurnDetection.NONE)
            turns = [Send(rt.UpdateSession(ours)), *turns, Send(rt.UpdateSession(settings))]
        return [*turns, *(Send(command) for command in self._unheard.replay_open())]

    def follow(self, now: float) -> list[Action]:
        """What the model was told in words is made equal to the history."""
        history = self._history_now()
        actions: list[Action] = []
        for change in self._copy.follow([item for item in history if not self._is_unheard(item)]):
            match change:
                case Deletion(item_id):
                    self._unsaid.add(item_id)
                    actions.append(Send(rt.DeleteItem(item_id)))
                case Insertion(item=item, after=after):
                    previous = self._unheard.taken_as(after)
                    actions.append(Send(rt.CreateItem(item=item, previous_item_id=previous)))
        being_heard = any(is_blank(item) and item.id not in self._copy for item in history)
        self.follow_at = now + FOLLOW_SECONDS if being_heard else None
        return actions

    def _history_now(self) -> list[Item]:
        """The history, with the words that are on their way into it."""
        items: list[Item] = []
        for item in self._history():
            if isinstance(item, Message) and is_blank(item):
                items.append(replace(item, text=self._words.get(item.id, "")))
            else:
                self._words.pop(item.id, None)
                items.append(item)
        return items

    def _is_unheard(self, item: Item) -> bool:
        return self._unheard.is_pending(item.id) and item.id not in self._copy

    def follow_moved(self, now: float) -> list[Action]:
        """The same before something is asked for; over the first connection the session has said it all."""
        return self.follow(now) if self._has_moved else []

    def keep(self, command: rt.RealtimeCommand) -> list[Action]:
        """Nobody is there to be told; the history, which the next connection is told, has most of it anyway."""
        match command:
            case rt.TruncateItem(item_id=item_id, audio_end_ms=end):
                return [Tell(rt.ItemTruncated(item_id=item_id, audio_end_ms=end))]
            case rt.DeleteItem(item_id):
                self._unheard.delete(item_id)
                self._waiting = [
                    kept
                    for kept in self._waiting
                    if not (isinstance(kept, rt.CreateItem) and kept.item.id == item_id)
                ]
                return [Tell(rt.ItemDeleted(item_id))]
            case rt.RetrieveItem(item_id):
                return [Tell(_not_retrieved(item_id))]
            case _:
                self._waiting = [*self._waiting[1 - KEPT_COMMANDS :], command]
                return []

    def send(self, command: rt.RealtimeCommand, now: float) -> list[Action]:
        """The session tells the model something about an item."""
        match command:
            case rt.TruncateItem(item_id=item_id, audio_end_ms=end):
                if self._has_moved and not self._copy.is_own(item_id):
                    # It is words by now: the history says how many of them were heard, as soon as it is written.
                    self.follow_at = now
                    return [Tell(rt.ItemTruncated(item_id=item_id, audio_end_ms=end))]
                return [Send(command)]
            case rt.DeleteItem(item_id):
                self._unheard.delete(item_id)
                if (self._has_moved and item_id not in self._copy) or self._copy.lacks(item_id):
                    return [Tell(rt.ItemDeleted(item_id))]
                self._copy.removed(item_id)
                return [Send(rt.DeleteItem(self._unheard.taken_as(item_id)))]
            case rt.RetrieveItem(item_id):
                self._retrieving[item_id] = None
                return [Send(rt.RetrieveItem(self._unheard.taken_as(item_id)))]
            case rt.CreateItem():
                return self._create(command, now)
            case _:
                return [Send(command)]

    def _create(self, command: rt.CreateItem, now: float) -> list[Action]:
        item, previous = command.item, command.previous_item_id
        actions: list[Action] = []
        if self._has_moved:
            actions = self.follow(now)
            if item.id in self._copy:
                return actions
            orphan = isinstance(item, FunctionCallOutput) and not self._copy.knows_call(item.call_id, self._history())
            if orphan:
                # Its call is not in the history: no model takes an output without one.
                return actions
        known = previous if previous == ROOT or (previous is not None and previous in self._copy) else None
        self._copy.told(item, after=known)
        if self._has_moved:
            command = replace(command, previous_item_id=None if known is None else self._unheard.taken_as(known))
        return [*actions, Send(command)]


def _not_retrieved(item_id: str) -> rt.ModelError:
    return rt.ModelError(
        code=LOST,
        message=f"The connection broke before {item_id} was read back. Ask again.",
        refused=rt.Refused.RETRIEVE,
        item_id=item_id,
        policy=rt.ErrorPolicy.FAIL_REQUEST,
    )
