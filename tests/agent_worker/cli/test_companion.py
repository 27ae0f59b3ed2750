"""A program beside a command: its readiness, its complaints, its death, and what it leaves behind: nothing."""

import asyncio
import textwrap

import psutil
import pytest

from agent_worker.cli import companion
from agent_worker.cli.companion import Companion, CompanionError

pytestmark = pytest.mark.timeout(60)

READY = "print('the thing is ready on http://127.0.0.1:1234/: have fun', flush=True)"


def program(source, shown=None):
    return Companion("thing", ["-c", textwrap.dedent(source)], (shown if shown is not None else []).append)


async def test_it_is_ready_where_it_says():
    made = program(f"print('first'); {READY}; import time; time.sleep(60)")
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(made.run())
        assert await made.wait_ready(20) == "http://127.0.0.1:1234/"
        running.cancel()


@pytest.mark.parametrize(
    ("said", "address"),
    [
        ("signaling is ready on http://127.0.0.1:8080/ (development)", "http://127.0.0.1:8080/"),
        ("it is ready on ws://[::1]:8765/v1/realtime", "ws://[::1]:8765/v1/realtime"),
        ("the worker with a.py is ready on ws://127.0.0.1:8080: each room", "ws://127.0.0.1:8080"),
        ("it is ready on http://127.0.0.1:80.", "http://127.0.0.1:80"),
    ],
)
async def test_addresses_as_programs_say_them(said, address):
    made = program(f"print({said!r}, flush=True); import time; time.sleep(60)")
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(made.run())
        assert await made.wait_ready(20) == address
        running.cancel()


async def test_one_that_is_never_ready_is_not_waited_for():
    made = program("import sys, time; print('still busy', file=sys.stderr, flush=True); time.sleep(60)")
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(made.run())
        with pytest.raises(CompanionError, match=r"thing was not ready within 1 s\. Its last words:\n  still busy"):
            await made.wait_ready(1)
        running.cancel()


async def test_warnings_are_shown_and_information_is_not():
    shown = []
    made = program(
        """
        import sys
        for line in (
            "2026-01-01 12:00:00,000 INFO quiet: nothing",
            "2026-01-01 12:00:00,000 DEBUG [room] quiet: nothing",
            "2026-01-01 12:00:00,000 WARNING [room] loud: something",
            "2026-01-01 12:00:00,000 ERROR loud: all",
            "Traceback (most recent call last):",
            "x" * 200_000,
        ):
            print(line, file=sys.stderr)
        """,
        shown,
    )
    with pytest.raises(CompanionError, match="exit code 0"):
        await made.run()
    assert [line[:60] for line in shown[:3]] == [
        "2026-01-01 12:00:00,000 WARNING [room] loud: something",
        "2026-01-01 12:00:00,000 ERROR loud: all",
        "Traceback (most recent call last):",
    ]
    assert "".join(shown[3:]) == "x" * 200_000


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("import sys; sys.exit('no key')", r"thing ended \(exit code 1\)\. Its last words:\n  no key"),
        ("import os; os.kill(os.getpid(), 9)", r"thing ended \(killed by signal 9\)\.$"),
        ("1 / 0", r"thing ended \(exit code 1\)(.|\n)*ZeroDivisionError"),
    ],
)
async def test_its_end_is_an_error_with_its_last_words(source, told):
    with pytest.raises(CompanionError, match=told):
        await program(source).run()


STUBBORN = """
    import signal, subprocess, sys, time
    deaf = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN)"
    exec(deaf)
    code = deaf + "; print('up', flush=True); time.sleep(60)"
    child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    child.stdout.readline()
    print("it is ready on tcp://child:1", flush=True)
    time.sleep(60)
"""


async def test_one_that_does_not_listen_is_killed_with_all_it_has_started(monkeypatch):
    monkeypatch.setattr(companion, "STOP_SECONDS", 0.5)
    shown = []
    before = set(psutil.Process().children(recursive=True))
    made = program(STUBBORN, shown)
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(made.run())
        await made.wait_ready(20)
        started = set(psutil.Process().children(recursive=True)) - before
        running.cancel()
    assert len(started) == 2
    _, alive = psutil.wait_procs(started, timeout=3)
    assert alive == []
    assert shown == ["did not end within 0.5 s and is killed"]
