"""A synthesiser without an engine: each word is a tone of 0.3 s. Fits `cascade.base.Synthesiser`."""

from collections.abc import Iterator
from typing import Final

import numpy as np

from agent_worker.audio import MODEL_RATE, samples_in
from agent_worker.cascade.base import SpokenChunk, TimedWord

WORD_SECONDS: Final = 0.3


class ToneVoice:
    """Speaks tones, and remembers in `spoken` what they stand for."""

    name = "tones"
    voices = ("tones",)

    def __init__(self) -> None:
        self.spoken: list[str] = []

    def speak(self, text: str, *, voice: str | None = None, speed: float = 1.0) -> Iterator[SpokenChunk]:
        """One chunk for each word."""
        del voice
        self.spoken.append(text)
        seconds = WORD_SECONDS / speed
        time = np.arange(samples_in(seconds, MODEL_RATE)) / MODEL_RATE
        for index, word in enumerate(text.split()):
            tone = 3000 * np.sin(2 * np.pi * (200 + 20 * (index % 40)) * time)
            start_ms = round(1000 * seconds * index)
            yield SpokenChunk(samples=tone.astype(np.int16), words=(TimedWord(text=word, start_ms=start_ms),))
