"""Brings an engine's voice to the loudness that all share: engine's blocks -> the same blocks, louder or softer.

Pure. A voice keeps its own loudness from sentence to sentence, so a constant gain for each voice, measured once, does
it: the first block needs no look ahead. What would clip is bent softly below full scale.
"""

from typing import Final

import numpy as np

from agent_worker.audio import Samples

TARGET_DBFS: Final = -20.0
"""Root mean square of a spoken paragraph, pauses included, relative to full scale."""
KNEE: Final = 0.6
"""Up to here, of full scale, samples are only multiplied."""
CEILING: Final = 0.9
"""No sample goes beyond this: -0.9 dB of full scale, which leaves room for the overshoot of later filters."""


def gain_for(measured_dbfs: float) -> float:
    """The factor that brings a voice measured at `measured_dbfs` to TARGET_DBFS."""
    return float(10 ** ((TARGET_DBFS - measured_dbfs) / 20))


def amplify(samples: Samples, gain: float) -> Samples:
    """`samples` times `gain`, bent softly between KNEE and CEILING; int16 of the same shape."""
    wanted = samples.astype(np.float32) * np.float32(gain / 32768)
    size = np.abs(wanted)
    if float(size.max(initial=0.0)) > KNEE:
        room = CEILING - KNEE
        bent = KNEE + room * np.tanh((size - KNEE) / room)
        wanted = np.where(size > KNEE, np.sign(wanted) * bent, wanted)
    return np.rint(wanted * 32768).astype(np.int16)
