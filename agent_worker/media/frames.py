"""Between PyAV's audio frames and our samples."""

from fractions import Fraction

import numpy as np
from av import AudioFrame

from agent_worker.audio import Samples


def frame_of(samples: Samples, rate: int, *, pts: int) -> AudioFrame:
    """A mono frame of these samples that begins at `pts`, counted in samples."""
    frame = AudioFrame.from_ndarray(samples.reshape(1, -1), format="s16", layout="mono")
    frame.sample_rate = rate
    frame.pts = pts
    frame.time_base = Fraction(1, rate)
    return frame


def samples_of(frame: AudioFrame) -> Samples:
    """Mono samples of a packed 16-bit frame; several channels are averaged.

    Raises:
        ValueError: The frame holds another sample format.
    """
    if frame.format.name != "s16":
        raise ValueError(f"expected a frame of packed 16-bit samples, got {frame.format.name}")
    # to_ndarray leaves off the padding that a decoder's planes have beyond their samples.
    interleaved = frame.to_ndarray()[0].astype(np.int16, copy=False)
    channels = frame.layout.nb_channels
    if channels == 1:
        return interleaved
    return (interleaved.reshape(-1, channels).sum(axis=1, dtype=np.int32) // channels).astype(np.int16)
