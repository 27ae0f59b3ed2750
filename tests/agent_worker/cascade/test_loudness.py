import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_worker.cascade.loudness import CEILING, KNEE, amplify, gain_for


@pytest.mark.parametrize(("measured", "gain"), [(-20.0, 1.0), (-26.0206, 2.0), (-13.9794, 0.5)])
def test_a_gain_brings_a_voice_to_the_target(measured: float, gain: float) -> None:
    assert gain_for(measured) == pytest.approx(gain, rel=1e-4)


@given(st.lists(st.integers(-32768, 32767), max_size=50), st.floats(0.05, 20))
def test_nothing_clips_and_the_order_of_samples_stays(values: list[int], gain: float) -> None:
    samples = np.array(sorted(values), dtype=np.int16)
    made = amplify(samples, gain)
    assert made.dtype == np.int16
    assert made.shape == samples.shape
    assert (np.diff(made.astype(int)) >= 0).all()
    assert np.abs(made.astype(int)).max(initial=0) <= CEILING * 32768 + 1


@given(st.lists(st.integers(-32768, 32767), min_size=1, max_size=50), st.floats(0.05, 20))
def test_below_the_knee_it_is_a_plain_product(values: list[int], gain: float) -> None:
    wanted = np.array(values) * gain
    made = amplify(np.array(values, dtype=np.int16), gain)
    quiet = np.abs(wanted) < KNEE * 32768
    np.testing.assert_allclose(made[quiet], wanted[quiet], atol=0.51)
