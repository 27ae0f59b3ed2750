import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent_worker.audio import Samples
from agent_worker.media.resample import Resampler, RoughResampler
from agent_worker.vad.silero import SileroVad
from tests.support.wav import corpus

RATES = [(48_000, 16_000), (48_000, 24_000), (24_000, 16_000), (16_000, 24_000), (22_050, 24_000)]


def tone(samples: int, rate: int, hertz: float = 440.0) -> Samples:
    return np.rint(8000 * np.sin(2 * np.pi * hertz * np.arange(samples) / rate)).astype(np.int16)


def level(samples: Samples) -> float:
    return float(np.sqrt(np.mean(samples.astype(float) ** 2)))


@pytest.mark.parametrize(("source", "target"), RATES)
def test_a_minute_keeps_its_length_and_holds_back_two_milliseconds_at_most(source: int, target: int) -> None:
    resampler = Resampler(source, target)
    sound = tone(60 * source, source)
    frame = source // 50
    out = 0
    for at in range(0, len(sound), frame):
        out += len(resampler.push(sound[at : at + frame]))
        ideal = (at + frame) * target / source
        assert 0 <= ideal - out <= target * 0.002 + 1
    out += len(resampler.flush())
    assert abs(out - 60 * target) <= 1


@pytest.mark.parametrize(("source", "target"), RATES)
def test_the_sound_is_the_same(source: int, target: int) -> None:
    heard = np.concatenate([(resampler := Resampler(source, target)).push(tone(source, source)), resampler.flush()])
    ideal = tone(len(heard), target)
    inner = slice(200, len(heard) - 200)
    assert level(heard[inner] - ideal[inner]) < 0.02 * level(ideal)


@settings(deadline=None, max_examples=50)
@given(st.lists(st.integers(0, 3000), min_size=1, max_size=20))
def test_pieces_do_not_matter(sizes: list[int]) -> None:
    sound = tone(sum(sizes), 48_000)
    whole = Resampler(48_000, 16_000)
    at_once = np.concatenate((whole.push(sound), whole.flush()))
    pieces = Resampler(48_000, 16_000)
    out: list[Samples] = []
    at = 0
    for size in sizes:
        out.append(pieces.push(sound[at : at + size]))
        at += size
    np.testing.assert_array_equal(np.concatenate([*out, pieces.flush()]), at_once)


def test_what_the_target_cannot_hold_is_filtered_out() -> None:
    resampler = Resampler(48_000, 16_000)
    heard = np.concatenate((resampler.push(tone(48_000, 48_000, hertz=11_000)), resampler.flush()))
    assert level(heard) < 0.03 * level(tone(48_000, 48_000))


def test_equal_rates_pass_through() -> None:
    resampler = Resampler(24_000, 24_000)
    np.testing.assert_array_equal(resampler.push(tone(100, 24_000)), tone(100, 24_000))
    assert len(resampler.flush()) == 0


@pytest.mark.parametrize(
    ("source", "target"), [(48_000, 16_000), (48_000, 24_000), (24_000, 48_000), (16_000, 24_000), (24_000, 16_000)]
)
@pytest.mark.parametrize("part", [0.02, 0.25, 0.5, 0.75, 0.85, 0.9])
def test_it_is_even_up_to_nine_tenths_of_the_lower_nyquist(source: int, target: int, part: float) -> None:
    resampler = Resampler(source, target)
    sound = tone(source, source, hertz=part * min(source, target) / 2)
    heard = np.concatenate((resampler.push(sound), resampler.flush()))
    inner = slice(len(heard) // 4, -len(heard) // 4)
    assert abs(20 * np.log10(level(heard[inner]) / (8000 / np.sqrt(2)))) < 0.1


@pytest.mark.parametrize(("source", "target"), [(48_000, 16_000), (24_000, 16_000), (24_000, 48_000)])
def test_ten_minutes_lose_no_sample(source: int, target: int) -> None:
    resampler = Resampler(source, target)
    piece = tone(source // 10, source)
    out = sum(len(resampler.push(piece)) for _ in range(10 * 60 * 10))
    assert out + len(resampler.flush()) == 10 * 60 * target


@pytest.mark.parametrize("source", [24_000, 48_000])
def test_the_rough_one_keeps_a_minute_and_its_sound(source: int) -> None:
    resampler = RoughResampler(source, 16_000)
    sound = tone(60 * source, source)
    frame = source // 50
    heard = np.concatenate([resampler.push(sound[at : at + frame]) for at in range(0, len(sound), frame)])
    assert 0 <= 60 * 16_000 - len(heard) <= 2, "nothing is held back"
    assert abs(level(heard) / level(sound) - 1.0) < 0.01
    assert len(resampler.push(sound[:0])) == 0


@pytest.mark.parametrize("source", [24_000, 48_000])
def test_a_detector_does_not_mind_the_rough_one(source: int) -> None:
    def judged(sound: Samples) -> npt.NDArray[np.bool_]:
        vad, floats = SileroVad(), sound.astype(np.float32) / 32768
        windows = range(0, len(floats) - vad.window, vad.window)
        return np.array([vad.probability(floats[at : at + vad.window]) > 0.5 for at in windows])

    sound = np.concatenate([corpus(name) for name in ("s02", "n01", "s15", "b05")])
    microphone = Resampler(48_000, source).push(sound)
    well, roughly = Resampler(source, 16_000).push(microphone), RoughResampler(source, 16_000)
    frames = [roughly.push(microphone[at : at + source // 50]) for at in range(0, len(microphone), source // 50)]
    good, rough = judged(well), judged(np.concatenate(frames))
    count = min(len(good), len(rough))
    assert np.mean(good[:count] == rough[:count]) > 0.97
