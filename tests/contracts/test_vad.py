"""What every voice activity detector promises (vad/base.py). A new one is one more row."""

import asyncio
from collections.abc import Callable

import numpy as np
import pytest

from agent_worker.media.resample import Resampler
from agent_worker.vad.base import Vad, Window
from agent_worker.vad.energy import EnergyVad
from agent_worker.vad.silero import SileroVad
from tests.support.wav import corpus

DETECTORS: list[Callable[[], Vad]] = [EnergyVad, SileroVad]


@pytest.fixture(params=DETECTORS, ids=lambda make: make.__name__)
def vad(request: pytest.FixtureRequest) -> Vad:
    return request.param()


def windows_of(vad: Vad, name: str) -> list[Window]:
    resampler = Resampler(48_000, vad.rate)
    sound = np.concatenate((resampler.push(corpus(name)), resampler.flush())).astype(np.float32) / 32768
    return [sound[at : at + vad.window] for at in range(0, len(sound) - vad.window, vad.window)]


def test_silence_is_no_voice(vad: Vad) -> None:
    silence = np.zeros(vad.window, dtype=np.float32)
    assert max(vad.probability(silence) for _ in range(100)) < 0.1


def test_speech_is_a_voice(vad: Vad) -> None:
    probabilities = [vad.probability(window) for window in windows_of(vad, "s02")]
    assert all(0.0 <= probability <= 1.0 for probability in probabilities)
    assert np.mean(np.array(probabilities) > 0.5) > 0.5


def test_after_a_reset_it_answers_as_at_first(vad: Vad) -> None:
    windows = windows_of(vad, "s15")
    first = [vad.probability(window) for window in windows]
    vad.reset()
    assert [vad.probability(window) for window in windows] == first


def test_it_does_not_change_what_it_hears(vad: Vad) -> None:
    window = np.linspace(-1, 1, vad.window, dtype=np.float32)
    kept = window.copy()
    vad.probability(window)
    np.testing.assert_array_equal(window, kept)


def test_a_window_is_between_10_and_100_ms(vad: Vad) -> None:
    assert 0.01 <= vad.window / vad.rate <= 0.1


async def test_together_with_others_it_says_what_it_says_alone(vad: Vad) -> None:
    """Each stream has its own memory, whoever it is judged with."""
    names = ["s02", "s13", "n01", "s15", "b05"]
    alone: dict[str, list[float]] = {}
    for name in names:
        one = vad.another()
        alone[name] = [one.probability(window) for window in windows_of(one, name)]
    together: dict[str, list[float]] = {}

    async def listen(name: str, one: Vad) -> None:
        together[name] = [await one.judge(window) for window in windows_of(one, name)]

    async with asyncio.TaskGroup() as group:
        for name in names:
            group.create_task(listen(name, vad.another()))
    for name in names:
        np.testing.assert_allclose(together[name], alone[name], atol=1e-5)


async def test_what_is_being_judged_at_a_reset_is_silence(vad: Vad) -> None:
    others = [vad.another() for _ in range(3)]
    window = np.random.default_rng(1).uniform(-1, 1, vad.window).astype(np.float32)
    fresh = vad.another().probability(window)

    async def judged(one: Vad) -> float:
        return await one.judge(window)

    for one in others:
        await one.judge(window)
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(judged(one)) for one in others]
        group.create_task(asyncio.sleep(0)).add_done_callback(lambda _: others[0].reset())
    assert tasks[0].result() in (0.0, tasks[1].result())
    assert others[0].probability(window) == pytest.approx(fresh, abs=1e-5)
