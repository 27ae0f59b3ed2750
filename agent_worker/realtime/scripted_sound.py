"""What the scripted model sounds like, when a test gives it no sound."""

import numpy as np

from agent_worker.audio import samples_in, to_bytes


def tone(seconds: float, rate: int) -> bytes:
    """A quiet rising tone: no two 20 ms frames are alike, so a test can tell what was played twice or never."""
    time = np.arange(samples_in(seconds, rate)) / rate
    return to_bytes((3000 * np.sin(2 * np.pi * (200 + 20 * time) * time)).astype(np.int16))
