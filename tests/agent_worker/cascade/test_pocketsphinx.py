"""The recogniser on real sound: synthetic speech, backchannels and noises of the corpus."""

import re

import numpy as np
import pytest

from agent_worker.audio import MODEL_RATE, VAD_RATE, Samples, samples_in, silence
from agent_worker.cascade import engines, pocketsphinx
from agent_worker.cascade.base import Heard
from agent_worker.cascade.pocketsphinx import RATE, PocketsphinxRecogniser
from agent_worker.cascade.resample import Resampler, resampled
from tests.support.missing import missing
from tests.support.wav import corpus

COMMANDS = [
    ("s01", "hello"),
    ("s02", "what time is it"),
    ("s06", "my name is alice"),
    ("s07", "what is my name"),
    ("s08", "i would like to order a large pizza"),
    ("s13", "tell me a story"),
    ("s14", "count to twenty"),
    ("s15", "stop"),
    ("s16", "wait"),
    ("s19", "actually tell me a joke"),
    ("s28", "what is seven plus five"),
    ("s30", "i would like to order a large pizza"),
]
BACKCHANNELS = {"", "uh-huh", "mm-hm", "hmm", "mhm", "yeah", "yep", "yes", "okay", "right"}


def sound(name: str) -> Samples:
    """A corpus file at the recogniser's rate."""
    resampler = Resampler(48_000, RATE)
    return np.concatenate((resampler.feed(corpus(name)), resampler.finish()))


def hear(recogniser: PocketsphinxRecogniser, samples: Samples, step: int = 320) -> Heard:
    recogniser.start()
    for at in range(0, len(samples), step):
        recogniser.feed(samples[at : at + step])
    return recogniser.finish()


@pytest.fixture
def recogniser() -> PocketsphinxRecogniser:
    return pocketsphinx.load()


@pytest.fixture(scope="module")
def session() -> PocketsphinxRecogniser:
    return pocketsphinx.load()


@pytest.mark.parametrize(("name", "text"), COMMANDS)
def test_a_command_is_understood_at_the_beginning_of_a_session(
    recogniser: PocketsphinxRecogniser, name: str, text: str
) -> None:
    heard = hear(recogniser, sound(name))
    assert heard.text == text
    assert heard.confidence > 0.5


@pytest.mark.parametrize(("name", "text"), COMMANDS)
def test_a_command_is_understood_in_the_course_of_a_session(
    session: PocketsphinxRecogniser, name: str, text: str
) -> None:
    assert hear(session, sound(name)).text == text


@pytest.mark.parametrize("decibels", [-20, 6])
@pytest.mark.parametrize("name", ["s02", "s15", "s16"])
def test_a_soft_and_a_loud_voice_are_understood(
    recogniser: PocketsphinxRecogniser, name: str, decibels: float
) -> None:
    louder = np.clip(sound(name) * 10 ** (decibels / 20), -32768, 32767).astype(np.int16)
    assert hear(recogniser, louder).text == dict(COMMANDS)[name]


@pytest.mark.parametrize("name", ["b01", "b02", "b03", "b05"])
def test_a_backchannel_is_nothing_more_than_that(recogniser: PocketsphinxRecogniser, name: str) -> None:
    assert hear(recogniser, sound(name)).text in BACKCHANNELS


@pytest.mark.parametrize("name", ["n01", "n03", "n04", "n11"])
def test_a_noise_is_not_understood(recogniser: PocketsphinxRecogniser, name: str) -> None:
    heard = hear(recogniser, sound(name))
    assert (heard.text, heard.confidence) == ("", 0.0)


def test_a_knock_sounds_like_a_word_and_is_refused(recogniser: PocketsphinxRecogniser) -> None:
    assert re.fullmatch(r"[a-z' -]+", hear(recogniser, sound("n04")).raw)


def test_what_was_said_is_the_same_in_pieces_of_any_length(recogniser: PocketsphinxRecogniser) -> None:
    for step in (7, 160, 100_000):
        assert hear(recogniser, sound("s07"), step).text == "what is my name"


def test_a_partial_grows_with_the_utterance_and_ends_with_it(recogniser: PocketsphinxRecogniser) -> None:
    samples = sound("s08")
    assert recogniser.partial() == ""
    recogniser.start()
    assert recogniser.partial() == ""
    recogniser.feed(samples[: len(samples) * 6 // 10])
    early = recogniser.partial()
    recogniser.feed(samples[len(samples) * 6 // 10 :])
    assert "would like" in early
    assert "pizza" not in early
    assert "pizza" in recogniser.partial()
    recogniser.finish()
    assert recogniser.partial() == ""


def test_without_an_utterance_nothing_is_heard(recogniser: PocketsphinxRecogniser) -> None:
    nothing = Heard(text="", raw="", confidence=0.0)
    recogniser.feed(sound("s15"))
    assert recogniser.finish() == nothing
    recogniser.start()
    assert recogniser.finish() == nothing
    assert recogniser.finish() == nothing


def test_beginning_again_throws_away_what_was_heard(recogniser: PocketsphinxRecogniser) -> None:
    recogniser.start()
    recogniser.feed(sound("s13"))
    assert hear(recogniser, sound("s15")).text == "stop"


@pytest.mark.parametrize("finished", [True, False])
def test_noises_do_not_change_how_the_next_words_are_heard(
    recogniser: PocketsphinxRecogniser, finished: bool
) -> None:
    for name in ("n01", "n03", "n04") * 3:
        recogniser.start()
        recogniser.feed(sound(name))
        if finished:
            recogniser.finish()
    expected = hear(pocketsphinx.load(), sound("s16")).confidence
    assert hear(recogniser, sound("s16")).confidence == pytest.approx(expected, abs=0.01)


def test_a_recogniser_adapts_to_its_own_session_only(recogniser: PocketsphinxRecogniser) -> None:
    other = pocketsphinx.load()
    for name in ("s13", "s19", "s08"):
        hear(recogniser, sound(name))
    assert hear(other, sound("s16")) == hear(pocketsphinx.load(), sound("s16"))
    assert hear(recogniser, sound("s16")).confidence != hear(pocketsphinx.load(), sound("s16")).confidence


def test_an_utterance_without_end_is_heard_up_to_its_limit(
    recogniser: PocketsphinxRecogniser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pocketsphinx, "LONGEST_SECONDS", 1.0)
    quiet = np.zeros(RATE, dtype=np.int16)
    assert hear(recogniser, np.concatenate((quiet, sound("s15")))).text == ""
    assert hear(recogniser, sound("s15")[:RATE]).text == "stop"


@pytest.mark.parametrize(
    "said",
    [
        "i would like to order two large pizzas and a coffee",
        "make it large",
        "how do you say thank you in french",
        "when is the next train to paris",
    ],
)
def test_what_the_local_model_asks_for_is_understood(recogniser: PocketsphinxRecogniser, said: str) -> None:
    flite = engines.synthesiser("flite")
    if flite is None or "rms" not in flite.voices:
        missing("the voice rms is needed: apt-get install flite")
    spoken = np.concatenate([chunk.samples for chunk in flite.speak(said, voice="rms")])
    quiet = silence(samples_in(0.3, MODEL_RATE))
    samples = resampled(np.concatenate((quiet, spoken, quiet)), MODEL_RATE, VAD_RATE)
    assert hear(recogniser, samples).text == said
