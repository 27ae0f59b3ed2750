"""The synthesiser on Flite: smooth voices of real people, English only. Sentences in, blocks with word times out.

Flite makes samples about 100 times faster than real time, on a thread of its own: the first block of a long sentence
is heard while the rest is being made.
"""

import unicodedata
from bisect import bisect_right
from collections.abc import Generator, Sequence
from functools import cache, partial
from typing import Final

from agent_worker.audio import silence
from agent_worker.cascade.base import SpokenChunk
from agent_worker.cascade.handover import Emit, made_by
from agent_worker.cascade.libflite import RATE, Flite, FliteVoice, Plan
from agent_worker.cascade.loudness import gain_for
from agent_worker.cascade.sentences import Sentence, is_spoken
from agent_worker.cascade.utterance import FASTEST, SLOWEST, Block, Sound, chosen, place_words, speak

LOUDNESS: Final = {"slt": -16.9, "rms": -21.7, "awb": -20.4}
"""dBFS rms of each voice's plain output over a paragraph: the voices that are looked for, the default one first."""
PAUSE: Final = 0.15
"""Seconds added between sentences: the voices themselves end one with 70 to 200 ms of silence."""
LONGEST_WORD: Final = 60
"""Characters of one word that are spoken: nobody listens to a key or an address to its end."""

_SPELLED: Final = str.maketrans({
    "‘": "'", "’": "'", "“": '"', "”": '"', "«": '"', "»": '"', "–": "-", "—": "-", "…": ".", "⁄": "/",
    "€": " euros ", "£": " pounds ", "°": " degrees ", "×": " times ", "÷": " divided by ",
    "ß": "ss", "æ": "ae", "ø": "o", "ł": "l",
})  # fmt: skip


def spell(words: Sequence[str]) -> tuple[str, tuple[int | None, ...]]:
    """What Flite is given to say, in ASCII; and where in it each word begins, None for a word with nothing to say."""
    text = ""
    places: list[int | None] = []
    for word in words:
        decomposed = unicodedata.normalize("NFKD", word.translate(_SPELLED))
        plain = " ".join(decomposed.encode("ascii", "ignore").decode().split())[:LONGEST_WORD]
        if is_spoken(plain):
            text += " " if text else ""
            places.append(len(text))
            text += plain
        else:
            places.append(None)
    return text, tuple(places)


def starts_of(places: Sequence[int | None], plan: Plan) -> tuple[int, ...]:
    """The first sample of each word, from where it stands in the spoken text and when Flite speaks that place."""
    spoken = [(place, index) for index, place in enumerate(places) if place is not None]
    told: list[int | None] = [None] * len(places)
    for position, sample in plan.words:
        _, index = spoken[max(0, bisect_right(spoken, position, key=lambda entry: entry[0]) - 1)]
        if told[index] is None:  # "5:30" is two words to Flite; the first one says where it begins
            told[index] = sample
    return place_words(told, plan.end)


class FliteSynthesiser:
    """Speaks with the voices slt (female), rms (male) and awb (male, Scottish), as far as they are installed."""

    name = "flite"

    def __init__(self, voices: dict[str, FliteVoice]) -> None:
        self._voices = voices
        self.voices = tuple(voices)

    def speak(self, text: str, *, voice: str | None = None, speed: float = 1.0) -> Generator[SpokenChunk, None, None]:
        """Speak a text; see `Synthesiser.speak`."""
        name = chosen(voice, self.voices)
        pace = min(max(speed, SLOWEST), FASTEST)
        sound = Sound(rate=RATE, gain=gain_for(LOUDNESS[name]), pause=PAUSE / pace)
        return speak(text, sound, partial(self._render, self._voices[name], 1 / pace))

    def _render(self, voice: FliteVoice, stretch: float, sentence: Sentence) -> Generator[Block, None, None]:
        text, places = spell(sentence.words)
        if not text:
            # A sentence in a script that Flite cannot read passes in silence, and its words with it.
            yield Block(silence(RATE // 10), (0,) * len(places))
            return

        def work(emit: Emit[Block]) -> None:
            voice.synthesise(
                text,
                stretch,
                lambda samples, plan: emit(Block(samples, () if plan is None else starts_of(places, plan))),
            )

        yield from made_by(work, self.name)


@cache
def load() -> FliteSynthesiser:
    """The process's one Flite, with the voices that are installed.

    Raises:
        OSError: Flite, or each of its voices, is not installed.
    """
    library = Flite()
    voices: dict[str, FliteVoice] = {}
    missing: OSError | None = None
    for name in LOUDNESS:
        try:
            voices[name] = library.voice(name)
        except OSError as error:
            missing = error
    if missing is not None and not voices:
        raise missing
    return FliteSynthesiser(voices)
