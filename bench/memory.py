"""What each process of a running system holds, with one call and with more of them, by its part in the system.

    python -m bench.memory
    python -m bench.memory --calls 1 4

PSS counts pages that processes share in part; "own" are those that no other process has. Processes that do not
belong to the system and use the same libraries (the caller, an editor's language server) lower its PSS a little.
Each call hears one answer before it is measured. Linux only.
"""

import argparse
import asyncio
import tempfile
import time
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final

import psutil
from rich.console import Console
from rich.table import Table

from bench.rig.caller import calling
from bench.rig.calls import QUESTION
from bench.rig.programs import Program, agent_worker, model_server

SETTLE_SECONDS: Final = 3.0
Held = tuple[float, float]
"""PSS and own, MiB."""


def part(process: psutil.Process) -> str:
    """What a process does in the system."""
    words = process.cmdline()
    if "signaling" in words:
        return "signaling"
    if not any("multiprocessing" in word for word in words):
        return "worker's supervisor"
    if any("resource_tracker" in word for word in words):
        return "multiprocessing's tracker"
    parent = process.parent()
    return "room or spare" if parent is not None and "forkserver" in str(parent.cmdline()) else "fork server"


def held(system: Program) -> dict[str, list[Held]]:
    found: dict[str, list[Held]] = {}
    for process in system.tree():
        memory = process.memory_full_info()
        found.setdefault(part(process), []).append((memory.pss / 2**20, memory.uss / 2**20))
    return found


async def measure(calls: int) -> dict[str, list[Held]]:
    with (
        tempfile.TemporaryDirectory() as name,
        model_server(Path(name)) as model,
        agent_worker(Path(name), model.url, rooms=calls) as system,
    ):
        async with AsyncExitStack() as stack:
            for _ in range(calls):
                caller = await stack.enter_async_context(calling(system.answer))
                await asyncio.sleep(1.0)
                _, asked = await caller.mouth.say(QUESTION)
                await caller.until_tone(asked)
            await asyncio.sleep(SETTLE_SECONDS)
            return held(system)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, nargs="+", default=[1, 4], help="at once (default 1 4)")
    arguments = parser.parse_args()
    console, totals = Console(), dict[int, float]()
    for calls in arguments.calls:
        table = Table("process", "how many", "PSS", "own", title=f"{calls} at once, MiB ({time.strftime('%F')})")
        for name, sizes in asyncio.run(measure(calls)).items():
            pss, own = (sum(size) for size in zip(*sizes, strict=True))
            table.add_row(name, str(len(sizes)), f"{pss:.1f}", f"{own:.1f}")
            totals[calls] = totals.get(calls, 0.0) + pss
        table.add_row("all", "", f"{totals[calls]:.1f}", "")
        console.print(table)
    least, most = min(totals), max(totals)
    if most > least:
        console.print(f"each further call: {(totals[most] - totals[least]) / (most - least):.1f} MiB")


if __name__ == "__main__":
    main()
