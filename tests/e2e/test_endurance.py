"""Rooms that go on for long, and calls that come and go: nothing grows, and nothing comes later and later.

Two rooms of one process in the short form; four rooms, each a process, for ten minutes in `make soak`.
"""

import asyncio
import itertools
import time
from contextlib import AsyncExitStack
from pathlib import Path

import psutil
import pytest

from tests.support.caller import Caller, calling, connecting
from tests.support.footprint import Footprint, footprint, growth
from tests.support.stack import Stack, stack
from tests.support.wav import corpus

pytestmark = [pytest.mark.e2e]

QUIET_AGENT = "tests/support/agents/quiet.py"


def processes(system: Stack) -> dict[str, psutil.Process]:
    """Signaling, the worker, and its fork server's children: the rooms, and one that is kept warm."""
    worker = psutil.Process(system.worker.popen.pid)
    servers = [child for child in worker.children() if any("forkserver" in word for word in child.cmdline())]
    rooms = [child for server in servers for child in server.children()]
    named = {f"room process {process.pid}": process for process in rooms}
    return {"signaling": psutil.Process(system.signaling.popen.pid), "worker": worker, **named}


class Watch:
    """Looks at processes again and again; one that has ended is forgotten."""

    def __init__(self, watched: dict[str, psutil.Process]) -> None:
        self._watched = watched
        self.seen: dict[str, list[Footprint]] = {name: [] for name in watched}

    def look(self) -> None:
        for name, process in self._watched.items():
            try:
                self.seen[name].append(footprint(process))
            except psutil.NoSuchProcess:
                self.seen.pop(name, None)

    def growths(self) -> dict[str, Footprint]:
        return {name: growth(seen) for name, seen in self.seen.items()}


async def short_call(system: Stack, room: str) -> None:
    """Somebody calls, is heard for a moment, and hangs up."""
    async with connecting(system.url, room) as caller:
        caller.mouth.say(corpus("b02"))
        await asyncio.sleep(0.3)


async def test_calls_that_come_and_go_leave_nothing_behind(tmp_path: Path) -> None:
    """One thread or file kept of each call would be five of them here."""
    shared = ("--rooms-per-process", "16", "--max-jobs", "16")
    quickly = ("--departure-timeout", "0.5")
    with stack(tmp_path, agent=QUIET_AGENT, worker_options=shared, signaling_options=quickly) as system:
        async with calling(system.url, "stays") as stays:
            for number in range(3):
                await short_call(system, f"first-{number}")
            before = await settled(system)
            for number in range(6):
                await short_call(system, f"then-{number}")
            after = await settled(system)
            for name, was in before.items():
                now = after[name]
                grown = Footprint(now.threads - was.threads, now.files - was.files, now.mib - was.mib)
                assert grown.threads <= 3, (name, was, now)
                assert grown.files <= 3, (name, was, now)
                assert grown.mib < 12, (name, was, now)
            start, end = await stays.say(corpus("s02"))
            await stays.until_heard(end)
            assert "time" in stays.lines("user", since=start)[0].lower()
        assert "ERROR" not in system.worker.printed()


async def settled(system: Stack) -> dict[str, Footprint]:
    """What each holds, at the least within some seconds: a call's end takes a moment."""
    watch = Watch(processes(system))
    for _ in range(8):
        await asyncio.sleep(0.5)
        watch.look()
    return {
        name: Footprint(
            min(one.threads for one in seen), min(one.files for one in seen), min(one.mib for one in seen)
        )
        for name, seen in watch.seen.items()
    }


async def converse(caller: Caller, until: float) -> list[float | None]:
    """A story is asked for, held by a cough, cut by a word, over and over; how late each cut was (seconds).

    None where there was nothing to cut: a question that was misheard has a short answer.
    """
    late: list[float | None] = []
    await caller.until(lambda: caller.agent_states()[-1:] == ["listening"])
    for sound in itertools.cycle(("n01", "b01", "n04")):
        if time.monotonic() > until:
            return late
        _, end = await caller.say(corpus("s13"))
        await caller.until_heard(end - 0.3, seconds=30)
        await asyncio.sleep(2.0)
        await caller.say(corpus(sound))
        await asyncio.sleep(3.0)
        late.append(await cut(caller) if caller.agent_states()[-1] in {"speaking", "held"} else None)
        await caller.until_silent(1.5)
    raise AssertionError


async def cut(caller: Caller) -> float | None:
    """Speak over the agent; how late it was cut, None when its speech had ended just then."""
    start, end = await caller.say(corpus("s19"))

    def is_over() -> bool:
        events = caller.agent_events(since=start)
        return "interrupted" in events or (time.monotonic() > end + 2.0 and "held" not in events)

    await caller.until(is_over, seconds=20)
    return next((at - start for at, m in caller.told if at >= start and "interrupted" in str(m.get("payload"))), None)


@pytest.mark.soak
@pytest.mark.timeout(1000)
async def test_four_rooms_for_ten_minutes(tmp_path: Path) -> None:
    with stack(tmp_path, agent=QUIET_AGENT) as system:
        async with AsyncExitStack() as calls:
            callers = [await calls.enter_async_context(calling(system.url, f"long-{n}")) for n in range(4)]
            until = time.monotonic() + 600
            watch = Watch(processes(system))
            async with asyncio.TaskGroup() as group:
                talks = [group.create_task(converse(caller, until)) for caller in callers]
                while not all(talk.done() for talk in talks):
                    await asyncio.sleep(5.0)
                    watch.look()
        for name, grown in watch.growths().items():
            assert grown.threads <= 1, (name, watch.seen[name])
            assert grown.files <= 2, (name, watch.seen[name])
            assert grown.mib < 8, (name, watch.seen[name])
        for talk in talks:
            late = [one for one in talk.result() if one is not None]
            assert len(late) > 10
            assert len(late) > 0.75 * len(talk.result()), "most stories are there to be cut"
            third = len(late) // 3
            # The least of each, as with memory: what else goes on here makes some late, delay that piles up all.
            assert min(late[-third:]) < min(late[:third]) + 0.3, late
