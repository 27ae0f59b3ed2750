"""Where everything that happens in a session waits to be decided upon: many post, one takes."""

import asyncio
import logging
from dataclasses import dataclass
from typing import Final

from agent_worker.speech.events import Event
from agent_worker.turns.voice import VoiceEvent

log = logging.getLogger(__name__)

SIZE: Final = 4096


@dataclass(frozen=True, slots=True)
class HumanVoice:
    """The voice of one of the humans; whether the conversation is told of it depends on whose turn it is."""

    identity: str
    event: VoiceEvent


class Mailbox:
    """A bounded queue of events. Full, which only a stalled loop can bring about, it refuses what comes."""

    def __init__(self) -> None:
        self._events: asyncio.Queue[Event | HumanVoice] = asyncio.Queue(SIZE)

    def post(self, event: Event | HumanVoice) -> None:
        """Put an event in; returns at once."""
        try:
            self._events.put_nowait(event)
        except asyncio.QueueFull:
            log.error("x %s: the mailbox is full", type(event).__name__)

    async def take(self, deadline: float | None) -> Event | HumanVoice | None:
        """The next event, or None when the deadline (loop seconds) comes first."""
        try:
            async with asyncio.timeout_at(deadline):
                return await self._events.get()
        except TimeoutError:
            return None
