"""The voice of a machine without a synthesiser: soft tones, one for each word. Never silence.

With it playout, interruption and truncation still work, and the words are read from the transcript.
"""

from collections.abc import Iterator
from typing import Final

import numpy as np

from agent_worker.audio import MODEL_RATE, Samples, milliseconds_of, samples_in, silence
from agent_worker.cascade.base import SpokenChunk, TimedWord

_SCALE: Final = (262.0, 294.0, 330.0, 392.0, 440.0)
"""Five tones in which no two next to each other sound wrong."""
_HEIGHTS: Final = {"low tones": 0.5, "high tones": 1.5}
_LEVEL: Final = 0.08
_GAP: Final = 0.08
_PAUSE: Final = 0.25
_FADE: Final = 0.03
_LETTER: Final = 0.045


class Tones:
    """A synthesiser that hums."""

    name = "tones"
    voices = ("tones", "low tones", "high tones")

    def speak(self, text: str, *, voice: str | None = None, speed: float = 1.0) -> Iterator[SpokenChunk]:
        """Hum a text; see `Synthesiser.speak`. A voice that is not here is the first."""
        position = 0
        height = _HEIGHTS.get(voice or "", 1.0)
        pace = min(max(speed, 0.25), 4.0)
        for number, word in enumerate(text.split()):
            seconds = (0.12 + _LETTER * min(len(word), 12)) / pace
            rest = (_PAUSE if word[-1] in ".,;:!?" else _GAP) / pace
            samples = np.concatenate(
                (_tone(height * _SCALE[number * 2 % len(_SCALE)], seconds), silence(samples_in(rest, MODEL_RATE)))
            )
            start = TimedWord(text=word, start_ms=milliseconds_of(position, MODEL_RATE))
            position += len(samples)
            # A word is a few hundred milliseconds; cut finely enough to stop within one chunk.
            for offset in range(0, len(samples), samples_in(0.1, MODEL_RATE)):
                piece = samples[offset : offset + samples_in(0.1, MODEL_RATE)]
                yield SpokenChunk(samples=piece, words=() if offset else (start,))


def _tone(frequency: float, seconds: float) -> Samples:
    count = samples_in(seconds, MODEL_RATE)
    time = np.arange(count) / MODEL_RATE
    fade = np.minimum(1.0, np.minimum(time, time[::-1]) / _FADE)
    return (np.sin(2 * np.pi * frequency * time) * fade * _LEVEL * 32767).astype(np.int16)
