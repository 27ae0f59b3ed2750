import numpy as np
import pytest

from agent_worker.audio import MODEL_RATE
from agent_worker.localmodel.tones import Tones


def test_each_word_is_a_soft_tone_that_begins_when_it_says() -> None:
    chunks = list(Tones().speak("Hello there, friend."))
    words = [word for chunk in chunks for word in chunk.words]
    assert [word.text for word in words] == ["Hello", "there,", "friend."]
    sound = np.concatenate([chunk.samples for chunk in chunks])
    assert sound.dtype == np.int16
    assert 1000 < np.abs(sound).max() < 6000
    for word in words:
        start = word.start_ms * MODEL_RATE // 1000
        assert np.abs(sound[start : start + MODEL_RATE // 10]).max() > 1000
    position = 0
    for chunk in chunks:
        for word in chunk.words:
            assert word.start_ms == pytest.approx(position / 24, abs=1)
        position += len(chunk.samples)
        assert len(chunk.samples) <= MODEL_RATE // 10


def test_faster_is_shorter() -> None:
    def seconds(speed: float) -> float:
        return sum(len(chunk.samples) for chunk in Tones().speak("one two three", speed=speed)) / MODEL_RATE

    assert seconds(2.0) == pytest.approx(seconds(1.0) / 2, rel=0.01)


def test_nothing_to_say_is_no_sound() -> None:
    assert list(Tones().speak("  ")) == []


def test_its_voices_are_of_different_heights() -> None:
    heights: list[float] = []
    for voice in Tones.voices:
        sound = np.concatenate([chunk.samples for chunk in Tones().speak("hummingbird", voice=voice)])
        heights.append(float(np.argmax(np.abs(np.fft.rfft(sound))) * MODEL_RATE / len(sound)))
    first, low, high = heights
    assert first == pytest.approx(2 * low, rel=0.05)
    assert high == pytest.approx(1.5 * first, rel=0.05)
