"""A text that grows in front of everybody in a signaled room: session -> pieces that fit the wire -> outbox."""

import uuid
from collections.abc import Callable

from agent_worker.rooms.outbox import MAX_TEXT
from signaling.messages import FromClient, Stream

__all__ = ["SignaledText"]


class SignaledText:
    """One stream of the wire, begun by this. Fits `rooms.base.TextWriter`.

    Args:
        say: Queues a message to the room.
        topic: What it is.
        attributes: What is said about it.
    """

    def __init__(
        self, say: Callable[[Callable[[], FromClient]], None], topic: str, attributes: dict[str, str]
    ) -> None:
        self._say = say
        self._sid = uuid.uuid4().hex
        self._open = True
        say(lambda: Stream(op="open", sid=self._sid, topic=topic, attributes=attributes))

    def write(self, text: str) -> None:
        """Append; after the close nothing happens."""
        for at in range(0, len(text) if self._open else 0, MAX_TEXT):
            piece = text[at : at + MAX_TEXT]
            self._say(lambda piece=piece: Stream(op="chunk", sid=self._sid, text=piece))

    def close(self, attributes: dict[str, str] | None = None) -> None:
        """No more will come; closing twice does nothing."""
        if self._open:
            self._open = False
            self._say(lambda: Stream(op="close", sid=self._sid, attributes=attributes))
