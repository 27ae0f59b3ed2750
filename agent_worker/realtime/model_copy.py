"""What one connection's model knows of the conversation, as far as we told it or it told us (R-4). Pure.

The model's own items hold more than their words (sound), and stay as they are. What we told it in words is kept
equal to the local history.
"""

from collections.abc import Iterable, Sequence

from agent_worker.history.diff import ROOT, Change, Deletion, Insertion, differences
from agent_worker.history.items import FunctionCall, Item, Message
from agent_worker.history.window import Earlier


def is_blank(item: Item) -> bool:
    """Whether it says nothing yet: the place of something that is being said or understood."""
    return isinstance(item, Message) and not item.text.strip()


class ModelCopy:
    """Items by id, in the model's order; None for one that is the model's own.

    Args:
        told: What it was told as its connection was opened.
        earlier: What it was not told, because that was too much.

    """

    def __init__(self, told: Iterable[Item] = (), *, earlier: Earlier | None = None) -> None:
        self._items: dict[str, Item | None] = {item.id: item for item in told}
        self._earlier = earlier

    def __repr__(self) -> str:
        return f"<ModelCopy of {len(self._items)} items>"

    def __contains__(self, item_id: str) -> bool:
        return item_id in self._items

    def lacks(self, item_id: str) -> bool:
        """Whether this item was too much to be told."""
        return self._earlier is not None and item_id in self._earlier.item_ids

    def is_own(self, item_id: str) -> bool:
        """Whether the model made this item itself."""
        return item_id in self._items and self._items[item_id] is None

    def made(self, item_id: str) -> None:
        """The model made an item."""
        self._items.setdefault(item_id, None)

    def told(self, item: Item, *, after: str | None = None) -> None:
        """The model was told an item; None: at the end."""
        if after is None:
            self._items[item.id] = item
            return
        items = [(item_id, known) for item_id, known in self._items.items() if item_id != item.id]
        place = 0 if after == ROOT else [item_id for item_id, _ in items].index(after) + 1
        self._items = dict([*items[:place], (item.id, item), *items[place:]])

    def removed(self, item_id: str) -> None:
        """The model was told to forget an item."""
        self._items.pop(item_id, None)

    def knows_call(self, call_id: str, history: Iterable[Item]) -> bool:
        """Whether the call with this id is among its items."""
        return any(
            isinstance(item, FunctionCall) and item.call_id == call_id and item.id in self._items for item in history
        )

    def follow(self, history: Sequence[Item]) -> list[Change]:
        """What must be told for this copy to equal the history; the copy is taken to be told it."""
        ours = [item for item in history if not is_blank(item) or self.is_own(item.id)]
        if self._earlier is not None:
            ours = self._earlier.without(ours)
        by_id = {item.id: item for item in ours}
        own = {item_id for item_id, item in self._items.items() if item is None}
        theirs = [item or by_id[item_id] for item_id, item in self._items.items() if item or item_id in by_id]
        changes = differences(theirs, ours, fixed=own)
        for change in changes:
            match change:
                case Deletion(item_id):
                    self.removed(item_id)
                case Insertion(item=item, after=after):
                    self.told(item, after=after)
        return changes
