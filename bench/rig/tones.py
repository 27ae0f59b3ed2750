"""Replies that say which part of them is heard: each 100 ms is a pure tone whose pitch is its index.

The model server speaks them, the caller reads them; both sides share nothing else.
"""

from typing import Final

import numpy as np
import numpy.typing as npt

TONE_SECONDS: Final = 0.1
FRAME_SECONDS: Final = 0.02
PITCHES: Final = 24
_LOWEST: Final = 500.0
_STEP: Final = 100.0
_RAMP_SECONDS: Final = 0.004
_AMPLITUDE: Final = 9000.0
_LOUD: Final = 500.0
"""Root mean square of int16 above which a frame is sound."""


def tone(index: int, rate: int) -> npt.NDArray[np.int16]:
    """The `index`-th 100 ms of a reply: mono int16."""
    count = round(TONE_SECONDS * rate)
    pitch = _LOWEST + _STEP * (index % PITCHES)
    samples = _AMPLITUDE * np.sin(2 * np.pi * pitch * np.arange(count) / rate)
    ramp = np.minimum(1.0, np.arange(count) / (_RAMP_SECONDS * rate))
    return (samples * ramp * ramp[::-1]).astype(np.int16)


def is_loud(samples: npt.NDArray[np.int16]) -> bool:
    """Whether a frame is sound and not silence."""
    return bool(len(samples)) and float(np.sqrt(np.mean(samples.astype(np.float64) ** 2))) > _LOUD


def pitch_of(samples: npt.NDArray[np.int16], rate: int) -> int | None:
    """Which pitch (0..23) a frame of 20 ms holds; None for silence, and for what is no tone of ours."""
    if not is_loud(samples):
        return None
    size = 4096
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples)), size))
    peak = int(np.argmax(spectrum)) * rate / size
    index = round((peak - _LOWEST) / _STEP)
    return index if 0 <= index < PITCHES and abs(peak - _LOWEST - index * _STEP) < _STEP * 0.4 else None


def heard_ms(pitches: list[int | None]) -> int:
    """How far into a reply was heard, by the pitches of its 20 ms frames in order, in ms to one frame.

    The last tone's index is told from the tones before it (an index wraps after 24 tones); its frames are counted.
    """
    index, last, frames = -1, -1, 0
    for pitch in pitches:
        if pitch is None:
            continue
        if pitch != last:
            index += 1 if last < 0 else (pitch - last) % PITCHES
            last, frames = pitch, 0
        frames += 1
    return 0 if index < 0 else round(index * TONE_SECONDS * 1000) + min(frames * 20, round(TONE_SECONDS * 1000))
