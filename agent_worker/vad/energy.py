"""Loudness as a voice activity detector: for examples, and tests without a model.

It takes any loud noise for a voice.
"""

from typing import Self

import numpy as np

from agent_worker.audio import VAD_RATE
from agent_worker.vad.base import Window


class EnergyVad:
    """The louder, the likelier: the probability rises by 0.5 for each 10 dB, and is 0.5 at the threshold.

    Args:
        threshold: Level (RMS) in dB below full scale at which the probability is 0.5.

    """

    rate = VAD_RATE
    window = 512

    def __init__(self, threshold: float = -35.0) -> None:
        self._threshold = threshold

    def probability(self, window: Window) -> float:
        """See `Vad.probability`."""
        power = float(np.mean(np.square(window, dtype=np.float64)))
        level = 10.0 * np.log10(power + 1e-12)
        return float(np.clip(0.5 + (level - self._threshold) / 20.0, 0.0, 1.0))

    async def judge(self, window: Window) -> float:
        """See `Vad.judge`: there is nothing to be saved."""
        return self.probability(window)

    def reset(self) -> None:
        """See `Vad.reset`: it remembers nothing."""

    def another(self) -> Self:
        """See `Vad.another`."""
        return type(self)(self._threshold)
