"""What an agent has to say in a signaled room, on its way out: merged where it can be, and never faster than allowed.

Pure. The room puts messages in, the writer of its socket takes them out. Two lanes: what connections wait for
(answers, refusals) goes first; what people read (text, attributes, data) is merged while it waits, in its order.
"""

from collections import deque
from dataclasses import dataclass, field
from typing import Final

from signaling.messages import FromClient, Stream, Update

__all__ = ["Outbox"]

RATE: Final = 20.0
"""Messages in a second. A server cuts off who sends more than 50, so merging begins long before."""
BURST: Final = 20.0
MAX_TEXT: Final = 15_000
"""Characters in one piece of a stream (signaling.md, 2.2)."""
MAX_WAITING: Final = 512
"""Messages in a lane. Beyond it the newest is not taken: a room that is away so long has lost more than that."""


@dataclass(slots=True)
class Outbox:
    """Messages that wait to be sent."""

    _urgent: deque[FromClient] = field(default_factory=deque[FromClient])
    _readable: deque[FromClient] = field(default_factory=deque[FromClient])
    _tokens: float = BURST
    _filled_at: float = 0.0

    @property
    def is_empty(self) -> bool:
        """Nothing waits."""
        return not self._urgent and not self._readable

    def put(self, message: FromClient) -> bool:
        """Something to be sent; False when there is no place for it."""
        match message:
            case Update():
                return self._merge_update(message) or self._append(self._readable, message)
            case Stream(op="chunk"):
                return self._merge_chunk(message) or self._append(self._readable, message)
            case _ if message.t in ("data", "stream"):
                return self._append(self._readable, message)
            case _:
                return self._append(self._urgent, message)

    def take(self, now: float) -> FromClient | None:
        """The next message, if it may be sent at this time (seconds)."""
        self._tokens = min(BURST, self._tokens + (now - self._filled_at) * RATE)
        self._filled_at = now
        if self._urgent:
            self._tokens -= 1.0
            return self._urgent.popleft()
        if self._readable and self._tokens > 1.0 - 1e-6:  # sums of waits come out a hair short
            self._tokens -= 1.0
            return self._readable.popleft()
        return None

    @property
    def deadline(self) -> float | None:
        """When `take` has something to give, as far as is known now; None while nothing waits."""
        if self._urgent:
            return self._filled_at
        if self._readable:
            return self._filled_at + max(0.0, 1.0 - self._tokens) / RATE
        return None

    def _append(self, lane: deque[FromClient], message: FromClient) -> bool:
        if len(lane) >= MAX_WAITING:
            return False
        lane.append(message)
        return True

    def _merge_update(self, update: Update) -> bool:
        for at, waiting in enumerate(self._readable):
            if isinstance(waiting, Update):
                merged = {**waiting.attributes, **update.attributes}
                self._readable[at] = waiting.model_copy(update={"attributes": merged})
                return True
        return False

    def _merge_chunk(self, chunk: Stream) -> bool:
        """Append to the same stream's last piece, unless data waits behind it: that belongs between the two."""
        for at in range(len(self._readable) - 1, -1, -1):
            waiting = self._readable[at]
            if not isinstance(waiting, Stream | Update):
                return False
            if isinstance(waiting, Stream) and waiting.sid == chunk.sid:
                text = (waiting.text or "") + (chunk.text or "")
                if waiting.op != "chunk" or len(text) > MAX_TEXT:
                    return False
                self._readable[at] = waiting.model_copy(update={"text": text})
                return True
        return False
