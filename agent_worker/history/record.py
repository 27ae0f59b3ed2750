"""The conversation so far, in the order in which things were said."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from agent_worker.history.items import Item, Message


class History:
    """Items by id, in order. A user's words may become known after the reply: they keep their place (R-5)."""

    def __init__(self, items: Iterable[Item] = ()) -> None:
        self._items: dict[str, Item] = {item.id: item for item in items}

    def __iter__(self) -> Iterator[Item]:
        return iter(tuple(self._items.values()))

    def __len__(self) -> int:
        return len(self._items)

    def __repr__(self) -> str:
        return f"<History of {len(self)} items>"

    def get(self, item_id: str) -> Item | None:
        """The item of this id, if it is here."""
        return self._items.get(item_id)

    def add(self, item: Item) -> None:
        """Append an item; one of the same id is replaced where it stands."""
        self._items[item.id] = item

    def set_text(self, item_id: str, text: str) -> Message | None:
        """What a message says is known now; None when there is no such message."""
        item = self._items.get(item_id)
        if not isinstance(item, Message):
            return None
        message = replace(item, text=text)
        self._items[item_id] = message
        return message

    def remove(self, item_id: str) -> bool:
        """Take an item out; whether it was there."""
        return self._items.pop(item_id, None) is not None

    def before(self, item_id: str) -> str | None:
        """The id of the item that stands before this one; None when it is the first, or not here."""
        previous: str | None = None
        for known in self._items:
            if known == item_id:
                return previous
            previous = known
        return None

    def messages(self) -> tuple[Message, ...]:
        """What was said and typed, without the tools."""
        return tuple(item for item in self._items.values() if isinstance(item, Message))
