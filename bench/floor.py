"""All figures of the floor in one table: what people hear of it, and the time per event of the machine that decides.

    python -m bench.floor                   both; the calls are those of bench.latency and bench.interruptions
    python -m bench.floor --machine-only    without calls

Ten minutes of conversation are played in virtual time: stories told by the agent, coughs, backchannels and real
interruptions, tools, scripts. What happened is then fed to a fresh machine again, and each step is timed.
"""

import argparse
import asyncio
import statistics
import time
from collections import defaultdict
from dataclasses import dataclass, replace
from itertools import count

from rich.console import Console
from rich.table import Table

from agent_worker.speech import events as ev
from agent_worker.speech.actions import Action
from agent_worker.speech.conversation import Conversation
from bench import interruptions, latency
from tests.agent_worker.speech.story import request, script, voice
from tests.agent_worker.speech.world import USUAL, Fact, Reply, World

LIMIT_MICROSECONDS = 20.0
"""The median step must take less."""
ROUND_SECONDS = 60.0
ROUNDS = 10
Step = tuple[ev.Event | None, float]
"""An event and its time; None: only time has passed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """Microseconds that one kind of step takes."""

    name: str
    steps: int
    median: float
    p95: float
    worst: float


class Recorder(Conversation):
    """A conversation that notes its steps."""

    steps: list[Step]

    def receive(self, event: ev.Event, now: float) -> list[Action]:
        if isinstance(event, ev.SpeechRequested):
            # The machine writes into the speech: keep it as it came.
            self.steps.append((replace(event, speech=replace(event.speech)), now))
        else:
            self.steps.append((event, now))
        return super().receive(event, now)

    def advance(self, now: float) -> list[Action]:
        self.steps.append((None, now))
        return super().advance(now)


def machine(kind: type[Conversation]) -> Conversation:
    numbers = count(1)
    return kind(USUAL, transcribes=True, turn_hook=False, new_id=lambda: f"answer{next(numbers)}")


def record() -> list[Step]:
    """The mix: what happens in ten minutes."""
    words = ["What time is it?", "Yeah.", "", "Stop it.", None] * ROUNDS
    replies = [
        Reply(seconds=20.0, made_in=8.0, items=2),
        Reply(seconds=4.0, made_in=1.0),
        Reply(seconds=6.0, tools=1, tools_take=2.0, made_in=2.0),
        Reply(seconds=5.0, made_in=2.0),
    ] * ROUNDS
    world = World(replies=replies, words=words)
    recorder = machine(Recorder)
    assert isinstance(recorder, Recorder)
    recorder.steps = []
    world.machine = recorder
    for number in range(ROUNDS):
        start = number * ROUND_SECONDS
        facts: list[Fact] = [*request(start, f"story{number}"), *script(start + 50.0, f"bye{number}")]
        for begin, end in [
            (3.0, 3.2),
            (6.0, 6.4),
            (9.0, 9.8),
            (14.0, 14.7),
            (25.0, 27.0),
            (40.0, 40.2),
            (44.0, 46.5),
        ]:
            facts += voice(start + begin, start + end)
        world.post(facts)
    world.until(ROUNDS * ROUND_SECONDS)
    return recorder.steps


def machine_cost(repeats: int = 5) -> list[Cost]:
    """Time each step of the mix; of the repeats the fastest counts, as the machine is deterministic and the computer
    is not.

    Returns:
        All steps together first, then each kind of step, the most frequent first.
    """
    steps = record()
    best = [float("inf")] * len(steps)
    for _ in range(repeats):
        conversation = machine(Conversation)
        for number, (event, now) in enumerate(steps):
            given = replace(event, speech=replace(event.speech)) if isinstance(event, ev.SpeechRequested) else event
            begun = time.perf_counter_ns()
            if given is None:
                conversation.advance(now)
            else:
                conversation.receive(given, now)
            _ = conversation.deadline
            best[number] = min(best[number], (time.perf_counter_ns() - begun) / 1000)
    kinds: dict[str, list[float]] = defaultdict(list)
    for (event, _), cost in zip(steps, best, strict=True):
        kinds["time passes" if event is None else type(event).__name__].append(cost)
    by_frequency = sorted(kinds.items(), key=lambda kind: -len(kind[1]))
    return [_cost("every step", best), *(_cost(name, costs) for name, costs in by_frequency)]


def _cost(name: str, costs: list[float]) -> Cost:
    ordered = sorted(costs)
    return Cost(
        name=name,
        steps=len(costs),
        median=statistics.median(ordered),
        p95=ordered[int(len(ordered) * 0.95)],
        worst=ordered[-1],
    )


def listener_cost(runs: int) -> list[Cost]:
    """What people hear, in calls on this machine: how long they wait, and what interruptions do."""
    found = asyncio.run(latency.measure(runs)) | asyncio.run(interruptions.measure(runs))
    return [_cost(name, [second * 1e6 for second in seconds]) for name, seconds in found.items() if seconds]


def table_of(heard: list[Cost], machine: list[Cost]) -> Table:
    """All figures of the floor."""
    table = Table("what")
    for name in ("times", "median", "95 %", "worst"):
        table.add_column(name, justify="right")
    for title, costs in (("at the listener", heard), ("each step of the machine that decides", machine)):
        if costs:
            table.add_section()
            table.add_row(title, style="italic")
        for cost in costs:
            figures = (_shown(figure) for figure in (cost.median, cost.p95, cost.worst))
            table.add_row(f"  {cost.name}", str(cost.steps), *figures)
    return table


def _shown(microseconds: float) -> str:
    return f"{microseconds / 1000:.0f} ms" if microseconds >= 10_000 else f"{microseconds:.1f} µs"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--machine-only", action="store_true", help="only what the deciding machine costs, no calls")
    parser.add_argument("--runs", type=int, default=3, help="calls for each figure of the listener (default 3)")
    arguments = parser.parse_args()
    machine = machine_cost()
    heard = [] if arguments.machine_only else listener_cost(arguments.runs)
    console = Console()
    console.print(table_of(heard, machine))
    console.print(latency.measured_with())
    return 0 if machine[0].median < LIMIT_MICROSECONDS else 1


if __name__ == "__main__":
    raise SystemExit(main())
