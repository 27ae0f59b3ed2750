"""Was everything heard that was sent, once and in order? Finds each piece of what was sent in what was heard.

Opus changes samples but not when they sound, so each piece of the original is looked for where it correlates best.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from agent_worker.audio import Samples

RATE = 24_000
PIECE = RATE // 5
HOP = RATE // 10
SILENT = 80.0
"""Root mean square of int16 below which nothing sounds."""


@dataclass(frozen=True)
class Match:
    """A piece of what was sent: where it is in both (seconds), and how alike they are (1: the same)."""

    sent_at: float
    heard_at: float
    likeness: float

    @property
    def lag(self) -> float:
        return self.heard_at - self.sent_at


def halved(samples: Samples) -> Samples:
    """48 kHz to 24 kHz."""
    pairs = samples[: len(samples) // 2 * 2].reshape(-1, 2).astype(np.int32)
    return (pairs.sum(axis=1) // 2).astype(np.int16)


def find(piece: npt.NDArray[np.float64], heard: npt.NDArray[np.float64]) -> tuple[int, float]:
    """Where a piece is in a recording, and its normalised correlation there."""
    size = 1 << (len(heard) + len(piece)).bit_length()
    product = np.fft.irfft(np.fft.rfft(heard, size) * np.conj(np.fft.rfft(piece, size)), size)
    product = product[: len(heard) - len(piece) + 1]
    squares = np.concatenate(([0.0], np.cumsum(heard**2)))
    energy = squares[len(piece) :] - squares[: -len(piece)]
    norms = np.sqrt(np.maximum(energy, 1.0) * np.sum(piece**2))
    likeness = product / norms
    best = int(np.argmax(likeness))
    return best, float(likeness[best])


def align(sent: Samples, heard: Samples) -> list[Match]:
    """Find each loud piece of 0.2 s of what was sent (both at 24 kHz) near where the piece before it was found."""
    source, recording = sent.astype(np.float64), heard.astype(np.float64)
    loud = 0.02 * np.sqrt(np.mean(source**2)) + 50.0
    matches: list[Match] = []
    expected = last_lag = 0
    for start in range(0, len(source) - PIECE, HOP):
        piece = source[start : start + PIECE]
        if np.sqrt(np.mean(piece**2)) < loud:
            continue
        # A hold may lie between two pieces, so look back a little and ahead a lot.
        low = max(0, expected + start - RATE) if matches else 0
        high = min(len(recording), low + PIECE + RATE * 8) if matches else len(recording)
        if high - low <= PIECE:
            break
        at, likeness = find(piece, recording[low:high])
        matches.append(Match(start / RATE, (low + at) / RATE, likeness))
        # One piece may be like something else; two in a row that agree are where they seem to be.
        lag = low + at - start
        if likeness > 0.8 and (len(matches) == 1 or abs(lag - last_lag) < RATE // 50):
            expected = lag
        last_lag = lag
    return matches


def lags(matches: list[Match], *, alike: float = 0.8, tolerance: float = 0.02) -> list[float]:
    """The distinct lags at which pieces were found, in order: one more than there were holds.

    A piece that a hold tore apart sounds nowhere as a whole, and may be like quite another place. Pieces overlap by
    half, so what really sounded was found at the same lag by two in a row.
    """
    good = [match for match in matches if match.likeness >= alike]
    found: list[float] = []
    for one, next_one in pairwise(good):
        agree = abs(one.lag - next_one.lag) <= tolerance
        if agree and (not found or abs(one.lag - found[-1]) > tolerance):
            found.append(one.lag)
    return found


@dataclass(frozen=True)
class Joint:
    """Where the original stopped sounding for a hold, and where it went on: seconds in what was sent."""

    stopped_at: float
    went_on_at: float


def joint(matches: list[Match], heard: Samples, *, alike: float = 0.8) -> Joint:
    """The hold between the first lag and the last one, found as the longest silence of the recording between them."""
    good = [match for match in matches if match.likeness >= alike]
    before = [match for match in good if abs(match.lag - good[0].lag) <= 0.02]
    after = [match for match in good if abs(match.lag - good[-1].lag) <= 0.02]
    start, end = before[-1].heard_at, after[0].heard_at + PIECE / RATE
    block = RATE // 200
    window = heard[round(start * RATE) : round(end * RATE)].astype(np.float64)
    blocks = window[: len(window) // block * block].reshape(-1, block)
    silent = np.sqrt(np.mean(blocks**2, axis=1)) < SILENT
    edges = np.flatnonzero(np.diff(np.concatenate(([0], silent.astype(np.int8), [0]))))
    runs = [(int(first), int(last)) for first, last in zip(edges[::2], edges[1::2], strict=True)]
    first, last = max(runs, key=lambda run: run[1] - run[0])
    return Joint(
        start + first * block / RATE - before[-1].lag,
        start + last * block / RATE - after[0].lag,
    )


def loudness(samples: Samples, start: float, end: float) -> float:
    """The loudest 10 ms between two times (seconds at 24 kHz): root mean square of int16."""
    part = samples[round(start * RATE) : round(end * RATE)].astype(np.float64)
    block = RATE // 100
    blocks = part[: len(part) // block * block].reshape(-1, block)
    return float(np.sqrt(np.mean(blocks**2, axis=1)).max()) if len(blocks) else 0.0
