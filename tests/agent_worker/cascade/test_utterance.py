from collections.abc import Generator, Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_worker.audio import Samples
from agent_worker.cascade.base import SpokenChunk
from agent_worker.cascade.sentences import Sentence
from agent_worker.cascade.utterance import BREATH, CHUNK, Block, Sound, chosen, place_words, speak
from agent_worker.errors import ConfigError

RATE = 16_000
SOUND = Sound(rate=RATE, gain=1.0, pause=0.3)
HEAD = 3200
"""Samples of silence before each sentence of the engine below."""


def clicking(word_samples: int, block: int = 800):
    """An engine that makes one click where each word begins, and tells where that is."""

    def render(sentence: Sentence) -> Generator[Block, None, None]:
        starts = tuple(HEAD + word_samples * index for index in range(len(sentence.words)))
        samples = np.zeros(HEAD + word_samples * len(sentence.words), dtype=np.int16)
        samples[list(starts)] = 10_000
        for at in range(0, len(samples), block):
            yield Block(samples[at : at + block], starts if at == 0 else ())

    return render


def sound_of(chunks: Sequence[SpokenChunk]) -> Samples:
    return np.concatenate([chunk.samples for chunk in chunks])


def clicks_in(samples: Samples) -> list[int]:
    """Where the clicks are: peaks above the ringing beside them, the first sample of one that lies between two."""
    loud = samples.astype(int)
    peaks = (at for at in range(1, len(loud) - 1) if loud[at] > max(4000, loud[at - 1]))
    return [at for at in peaks if loud[at] == loud[max(0, at - 9) : at + 10].max()]


@pytest.mark.parametrize("block", [1, 37, 800, 100_000])
@pytest.mark.parametrize("word_samples", [400, 1600, 5333])
def test_each_word_is_told_where_it_sounds(word_samples: int, block: int) -> None:
    chunks = list(speak("One two — three. Four five!", SOUND, clicking(word_samples, block)))
    words = [word for chunk in chunks for word in chunk.words]
    assert " ".join(word.text for word in words) == "One two — three. Four five!"
    clicks = clicks_in(sound_of(chunks))
    assert len(clicks) == len(words)
    for word, click in zip(words, clicks, strict=True):
        assert -0.05 < click / 24 - word.start_ms < 1.05  # whole milliseconds, rounded down


def test_words_come_with_the_chunk_they_begin_in() -> None:
    begin = 0
    for chunk in speak("One two three four. Five six.", SOUND, clicking(2000)):
        end = begin + len(chunk.samples)
        assert all(begin / 24 - 1 < word.start_ms < end / 24 for word in chunk.words)
        begin = end


def test_all_chunks_but_the_last_are_100_ms() -> None:
    sizes = [len(chunk.samples) for chunk in speak("One two three. Four.", SOUND, clicking(3000))]
    assert sizes[:-1] == [CHUNK] * (len(sizes) - 1)
    assert 0 < sizes[-1] <= CHUNK


def test_the_silence_before_a_sentence_is_cut_and_a_pause_put_in_its_place() -> None:
    chunks = list(speak("One. Two.", SOUND, clicking(1600)))
    first, second = (word.start_ms for chunk in chunks for word in chunk.words)
    assert first == 10
    assert second - first == 100 + 300 + 10  # the word, the pause, what is kept of the head
    assert len(sound_of(chunks)) == (2 * 110 + 300) * 24


def test_a_sentence_cut_for_its_length_gets_a_short_pause() -> None:
    long = "word " * 40 + "end"  # cut once, since nothing in it is a comma
    whole = sound_of(list(speak(long, SOUND, clicking(160))))
    assert len(whole) == round((41 * 10 + 2 * 10 + 300 * BREATH) * 24)


def test_a_word_that_comes_after_the_sound_is_not_lost() -> None:
    def short(sentence: Sentence) -> Generator[Block, None, None]:
        yield Block(np.zeros(CHUNK, dtype=np.int16), (0,) * (len(sentence.words) - 1) + (99_999,))

    chunks = list(speak("One two", Sound(rate=24_000, gain=1.0, pause=0.0), short))
    last = chunks[-1].words[-1]
    assert last.text == "two"
    assert last.start_ms < len(sound_of(chunks)) / 24


def test_nothing_to_say_is_no_chunk() -> None:
    assert list(speak(" ... ", SOUND, clicking(800))) == []


def test_the_gain_is_applied() -> None:
    loud = sound_of(list(speak("One two.", Sound(rate=RATE, gain=1.5, pause=0.0), clicking(1600))))
    plain = sound_of(list(speak("One two.", SOUND, clicking(1600))))
    assert loud.max() == pytest.approx(1.5 * plain.max(), rel=0.01)


def test_closing_the_utterance_closes_the_engine() -> None:
    closed: list[bool] = []

    def endless(_: Sentence) -> Generator[Block, None, None]:
        try:
            while True:
                yield Block(np.zeros(8000, dtype=np.int16))
        finally:
            closed.append(True)

    chunks = speak("On and on.", SOUND, endless)
    assert len(next(chunks).samples) == CHUNK
    chunks.close()
    assert closed == [True]


def test_a_sentence_is_not_rendered_before_the_one_ahead_of_it_was_taken() -> None:
    rendered: list[str] = []

    def render(sentence: Sentence) -> Generator[Block, None, None]:
        rendered.append(sentence.words[0])
        yield Block(np.zeros(RATE, dtype=np.int16), (0,))

    chunks = speak("One. Two. Three.", SOUND, render)
    next(chunks)
    assert rendered == ["One."]
    chunks.close()


@given(st.lists(st.one_of(st.none(), st.integers(0, 1000)), max_size=12), st.integers(1, 1000))
def test_words_are_placed_in_order_and_within_the_sentence(told: list[int | None], end: int) -> None:
    placed = place_words(told, end)
    assert len(placed) == len(told)
    assert list(placed) == sorted(placed)
    assert all(0 <= start < end for start in placed)


@given(st.lists(st.integers(0, 999), min_size=1, max_size=12))
def test_what_the_engine_told_in_order_is_kept(starts: list[int]) -> None:
    assert place_words(sorted(starts), 1000) == tuple(sorted(starts))


@pytest.mark.parametrize(
    ("told", "placed"),
    [
        ((100, None, None, 400), (100, 200, 300, 400)),
        ((None, 50), (50, 50)),  # before the first word nothing sounds
        ((0, None), (0, 500)),
        ((None, None), (0, 500)),
        ((), ()),
    ],
)
def test_words_that_the_engine_does_not_tell_of_lie_between_their_neighbours(
    told: tuple[int | None, ...], placed: tuple[int, ...]
) -> None:
    assert place_words(told, 1000) == placed


def test_an_unknown_voice_is_refused_with_those_that_there_are() -> None:
    assert chosen(None, ("slt", "rms")) == "slt"
    assert chosen("rms", ("slt", "rms")) == "rms"
    with pytest.raises(ConfigError, match="slt, rms"):
        chosen("alloy", ("slt", "rms"))
