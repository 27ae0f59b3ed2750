"""A synthesiser without a voice: words are shown at a reader's pace, over silence (R-6).

So a session that only writes goes through the same states as one that speaks, and can be interrupted like it.
"""

from collections.abc import Iterator
from typing import Final

from agent_worker.audio import MODEL_RATE, samples_in, silence
from agent_worker.cascade.base import SpokenChunk, TimedWord

WORD_SECONDS: Final = 0.1
"""Twice as fast as most people read, so that nobody waits for a line."""


class Subtitles:
    """Fits `cascade.base.Synthesiser`."""

    name = "subtitles"
    voices: tuple[str, ...] = ()

    def speak(self, text: str, *, voice: str | None = None, speed: float = 1.0) -> Iterator[SpokenChunk]:
        """See `Synthesiser.speak`: one chunk of silence for each word."""
        del voice
        sound = silence(samples_in(WORD_SECONDS / speed, MODEL_RATE))
        for number, word in enumerate(text.split()):
            start_ms = round(1000 * number * WORD_SECONDS / speed)
            yield SpokenChunk(samples=sound, words=(TimedWord(text=word, start_ms=start_ms),))
