"""Rates and frame sizes, and the way between samples, bytes and seconds.

All audio inside the package is mono, signed 16 bit, little endian: numpy int16 of shape (n,), or the same as bytes.
"""

from math import log10
from typing import Final

import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.int16]
"""Mono audio, shape (n,), int16."""

WIRE_RATE: Final = 48_000
"""Samples per second of WebRTC audio (Opus, RFC 7587)."""
MODEL_RATE: Final = 24_000
"""Samples per second of realtime models' audio/pcm."""
VAD_RATE: Final = 16_000
"""Samples per second that the voice activity detector hears."""
FRAME_SECONDS: Final = 0.02
"""One frame of outbound audio."""


def samples_in(seconds: float, rate: int) -> int:
    """How many samples last `seconds` at `rate` per second, rounded to the nearest."""
    return round(seconds * rate)


def seconds_of(samples: int, rate: int) -> float:
    """How long `samples` last at `rate` per second."""
    return samples / rate


def milliseconds_of(samples: int, rate: int) -> int:
    """Whole milliseconds that have gone by after `samples`, rounded down: never more than was there."""
    return samples * 1000 // rate


def from_bytes(pcm: bytes) -> Samples:
    """int16 samples of little-endian bytes; an odd last byte is left off."""
    return np.frombuffer(pcm, dtype="<i2", count=len(pcm) // 2).astype(np.int16, copy=False)


def to_bytes(samples: Samples) -> bytes:
    """Little-endian bytes of int16 samples."""
    return samples.astype("<i2", copy=False).tobytes()


SILENCE_LEVEL: Final = -96.0
"""The level of silence, and of what is no louder than one step of 16 bits."""


def level_of(samples: Samples) -> float:
    """How loud it is: root mean square in dB below full scale, `SILENCE_LEVEL` at least."""
    values = samples.astype(np.float64)
    power = float(np.dot(values, values))  # the quickest way: it is done for each window
    return max(SILENCE_LEVEL, 10.0 * log10(power / len(values) / 32768.0**2)) if power else SILENCE_LEVEL


def silence(samples: int) -> Samples:
    """That many zero samples."""
    return np.zeros(samples, dtype=np.int16)
