"""What waits for one peer: at most so many messages of at most such a size, and of what grows old the newest alone.

Pure, apart from the event that says when there is something. Messages wait only for a peer that is slower than its
room, so whatever is joined here is news that it had no time to read: the state of a participant, of which only the
last one is true, and the pieces of a growing text, which say the same in one.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Hashable

from signaling.envelope import MAX_DATA_CHARS, Message, encode
from signaling.member_messages import RelayedStream
from signaling.room_messages import ParticipantChanged


class Outbox:
    """Messages on their way to a peer, as text.

    When one more does not fit, everything is dropped: a peer that missed a message must start over anyway.
    """

    def __init__(self, max_messages: int, max_chars: int) -> None:
        self._max_messages = max_messages
        self._max_chars = max_chars
        self._waiting: OrderedDict[Hashable, tuple[Message, str]] = OrderedDict()
        self._chars = 0
        self._count = 0
        self._changed = asyncio.Event()
        self._is_ending = False

    def put(self, message: Message) -> bool:
        """Queue a message; False when it does not fit, and nothing is queued any more."""
        if self._is_ending:
            return True
        self._count += 1
        place: Hashable = self._count
        match message:
            case ParticipantChanged(op="updated", participant=participant):
                # Behind what came since: the numbers of events only rise, so that a client may resume by the last.
                place = participant.sid
                self._drop(place)
            case RelayedStream(op="chunk"):
                message = self._joined(message)
            case _:
                pass
        text = encode(message)
        self._chars += len(text)
        if len(self._waiting) >= self._max_messages or self._chars > self._max_chars:
            self._waiting.clear()
            return False
        self._waiting[place] = message, text
        self._changed.set()
        return True

    def end(self) -> None:
        """Take nothing more; `get` gives what is there, then None."""
        self._is_ending = True
        self._changed.set()

    def clear(self) -> None:
        """Forget what is queued: nobody is there to take it."""
        self._waiting.clear()
        self.end()

    async def get(self) -> str | None:
        """The next text, or None after the end."""
        while not self._waiting:
            if self._is_ending:
                return None
            self._changed.clear()
            await self._changed.wait()
        _, (_, text) = self._waiting.popitem(last=False)
        self._chars -= len(text)
        return text

    def _joined(self, chunk: RelayedStream) -> RelayedStream:
        """A piece of text together with the one before, unless something came between: that belongs there."""
        for place in reversed(self._waiting):
            before, _ = self._waiting[place]
            if isinstance(before, ParticipantChanged) and before.op == "updated":
                continue
            if not isinstance(before, RelayedStream) or not _goes_on(before, chunk):
                break
            self._drop(place)
            return chunk.model_copy(update={"text": (before.text or "") + (chunk.text or "")})
        return chunk

    def _drop(self, place: Hashable) -> None:
        waiting = self._waiting.pop(place, None)
        if waiting is not None:
            self._chars -= len(waiting[1])


def _goes_on(before: RelayedStream, chunk: RelayedStream) -> bool:
    same = (before.sender, before.sid, before.op, before.n, chunk.n) == (chunk.sender, chunk.sid, "chunk", None, None)
    return same and len(before.text or "") + len(chunk.text or "") <= MAX_DATA_CHARS
