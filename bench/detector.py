"""What it costs to tell voices from silence: streams of one process judged together, beside each by itself.

    python -m bench.detector
    python -m bench.detector --streams 1 8 32 --rounds 5

Each stream says phrases of the test corpus, in frames of 20 ms that come in real time and out of step with those of
others. What the same costs with a detector that judges nothing is measured as well, and taken off. Each round runs
the ways one after the other; shown are medians of the rounds.
"""

import argparse
import asyncio
import statistics
import time
from collections.abc import Callable

import numpy as np
from rich.console import Console
from rich.table import Table

from agent_worker.audio import VAD_RATE, Samples
from agent_worker.media.resample import Resampler
from agent_worker.vad.base import Vad, Window
from agent_worker.vad.batch import BatchStatistics
from agent_worker.vad.detector import Detector
from agent_worker.vad.energy import EnergyVad
from agent_worker.vad.gate import Gate
from agent_worker.vad.silero import SileroVad
from tests.support.wav import corpus

FRAME = VAD_RATE // 50


class Nothing(EnergyVad):
    """Judges nothing."""

    def probability(self, window: Window) -> float:
        return 0.0


def alone(streams: int) -> list[Vad]:
    return [SileroVad() for _ in range(streams)]


def together(streams: int) -> list[Vad]:
    first = SileroVad()
    return [first, *(first.another() for _ in range(streams - 1))]


def not_at_all(streams: int) -> list[Vad]:
    return [Nothing() for _ in range(streams)]


async def listen(vad: Vad, sound: Samples, offset: float, until: float, delays: list[float]) -> None:
    detector = Detector(vad, Gate())
    due, at = time.monotonic() + offset, 0
    while due < until:
        await asyncio.sleep(max(0.0, due - time.monotonic()))
        began = time.monotonic()
        await detector.push(sound[at : at + FRAME], began)
        delays.append(time.monotonic() - began)
        due, at = due + 0.02, (at + FRAME) % (len(sound) - FRAME)


async def measure(make: Callable[[int], list[Vad]], streams: int, seconds: float) -> tuple[float, float, Vad]:
    """(percent of a core for each, seconds until a window is judged in 95 of 100 cases, one of the detectors)."""
    resampler = Resampler(48_000, VAD_RATE)
    sound = resampler.push(np.concatenate([corpus(name) for name in ("s13", "s08", "s19")]))
    vads, delays = make(streams), list[float]()
    chance = np.random.default_rng(streams)
    cpu, until = time.process_time(), time.monotonic() + seconds
    async with asyncio.TaskGroup() as group:
        for vad in vads:
            shift = int(chance.integers(0, len(sound)))
            group.create_task(listen(vad, np.roll(sound, shift), chance.uniform(0.0, 0.16), until, delays))
    return 100 * (time.process_time() - cpu) / seconds / streams, float(np.percentile(delays, 95)), vads[0]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--streams", type=int, nargs="*", default=[1, 4, 16], help="at once (default 1 4 16)")
    parser.add_argument("--seconds", type=float, default=4.0, help="of each measurement (default 4)")
    parser.add_argument("--rounds", type=int, default=3, help="(default 3)")
    arguments = parser.parse_args()
    table = Table("streams", "each alone", "together", "ratio", "windows a run", "largest", "judged within")
    for streams in arguments.streams:
        costs: dict[str, list[float]] = {"alone": [], "together": []}
        delays, batches = list[float](), BatchStatistics()
        for _ in range(arguments.rounds):
            nothing, _, _ = asyncio.run(measure(not_at_all, streams, arguments.seconds))
            cost, _, _ = asyncio.run(measure(alone, streams, arguments.seconds))
            costs["alone"].append(cost - nothing)
            cost, delay, vad = asyncio.run(measure(together, streams, arguments.seconds))
            costs["together"].append(cost - nothing)
            delays.append(delay)
            assert isinstance(vad, SileroVad)
            batches = vad.batches()
        apart, joint = statistics.median(costs["alone"]), statistics.median(costs["together"])
        table.add_row(
            str(streams),
            f"{apart:.2f} %",
            f"{joint:.2f} %",
            f"{joint / apart:.2f}",
            f"{batches.windows / max(1, batches.runs):.1f}",
            str(batches.largest),
            f"{1000 * statistics.median(delays):.1f} ms",
        )
    Console().print(table)


if __name__ == "__main__":
    main()
