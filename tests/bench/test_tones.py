"""The tone code: what one side says, the other reads."""

import numpy as np
import pytest

from bench.rig.tones import PITCHES, heard_ms, is_loud, pitch_of, tone

RATE = 48_000
FRAME = 960


def frames(first: int, count: int) -> list[int | None]:
    samples = np.concatenate([tone(index, RATE) for index in range(first, first + count)])
    return [pitch_of(samples[start : start + FRAME], RATE) for start in range(0, len(samples), FRAME)]


@pytest.mark.parametrize("index", range(PITCHES + 2))
def test_a_tone_is_read_as_its_index(index: int) -> None:
    assert set(frames(index, 1)) == {index % PITCHES}


def test_silence_and_noise_are_no_tones() -> None:
    assert pitch_of(np.zeros(FRAME, np.int16), RATE) is None
    assert not is_loud(np.zeros(FRAME, np.int16))
    hum = (9000 * np.sin(2 * np.pi * 220 * np.arange(FRAME) / RATE)).astype(np.int16)
    assert is_loud(hum)
    assert pitch_of(hum, RATE) is None


@pytest.mark.parametrize("heard", [0, 20, 100, 140, 2400, 5060])
def test_what_was_heard_is_told_to_a_frame(heard: int) -> None:
    assert heard_ms([None, *frames(0, 60)[: heard // 20], None]) == heard


def test_a_lost_frame_does_not_lose_the_count() -> None:
    whole = frames(0, 30)
    assert heard_ms(whole[:7] + whole[12:]) == 3000
