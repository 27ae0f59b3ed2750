"""Several voices become one sound: each whole, all at their time."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from agent_worker.cli.mixer import Mixer

FRAME = 960


def tone(value: int, frames: int = 1) -> np.ndarray:
    return np.full(FRAME * frames, value, dtype=np.int16)


@given(st.lists(st.floats(0.0, 0.3), min_size=1, max_size=60))
def test_one_voice_comes_out_as_it_went_in_however_it_arrives(delays: list[float]):
    mixer, said, got = Mixer(), [], []
    for number, delay in enumerate(delays):
        frame = tone(number + 1)
        said.append(frame)
        mixer.put("ann", frame, 0.02 * (number + 1) + delay)
        got.append(mixer.settled(0.02 * (number + 1) + delay))
    got.append(mixer.rest())
    assert np.array_equal(np.concatenate(got), np.concatenate(said))


def test_two_voices_are_added_and_clipped():
    mixer = Mixer()
    for slot in range(1, 11):
        mixer.put("ann", tone(20_000), 0.02 * slot)
        mixer.put("bob", tone(20_000 if slot > 5 else 100), 0.02 * slot)
    mixed = mixer.rest()
    assert len(mixed) == 10 * FRAME
    assert set(mixed[: 5 * FRAME]) == {20_100}
    assert set(mixed[5 * FRAME :]) == {32_767}


def test_a_pause_of_everybody_is_silence():
    mixer = Mixer()
    mixer.put("ann", tone(5), 10.0)
    mixer.put("ann", tone(7), 12.0)
    mixed = mixer.rest()
    assert len(mixed) == 2 * 48_000 + FRAME
    assert mixed[0] == 5
    assert mixed[-1] == 7
    assert not mixed[FRAME:-FRAME].any()


def test_nothing_is_given_before_it_is_settled():
    mixer = Mixer()
    assert len(mixer.settled(1.0)) == len(mixer.rest()) == 0
    mixer.put("ann", tone(5, 50), 1.0)
    assert len(mixer.settled(1.0)) == 0
    assert len(mixer.settled(1.5)) == 24_000
    assert len(mixer.rest()) == 24_000
