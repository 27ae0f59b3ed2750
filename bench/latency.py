"""How long people wait: a real call on this machine, with the embedded model.

    answer    from the end of the user's speech to the first sound of the answer, at the caller
    barge-in  from the first sound of an interrupting voice to the agent's silence, at the caller

About 80 ms of each is the caller's own jitter buffer (aiortc's), and the answer waits for the end-of-turn silence
(0.5 s by default). Run it with
`python -m bench.latency --runs 10`; `make bench` shows it beside all other figures of the floor.
"""

import argparse
import asyncio
import platform
import statistics
import tempfile
import time
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from rich.console import Console
from rich.progress import track
from rich.table import Table

from tests.support.caller import Caller, calling
from tests.support.stack import Stack, stack
from tests.support.wav import corpus, speech_bounds


async def settle(caller: Caller) -> None:
    await caller.until_silent(1.0)
    await caller.until(lambda: caller.agent_states()[-1:] == ["listening"])


async def answer_seconds(system: Stack, run: int) -> float:
    """End of "What time is it?" to the first sound of the answer."""
    _, speech_ends = speech_bounds("s02")
    async with calling(system.url, f"bench-answer-{run}") as caller:
        await caller.until_heard(0.0)
        await settle(caller)
        start, _ = await caller.say(corpus("s02"))
        heard = await caller.until_heard(start + speech_ends)
        return heard - (start + speech_ends)


async def barge_in_seconds(system: Stack, run: int) -> float:
    """First sound of "Actually, tell me a joke." over a story to the last sound of the story."""
    speech_starts, _ = speech_bounds("s19")
    async with calling(system.url, f"bench-barge-in-{run}") as caller:
        await caller.until_heard(0.0)
        await settle(caller)
        _, end = await caller.say(corpus("s13"))
        await caller.until_heard(end)
        await asyncio.sleep(3.0)
        start = time.monotonic()
        await caller.say(corpus("s19"))
        loud = [at for at in caller.tape.loud_times(start) if at < start + 2.0]
        last = next(at for at, after in zip(loud, [*loud[1:], start + 9.0], strict=True) if after - at > 0.4)
        return last - (start + speech_starts)


async def measure(runs: int) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {"answer": [], "barge-in": []}
    with tempfile.TemporaryDirectory() as folder, stack(Path(folder)) as system:
        for run in track(range(runs), description="calling"):
            found["answer"].append(await answer_seconds(system, run))
            found["barge-in"].append(await barge_in_seconds(system, run))
    return found


def measured_with() -> str:
    """When, and on what versions of everything that matters."""
    versions = ", ".join(f"{name} {version(name)}" for name in ("aiortc", "av", "onnxruntime", "websockets"))
    return f"{datetime.now(UTC):%Y-%m-%d}, Python {platform.python_version()}, {versions}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5, help="calls for each number (default 5)")
    arguments = parser.parse_args()
    found = asyncio.run(measure(arguments.runs))
    table = Table("what", "median", "min", "max", "runs")
    for name, seconds in found.items():
        figures = (statistics.median(seconds), min(seconds), max(seconds))
        table.add_row(name, *(f"{figure * 1000:.0f} ms" for figure in figures), str(len(seconds)))
    console = Console()
    console.print(table)
    console.print(measured_with())


if __name__ == "__main__":
    main()
