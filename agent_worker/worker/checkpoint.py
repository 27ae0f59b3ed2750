"""What a conversation needs to go on in another process, should its own die: sent ahead, piece by piece. Pure.

session -> Recorder (what changed) -> ipc -> Checkpoint (at the supervisor) -> Start of the next process -> session

It is bounded: of a long conversation the end is kept, pictures are not, and a very long text is cut.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Literal

from agent_worker.history.diff import Deletion, differences
from agent_worker.history.items import FunctionCall, FunctionCallOutput, Item, Message
from agent_worker.realtime.settings import SessionSettings
from agent_worker.speech.options import SpeechOptions

__all__ = [
    "MAX_ITEM",
    "MAX_TOTAL",
    "Character",
    "Checkpoint",
    "CheckpointChange",
    "ItemDropped",
    "ItemKept",
    "Recorder",
    "kept",
    "to_go_on_with",
]

MAX_ITEM: Final = 16_000
"""Characters of one item's text."""
MAX_TOTAL: Final = 200_000
"""Characters of all of them together; the oldest go first."""

UNKNOWN_OUTCOME: Final = "This was interrupted by a technical failure: whether it took effect is not known."


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemKept:
    """This item stands behind the one of the id `after`, or at the head behind `diff.ROOT`."""

    item: Message | FunctionCall | FunctionCallOutput
    after: str
    t: Literal["item_kept"] = "item_kept"


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemDropped:
    """The item of this id is no part of the conversation any more."""

    item_id: str
    t: Literal["item_dropped"] = "item_dropped"


@dataclass(frozen=True, slots=True, kw_only=True)
class Character:
    """Who the agent is at present, and how it behaves.

    Attributes:
        agent: Its class, "module:Class".
        options: Those of the session, as they are now.
        model: How the session has set the model.
    """

    agent: str = ""
    options: SpeechOptions | None = None
    model: SessionSettings | None = None
    t: Literal["character"] = "character"


CheckpointChange = ItemKept | ItemDropped | Character


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """A conversation so far.

    Attributes:
        items: What was said and done, in order.
        character: Who the agent was last.
    """

    items: tuple[Message | FunctionCall | FunctionCallOutput, ...] = ()
    character: Character = field(default_factory=Character)

    def after(self, change: CheckpointChange) -> "Checkpoint":
        """This one with a change made."""
        match change:
            case Character():
                return replace(self, character=change)
            case ItemDropped(item_id=item_id):
                return replace(self, items=_without(self.items, item_id))
            case ItemKept(item=item, after=after):
                items = list(_without(self.items, item.id))
                places = [number for number, known in enumerate(items, 1) if known.id == after]
                # What it stood behind may have been too old to be kept: then it is as old.
                items.insert(places[0] if places else 0, item)
                return replace(self, items=bounded(items))


def kept(items: Iterable[Item]) -> tuple[Item, ...]:
    """The items as a checkpoint has them: short enough, without pictures, and the last `MAX_TOTAL` characters."""
    return bounded([_short(item) for item in items])


def bounded(items: Sequence[Item]) -> tuple[Item, ...]:
    """The last items that fit `MAX_TOTAL`; no output without its call."""
    room = MAX_TOTAL
    last: list[Item] = []
    for item in reversed(items):
        room -= _length(item)
        if room < 0:
            break
        last.append(item)
    last.reverse()
    calls = {item.call_id for item in last if isinstance(item, FunctionCall)}
    return tuple(item for item in last if not isinstance(item, FunctionCallOutput) or item.call_id in calls)


class Recorder:
    """Knows what of a conversation was sent ahead already.

    Args:
        begun: What the other side has from the beginning.
    """

    def __init__(self, begun: Checkpoint) -> None:
        self._sent = self._seen = begun
        self._items: tuple[Item, ...] = ()
        self._kept: tuple[Item, ...] = ()

    def changes(self, items: Iterable[Item], character: Character) -> list[CheckpointChange]:
        """What has changed since `confirm`, in the order in which it is to be made."""
        before, now = self._sent, Checkpoint(items=self._as_kept(tuple(items)), character=character)
        self._seen = now
        changes: list[CheckpointChange] = [] if before.character == character else [character]
        if before.items == now.items:
            return changes
        for change in differences(before.items, now.items):
            if isinstance(change, Deletion):
                changes.append(ItemDropped(item_id=change.item_id))
            else:
                changes.append(ItemKept(item=change.item, after=change.after))
        return changes

    def _as_kept(self, items: tuple[Item, ...]) -> tuple[Item, ...]:
        """What `kept` gives: a long conversation in which nothing was said meanwhile is not gone through again."""
        if items != self._items:
            self._items, self._kept = items, kept(items)
        return self._kept

    def confirm(self) -> None:
        """The last `changes` were sent."""
        self._sent = self._seen


def to_go_on_with(items: Sequence[Item]) -> tuple[Item, ...]:
    """What a new model is told: nothing empty, and each call with an output, because one without is none."""
    answered = {item.call_id for item in items if isinstance(item, FunctionCallOutput)}
    told: list[Item] = []
    for item in items:
        if isinstance(item, Message) and not item.text:
            continue
        told.append(item)
        if isinstance(item, FunctionCall) and item.call_id not in answered:
            output_id = f"{item.id}_lost"
            told.append(FunctionCallOutput(id=output_id, call_id=item.call_id, output=UNKNOWN_OUTCOME, is_error=True))
    return tuple(told)


def _without(items: Iterable[Item], item_id: str) -> tuple[Item, ...]:
    return tuple(item for item in items if item.id != item_id)


def _short(item: Item) -> Item:
    match item:
        case Message(text=text):
            return replace(item, text=_cut(text), images=())
        case FunctionCallOutput(output=output):
            return replace(item, output=_cut(output))
        case FunctionCall(arguments=arguments):
            # Half an object is no JSON.
            return replace(item, arguments=_cut(arguments) if len(arguments) <= MAX_ITEM else "{}")


def _cut(text: str) -> str:
    # Half a surrogate pair, which JSON can bring, is no text that a pipe carries.
    text = text.encode(errors="replace").decode()
    return text if len(text) <= MAX_ITEM else text[: MAX_ITEM - 1] + "…"


def _length(item: Item) -> int:
    match item:
        case Message(text=text):
            return len(text)
        case FunctionCallOutput(output=output):
            return len(output)
        case FunctionCall(arguments=arguments):
            return len(arguments)
