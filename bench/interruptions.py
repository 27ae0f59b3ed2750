"""What a voice over the agent's speech costs: real calls on this machine, with the embedded model, at the listener.

    hold      from the first sound of a backchannel over a story to the story's silence
    dead air  from the last sound of that backchannel to the story's next sound
    cut       from the first sound of "Actually, tell me a joke." over the story to the story's silence

About 80 ms of each is the caller's own jitter buffer (aiortc's). The dead air holds the second of silence after which
the agent goes on. A voice that begins in a pause of the story finds it silent already. Run it with
`python -m bench.interruptions --runs 10`.
"""

import argparse
import asyncio
import statistics
import tempfile
import time
from itertools import pairwise
from pathlib import Path

from rich.console import Console
from rich.progress import track
from rich.table import Table

from tests.support.caller import Caller, calling
from tests.support.stack import Stack, stack
from tests.support.wav import corpus, speech_bounds

BACKCHANNELS = ("b05", "b02", "b03")
INTERRUPTION = "s19"
APART = 5.0
SHORTEST_HOLD = 0.6
"""Seconds: the story's own pauses are shorter, and every hold is longer."""


async def begin_story(caller: Caller) -> None:
    await caller.until_heard(0.0)
    await caller.until_silent(1.0)
    await caller.until(lambda: caller.agent_states()[-1:] == ["listening"])
    _, end = await caller.say(corpus("s13"))
    await caller.until_heard(end)
    await asyncio.sleep(3.0)


def silence_after(caller: Caller, start: float) -> tuple[float, float] | None:
    """The first silence as long as a hold: when the agent was last heard, and when it was heard again."""
    loud = caller.tape.loud_times(start)
    return next(((last, after) for last, after in pairwise(loud) if after - last > SHORTEST_HOLD), None)


async def call(system: Stack, run: int, found: dict[str, list[float]]) -> None:
    async with calling(system.url, f"bench-interruptions-{run}") as caller:
        await begin_story(caller)
        for name in BACKCHANNELS:
            start = time.monotonic()
            starts, ends = (start + seconds for seconds in speech_bounds(name))
            await caller.say(corpus(name))
            await asyncio.sleep(start + APART - time.monotonic())
            held = "held" in caller.agent_events(since=start)
            silence = silence_after(caller, start)
            if held and silence is not None:
                found["hold"].append(silence[0] - starts)
                found["dead air"].append(silence[1] - max(silence[0], ends))
        start = time.monotonic()
        starts = start + speech_bounds(INTERRUPTION)[0]
        await caller.say(corpus(INTERRUPTION))
        await caller.until(lambda: "interrupted" in caller.agent_events(since=start))
        await asyncio.sleep(4.0)
        silence = silence_after(caller, start)
        assert silence is not None, "the story was cut, and went on"
        found["cut"].append(silence[0] - starts)


async def measure(runs: int) -> dict[str, list[float]]:
    """Seconds, by what they are of."""
    found: dict[str, list[float]] = {"hold": [], "dead air": [], "cut": []}
    with tempfile.TemporaryDirectory() as folder, stack(Path(folder)) as system:
        for run in track(range(runs), description="interrupting"):
            await call(system, run, found)
    return found


def add_rows(table: Table, found: dict[str, list[float]]) -> None:
    """A row of median, min, max and runs for each."""
    for name, seconds in found.items():
        if seconds:
            figures = (statistics.median(seconds), min(seconds), max(seconds))
            table.add_row(name, *(f"{figure * 1000:.0f} ms" for figure in figures), str(len(seconds)))
        else:
            table.add_row(name, "never", "", "", "0")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--runs", type=int, default=3, help="calls, each with three backchannels and a cut (default 3)"
    )
    table = Table("what", "median", "min", "max", "runs")
    add_rows(table, asyncio.run(measure(parser.parse_args().runs)))
    Console().print(table)


if __name__ == "__main__":
    main()
