import asyncio

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent_worker.audio import Samples, silence
from agent_worker.turns.voice import VoiceEvent, VoiceStarted, VoiceStopped
from agent_worker.vad.base import Window
from agent_worker.vad.detector import Detector, Timeline
from agent_worker.vad.energy import EnergyVad
from agent_worker.vad.gate import Gate


def noise(samples: int) -> Samples:
    return np.random.default_rng(1).normal(0, 4000, samples).astype(np.int16)


SOUND = np.concatenate((silence(16_000), noise(8_000), silence(16_000)))


class Listening(EnergyVad):
    """Remembers its windows."""

    def __init__(self) -> None:
        super().__init__()
        self.heard: list[Window] = []
        self.resets = 0

    def probability(self, window: Window) -> float:
        self.heard.append(window.copy())
        return super().probability(window)

    def reset(self) -> None:
        self.resets += 1


async def push(vad: EnergyVad, sizes: list[int]) -> list[VoiceEvent]:
    detector = Detector(vad, Gate())
    assert detector.rate == 16_000
    events: list[VoiceEvent] = []
    at = 0
    for size in sizes:
        piece = SOUND[at : at + size]
        at += len(piece)
        events += await detector.push(piece, 100.0 + at / 16_000)
    return events


async def test_a_voice_is_found_where_it_was() -> None:
    events = await push(EnergyVad(), [320] * 125)
    assert isinstance(events[0], VoiceStarted)
    assert abs(events[0].at - 101.0) < 0.033
    assert isinstance(events[-1], VoiceStopped)
    assert abs(events[-1].at - 101.5) < 0.033


@settings(deadline=None, max_examples=50)
@given(st.lists(st.integers(0, 3000), max_size=30))
def test_pieces_do_not_matter(sizes: list[int]) -> None:
    sizes = [*sizes, len(SOUND)]
    whole, pieces = Listening(), Listening()
    at_once, in_pieces = asyncio.run(push(whole, [len(SOUND)])), asyncio.run(push(pieces, sizes))
    np.testing.assert_array_equal(np.concatenate(whole.heard), np.concatenate(pieces.heard))
    assert [type(event) for event in at_once] == [type(event) for event in in_pieces]
    np.testing.assert_allclose([event.at for event in at_once], [event.at for event in in_pieces])


async def test_windows_are_floats_of_full_scale_one() -> None:
    vad = Listening()
    await Detector(vad, Gate()).push(np.full(512, -32768, dtype=np.int16), 0.0)
    (window,) = vad.heard
    assert window.dtype == np.float32
    assert window.shape == (512,)
    assert window.min() == window.max() == -1.0


async def test_long_silence_costs_no_inference_and_the_first_sound_after_it_is_judged() -> None:
    vad = Listening()
    detector = Detector(vad, Gate())
    assert await detector.push(silence(512 * 100), 3.2) == []
    assert len(vad.heard) == 16
    events = await detector.push(noise(512 * 3), 3.3)
    assert len(vad.heard) == 19
    assert isinstance(events[0], VoiceStarted)


async def test_what_was_heard_before_a_loss_is_not_joined_to_what_comes_after() -> None:
    vad = Listening()
    detector = Detector(vad, Gate())
    await detector.push(noise(2000), 1.0)
    assert [type(event) for event in detector.lost()] == [VoiceStopped]
    assert vad.resets == 1
    vad.heard.clear()
    await detector.push(np.ones(512, dtype=np.int16), 5.0)
    np.testing.assert_array_equal(vad.heard[0], np.full(512, 1 / 32768, dtype=np.float32))


async def test_bursts_do_not_shorten_a_voice() -> None:
    """Frames of 20 ms that come five at a time, as after a stall, say the same as frames that come evenly."""
    detector = Detector(EnergyVad(), Gate())
    events: list[VoiceEvent] = []
    for number, at in enumerate(range(0, len(SOUND), 320)):
        burst_end = (number // 5 + 1) * 0.1
        events += await detector.push(SOUND[at : at + 320], burst_end)
    assert isinstance(events[0], VoiceStarted)
    assert abs(events[0].at - 1.0) < 0.05
    assert isinstance(events[-1], VoiceStopped)
    assert abs(events[-1].at - 1.5) < 0.05
    assert [event.at for event in events] == sorted(event.at for event in events)


STEP = 0.032


def test_times_are_even_however_they_come() -> None:
    timeline = Timeline(STEP)
    jitter = np.random.default_rng(1).uniform(0.0, 0.05, 500)
    jitter[0] = 0.0
    times = [timeline.advance(10.0 + number * STEP + late) for number, late in enumerate(jitter)]
    np.testing.assert_allclose(times, 10.0 + np.arange(500) * STEP, atol=0.03)
    assert np.abs(np.diff(times) - STEP).max() < 0.01
    assert times == sorted(times)


def test_a_late_beginning_is_corrected_by_the_first_punctual_window() -> None:
    timeline = Timeline(STEP)
    timeline.advance(5.2)
    for number in range(1, 20):
        time = timeline.advance(5.0 + number * STEP)
    assert abs(time - (5.0 + 19 * STEP)) < 1e-6


def test_a_pause_of_the_sender_is_jumped_over_once_it_is_sure() -> None:
    timeline = Timeline(STEP)
    timeline.advance(1.0)
    times = [timeline.advance(9.0 + number * STEP) for number in range(40)]
    assert times[-1] == 9.0 + 39 * STEP
    assert times == sorted(times)


@pytest.mark.parametrize("stall", [0.3, 0.6, 0.9, 2.0])
async def test_a_voice_that_comes_in_one_burst_after_a_stall_keeps_its_length(stall: float) -> None:
    detector = Detector(EnergyVad(), Gate())
    tone = (12_000 * np.sin(2 * np.pi * 300 * np.arange(320) / 16_000)).astype(np.int16)
    quiet = np.zeros(320, dtype=np.int16)
    events: list[VoiceEvent] = []
    for number, frame in enumerate([quiet] * 100 + [tone] * 45 + [quiet] * 150):
        spoken = (number + 1) * 0.02
        events += await detector.push(frame, spoken if spoken <= 2.0 else max(spoken, 2.0 + stall))
    started, stopped = events[0], events[-1]
    assert isinstance(started, VoiceStarted)
    assert isinstance(stopped, VoiceStopped)
    assert abs(stopped.at - started.at - 0.9) < 0.07


def test_a_slow_microphone_is_followed() -> None:
    """Its clock is 200 parts in a million behind: after an hour it would be 0.7 s off."""
    timeline = Timeline(STEP)
    slow = STEP * (1 + 200e-6)
    times = [timeline.advance(number * slow) for number in range(round(3600 / STEP))]
    assert max(abs(time - number * slow) for number, time in enumerate(times)) < 0.002


async def test_it_counts_what_it_made_of_the_sound() -> None:
    detector = Detector(EnergyVad(), Gate())
    await detector.push(SOUND, 100.0)
    detector.lost()
    found = detector.statistics()
    assert found.windows == len(SOUND) // 512
    assert (found.voices, found.losses) == (1, 1)
    assert 14 <= found.voiced <= 24, "half a second of it, and the hang"
    assert found.probability < 0.5
