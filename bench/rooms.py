"""What a room costs: CPU, memory and time, with real calls, for rooms apart and rooms that share a process.

    start     a process of its own from the fork server, until it is warm (the agent loaded)
    join      a caller's first request to sound that can flow, the connections made one after the other
    quiet     CPU of one room while nobody speaks, microphones open
    talking   CPU of one room while its agent speaks
    late      the share of its voice's frames that reached this machine more than 40 ms after the one before
    memory    PSS of the first room process, and of all divided by the rooms (pages shared with others count in part)

CPU is process time of the room processes alone, in per cent of one core. The callers and the model are those of
bench/rig: both are cheap, since they run on the same machine, and sixteen real ones would leave nothing of two cores
for what is measured. Linux only, for PSS.

Run it with `python -m bench.rooms`, or `python -m bench.rooms 1x1 4x1 16x16` (rooms x rooms per process).
"""

import argparse
import asyncio
import multiprocessing
import socket
import statistics
import tempfile
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import psutil
from rich.console import Console
from rich.table import Table

from agent_worker.worker import room_process
from agent_worker.worker.ipc import Lines, Ready, decode_for_supervisor
from agent_worker.worker.last_lines import LastLines
from agent_worker.worker.program import ModelSettings, VoiceProgram
from bench.rig.caller import calling
from bench.rig.calls import QUESTION, lateness
from bench.rig.programs import Program, agent_worker, model_server

AGENT = "examples/assistant.py"
WINDOW = 8.0
"""Seconds of each measurement of CPU; less than a reply of the model."""
ANSWERED_SECONDS = 1.5
"""From the end of a question until its answer sounds in every room."""


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What one arrangement of rooms costs. CPU in per cent of a core and memory in MiB, for one room."""

    rooms: int
    shared_by: int
    join: list[float]
    quiet: float
    talking: float
    late: float
    first: float
    each: float


def start_seconds(runs: int) -> list[float]:
    """How long one more room process takes until it is warm."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["agent_worker.worker.preload"])
    program = VoiceProgram(agent=AGENT, model=ModelSettings(url="ws://127.0.0.1:1/"))
    found: list[float] = []
    for _ in range(runs + 1):
        ours, theirs = socket.socketpair()
        ours.settimeout(30)
        with ours, LastLines() as last_lines:
            start = time.perf_counter()
            last_lines.send_to(ours)
            process = context.Process(target=room_process.main, args=(theirs, program, 30))
            process.start()
            theirs.close()
            (line,) = Lines().feed(ours.recv(4096))
            assert isinstance(decode_for_supervisor(line), Ready)
            found.append(time.perf_counter() - start)
        process.join()
    return found[1:]  # the first one started the fork server


def room_processes(system: Program) -> list[psutil.Process]:
    """Those that have rooms, and the warm one that waits."""
    servers = [each for each in system.tree() if any("forkserver" in word for word in each.cmdline())]
    ids = {server.pid for server in servers}
    return [each for each in servers if each.ppid() in ids]


def memory(process: psutil.Process) -> float:
    return process.memory_full_info().pss / 2**20


def cpu_seconds(processes: list[psutil.Process]) -> float:
    return sum(sum(process.cpu_times()[:2]) for process in processes)


async def cpu_percent(processes: list[psutil.Process]) -> float:
    start, before = time.monotonic(), cpu_seconds(processes)
    await asyncio.sleep(WINDOW)
    return 100.0 * (cpu_seconds(processes) - before) / (time.monotonic() - start)


async def measure(rooms: int, shared_by: int) -> Cost:
    with (
        tempfile.TemporaryDirectory() as name,
        model_server(Path(name)) as model,
        agent_worker(Path(name), model.url, rooms=rooms, rooms_per_process=shared_by) as system,
    ):
        async with AsyncExitStack() as calls:
            callers = [await calls.enter_async_context(calling(system.answer)) for _ in range(rooms)]
            await asyncio.sleep(2.0)
            # The oldest ones have the rooms; the last may be the warm one that waits.
            busy = sorted(room_processes(system), key=psutil.Process.create_time)[: -(-rooms // shared_by)]
            quiet = await cpu_percent(busy)
            asked = [await said for said in [caller.mouth.say(QUESTION) for caller in callers]]
            # All of them answer, for longer than it is measured.
            await asyncio.sleep(ANSWERED_SECONDS)
            since = time.monotonic()
            talking = await cpu_percent(busy)
            heard = [len(caller.tones(since)) * 0.02 / WINDOW for caller in callers]
            late = [lateness(caller, since) for caller in callers]
            sizes = [memory(process) for process in busy]
            joined = [caller.joined_after for caller in callers]
        # Out here: each call is a task group, and what is raised within sixteen of them is printed without its text.
        if statistics.median(heard) < 0.5:
            said_at = f"they were asked at {asked}, and measured from {since} on"
            raise RuntimeError(f"the agents did not answer ({heard}; {said_at}): {system.logs()}")
    return Cost(
        rooms=rooms,
        shared_by=shared_by,
        join=joined,
        quiet=quiet / rooms,
        talking=talking / rooms,
        late=statistics.fmean(late),
        first=sizes[0],
        each=sum(sizes) / rooms,
    )


def arrangement(text: str) -> tuple[int, int]:
    rooms, _, shared_by = text.partition("x")
    return int(rooms), int(shared_by or 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("arrangements", nargs="*", type=arrangement, default=[(1, 1), (4, 1), (4, 4), (16, 16)])
    arguments = parser.parse_args()
    console = Console()
    started = start_seconds(10)
    console.print(f"start: {statistics.median(started) * 1000:.0f} ms ({min(started) * 1000:.0f} to", end=" ")
    console.print(f"{max(started) * 1000:.0f}), {len(started)} runs")
    table = Table("rooms", "in a process", "join", "quiet", "talking", "late", "first process", "memory of each room")
    for rooms, shared_by in arguments.arrangements:
        cost = asyncio.run(measure(rooms, shared_by))
        table.add_row(
            str(cost.rooms),
            str(cost.shared_by),
            f"{statistics.median(cost.join) * 1000:.0f} ms",
            f"{cost.quiet:.1f} %",
            f"{cost.talking:.1f} %",
            f"{cost.late:.2%}",
            f"{cost.first:.0f} MiB",
            f"{cost.each:.0f} MiB",
        )
    console.print(table)


if __name__ == "__main__":
    main()
