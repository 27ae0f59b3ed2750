"""The seams between a cascade and its speech engines: sound in, words out, and words in, sound out.

    user's audio, 16 kHz  -> Recogniser.feed .. finish -> Heard         -> dialogue
    dialogue -> text      -> Synthesiser.speak         -> SpokenChunk   -> agent's audio, 24 kHz

Both are blocking: they compute on the thread that calls them, so they are run off the event loop.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from agent_worker.audio import Samples


@dataclass(frozen=True, slots=True, kw_only=True)
class TimedWord:
    """One word of a spoken text, with its original spelling and punctuation.

    The texts of all words of an utterance, joined by single spaces, are the spoken text with its white space
    normalised, and without invisible characters.
    """

    text: str
    start_ms: int
    """Where the word begins: milliseconds from the first sample of the utterance."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SpokenChunk:
    """A piece of an utterance, about 100 ms long."""

    samples: Samples = field(repr=False)
    """Mono int16 at 24 kHz."""
    words: tuple[TimedWord, ...]
    """The words that begin in this chunk, in order."""


class Synthesiser(Protocol):
    """Turns text into speech. One synthesiser serves any number of threads."""

    @property
    def name(self) -> str:
        """The engine's name, such as "flite"."""
        ...

    @property
    def voices(self) -> tuple[str, ...]:
        """The voices that can be asked for, the default one first."""
        ...

    def speak(self, text: str, *, voice: str | None = None, speed: float = 1.0) -> Iterator[SpokenChunk]:
        """Speak a text, sentence by sentence, faster than real time.

        The generator computes on the thread that iterates it. Closing it stops the engine.

        Args:
            text: Any text. Without a letter or digit in it there is nothing to say: no chunk comes.
            voice: One of `voices`, or None for the default one.
            speed: 1.0 is the voice's own pace, 2.0 twice as fast; held within what the engine can, at most 0.25 to 4.

        Raises:
            ConfigError: There is no such voice; the message names those that there are.
            SpeechError: The engine failed.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What a recogniser made of one utterance."""

    text: str
    """What was understood, in lower case without punctuation; "" when it was noise or too unlikely."""
    raw: str
    """The best hypothesis, however unlikely."""
    confidence: float
    """Mean posterior probability of the words of `raw`, 0 to 1; 0 without words."""


class Recogniser(Protocol):
    """Turns the speech of one session into words. It adapts to its speaker: one recogniser for each session.

    Calls of one recogniser must not overlap; they may come from different threads.
    """

    @property
    def name(self) -> str:
        """The engine's name, such as "pocketsphinx"."""
        ...

    def start(self) -> None:
        """Begin an utterance. One that is still open is thrown away."""
        ...

    def feed(self, samples: Samples) -> None:
        """Hear more of the utterance: mono int16 at 16 kHz, any length. Ignored when none is open."""
        ...

    def partial(self) -> str:
        """The best hypothesis so far, or "". Later audio may change it."""
        ...

    def finish(self) -> Heard:
        """End the utterance and say what was heard. Nothing was heard when none is open."""
        ...


class EngineKind(StrEnum):
    """What an engine does."""

    SYNTHESIS = "synthesis"
    RECOGNITION = "recognition"


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """Whether one engine can be used on this machine, for people who want to know."""

    name: str
    kind: EngineKind
    ok: bool
    detail: str
    """What was found; when `ok` is false, what is missing and the exact command that installs it."""
