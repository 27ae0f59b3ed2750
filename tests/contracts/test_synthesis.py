"""What every synthesiser promises (cascade/base.py). A new engine is one more row."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from agent_worker.audio import MODEL_RATE, Samples
from agent_worker.cascade import espeak, flite
from agent_worker.cascade.base import SpokenChunk, Synthesiser
from agent_worker.errors import ConfigError
from tests.support.missing import missing

ENGINES: list[Callable[[], Synthesiser]] = [flite.load, espeak.load]
PARAGRAPH = (
    "Once there was a lighthouse keeper who talked to the sea. Every evening, when the lamp was lit, he told it all "
    "that had happened: who had come by, what they had wanted, and how the weather would be. It never answered."
)
TEXTS = [
    "Hello.",
    "It is 5:30 PM, and that will be $4.50, please!",
    "Mr. Smith — “the baker” — sells well-known cakes (3 kinds); 25% are gone... Really? Yes!",
    "one two three four five six seven eight nine ten eleven twelve",
    "  White\tspace \n is   nothing. ",
    "A.B.C. e-mail bob@example.com or https://example.com/a?b=1 today.",
    "... and so on —",
    "Café, naïve, 20°, €5, ½.",
    PARAGRAPH,
]


@pytest.fixture(params=ENGINES, ids=lambda load: load.__module__.rpartition(".")[2])
def engine(request: pytest.FixtureRequest) -> Synthesiser:
    try:
        return request.param()
    except OSError as error:
        missing(f"not installed: {error}")


def samples_of(chunks: Sequence[SpokenChunk]) -> Samples:
    return np.concatenate([chunk.samples for chunk in chunks])


def level(samples: Samples) -> float:
    """dBFS rms."""
    return 10 * float(np.log10(np.mean((samples / 32768.0) ** 2) + 1e-12))


@pytest.mark.parametrize("text", TEXTS)
def test_the_words_of_all_chunks_are_the_text(engine: Synthesiser, text: str) -> None:
    words = [word for chunk in engine.speak(text) for word in chunk.words]
    assert " ".join(word.text for word in words) == " ".join(text.split())
    starts = [word.start_ms for word in words]
    assert starts == sorted(starts)


@pytest.mark.parametrize("text", TEXTS)
def test_chunks_are_even_and_hold_the_words_that_begin_in_them(engine: Synthesiser, text: str) -> None:
    chunks = list(engine.speak(text))
    assert {len(chunk.samples) for chunk in chunks[:-1]} <= {MODEL_RATE // 10}
    begin = 0.0
    for chunk in chunks:
        assert chunk.samples.dtype == np.int16
        end = begin + len(chunk.samples) * 1000 / MODEL_RATE
        assert all(begin <= word.start_ms < end for word in chunk.words)
        begin = end


@pytest.mark.parametrize("voice", [0, 1, 2])
def test_all_voices_are_equally_loud_and_none_clips(engine: Synthesiser, voice: int) -> None:
    samples = samples_of(list(engine.speak(PARAGRAPH, voice=engine.voices[voice])))
    assert level(samples) == pytest.approx(-20.0, abs=1.5)
    assert np.abs(samples.astype(int)).max() < 0.95 * 32768


def test_the_first_word_is_heard_at_once(engine: Synthesiser) -> None:
    chunks = list(engine.speak("Everything is fine."))
    assert chunks[0].words[0].start_ms <= 20
    assert level(chunks[0].samples) > -40


@pytest.mark.parametrize("voice", [0, 1, 2])
def test_a_word_sounds_when_it_is_said_to(engine: Synthesiser, voice: int) -> None:
    chunks = list(engine.speak("One. Everything. All. Anna. Open.", voice=engine.voices[voice]))
    samples = samples_of(chunks)
    step = MODEL_RATE // 100
    levels = np.array([level(samples[at : at + step]) for at in range(0, len(samples) - step, step)])
    loud = levels > levels.max() - 30
    onsets = [10 * at for at in range(12, len(loud)) if loud[at] and not loud[at - 12 : at].any()]
    told = [word.start_ms for chunk in chunks for word in chunk.words][1:]
    assert len(onsets) == len(told) == 4
    assert np.abs(np.array(onsets) - told).max() <= 60


def test_speed_changes_the_length(engine: Synthesiser) -> None:
    plain, fast, slow = (len(samples_of(list(engine.speak(PARAGRAPH, speed=speed)))) for speed in (1.0, 1.6, 0.7))
    assert 0.5 < fast / plain < 0.8
    assert 1.2 < slow / plain < 1.7


@pytest.mark.parametrize("text", ["", "  ", "...", "— !"])
def test_nothing_to_say_is_no_chunk(engine: Synthesiser, text: str) -> None:
    assert list(engine.speak(text)) == []


def test_an_unknown_voice_is_refused_with_those_that_there_are(engine: Synthesiser) -> None:
    with pytest.raises(ConfigError, match=engine.voices[0]):
        engine.speak("Hello.", voice="nobody")


def test_it_makes_sound_much_faster_than_it_is_heard(engine: Synthesiser) -> None:
    with ThreadPoolExecutor(1) as thread:
        chunks = thread.submit(lambda: list(engine.speak(PARAGRAPH))).result(timeout=4)
    assert len(samples_of(chunks)) > 8 * MODEL_RATE


def test_an_utterance_can_be_left_and_another_begun(engine: Synthesiser) -> None:
    for _ in range(20):
        chunks = iter(engine.speak(PARAGRAPH))
        next(chunks)
        chunks.close()  # type: ignore[attr-defined]
        assert [thread.name for thread in threading.enumerate() if thread.name == engine.name] == []
    words = [word.text for chunk in engine.speak("All is well.") for word in chunk.words]
    assert words == ["All", "is", "well."]


def test_sessions_can_speak_at_once(engine: Synthesiser) -> None:
    alone = [list(engine.speak(PARAGRAPH, voice=voice)) for voice in engine.voices[:2]]
    with ThreadPoolExecutor(4) as threads:
        together = list(threads.map(lambda voice: list(engine.speak(PARAGRAPH, voice=voice)), engine.voices[:2] * 2))
    for index, chunks in enumerate(together):
        expected = alone[index % 2]
        # Never the bytes: the noise in them is random, and espeak's lengths differ by some ms from call to call.
        assert len(samples_of(chunks)) == pytest.approx(len(samples_of(expected)), abs=0.03 * MODEL_RATE)
        words, expected_words = ([word for chunk in each for word in chunk.words] for each in (chunks, expected))
        assert [word.text for word in words] == [word.text for word in expected_words]
        assert [word.start_ms for word in words] == pytest.approx([word.start_ms for word in expected_words], abs=30)


@pytest.mark.parametrize(
    "text",
    [
        "x" * 3000,
        "9" * 300,
        "\x00\x01a\x1b[31m b\ufeff",
        "👍🏽 ok 今日は",
        "<speak>hi</speak> [[h@l'oU]] &amp;",
        "%s%n%s%n a",
        "a\u0301" * 200,
    ],
    ids=["long", "digits", "control", "scripts", "markup", "format", "marks"],
)
def test_hostile_text_does_no_harm(engine: Synthesiser, text: str) -> None:
    chunks = list(engine.speak(text))
    assert chunks
    assert len(samples_of(chunks)) < 200 * MODEL_RATE
    assert list(engine.speak("Still here."))
