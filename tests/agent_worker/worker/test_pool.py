"""A pool of real processes: warm ones are there, jobs run one to a process, and none is ever left behind."""

import asyncio
import os
import re
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import psutil
import pytest

from agent_worker.errors import ConfigError
from agent_worker.history.items import Message, Role
from agent_worker.worker.checkpoint import Checkpoint, ItemKept
from agent_worker.worker.ipc import Ended, Start, Started
from agent_worker.worker.lifeline import LAST_GRACE
from agent_worker.worker.limits import ProcessLimits
from agent_worker.worker.pool import open_pool
from tests.agent_worker.worker.programs import DiesOnLoad, Hoards, LoadsForEver, Scripted, Unloadable
from tests.support.missing import missing

KILLED = Ended(
    succeeded=False,
    reason="its process died (killed by SIGKILL: by hand, or because the machine's memory ran out)",
)


class Reports:
    """What a pool told of its jobs; waits for more."""

    def __init__(self):
        self.of = {}
        self._more = asyncio.Event()

    def __call__(self, job, report):
        self.of.setdefault(job, []).append(report)
        self._more.set()

    async def until(self, job, kind):
        async with asyncio.timeout(20):
            while not any(isinstance(report, kind) for report in self.of.get(job, [])):
                self._more.clear()
                await self._more.wait()
        return next(report for report in self.of[job] if isinstance(report, kind))


@pytest.fixture
def reports():
    return Reports()


def job(name, room="sleep"):
    return Start(job=name, room=room, url="ws://127.0.0.1/v1/rtc", token="t")


def is_fork_server(process):
    try:
        return any("forkserver" in word for word in process.cmdline())
    except (psutil.ZombieProcess, psutil.NoSuchProcess):
        return False


def fork_servers():
    """Those of this very process; the programs of other tests are its children as well."""
    return [child for child in psutil.Process().children() if is_fork_server(child)]


def room_processes():
    """The processes that a pool of this very process has: children of its fork server."""
    return {child.pid for server in fork_servers() for child in server.children()}


async def eventually(condition, seconds=20.0):
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.02)


async def test_one_process_waits_warm_before_any_job_and_none_is_left_after(reports):
    async with open_pool(Scripted(), report=reports) as pool:
        assert await pool.wait_ready() == "scripted"
        assert len(room_processes()) == 1
    assert room_processes() == set()


async def test_each_job_has_a_process_of_its_own_and_the_next_one_is_warmed(reports):
    async with open_pool(Scripted(), report=reports) as pool:
        await pool.wait_ready()
        for name in ("J_1", "J_2", "J_3"):  # two of them find no warm process and wait for one
            pool.launch(job(name))
        for name in ("J_1", "J_2", "J_3"):
            await reports.until(name, Started)
        await eventually(lambda: len(room_processes()) == 4)
    assert room_processes() == set()


@pytest.mark.parametrize(
    ("room", "ended"),
    [
        ("end", Ended(succeeded=True, reason="all is said")),
        ("fail", Ended(succeeded=False, reason="the room is gone")),
        ("crash", Ended(succeeded=False, reason="ZeroDivisionError: oh")),
    ],
)
async def test_the_end_of_a_job_is_told_after_its_start_and_its_process_exits(reports, room, ended):
    async with open_pool(Scripted(), report=reports) as pool:
        await pool.wait_ready()
        (first,) = room_processes()
        pool.launch(job("J_1", room))
        assert await reports.until("J_1", Ended) == ended
        assert not psutil.pid_exists(first)
        assert reports.of["J_1"] == [Started(), ended]


async def test_a_stopped_job_ends_in_its_own_time(reports):
    async with open_pool(Scripted(), report=reports) as pool:
        pool.launch(job("J_1"))
        await reports.until("J_1", Started)
        pool.stop("J_1", "room_closed", grace=10.0)
        assert await reports.until("J_1", Ended) == Ended(succeeded=True, reason="room_closed")


@pytest.mark.parametrize("room", ["hang", "stubborn"])
async def test_a_job_that_does_not_stop_is_killed_after_its_grace(reports, room, caplog):
    async with open_pool(Scripted(), report=reports) as pool:
        pool.launch(job("J_1", room))
        await reports.until("J_1", Started)
        asked = time.monotonic()
        pool.stop("J_1", "room_closed", grace=0.3)
        assert await reports.until("J_1", Ended) == Ended(succeeded=False, reason="its process is past its deadline")
        assert 0.3 <= time.monotonic() - asked < 3.0
    assert "J_1 is past its deadline" in caplog.text


async def test_a_job_that_is_stopped_before_it_has_a_process_ends(reports):
    async with open_pool(Scripted(), report=reports) as pool:
        pool.launch(job("J_1"))
        pool.stop("J_1", "dispatch_deleted", grace=1.0)
        assert reports.of["J_1"] == [Ended(succeeded=False, reason="dispatch_deleted")]
        await pool.wait_ready()
        assert len(room_processes()) == 1


async def test_a_job_that_no_process_takes_in_time_is_given_back(reports, monkeypatch):
    monkeypatch.setattr("agent_worker.worker.pool.LAUNCH_TIMEOUT", 0.0)
    async with open_pool(Scripted(), report=reports) as pool:
        pool.launch(job("J_1"))
        ended = await reports.until("J_1", Ended)
        assert not ended.succeeded
        assert "no process was ready" in ended.reason


async def test_killing_one_room_leaves_the_others_and_is_told(reports):
    async with open_pool(Scripted(), report=reports) as pool:
        await pool.wait_ready()
        (victim,) = room_processes()
        pool.launch(job("J_1"))
        pool.launch(job("J_2"))
        await reports.until("J_1", Started)
        await reports.until("J_2", Started)
        os.kill(victim, signal.SIGKILL)
        assert await reports.until("J_1", Ended) == KILLED
        await asyncio.sleep(0.1)
        assert reports.of["J_2"] == [Started()]


async def test_what_a_process_wrote_last_is_told_of_it_with_its_room(reports, caplog):
    async with open_pool(Scripted(), report=reports) as pool:
        await pool.wait_ready()
        (victim,) = room_processes()
        await started(pool, reports, "J_1", "J_2")
        os.kill(victim, signal.SIGKILL)
        await reports.until("J_1", Ended)
        (told,) = [record.message for record in caplog.records if "last lines" in record.message]
    assert told.startswith(f"room sleep: process {victim} died (killed by SIGKILL: by hand, or")
    assert re.search(rf"\n  \| .*WARNING \[sleep, process {victim}\] .*: at work as {victim}$", told)
    # Those that ended as they should are not mourned.
    assert sum("last lines" in record.message for record in caplog.records) == 1


async def test_the_traceback_of_a_crash_in_native_code_is_among_its_last_lines(reports, caplog):
    async with open_pool(Scripted(), report=reports) as pool:
        pool.launch(job("J_1", "segfault"))
        ended = await reports.until("J_1", Ended)
    assert ended.reason.startswith("its process died (killed by SIGSEGV: a crash in native code")
    (told,) = [record.message for record in caplog.records if "last lines" in record.message]
    assert "  | Fatal Python error: Segmentation fault" in told
    assert "programs.py" in told


async def started(pool, reports, *names, room="sleep"):
    for name in names:
        pool.launch(job(name, room))
    for name in names:
        await reports.until(name, Started)


async def test_rooms_that_share_a_process_fill_it_before_the_next_one(reports):
    async with open_pool(Scripted(), report=reports, rooms=3) as pool:
        await pool.wait_ready()
        await started(pool, reports, "J_1", "J_2")
        assert len(room_processes()) == 1, "it has a place free: no other is warmed"
        await started(pool, reports, "J_3")
        await eventually(lambda: len(room_processes()) == 2)
        await started(pool, reports, "J_4")
        assert len(room_processes()) == 2
    assert room_processes() == set()


async def test_jobs_of_one_process_end_one_by_one_and_it_goes_with_the_last(reports):
    async with open_pool(Scripted(), report=reports, rooms=3) as pool:
        await pool.wait_ready()
        (shared,) = room_processes()
        await started(pool, reports, "J_1", "J_2")
        pool.stop("J_1", "room_closed", grace=10.0)
        assert await reports.until("J_1", Ended) == Ended(succeeded=True, reason="room_closed")
        assert reports.of["J_2"] == [Started()]
        pool.launch(job("J_3", "crash"))
        assert await reports.until("J_3", Ended) == Ended(succeeded=False, reason="ZeroDivisionError: oh")
        assert psutil.pid_exists(shared)
        pool.stop("J_2", "room_closed", grace=10.0)
        assert await reports.until("J_2", Ended) == Ended(succeeded=True, reason="room_closed")
        assert not psutil.pid_exists(shared)
        await started(pool, reports, "J_4")
        assert shared not in room_processes()


async def test_a_crash_takes_the_rooms_of_its_process_and_no_other(reports):
    async with open_pool(Scripted(), report=reports, rooms=2) as pool:
        await pool.wait_ready()
        (victim,) = room_processes()
        await started(pool, reports, "J_1", "J_2")
        await started(pool, reports, "J_3")
        os.kill(victim, signal.SIGKILL)
        for name in ("J_1", "J_2"):
            assert await reports.until(name, Ended) == KILLED
        await asyncio.sleep(0.1)
        assert reports.of["J_3"] == [Started()]


async def test_a_job_that_does_not_stop_is_given_up_and_its_neighbours_go_on(reports, caplog):
    async with open_pool(Scripted(), report=reports, rooms=3) as pool:
        await pool.wait_ready()
        (shared,) = room_processes()
        await started(pool, reports, "J_1")
        await started(pool, reports, "J_2", room="stubborn")
        pool.stop("J_2", "room_closed", grace=0.2)
        ended = await reports.until("J_2", Ended)
        assert ended == Ended(succeeded=False, reason="it did not end within 0.2 s")
        assert "J_2 is past its deadline" in caplog.text
        assert (psutil.pid_exists(shared), reports.of["J_1"]) == (True, [Started()])
        await started(pool, reports, "J_3")
        pool.stop("J_1", "room_closed", grace=1.0)
        assert (await reports.until("J_1", Ended)).reason == "room_closed"
        assert room_processes() - {shared}, "what came after it is in another process"
        assert not psutil.pid_exists(shared), "the last of its rooms took it along"
        assert reports.of["J_2"] == [Started(), ended]


async def test_jobs_that_wait_share_the_process_that_comes(reports):
    async with open_pool(Scripted(), report=reports, rooms=4) as pool:
        await started(pool, reports, "J_1", "J_2", "J_3")
        assert len(room_processes()) == 1


async def test_a_warm_process_that_dies_is_replaced(reports, caplog):
    async with open_pool(Scripted(), report=reports) as pool:
        await pool.wait_ready()
        (victim,) = room_processes()
        os.kill(victim, signal.SIGKILL)
        await eventually(lambda: room_processes() - {victim})
        pool.launch(job("J_1", "end"))
        assert (await reports.until("J_1", Ended)).succeeded
    assert "died before it had a job" in caplog.text


async def test_an_application_that_cannot_be_loaded_is_said_at_once_and_tried_again(reports, tmp_path, caplog):
    wanted = tmp_path / "agent.txt"
    async with open_pool(Unloadable(wanted), report=reports) as pool:
        with pytest.raises(ConfigError, match="is missing: make it"):
            await pool.wait_ready()
        wanted.touch()
        pool.launch(job("J_1", "end"))
        assert (await reports.until("J_1", Ended)).succeeded


async def test_an_application_that_takes_its_process_down_is_an_error_too(reports):
    async with open_pool(DiesOnLoad(), report=reports) as pool:
        with pytest.raises(ConfigError, match="see the log"):
            await pool.wait_ready()


async def test_leaving_the_pool_ends_running_jobs_even_one_that_hangs(reports):
    async with open_pool(Scripted(), report=reports) as pool:
        for name, room in (("J_1", "sleep"), ("J_2", "hang")):
            pool.launch(job(name, room))
            await reports.until(name, Started)
        left = time.monotonic()
    assert room_processes() == set()
    assert time.monotonic() - left < LAST_GRACE + 3.0


SUPERVISOR = """
    import asyncio, sys
    from agent_worker.worker.ipc import Start
    from agent_worker.worker.pool import open_pool
    from tests.agent_worker.worker.programs import Scripted

    async def main():
        def report(job, what):
            print(job, type(what).__name__, flush=True)
        async with open_pool(Scripted(), report=report) as pool:
            for room in sys.argv[1:]:
                pool.launch(Start(job=room, room=room, url="", token=""))
            await asyncio.sleep(3600)

    if __name__ == "__main__":
        asyncio.run(main())
"""


def test_killing_the_supervisor_leaves_no_process(tmp_path):
    script = tmp_path / "supervisor.py"
    script.write_text(textwrap.dedent(SUPERVISOR))
    supervisor = subprocess.Popen(
        [sys.executable, script, "sleep", "hang", "stubborn"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path.cwd())},
    )
    with supervisor:
        assert {supervisor.stdout.readline() for _ in range(3)} == {
            "sleep Started\n",
            "hang Started\n",
            "stubborn Started\n",
        }
        everyone = psutil.Process(supervisor.pid).children(recursive=True)
        assert len(everyone) >= 5  # fork server, resource tracker, three rooms, perhaps a warm one
        supervisor.kill()
        _, alive = psutil.wait_procs(everyone, timeout=LAST_GRACE + 6.0)
        for process in alive:
            process.kill()
        assert alive == []
        # Lines of a room say which one they are about.
        assert re.search(r"WARNING \[hang, process (\d+)\] \S+: at work as \1\n", supervisor.stderr.read())


def test_killing_the_supervisor_leaves_no_process_that_is_stopped_either(tmp_path):
    if sys.platform != "linux":
        missing("Linux is needed: other kernels do not tell a process of its parent's end")
    script = tmp_path / "supervisor.py"
    script.write_text(textwrap.dedent(SUPERVISOR))
    supervisor = subprocess.Popen(
        [sys.executable, script, "sleep"],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path.cwd())},
    )
    with supervisor:
        assert supervisor.stdout.readline() == "sleep Started\n"
        everyone = psutil.Process(supervisor.pid).children(recursive=True)
        rooms = [child for server in everyone if is_fork_server(server) for child in server.children()]
        assert rooms
        for room in rooms:
            room.suspend()
        supervisor.kill()
        _, alive = psutil.wait_procs(everyone, timeout=LAST_GRACE + 16.0)
        for process in alive:
            process.kill()
        assert alive == []


def test_a_ctrl_c_of_the_terminal_does_not_reach_the_rooms(tmp_path):
    script = tmp_path / "supervisor.py"
    script.write_text(
        textwrap.dedent(SUPERVISOR).replace(
            "import asyncio, sys", "import asyncio, sys, signal; signal.signal(signal.SIGINT, signal.SIG_IGN)"
        )
    )
    supervisor = subprocess.Popen(
        [sys.executable, script, "sleep", "hang", "stubborn"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path.cwd())},
        start_new_session=True,
    )
    with supervisor:
        for _ in range(3):
            supervisor.stdout.readline()
        os.killpg(supervisor.pid, signal.SIGINT)
        time.sleep(0.3)
        everyone = psutil.Process(supervisor.pid).children(recursive=True)
        assert len(everyone) >= 5
        supervisor.kill()
        assert "KeyboardInterrupt" not in supervisor.stderr.read()


QUICK = ProcessLimits(ping_seconds=0.2)


@pytest.mark.parametrize("room", ["hang", "sleep"])
async def test_a_process_that_hangs_or_is_stopped_is_found_and_replaced(reports, room, caplog):
    async with open_pool(Scripted(), report=reports, limits=QUICK) as pool:
        await pool.wait_ready()
        (victim,) = room_processes()
        pool.launch(job("J_1", room))
        await reports.until("J_1", Started)
        if room == "sleep":
            os.kill(victim, signal.SIGSTOP)
        ended = await reports.until("J_1", Ended)
        assert ended == Ended(succeeded=False, reason="its process hangs: no answer for 0.8 s")
        assert not psutil.pid_exists(victim)
        pool.launch(job("J_2"))
        await reports.until("J_2", Started)
    assert "the process of job J_1 hangs" in caplog.text


async def test_a_warm_process_that_hangs_is_replaced(reports):
    async with open_pool(Scripted(), report=reports, limits=QUICK) as pool:
        await pool.wait_ready()
        (victim,) = room_processes()
        os.kill(victim, signal.SIGSTOP)
        await eventually(lambda: victim not in room_processes() and len(room_processes()) == 1)


async def test_processes_that_answer_are_left_alone(reports):
    async with open_pool(Scripted(), report=reports, limits=QUICK) as pool:
        pool.launch(job("J_1"))
        await reports.until("J_1", Started)
        await asyncio.sleep(2.0)
        assert reports.of["J_1"] == [Started()]
        assert all(child.resident > 1_000_000 and child.lag < 0.5 for child in pool.children if child.jobs)


async def test_a_process_with_too_much_memory_is_warned_of_and_then_killed(reports, caplog):
    limits = ProcessLimits(ping_seconds=0.2, memory_warn=1, memory_limit=400)
    async with open_pool(Hoards(), report=reports, limits=limits) as pool:
        await pool.wait_ready()
        await eventually(lambda: "a process without a job uses" in caplog.text)
        pool.launch(job("J_1"))
        ended = await reports.until("J_1", Ended)
        assert re.fullmatch(r"its process uses \d+ MiB of memory where 400 are allowed", ended.reason)


async def test_a_process_that_does_not_load_is_killed_and_said(reports):
    async with open_pool(LoadsForEver(), report=reports, limits=ProcessLimits(init_seconds=0.5)) as pool:
        with pytest.raises(ConfigError, match=r"did not load within 0\.5 s"):
            await pool.wait_ready()
    assert room_processes() == set()


async def test_what_is_said_is_sent_ahead_in_order_and_handed_to_the_next(reports):
    first = Message(id="m1", role=Role.USER, text="my name is Alice")
    kept = ItemKept(item=first, after="root")
    async with open_pool(Scripted(), report=reports) as pool:
        pool.launch(job("J_1", "talk"))
        await reports.until("J_1", ItemKept)
        assert reports.of["J_1"] == [Started(), kept]
        begun = Start(job="J_2", room="recall", url="", token="t", checkpoint=Checkpoint().after(kept))
        pool.launch(begun)
        assert await reports.until("J_2", Ended) == Ended(succeeded=True, reason="my name is Alice")


async def test_a_room_outlives_a_sigterm_to_its_whole_unit(reports):
    """As systemd sends it; the fork server has to live as well, or nobody learns how a room ends."""
    async with open_pool(Scripted(), report=reports) as pool:
        await pool.wait_ready()
        pool.launch(job("J_1"))
        await reports.until("J_1", Started)
        for server in fork_servers():
            for process in (server, *server.children(recursive=True)):
                process.terminate()
        await asyncio.sleep(1.0)
        assert reports.of["J_1"] == [Started()]
        pool.stop("J_1", "enough", grace=5.0)
        assert await reports.until("J_1", Ended) == Ended(succeeded=True, reason="enough")


async def test_replacing_all_kills_those_at_work_and_the_warm_one_and_says_why(reports, caplog):
    async with open_pool(Scripted(), report=reports) as pool:
        await pool.wait_ready()
        await started(pool, reports, "J_1")
        await eventually(lambda: len(room_processes()) == 2)
        before = room_processes()
        pool.replace_all()
        assert await reports.until("J_1", Ended) == Ended(succeeded=False, reason="the agent's code has changed")
        await eventually(lambda: len(room_processes()) == 1 and not room_processes() & before)
        pool.launch(job("J_2", "end"))
        assert (await reports.until("J_2", Ended)).succeeded
    assert [record.message for record in caplog.records if record.levelname in ("WARNING", "ERROR")] == []
