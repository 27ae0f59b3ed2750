"""How much of a long history a model is told anew. Pure.

the whole history -> Window -> Earlier: what is left out, and a line that says so -> the model
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from agent_worker.errors import ConfigError
from agent_worker.history.items import FunctionCall, FunctionCallOutput, Item, Message, Role

IMAGE_CHARACTERS: Final = 4000
"""What an image counts for: about as many tokens as a text of this length."""
NOTICE_ID: Final = "item_earlier_left_out"


@dataclass(frozen=True, slots=True)
class Earlier:
    """The beginning of a history, which a model is not told.

    Attributes:
        item_ids: The items.
        call_ids: The calls of tools among them; what answers these is left out with them.

    """

    item_ids: frozenset[str]
    call_ids: frozenset[str]

    def without(self, items: Sequence[Item]) -> list[Item]:
        """A history as the model is told it: a notice, and what is not left out. It may have grown."""
        return [self.notice, *(item for item in items if not self._has(item))] if items else []

    @property
    def notice(self) -> Message:
        """Tells the model that there was more."""
        text = f"The conversation began earlier: its first {len(self.item_ids)} entries are not shown any more."
        return Message(id=NOTICE_ID, role=Role.SYSTEM, text=text)

    def _has(self, item: Item) -> bool:
        if isinstance(item, FunctionCallOutput) and item.call_id in self.call_ids:
            return True
        return item.id in self.item_ids


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """The newest part of a history, by its size. The newest item is always in it, whole.

    Attributes:
        items: How many at most.
        characters: How many of all their texts together at most; an image counts for 4000.

    """

    items: int = 400
    characters: int = 60_000

    def __post_init__(self) -> None:
        if self.items < 1 or self.characters < 1:
            raise ConfigError("A model must be told at least one item and one character of the history.")

    def earlier(self, items: Sequence[Item]) -> Earlier | None:
        """What lies before the window; None: all is in it."""
        begin, characters = len(items), 0
        while begin > 0 and len(items) - begin < self.items:
            characters += _size(items[begin - 1])
            if characters > self.characters and begin < len(items):
                break
            begin -= 1
        if begin == 0:
            return None
        left_out = items[:begin]
        call_ids = frozenset(item.call_id for item in left_out if isinstance(item, FunctionCall))
        return Earlier(frozenset(item.id for item in left_out), call_ids)


def _size(item: Item) -> int:
    match item:
        case Message(text=text, images=images):
            return len(text) + IMAGE_CHARACTERS * len(images)
        case FunctionCall(name=name, arguments=arguments):
            return len(name) + len(arguments)
        case FunctionCallOutput(output=output):
            return len(output)
