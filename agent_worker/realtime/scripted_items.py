"""The history as the scripted model keeps it: items by id, in order, with what a real server says of each change."""

from agent_worker.history.items import Item
from agent_worker.realtime.base import ItemAdded, ItemRetrieved, ModelError, Refused
from agent_worker.realtime.openai_errors import POLICIES

HEAD = "root"


class ScriptedItems:
    """Ids in order; items of the model's own making have no content here."""

    def __init__(self) -> None:
        self._order: list[str] = []
        self._items: dict[str, Item | None] = {}

    def __contains__(self, item_id: str) -> bool:
        return item_id in self._items

    def append(self, item_id: str, item: Item | None = None) -> ItemAdded:
        """An item at the end."""
        previous = self._order[-1] if self._order else None
        self._order.append(item_id)
        self._items[item_id] = item
        return ItemAdded(item_id=item_id, previous_item_id=previous)

    def create(self, item: Item, previous_item_id: str | None) -> ItemAdded | ModelError:
        """An item where a client wants it."""
        if item.id in self._items:
            message = f"Error adding item: an item with id '{item.id}' already exists."
            return refusal("item_create_duplicate_item_id", message, Refused.CREATE, item_id=item.id)
        if previous_item_id is None:
            return self.append(item.id, item)
        if previous_item_id != HEAD and previous_item_id not in self._items:
            message = f"Error adding item: the previous item with id '{previous_item_id}' does not exist."
            return refusal("item_create_invalid_previous_item_id", message, Refused.CREATE, item_id=item.id)
        place = 0 if previous_item_id == HEAD else self._order.index(previous_item_id) + 1
        self._order.insert(place, item.id)
        self._items[item.id] = item
        return ItemAdded(item_id=item.id, previous_item_id=self._order[place - 1] if place else None)

    def remove(self, item_id: str) -> None:
        """Take an item out."""
        self._order.remove(item_id)
        del self._items[item_id]

    def retrieve(self, item_id: str) -> ItemRetrieved:
        """An item that is here, with what is known of it."""
        return ItemRetrieved(item_id=item_id, item=self._items[item_id])


def refusal(
    code: str,
    message: str,
    refused: Refused,
    *,
    request_id: str | None = None,
    item_id: str | None = None,
) -> ModelError:
    """As a real server refuses, and with what is done about it."""
    return ModelError(
        code=code,
        message=message,
        request_id=request_id,
        refused=refused,
        item_id=item_id,
        policy=POLICIES[code],
    )
