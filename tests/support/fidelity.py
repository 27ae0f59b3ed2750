"""Does it still sound as it did? Compares what was heard with the original: a judge that is a machine.

Both are cut into frames of 20 ms, each seen as the loudness of 32 mel bands (80 Hz to 11 kHz). Three figures: how far
the spectra are apart, how long the longest hole is, and how long the longest other fault. Limits were found by
measuring what a clean link and 5 % of loss do, and what clipping, a telephone's band and a hole of 40 ms do.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from agent_worker.audio import Samples
from tests.support.alignment import RATE, find

Floats = npt.NDArray[np.float64]

FRAME = RATE // 50
HOP = RATE // 100
BANDS = 32
LOWEST, HIGHEST = 80.0, 11_000.0
FLOOR = 45.0
"""Decibels below the loudest band of a phrase, under which nobody hears what is there."""
LOUD = 25.0
"""Decibels below the loudest frame: below that a frame is a pause, and holes in it are none."""
HOLE = 12.0
"""Decibels by which a frame is quieter than the original where there is a hole."""

AUDIBLE = 6.0
"""Decibels above the floor from which on a band of a frame is heard."""
ENOUGH = 8
"""Frames in which a band must be heard to be judged by itself."""

MAX_DISTANCE = 3.0
MAX_BAND = 7.0
MAX_HOLE_MS = 25.0


@dataclass(frozen=True)
class Fidelity:
    """How alike two sounds are.

    Attributes:
        distance: How far the spectra of the loud frames are apart, on average (root mean square over the bands, dB).
        worst: The 95th of a hundred of these.
        band: By how much the band that changed most is louder or quieter, on average, dB.
        hole_ms: The longest time for which what should be loud is not.
        lag: Seconds by which it was later.
    """

    distance: float
    worst: float
    band: float
    hole_ms: float
    lag: float

    @property
    def faults(self) -> list[str]:
        """What is wrong with it; nothing for what sounds as it should."""
        found: list[str] = []
        if self.distance > MAX_DISTANCE:
            found.append(f"spectra {self.distance:.1f} dB apart")
        if self.band > MAX_BAND:
            found.append(f"a band {self.band:.1f} dB off")
        if self.hole_ms > MAX_HOLE_MS:
            found.append(f"a hole of {self.hole_ms:.0f} ms")
        return found


@cache
def _filters() -> Floats:
    """Triangles on the mel scale, shape (BANDS, bins)."""

    def mel(hertz: Floats) -> Floats:
        return 2595.0 * np.log10(1.0 + hertz / 700.0)

    edges = 700.0 * (10.0 ** (np.linspace(*mel(np.array([LOWEST, HIGHEST])), BANDS + 2) / 2595.0) - 1.0)
    bins = np.fft.rfftfreq(FRAME * 2, 1 / RATE)
    rising = (bins - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    falling = (edges[2:, None] - bins) / (edges[2:] - edges[1:-1])[:, None]
    return np.maximum(0.0, np.minimum(rising, falling))


def _spectra(samples: Floats) -> Floats:
    """Energies of the bands, shape (frames, BANDS)."""
    count = max(0, (len(samples) - FRAME) // HOP + 1)
    frames = np.lib.stride_tricks.sliding_window_view(samples, FRAME)[: count * HOP : HOP]
    return np.abs(np.fft.rfft(frames * np.hanning(FRAME), FRAME * 2)) ** 2 @ _filters().T


def compare(sent: Samples, heard: Samples) -> Fidelity:
    """How alike they are, once what was heard is laid under what was sent (both at 24 kHz)."""
    source, recording = sent.astype(np.float64), heard.astype(np.float64)
    at, _ = find(source, recording)
    part = recording[at : at + len(source)]
    ours, theirs = _spectra(source), _spectra(part)
    loudest = 10.0 * np.log10(ours.max() + 1.0)
    first, second = (np.maximum(10.0 * np.log10(one + 1.0), loudest - FLOOR) for one in (ours, theirs))
    levels, heard_levels = (10.0 * np.log10(one.sum(axis=1) + 1.0) for one in (ours, theirs))
    loud = levels > levels.max() - LOUD
    heard_in = loud[:, None] & (first > loudest - FLOOR + AUDIBLE)
    counts = heard_in.sum(axis=0)
    per_band = np.abs(((first - second) * heard_in).sum(axis=0)) / np.maximum(counts, 1)
    distances = np.sqrt(np.mean((first - second) ** 2, axis=1))[loud]
    holes = loud & (heard_levels < levels - HOLE)
    edges = np.flatnonzero(np.diff(np.concatenate(([0], holes.astype(np.int8), [0]))))
    longest = max((int(end - start) for start, end in zip(edges[::2], edges[1::2], strict=True)), default=0)
    return Fidelity(
        distance=float(distances.mean()),
        worst=float(np.percentile(distances, 95)),
        band=float(per_band[counts >= ENOUGH].max(initial=0.0)),
        hole_ms=longest * 1000.0 * HOP / RATE,
        lag=at / RATE,
    )


# Controls: what the judge must not let pass.


def clipped(samples: Samples) -> Samples:
    """Four times too loud for its range, at the same loudness."""
    loud = samples.astype(np.float64)
    limit = np.abs(loud).max() / 4
    cut = np.clip(loud, -limit, limit)
    return (cut * np.sqrt(np.mean(loud**2) / np.mean(cut**2))).clip(-32768, 32767).astype(np.int16)


def narrowed(samples: Samples, hertz: float = 4000.0) -> Samples:
    """Only what is below, as on the telephone."""
    spectrum = np.fft.rfft(samples.astype(np.float64))
    spectrum[np.fft.rfftfreq(len(samples), 1 / RATE) > hertz] = 0.0
    return np.fft.irfft(spectrum, len(samples)).clip(-32768, 32767).astype(np.int16)


def holed(samples: Samples, seconds: float = 0.04) -> Samples:
    """Silent for that long where it is loudest."""
    size = round(seconds * RATE)
    energy = np.convolve(samples.astype(np.float64) ** 2, np.ones(size), "valid")
    spoilt = samples.copy()
    at = int(np.argmax(energy))
    spoilt[at : at + size] = 0
    return spoilt
