"""Makes the speech of responses, paced: text -> synthesiser (on a thread) -> pieces when they are due -> protocol.

The engines are a hundred times faster than real time. Sent at once, a story would be megabytes in one burst, and an
interruption would have nothing left to stop.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from agent_worker import clock
from agent_worker.audio import MODEL_RATE, seconds_of, to_bytes
from agent_worker.cascade.base import SpokenChunk, Synthesiser
from agent_worker.localmodel.actions import Happening, Speak, SpeechFailed, SpeechFinished, SpeechMade
from agent_worker.localmodel.voices import voice_of

log = logging.getLogger(__name__)

HEAD_START: Final = 1.0
"""Seconds of speech that are sent at once."""
RATE: Final = 3.0
"""Seconds of speech sent in each second after that."""
ENGINE_TIMEOUT: Final = 20.0
"""Seconds for a piece. The engines' own deadline is shorter: this one is for engines without."""


def due(sent: float) -> float:
    """When the next piece of a speech may go, in seconds after its first, once `sent` seconds of it have gone."""
    return max(0.0, sent - HEAD_START) / RATE


class Voice:
    """Speaks for one session.

    Args:
        synthesiser: The engine.
        deliver: Takes what has been made.
        room: Waits until the client has taken what was sent before.
        polyglot: One with voices named by their languages, for what is not English; None: the same speaks it all.

    """

    def __init__(
        self,
        synthesiser: Synthesiser,
        deliver: Callable[[Happening], None],
        room: Callable[[], Awaitable[None]],
        polyglot: Synthesiser | None = None,
    ) -> None:
        self._synthesiser = synthesiser
        self._polyglot = polyglot
        self._deliver = deliver
        self._room = room
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="voice")

    def close(self) -> None:
        """No more will be said. Speeches must have been cancelled before."""
        self._thread.shutdown(wait=False)

    async def speak(self, order: Speak) -> None:
        """Make one speech, to its end or until it is cancelled."""
        engine, voice = self._chosen(order)
        chunks: Iterator[SpokenChunk] = iter(())
        try:
            chunks = iter(engine.speak(order.text, voice=voice, speed=order.speed))
            await self._pace(order, chunks)
        except Exception as failure:  # whatever an engine raises costs one reply, not the session
            log.exception("%s could not speak", engine.name)
            self._deliver(SpeechFailed(response_id=order.response_id, message=f"No speech: {failure}"))
        finally:
            # On the engine's thread, behind the piece that it may be making: a running generator cannot be closed.
            if isinstance(chunks, Generator):
                self._thread.submit(chunks.close)

    def _chosen(self, order: Speak) -> tuple[Synthesiser, str]:
        """Who speaks, and with which voice."""
        polyglot = self._polyglot
        if polyglot is not None and order.language is not None and order.language in polyglot.voices:
            return polyglot, order.language
        return self._synthesiser, voice_of(order.voice, self._synthesiser.voices)

    async def _pace(self, order: Speak, chunks: Iterator[SpokenChunk]) -> None:
        loop = asyncio.get_running_loop()
        sent = 0
        began: float | None = None
        while True:
            async with asyncio.timeout(ENGINE_TIMEOUT):
                chunk = await loop.run_in_executor(self._thread, next, chunks, None)
            if chunk is None:
                self._deliver(SpeechFinished(order.response_id))
                return
            began = clock.now() if began is None else began
            await asyncio.sleep(began + due(seconds_of(sent, MODEL_RATE)) - clock.now())
            await self._room()
            self._deliver(SpeechMade(response_id=order.response_id, pcm=to_bytes(chunk.samples), words=chunk.words))
            sent += len(chunk.samples)
