"""This project and Pipecat, measured on this machine in one run, from outside.

    make bench-peers                               everything (about half an hour)
    python -m bench.against --runs 3 --rooms 1     a short look

Both answer the same caller over WebRTC, and speak with the same tone-coded model server (bench/rig). Pipecat runs in
a virtual environment of its own (.venv-peers) and is never imported here. The caller has no jitter buffer. What is
measured is said in bench/rig/calls.py. It prints a table, and writes JSON and a picture.
"""

import argparse
import asyncio
import json
import os
import platform
import statistics
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from bench.rig.calls import BACKCHANNEL_WORDS, Cost, Latencies, measure_backchannels, measure_cost, measure_latencies
from bench.rig.programs import PEERS_PYTHON, Program, agent_worker, model_server, pipecat
from bench.rig.tone_model import HEARD
from tests.support.lossy import CLEAN, Impairment

LINKS: Final = {
    "clean": CLEAN,
    "1 % loss": Impairment(loss=0.01),
    "5 % loss": Impairment(loss=0.05),
    "20 % loss": Impairment(loss=0.20),
    "50 ms jitter": Impairment(jitter=0.05),
}
SHOWN: Final = {
    "join": "join",
    "unanswered": "no answer after",
    "mic_to_model": "mic to model",
    "mic_to_model_late": "mic to model, later",
    "model_to_ear": "model to ear",
    "turn": "turn",
    "barge_in": "barge-in",
    "truncate": "truncate error",
    "mic_gap": "longest gap, mic to model",
    "longest_gap": "longest gap in speech",
    "dead_air": '"mm-hm" over a reply: dead air',
    "disturbed": '"mm-hm" over a reply: lost of it',
}
Start = Callable[[Path, str], AbstractContextManager[Program]]


@dataclass(frozen=True, slots=True)
class Side:
    """One program's figures: seconds by link and name, and costs."""

    latencies: dict[str, dict[str, list[float]]]
    costs: list[Cost]


@contextmanager
def rig(start: Start, *, heard: str = HEARD) -> Iterator[tuple[Program, Any]]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with model_server(folder, heard=heard) as model, start(folder, model.url) as program:
            yield program, model


async def measure(
    start: Start,
    links: dict[str, Impairment],
    runs: int,
    rooms: list[int],
    seconds: float,
    say: Callable[[str], None],
) -> Side:
    latencies: dict[str, dict[str, list[float]]] = {}
    for name, link in links.items():
        say(f"  {name}: {runs} calls")
        with rig(start) as (program, model):
            found: Latencies = await measure_latencies(program, model, runs=runs, link=link)
        if link == CLEAN:
            say(f'  "mm-hm" into an answer: {runs} calls')
            with rig(start, heard=BACKCHANNEL_WORDS) as (program, model):
                await measure_backchannels(program, model, runs=runs, found=found)
        latencies[name] = asdict(found)
    costs: list[Cost] = []
    for calls in rooms:
        say(f"  {calls} calls at once for {seconds:g} s")
        with rig(start) as (program, _):
            costs.append(await measure_cost(program, calls=calls, seconds=seconds))
    return Side(latencies, costs)


def ms(values: list[float]) -> str:
    if not values:
        return "never"
    low, middle, high = (round(each * 1000) for each in (min(values), statistics.median(values), max(values)))
    return f"{middle} ms ({low} to {high})"


def ratio(ours: float, theirs: float) -> str:
    return f"{ours / theirs:.2f}" if theirs > 0 < ours else ""


def latency_table(ours: Side, theirs: Side | None, link: str) -> Table:
    table = Table("what", "agent_worker", "Pipecat", "ratio", title=f"Link: {link}")
    for key, shown in SHOWN.items():
        mine = ours.latencies[link][key]
        other = theirs.latencies[link][key] if theirs else []
        if not mine and not other:
            continue
        quotient = ratio(statistics.median(mine), statistics.median(other)) if mine and other else ""
        table.add_row(shown, ms(mine), ms(other) if theirs else "", quotient if key != "truncate" else "")
    return table


def cost_table(sides: dict[str, Side]) -> Table:
    table = Table(
        "program", "calls", "CPU per call", "PSS", "per further call", "answers", "late frames", title="Cost"
    )
    for name, side in sides.items():
        one = next((cost for cost in side.costs if cost.calls == 1), None)
        for cost in side.costs:
            further = (cost.pss_mib - one.pss_mib) / (cost.calls - 1) if one and cost.calls > 1 else None
            table.add_row(
                name,
                str(cost.calls),
                f"{cost.cpu:.1%} of a core",
                f"{cost.pss_mib:.0f} MiB",
                "" if further is None else f"{further:.0f} MiB",
                str(cost.answered),
                f"{cost.late:.2%}",
            )
    return table


def versions() -> str:
    found = [f"{name} {version(name)}" for name in ("agent-worker", "aiortc", "av", "onnxruntime", "websockets")]
    if PEERS_PYTHON.exists():
        asked = "from importlib.metadata import version; print(version('pipecat-ai'))"
        said = subprocess.run([PEERS_PYTHON, "-c", asked], check=True, capture_output=True, text=True).stdout
        found.append(f"pipecat-ai {said.strip()}")
    python = f"Python {platform.python_version()}, {os.cpu_count()} cores"
    return f"{datetime.now(UTC):%Y-%m-%d}, {python}, {', '.join(found)}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=7, help="calls for each link (default 7)")
    parser.add_argument("--rooms", type=int, nargs="*", default=[1, 4, 8], help="calls at once (default 1 4 8)")
    parser.add_argument("--seconds", type=float, default=30.0, help="how long they go on (default 30)")
    parser.add_argument("--links", nargs="*", default=list(LINKS), choices=list(LINKS), help="default: all")
    parser.add_argument("--shared", type=int, default=16, help="calls in one process; 0: none (default 16)")
    parser.add_argument("--alone", action="store_true", help="without Pipecat")
    parser.add_argument("--json", type=Path, default=Path("bench/results/against.json"), help="where the figures go")
    parser.add_argument("--picture", type=Path, default=Path("docs/images/bench.svg"), help="where the picture goes")
    arguments = parser.parse_args()
    console = Console()
    links = {name: LINKS[name] for name in arguments.links}
    most = max([1, *arguments.rooms])

    def run(name: str, start: Start, links: dict[str, Impairment], rooms: list[int]) -> Side:
        console.print(name)
        return asyncio.run(measure(start, links, arguments.runs, rooms, arguments.seconds, console.print))

    sides: dict[str, Side] = {}
    sides["agent_worker"] = run(
        "agent_worker", lambda folder, model: agent_worker(folder, model, rooms=most), links, arguments.rooms
    )
    if shared := arguments.shared:
        sides[f"agent_worker, {shared} in a process"] = run(
            f"agent_worker with {shared} rooms in a process",
            lambda folder, model: agent_worker(folder, model, rooms=shared, rooms_per_process=shared),
            {},
            [1, shared],
        )
    if not arguments.alone:
        sides["Pipecat"] = run("Pipecat", pipecat, links, arguments.rooms)
    for link in links:
        console.print(latency_table(sides["agent_worker"], sides.get("Pipecat"), link))
    if arguments.rooms or shared:
        console.print(cost_table(sides))
    console.print(versions())
    arguments.json.parent.mkdir(parents=True, exist_ok=True)
    figures = {"versions": versions(), "runs": arguments.runs} | {name: asdict(side) for name, side in sides.items()}
    arguments.json.write_text(json.dumps(figures, indent=1))
    if not arguments.alone:
        drawn = [PEERS_PYTHON, "-m", "bench.rig.chart", arguments.json, arguments.picture]
        subprocess.run(drawn, check=True)
        console.print(f"Figures: {arguments.json}. Picture: {arguments.picture}.")


if __name__ == "__main__":
    main()
