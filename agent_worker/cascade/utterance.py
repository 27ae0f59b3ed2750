"""Makes one utterance of an engine's sentences: rendered sentences -> even chunks at 24 kHz with word times.

    text -> sentences -> the engine renders each -> trimmed head, pause between -> loudness -> 24 kHz -> chunks

Pure but for the engine, which is given as a function. Each step keeps count of samples, so a word's time is the place
of its first sample and never an estimate.
"""

from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Final

import numpy as np

from agent_worker.audio import MODEL_RATE, Samples, milliseconds_of, samples_in, silence
from agent_worker.cascade.base import SpokenChunk, TimedWord
from agent_worker.cascade.loudness import amplify
from agent_worker.cascade.resample import Resampler
from agent_worker.cascade.sentences import Sentence, sentences
from agent_worker.errors import ConfigError

CHUNK: Final = MODEL_RATE // 10
"""Samples of a chunk; only an utterance's last one may be shorter."""
SLOWEST: Final = 0.25
FASTEST: Final = 4.0
"""The range within which a pace is held; 1.0 is a voice's own."""
ONSET_SECONDS: Final = 0.01
"""Kept before a sentence's first word: a consonant begins a little before it is loud."""
BREATH: Final = 0.4
"""The pause inside a sentence that was cut for its length, as a part of the pause between sentences."""


@dataclass(frozen=True, slots=True)
class Block:
    """A piece of a rendered sentence, at the engine's own rate and loudness."""

    samples: Samples
    starts: tuple[int, ...] = ()
    """With the sentence's first block: for each of its words, the sample at which the word begins."""


Render = Callable[[Sentence], Generator[Block, None, None]]
"""An engine's way to speak one sentence. Closing the generator stops the engine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sound:
    """What an engine's voice sounds like before it is evened out."""

    rate: int
    """Samples per second."""
    gain: float
    """The factor that brings the voice to the loudness that all voices share."""
    pause: float
    """Seconds to add between two sentences, beside the silence with which the engine ends one."""


def chosen(voice: str | None, voices: Sequence[str]) -> str:
    """The voice to speak with: the one asked for, or the first.

    Raises:
        ConfigError: There is no such voice.
    """
    if voice is None:
        return voices[0]
    if voice not in voices:
        raise ConfigError(f"there is no voice {voice!r}; choose one of: {', '.join(voices)}")
    return voice


def place_words(told: Sequence[int | None], end: int) -> tuple[int, ...]:
    """A start for each word of a sentence, from those that the engine told: in order, and before the end.

    Words that the engine did not tell of, such as a dash, are spread evenly between their neighbours.

    Args:
        told: For each word its first sample, or None.
        end: The sentence's number of samples.
    """
    known = [(index, start) for index, start in enumerate(told) if start is not None] or [(0, 0)]
    starts = np.interp(
        np.arange(len(told)),
        [*(index for index, _ in known), len(told)],
        np.maximum.accumulate([*(start for _, start in known), end]),
    )
    return tuple(min(int(start), max(0, end - 1)) for start in starts)


def speak(text: str, sound: Sound, render: Render) -> Generator[SpokenChunk, None, None]:
    """Speak a text sentence by sentence. A text without a letter or a digit gives no chunk."""
    chunks = _Chunks(sound)
    complete: bool | None = None
    for sentence in sentences(text):
        if complete is not None:
            yield from chunks.pause(sound.pause if complete else sound.pause * BREATH)
        complete = sentence.complete
        with closing(render(sentence)) as blocks:
            yield from chunks.sentence(sentence.words, blocks)
    yield from chunks.rest()


class _Chunks:
    """Counts an utterance's samples, and cuts them into chunks with the words that begin in each."""

    def __init__(self, sound: Sound) -> None:
        self._sound = sound
        self._resampler = Resampler(sound.rate, MODEL_RATE)
        self._received = 0
        """Samples so far at the engine's rate."""
        self._given = 0
        """Samples given away at 24 kHz."""
        self._made = silence(0)
        """Samples at 24 kHz that are not given away yet."""
        self._words: deque[tuple[int, str]] = deque()
        """Words to come, each with its first sample at 24 kHz."""

    def pause(self, seconds: float) -> Iterator[SpokenChunk]:
        yield from self._add(silence(samples_in(seconds, self._sound.rate)))

    def sentence(self, words: Sequence[str], blocks: Iterator[Block]) -> Iterator[SpokenChunk]:
        skip = 0
        for block in blocks:
            if block.starts:
                skip = max(0, block.starts[0] - samples_in(ONSET_SECONDS, self._sound.rate))
                for word, start in zip(words, block.starts, strict=True):
                    self._words.append((self._at_model_rate(self._received + start - skip), word))
            dropped = min(skip, len(block.samples))
            skip -= dropped
            yield from self._add(amplify(block.samples[dropped:], self._sound.gain))

    def rest(self) -> Iterator[SpokenChunk]:
        """The last chunk. It takes what words are left, so none is ever lost."""
        self._made = np.concatenate((self._made, self._resampler.finish()))
        yield from self._whole_chunks()
        if len(self._made):
            yield self._chunk(len(self._made), last=True)

    def _add(self, samples: Samples) -> Iterator[SpokenChunk]:
        self._received += len(samples)
        self._made = np.concatenate((self._made, self._resampler.feed(samples)))
        yield from self._whole_chunks()

    def _whole_chunks(self) -> Iterator[SpokenChunk]:
        # One sample always stays: the last chunk must not be given away before it is known to be the last.
        while len(self._made) > CHUNK:
            yield self._chunk(CHUNK, last=False)

    def _chunk(self, length: int, *, last: bool) -> SpokenChunk:
        samples, self._made = self._made[:length], self._made[length:]
        self._given += length
        begun: list[TimedWord] = []
        while self._words and (last or self._words[0][0] < self._given):
            start, word = self._words.popleft()
            start = min(start, self._given - 1)
            begun.append(TimedWord(text=word, start_ms=milliseconds_of(start, MODEL_RATE)))
        return SpokenChunk(samples=samples, words=tuple(begun))

    def _at_model_rate(self, sample: int) -> int:
        """The first sample at 24 kHz that is not before this one of the engine's."""
        return -(-sample * MODEL_RATE // self._sound.rate)
