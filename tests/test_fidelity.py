"""The machine that listens: it lets pass what Opus does to a voice, and nothing of what would be heard as a fault."""

import numpy as np
import pytest

from agent_worker.audio import silence
from agent_worker.media.libopus import Decoder
from agent_worker.media.opus import OpusEncoder
from tests.support import fidelity
from tests.support.alignment import RATE, halved
from tests.support.fidelity import compare
from tests.support.listening import word_errors, words_of
from tests.support.wav import phrases_of

PHRASES = phrases_of()


def delayed(samples):
    return np.concatenate((silence(RATE // 10), samples, silence(RATE // 10)))


def coded(samples):
    encoder, decoder = OpusEncoder(), Decoder(RATE)
    padded = np.pad(samples, (0, -len(samples) % 480 + 4800))
    return np.concatenate([decoder.decode(encoder.encode(frame)) for frame in padded.reshape(-1, 480)])


@pytest.mark.parametrize("phrase", PHRASES, ids=lambda phrase: phrase.name)
def test_a_coded_voice_passes_and_a_spoilt_one_does_not(phrase):
    original = halved(phrase.samples)
    same = compare(original, delayed(original))
    assert same.faults == []
    assert same.lag == pytest.approx(0.1, abs=0.001)
    assert compare(original, delayed(coded(original))).faults == []
    for spoil in (fidelity.clipped, fidelity.narrowed, fidelity.holed):
        found = compare(original, delayed(spoil(original)))
        assert found.faults, (spoil.__name__, found)


def test_what_is_too_quiet_or_somebody_elses_is_rejected():
    original, other = halved(PHRASES[4].samples), halved(PHRASES[5].samples)
    assert compare(original, delayed(original // 4)).faults
    assert compare(original, delayed(np.resize(other, len(original)))).faults


@pytest.mark.parametrize(
    ("said", "understood", "errors"),
    [
        ("Tell me a story.", "tell me a story", 0),
        ("Tell me a story.", "tell me story", 1),
        ("Tell me a story.", "tell him a long story", 2),
        ("Stop.", "", 1),
        ("", "uh", 1),
    ],
)
def test_word_errors_are_counted(said, understood, errors):
    assert word_errors(words_of(said), words_of(understood)) == errors
