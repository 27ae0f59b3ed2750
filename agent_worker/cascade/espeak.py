"""The synthesiser on espeak-ng: crisp, robotic, many languages. Sentences in, blocks with word times out.

espeak makes samples more than 1000 times faster than real time: a sentence is one call and one block.
"""

from bisect import bisect_right
from collections.abc import Generator, Sequence
from functools import cache, partial
from itertools import accumulate
from typing import Final

from agent_worker.cascade.base import SpokenChunk
from agent_worker.cascade.libespeak import Espeak, Spoken
from agent_worker.cascade.loudness import gain_for
from agent_worker.cascade.sentences import Sentence
from agent_worker.cascade.utterance import FASTEST, SLOWEST, Block, Sound, chosen, place_words, speak

VOICES: Final = (
    "en-us", "en-us+f3", "en-gb-scotland", "en", "en-gb-x-rp",
    "fr", "es", "de", "it", "pt-br", "nl", "pl", "sv", "ru", "ja", "cmn", "hi",
)  # fmt: skip
"""The voices offered; the first three are easily told apart. espeak-ng refuses such names as "en-gb" and "fr-fr"."""
LOUDNESS: Final = -21.0
"""dBFS rms of its plain output over a paragraph."""
PAUSE: Final = 0.3
"""Seconds added between sentences: espeak ends one without any silence."""
WORDS_PER_MINUTE: Final = 175
SLOWEST_RATE, FASTEST_RATE = 80, 450
"""Words per minute that espeak-ng accepts."""


def starts_of(words: Sequence[str], spoken: Spoken) -> tuple[int, ...]:
    """The first sample of each word, from the events that espeak made while it spoke them joined by single spaces."""
    after = list(accumulate(len(word) + 1 for word in words))
    told: list[int | None] = [None] * len(words)
    for position, sample in spoken.words:
        # After a dot before a lower-case letter the position is that of the space before the word: a space counts as
        # the next word's. Inside numbers it is off by a few characters, but the first event of each word is right.
        index = min(bisect_right(after, position + 1), len(words) - 1)
        if told[index] is None:
            told[index] = sample
    return place_words(told, len(spoken.samples))


class EspeakSynthesiser:
    """Speaks with espeak-ng's own voices, named by their languages."""

    name = "espeak"

    def __init__(self, library: Espeak) -> None:
        self._library = library
        self.voices = tuple(voice for voice in VOICES if library.has_voice(voice))

    def speak(self, text: str, *, voice: str | None = None, speed: float = 1.0) -> Generator[SpokenChunk, None, None]:
        """Speak a text; see `Synthesiser.speak`."""
        name = chosen(voice, self.voices)
        pace = min(max(speed, SLOWEST), FASTEST)
        sound = Sound(rate=self._library.rate, gain=gain_for(LOUDNESS), pause=PAUSE / pace)
        rate = min(max(round(WORDS_PER_MINUTE * pace), SLOWEST_RATE), FASTEST_RATE)
        return speak(text, sound, partial(self._render, name, rate))

    def _render(self, voice: str, rate: int, sentence: Sentence) -> Generator[Block, None, None]:
        spoken = self._library.synthesise(" ".join(sentence.words), voice, rate)
        yield Block(spoken.samples, starts_of(sentence.words, spoken))


@cache
def load() -> EspeakSynthesiser:
    """The process's one espeak-ng.

    Raises:
        OSError: It cannot be loaded.
    """
    return EspeakSynthesiser(Espeak())
