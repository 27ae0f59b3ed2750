"""What dies or hangs among the workers, and what the person on the line hears of it: real processes, real audio.

The rows of the failure table that are the workers': docs/workers.md says them to operators.
"""

import asyncio
import os
import re
import signal
import time
from contextlib import ExitStack

import httpx
import psutil
import pytest

from tests.support.caller import Caller, calling
from tests.support.stack import Process, Stack, free_port, stack, wait_worker, worker_running
from tests.support.wav import corpus

pytestmark = [pytest.mark.e2e, pytest.mark.failures, pytest.mark.timeout(180)]

AGENT = "examples/assistant.py"


@pytest.fixture
def system(tmp_path):
    with stack(tmp_path) as made:
        try:
            yield made
        finally:
            print(made.logs())


def another_worker(programs: ExitStack, system: Stack, name: str = "second") -> Process:
    worker = programs.enter_context(
        worker_running(name, AGENT, url=system.url, model_url=system.model_url, folder=system.folder)
    )
    wait_worker(system.url, worker, workers=2)
    return worker


def process_of(worker: Process, room: str) -> int:
    """The last process that spoke of the room in the worker's log; 0 for none."""
    found = re.findall(rf"\[{room}, process (\d+)\]", worker.printed())
    return int(found[-1]) if found else 0


async def greeted(caller: Caller) -> None:
    await caller.until_heard(0.0)
    await caller.until_silent(1.0)


async def ask_the_time(caller: Caller) -> str:
    """The answer, which was heard."""
    start, end = await caller.say(corpus("s02"))
    await caller.until_heard(end - 0.3)
    await caller.until(lambda: re.search(r"\d:\d\d", " ".join(caller.lines("agent", since=start))))
    return " ".join(caller.lines("agent", since=start))


async def connected_anew(caller: Caller, since: float, *, seconds: float = 40.0) -> None:
    await caller.until(
        lambda: any(m["participant"]["kind"] == "agent" for m in joined(caller, since)), seconds=seconds
    )
    async with asyncio.timeout(20):
        await caller.connected.wait()


def joined(caller: Caller, since: float = 0.0) -> list[dict]:
    return [m for m in caller.messages("participant", since=since) if m["op"] == "joined"]


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP])
async def test_a_room_process_that_dies_or_hangs_is_replaced_and_remembers(system: Stack, how: signal.Signals):
    async with calling(system.url, "alice") as caller:
        await greeted(caller)
        start, end = await caller.say(corpus("s06"))
        await caller.until_heard(end - 0.3)
        await caller.until_silent(1.0)
        assert "alice" in " ".join(caller.lines("user", since=start)).lower()
        await asyncio.sleep(1.0)  # what is newer than half a second dies with the process
        died = time.monotonic()
        victim = process_of(system.worker, "alice")
        os.kill(victim, how)
        await connected_anew(caller, died)
        assert not psutil.pid_exists(victim)
        # It says that it was away, and no second greeting.
        await caller.until(lambda: caller.lines("agent", since=died))
        await caller.until_silent(1.0)
        assert caller.lines("agent", since=died) == ["Sorry, I was away for a moment."]
        start, end = await caller.say(corpus("s07"))
        await caller.until_heard(end - 0.3)
        await caller.until(lambda: "Alice" in " ".join(caller.lines("agent", since=start)))
        assert caller.most_agents_at_once() == 1
    printed = system.worker.printed()
    if how is signal.SIGKILL:
        assert "its process died (killed by SIGKILL" in printed
    else:
        assert "its process hangs: no answer for 10 s" in printed


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP])
async def test_a_worker_that_dies_or_hangs_is_relieved_by_another(system: Stack, how: signal.Signals):
    """Its lease expires, the room goes to the other one, and the old one does not come back into it."""
    with ExitStack() as programs:
        async with calling(system.url, "relay") as caller:
            await greeted(caller)
            second = another_worker(programs, system)
            everyone = psutil.Process(system.worker.popen.pid).children(recursive=True)
            died = time.monotonic()
            system.worker.popen.send_signal(how)
            try:
                await connected_anew(caller, died)
                assert process_of(second, "relay")
                # It knows nothing of before, and greets.
                await caller.until_heard(died)
            finally:
                if how is signal.SIGSTOP:
                    system.worker.popen.send_signal(signal.SIGCONT)
            await caller.until_silent(1.5)
            await asyncio.sleep(3.0)
            assert re.search(r"\d:\d\d", await ask_the_time(caller))
            assert caller.most_agents_at_once() == 1
            agents = [m for m in joined(caller, died) if m["participant"]["kind"] == "agent"]
            assert len(agents) == 1, agents
        if how is signal.SIGKILL:
            _, alive = await asyncio.to_thread(psutil.wait_procs, everyone, timeout=10)
            assert alive == []


async def test_sigterm_drains_the_call_goes_on_and_nobody_new_is_taken(tmp_path):
    with stack(tmp_path, worker_options=("--drain-timeout", "60")) as system:
        async with calling(system.url, "old") as caller:
            await greeted(caller)
            # As systemd does it: the whole unit is told.
            for process in [
                *psutil.Process(system.worker.popen.pid).children(recursive=True),
                psutil.Process(system.worker.popen.pid),
            ]:
                process.terminate()
            await asyncio.to_thread(system.worker.wait_for, "stopping: one conversation may go on for 60 s")
            async with calling(system.url, "new", connect=False) as other:
                pending = await other.until(lambda: other.messages("dispatch"))
                assert pending[0]["op"] == "pending"
                assert re.search(r"\d:\d\d", await ask_the_time(caller))
                assert other.agent is None
            await caller.send({"t": "leave"})
        assert await asyncio.to_thread(system.worker.popen.wait, 40) == 0


async def test_what_an_application_does_last_is_waited_for_when_the_worker_is_stopped(tmp_path):
    kept = tmp_path / "kept.txt"
    with stack(tmp_path, agent="tests/support/agents/keeper.py", worker_env={"KEPT": str(kept)}) as system:
        async with calling(system.url, "kept") as caller:
            await caller.until(lambda: caller.agent_states()[-1:] == ["listening"])
            _, end = await caller.say(corpus("s28"))
            await caller.until_heard(end)
            await caller.until_silent(1.0)
            system.worker.popen.terminate()
            assert await asyncio.to_thread(system.worker.popen.wait, 30) == 0
        assert "12" in kept.read_text()
        assert "ended (success)" in system.worker.printed()


async def test_operators_see_it_live_and_its_figures(tmp_path):
    port = free_port()
    with stack(tmp_path, worker_options=("--health-port", str(port))) as system:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as http:
            assert (await http.get("/healthz")).json() == {"status": "ok"}
            assert (await http.get("/readyz")).status_code == 200
            async with calling(system.url, "watched") as caller:
                await greeted(caller)
                figures = (await http.get("/metrics")).text
                assert "agent_worker_jobs 1.0" in figures
                assert re.search(r'agent_worker_room_memory_bytes\{room="watched"\} [1-9]', figures)
            system.signaling.popen.kill()
            async with asyncio.timeout(20):
                while (refused := await http.get("/readyz")).status_code == 200:
                    await asyncio.sleep(0.1)
            assert refused.json()["reason"] == "not registered with the signaling server"
