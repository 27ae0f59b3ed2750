import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_worker.audio import Samples
from agent_worker.cascade.resample import Resampler

RATES = [(16_000, 24_000), (22_050, 24_000), (48_000, 16_000), (24_000, 16_000), (8_000, 24_000)]


def tone(hertz: float, rate: int, samples: int, size: float = 10_000) -> Samples:
    return np.rint(size * np.sin(2 * np.pi * hertz * np.arange(samples) / rate)).astype(np.int16)


def resampled(samples: Samples, source: int, target: int) -> Samples:
    resampler = Resampler(source, target)
    return np.concatenate((resampler.feed(samples), resampler.finish()))


def power(samples: Samples) -> float:
    return float(np.mean(samples.astype(float) ** 2))


@pytest.mark.parametrize(("source", "target"), RATES)
def test_a_tone_keeps_its_shape_and_its_place(source: int, target: int) -> None:
    heard = resampled(tone(997, source, source), source, target)
    ideal = tone(997, target, len(heard))
    inner = slice(200, -200)  # at the ends the filter reaches into silence
    error = heard[inner].astype(float) - ideal[inner]
    assert np.mean(error**2) < 1e-7 * power(ideal)


@pytest.mark.parametrize(("source", "target"), [(48_000, 16_000), (24_000, 16_000)])
def test_what_the_target_cannot_hold_is_filtered_out(source: int, target: int) -> None:
    loud = tone(target / 2 * 1.15, source, source)
    assert power(resampled(loud, source, target)[200:-200]) < 1e-6 * power(loud)


@pytest.mark.parametrize(("source", "target"), [(16_000, 24_000), (22_050, 24_000)])
def test_no_images_above_the_sources_band(source: int, target: int) -> None:
    heard = resampled(tone(source * 0.44, source, source), source, target)[500:-500]
    spectrum = np.abs(np.fft.rfft(heard * np.hanning(len(heard))))
    above = np.fft.rfftfreq(len(heard), 1 / target) > source / 2 + 100
    assert spectrum[above].max() < 1e-3 * spectrum.max()


def test_equal_rates_change_nothing() -> None:
    sound = np.random.default_rng(5).integers(-32768, 32767, 1000, dtype=np.int16)
    np.testing.assert_array_equal(resampled(sound, 24_000, 24_000), sound)


def test_full_scale_is_clipped_and_not_wrapped() -> None:
    square = np.where(tone(200, 16_000, 1600) > 0, 32767, -32768).astype(np.int16)
    heard = resampled(square, 16_000, 24_000).astype(int)
    assert np.abs(np.diff(heard)).max() < 60_000


@given(st.sampled_from(RATES), st.lists(st.integers(0, 700), max_size=12))
def test_pieces_do_not_matter_and_the_length_is_exact(rates: tuple[int, int], sizes: list[int]) -> None:
    source, target = rates
    sound = np.random.default_rng(len(sizes)).integers(-9000, 9000, sum(sizes), dtype=np.int16)
    resampler = Resampler(source, target)
    out: list[Samples] = []
    at = 0
    for size in sizes:
        out.append(resampler.feed(sound[at : at + size]))
        at += size
    heard = np.concatenate((*out, resampler.finish()))
    assert len(heard) == -(-len(sound) * target // source)
    np.testing.assert_array_equal(heard, resampled(sound, source, target))


def test_after_its_end_a_stream_can_begin_anew() -> None:
    sound = tone(440, 16_000, 2999)
    resampler = Resampler(16_000, 24_000)
    first = np.concatenate((resampler.feed(sound), resampler.finish()))
    np.testing.assert_array_equal(np.concatenate((resampler.feed(sound), resampler.finish())), first)
