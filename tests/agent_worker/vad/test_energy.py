import numpy as np
import pytest

from agent_worker.vad.energy import EnergyVad


@pytest.mark.parametrize(
    ("decibels", "probability"),
    [(-120.0, 0.0), (-45.0, 0.0), (-40.0, 0.25), (-35.0, 0.5), (-25.0, 1.0), (0.0, 1.0)],
)
def test_the_louder_the_likelier(decibels: float, probability: float) -> None:
    square = np.resize(np.array([1.0, -1.0], dtype=np.float32), 512) * np.float32(10 ** (decibels / 20))
    assert EnergyVad(threshold=-35.0).probability(square) == pytest.approx(probability, abs=0.01)
