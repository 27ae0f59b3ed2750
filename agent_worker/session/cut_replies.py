"""Replies that the model goes on making after they were cut: what becomes of the rest (R-1, R-2). Pure.

The model believes that all it made was heard. What had come by the cut is told from the playout's ledger at once;
what comes later is heard by nobody, and is told when the reply ends.
"""

from collections.abc import Iterable

from agent_worker.media.ledger import Part, Progress
from agent_worker.realtime.base import DeleteItem, TruncateItem


class CutReplies:
    """Knows what each unfinished reply consists of, and what was heard of it."""

    def __init__(self) -> None:
        self._items: dict[str, list[str]] = {}
        self._received: dict[str, dict[Part, int]] = {}
        self._cut: set[str] = set()
        self._heard: dict[Part, Progress] = {}

    def item_started(self, response_id: str, item_id: str) -> None:
        """A message of a reply begins."""
        self._items.setdefault(response_id, []).append(item_id)

    def audio_arrived(self, response_id: str, part: Part, samples: int) -> None:
        """More audio of a reply came, wanted or not."""
        received = self._received.setdefault(response_id, {})
        received[part] = received.get(part, 0) + samples
        if part.item_id not in self._items.setdefault(response_id, []):
            self._items[response_id].append(part.item_id)

    def cut(self, response_id: str) -> None:
        """Nothing more of this reply is to be heard."""
        self._cut.add(response_id)

    def is_cut(self, response_id: str) -> bool:
        """Whether what comes of this reply now is too late."""
        return response_id in self._cut

    def settled(self, progress: Iterable[tuple[Part, Progress]]) -> None:
        """So much was heard of what had come by the cut; the model was told."""
        self._heard |= dict(progress)

    def told(self, item_id: str) -> None:
        """The model was told what was heard of this item in another way."""
        for items in self._items.values():
            if item_id in items:
                items.remove(item_id)

    def ended(self, response_id: str, rate: int) -> list[DeleteItem | TruncateItem]:
        """The reply is complete, or will never be: what the model does not know yet.

        Args:
            response_id: The reply.
            rate: Samples per second.

        """
        items = self._items.pop(response_id, [])
        received = self._received.pop(response_id, {})
        if response_id not in self._cut:
            return []
        self._cut.discard(response_id)
        commands: list[DeleteItem | TruncateItem] = []
        for item_id in items:
            known = {part: count for part, count in self._heard.items() if part.item_id == item_id}
            if not known:
                commands.append(DeleteItem(item_id))
            elif any(count.played for count in known.values()):
                commands += [
                    TruncateItem(
                        item_id=item_id,
                        content_index=part.content_index,
                        audio_end_ms=count.played * 1000 // rate,
                    )
                    for part, count in known.items()
                    if count.played == count.received < received.get(part, 0)
                ]
        if not self._cut:
            self._heard.clear()
        return commands
