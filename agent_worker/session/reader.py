"""Reads aloud what the model writes: replies in text alone are spoken sentence by sentence as they come (R-6).

    OutputText -> Reader -> Delivery -> conversation, as if the model had spoken it

To the conversation such a reply is over when all of it has a sound, not when the model has written it. Without a
synthesiser the words are shown like subtitles, over silence.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass, field, replace
from typing import Any

from agent_worker.cascade.base import Synthesiser
from agent_worker.media.ledger import Part
from agent_worker.session.delivery import Delivery
from agent_worker.session.lines import AgentLines
from agent_worker.session.script import why
from agent_worker.session.subtitles import Subtitles
from agent_worker.speech import events as ev

log = logging.getLogger(__name__)

Start = Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]]


class _Text:
    """What is written of one part: iterated while it is written. As long as a reply may be."""

    def __init__(self) -> None:
        self.written = ""
        self._pieces: asyncio.Queue[str | None] = asyncio.Queue()

    def add(self, delta: str) -> None:
        self.written += delta
        self._pieces.put_nowait(delta)

    def close(self) -> None:
        self._pieces.put_nowait(None)

    async def __aiter__(self) -> AsyncIterator[str]:
        while (piece := await self._pieces.get()) is not None:
            yield piece


@dataclass(slots=True, eq=False)
class _Written:
    """One reply."""

    parts: dict[Part, _Text] = field(default_factory=dict[Part, _Text])
    to_read: asyncio.Queue[tuple[Part, _Text] | None] = field(
        default_factory=asyncio.Queue[tuple[Part, _Text] | None]
    )
    ended: ev.ReplyEnded | None = None
    """What the model said when it had written all of it."""
    reading: asyncio.Task[None] | None = None


class Reader:
    """Reads the replies of one session.

    Args:
        delivery: Gives words a sound.
        synthesiser: Makes it; None: silence.
        lines: Where the words are shown.
        voice: Whose voice it is.
        post: Posts an event to the conversation.
        start: Starts a task that ends with the session.

    """

    def __init__(
        self,
        *,
        delivery: Delivery,
        synthesiser: Synthesiser | None,
        lines: AgentLines,
        voice: Callable[[], str | None],
        post: Callable[[ev.Event], None],
        start: Start,
    ) -> None:
        self._delivery = delivery
        self._synthesiser = synthesiser or Subtitles()
        self._lines = lines
        self._voice = voice
        self._post = post
        self._start = start
        self._replies: dict[str, _Written] = {}
        self._last: _Written | None = None

    def wrote(self, response_id: str, part: Part, delta: str) -> None:
        """The model wrote more."""
        reply = self._replies.get(response_id)
        if reply is None:
            reply = self._last = self._replies[response_id] = _Written()
            reply.reading = self._start(self._read(response_id, reply))
        if part not in reply.parts:
            for earlier in reply.parts.values():
                earlier.close()
            reply.parts[part] = _Text()
            reply.to_read.put_nowait((part, reply.parts[part]))
        reply.parts[part].add(delta)
        self._post(ev.ReplyProgressed(response_id))

    def wrote_all(self, response_id: str, part: Part, text: str) -> None:
        """The model has written a part; it may tell all of it only now."""
        reply = self._replies.get(response_id)
        if text and (reply is None or part not in reply.parts):
            self.wrote(response_id, part, text)

    def ended(self, end: ev.ReplyEnded) -> bool:
        """The model has made a reply: whether it is read here, so that its end is told when it has been."""
        reply = self._replies.get(end.response_id)
        if reply is None:
            return False
        reply.ended = end
        for text in reply.parts.values():
            text.close()
        reply.to_read.put_nowait(None)
        self._post(ev.ReplyProgressed(end.response_id, made=True))
        return True

    def cancel(self, response_id: str) -> bool:
        """Read no more of a reply: whether the model had written all of it, and has nothing to stop."""
        reply = self._replies.pop(response_id, None)
        if reply is None:
            return False
        if reply.reading is not None:
            reply.reading.cancel()
        if reply.ended is not None:
            self._post(reply.ended)
        return reply.ended is not None

    def written(self) -> dict[str, str]:
        """What the model wrote in each item of the reply that was begun last, once."""
        reply, self._last = self._last, None
        written: dict[str, str] = {}
        for part, text in reply.parts.items() if reply is not None else ():
            written[part.item_id] = f"{written.get(part.item_id, '')} {text.written}"
        return {item_id: " ".join(text.split()) for item_id, text in written.items()}

    async def _read(self, response_id: str, reply: _Written) -> None:
        failure = ""
        while (entry := await reply.to_read.get()) is not None:
            part, text = entry
            try:
                await self._delivery.speak(
                    aiter(text),
                    part,
                    response_id,
                    synthesiser=self._synthesiser,
                    voice=self._voice(),
                    patience=None,
                )
            except Exception as error:
                log.exception("! %s could not be read in full", response_id)
                failure = why(error)
            self._lines.complete(part)
        self._replies.pop(response_id, None)
        end = reply.ended
        assert end is not None, "it is read to its end"
        self._post(replace(end, failure=end.failure or failure))
