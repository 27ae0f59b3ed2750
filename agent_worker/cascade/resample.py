"""Changes a stream's sampling rate: an engine's -> 24 kHz on the way out, any -> the recogniser's on the way in.

Pure. A polyphase windowed-sinc filter with linear phase (a Kaiser window), centred on each output sample: nothing is
delayed and the length is exact. n input samples make ceil(n * target / source) output samples.
"""

from functools import lru_cache
from math import ceil, gcd
from typing import Final

import numpy as np
import numpy.typing as npt

from agent_worker.audio import Samples

ZERO_CROSSINGS: Final = 16
"""Half of the filter's length, in periods of the lower rate. Longer is steeper and slower."""
KAISER_BETA: Final = 8.0
"""Images and aliases lie about 80 dB below the sound."""
PASS_BAND: Final = 0.94
"""The filter's edge, as a part of the lower rate's Nyquist frequency."""

Filters = npt.NDArray[np.float32]


@lru_cache(maxsize=16)
def polyphase(up: int, down: int) -> Filters:
    """The filters of each phase, shape (up, taps), float32: row p makes output samples p/up after an input sample."""
    slower = max(up, down)
    reach = ceil(ZERO_CROSSINGS * slower / up)  # in input samples, to either side
    # In units of the input's Nyquist frequency. Equal rates need no filter: at 1.0 its sinc is a single 1.
    cutoff = PASS_BAND * up / slower if up != down else 1.0
    taps = np.arange(-reach + 1, reach + 1)
    distance = taps[np.newaxis, :] - np.arange(up)[:, np.newaxis] / up
    window = np.i0(KAISER_BETA * np.sqrt(np.maximum(0.0, 1.0 - (distance / reach) ** 2))) / np.i0(KAISER_BETA)
    filters = cutoff * np.sinc(cutoff * distance) * window
    filters /= filters.sum(axis=1, keepdims=True)  # each phase passes a constant unchanged
    return filters.astype(np.float32)


def resampled(samples: Samples, source: int, target: int) -> Samples:
    """A whole recording at another rate."""
    resampler = Resampler(source, target)
    return np.concatenate((resampler.feed(samples), resampler.finish()))


class Resampler:
    """One stream's way from `source` to `target` samples per second; mono int16 in and out."""

    def __init__(self, source: int, target: int) -> None:
        common = gcd(source, target)
        self._up, self._down = target // common, source // common
        self._filters = polyphase(self._up, self._down)
        self._reach = self._filters.shape[1] // 2
        self._pending = np.zeros(self._reach - 1, dtype=np.float32)
        self._first = 1 - self._reach  # the input index of _pending[0]; before the stream there was silence
        self._made = 0
        self._received = 0

    def feed(self, samples: Samples) -> Samples:
        """Take more input; give all output that no later input can change."""
        self._received += len(samples)
        self._pending = np.concatenate((self._pending, samples.astype(np.float32)))
        # Output k lies between the input k*down//up and the next; its filter reaches `reach` inputs beyond that one.
        decided = max(0, self._received - self._reach)
        return self._make_until(self._outputs_before(decided))

    def finish(self) -> Samples:
        """Give the rest; silence follows the stream. The resampler is then as new."""
        total = self._outputs_before(self._received)
        self._pending = np.concatenate((self._pending, np.zeros(self._reach + 1, dtype=np.float32)))
        rest = self._make_until(total)
        self._pending = np.zeros(self._reach - 1, dtype=np.float32)
        self._first, self._made, self._received = 1 - self._reach, 0, 0
        return rest

    def _outputs_before(self, inputs: int) -> int:
        """How many output samples lie before input sample number `inputs`."""
        return -(-inputs * self._up // self._down)

    def _make_until(self, end: int) -> Samples:
        if end <= self._made:
            return np.zeros(0, dtype=np.int16)
        instants = np.arange(self._made, end, dtype=np.int64) * self._down
        phases, inputs = instants % self._up, instants // self._up
        windows = np.lib.stride_tricks.sliding_window_view(self._pending, 2 * self._reach)
        made = np.einsum("kt,kt->k", windows[inputs - self._reach + 1 - self._first], self._filters[phases])
        self._made = end
        self._forget(int(end * self._down // self._up) - self._reach + 1)
        return np.clip(np.rint(made), -32768, 32767).astype(np.int16)

    def _forget(self, before: int) -> None:
        drop = min(max(0, before - self._first), len(self._pending))
        self._pending = self._pending[drop:]
        self._first += drop
