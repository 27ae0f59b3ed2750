"""Whether many rooms at once are heard without a gap: real calls, each reply a known sound, every packet looked at.

    lost        packets that never came
    holes       silences above 60 ms within a reply, by the stream's own time: the agent had nothing to send
    gaps sent   pauses above 60 ms between two packets of a reply as they left the agent (times of the kernel)
    gaps heard  the same where they are decoded: what the callers' own process adds, which shares the machine
    late        by how much packets left, or were decoded, after the soonest of the last two seconds
    CPU         in per cent of one core; where the machine's is near its cores, what is late may be others' doing

The callers are one process apart (`bench.rig.audience`), without a jitter buffer. A room is whole when nothing is
lost and it has neither holes nor gaps sent.

Run it with `python -m bench.gaps`, or `python -m bench.gaps 12x1 12x12 --seconds 60 --json out.json` (rooms x rooms
per process).
"""

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import numpy as np
import psutil
from rich.console import Console
from rich.table import Table

from bench.rig.programs import Program, agent_worker, model_server
from bench.rig.punctuality import LATE_SECONDS, Punctuality
from bench.rooms import arrangement, cpu_seconds, room_processes
from tests.support.stack import Process, running

SETTLE_SECONDS: Final = 10.0
"""For all calls to stand, before CPU is measured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What one arrangement of rooms did; times in milliseconds, CPU in per cent of a core."""

    rooms: int
    shared_by: int
    seconds: float
    spoken: float
    whole: int
    lost: int
    holes: list[float]
    gaps_sent: list[float]
    gaps_heard: list[float]
    late_p99: float
    late_worst: float
    late_share: float
    heard_late_p99: float
    cpu_room: float
    cpu_callers: float
    cpu_machine: float


def measure(rooms: int, shared_by: int, seconds: float) -> Outcome:
    """Hold so many calls for so long.

    Raises:
        RuntimeError: The callers failed, or hardly heard anything.
    """
    with (
        tempfile.TemporaryDirectory() as name,
        model_server(Path(name)) as model,
        agent_worker(Path(name), model.url, rooms=rooms, rooms_per_process=shared_by) as system,
    ):
        out = Path(name) / "heard.json"
        options = ("--url", system.url, "--rooms", str(rooms), "--seconds", str(seconds), "--out", str(out))
        with running("audience", "bench.rig.audience", *options, folder=Path(name)) as audience:
            cpu = _cpu(system, audience, seconds)
            if audience.popen.wait(seconds + 120) or not out.exists():
                raise RuntimeError(f"the callers failed:\n{audience.printed()[-4000:]}\n{system.logs()}")
        found = [Punctuality(**each) for each in json.loads(out.read_text())]
    spoken = sum(each.spoken for each in found)
    if spoken < 0.4 * rooms * seconds:
        raise RuntimeError(f"{spoken:.0f} s of replies were heard in {rooms} rooms of {seconds:g} s each")
    late = np.concatenate([each.sent_late for each in found])
    return Outcome(
        rooms=rooms,
        shared_by=shared_by,
        seconds=seconds,
        spoken=spoken,
        whole=sum(each.is_whole for each in found),
        lost=sum(each.lost for each in found),
        holes=[hole for each in found for hole in each.holes],
        gaps_sent=[gap for each in found for gap in each.sent_gaps],
        gaps_heard=[gap for each in found for gap in each.heard_gaps],
        late_p99=float(np.percentile(late, 99)),
        late_worst=float(np.max(late)),
        late_share=float(np.mean(late > 1000 * LATE_SECONDS)),
        heard_late_p99=float(np.percentile(np.concatenate([each.heard_late for each in found]), 99)),
        cpu_room=cpu[0] / rooms,
        cpu_callers=cpu[1],
        cpu_machine=cpu[2],
    )


def _cpu(system: Program, audience: Process, seconds: float) -> tuple[float, float, float]:
    """Of all rooms, of the callers, and of everything that runs, while the calls go on."""
    time.sleep(SETTLE_SECONDS)
    busy = room_processes(system)
    callers = [psutil.Process(audience.popen.pid)]
    start = time.monotonic(), cpu_seconds(busy), cpu_seconds(callers), _machine_seconds()
    # The calls began when the last of them stood; this is over before they are.
    time.sleep(max(1.0, seconds - SETTLE_SECONDS))
    end = time.monotonic(), cpu_seconds(busy), cpu_seconds(callers), _machine_seconds()
    took, *used = (after - before for before, after in zip(start, end, strict=True))
    of_rooms, of_callers, of_all = (100 * spent / took for spent in used)
    return of_rooms, of_callers, of_all


def _machine_seconds() -> float:
    times = psutil.cpu_times()
    return times.user + times.nice + times.system + times.irq + times.softirq


def _gaps(found: list[float]) -> str:
    return f"{len(found)} (worst {max(found):.0f} ms)" if found else "0"


_ROWS: Final[tuple[tuple[str, Callable[[Outcome], str]], ...]] = (
    ("rooms whole", lambda it: f"{it.whole} of {it.rooms}"),
    ("speech heard in all", lambda it: f"{it.spoken:.0f} s"),
    ("packets lost", lambda it: str(it.lost)),
    ("holes", lambda it: _gaps(it.holes)),
    ("gaps sent", lambda it: _gaps(it.gaps_sent)),
    ("gaps heard", lambda it: _gaps(it.gaps_heard)),
    ("sent late, 99 % / worst", lambda it: f"{it.late_p99:.1f} / {it.late_worst:.1f} ms"),
    ("sent more than 20 ms late", lambda it: f"{100 * it.late_share:.2f} %"),
    ("heard late, 99 %", lambda it: f"{it.heard_late_p99:.1f} ms"),
    ("CPU of each room", lambda it: f"{it.cpu_room:.1f} %"),
    ("CPU of the callers", lambda it: f"{it.cpu_callers:.0f} %"),
    ("CPU of the machine", lambda it: f"{it.cpu_machine:.0f} %"),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("arrangements", nargs="*", type=arrangement, default=[(12, 1), (12, 12)])
    parser.add_argument("--seconds", type=float, default=60.0, help="of each arrangement (default: 60)")
    parser.add_argument("--json", type=Path, help="where the figures are written as well")
    arguments = parser.parse_args()
    outcomes = [measure(*each, arguments.seconds) for each in arguments.arrangements]
    titles = [f"{each.rooms} rooms, {each.shared_by} in a process, {each.seconds:g} s" for each in outcomes]
    table = Table("", *titles)
    for name, figure in _ROWS:
        table.add_row(name, *[figure(outcome) for outcome in outcomes])
    Console().print(table)
    if arguments.json is not None:
        arguments.json.write_text(json.dumps([asdict(outcome) for outcome in outcomes], indent=2) + "\n")


if __name__ == "__main__":
    main()
