"""A worker against the real signaling server: jobs become processes, their ends are told, losses are survived."""

import asyncio
import contextlib
import json
import logging
import os
import signal
import subprocess
import sys
import textwrap
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil
import pytest
import websockets

from agent_worker.errors import ConfigError
from agent_worker.rooms.background import Background
from agent_worker.worker.lifeline import LAST_GRACE
from agent_worker.worker.supervisor import Supervisor, WorkerSettings
from signaling.messages import DEV_API_KEY, DEV_API_SECRET
from tests.agent_worker.rooms.cable import Cable
from tests.agent_worker.worker.programs import InRoom, Unloadable
from tests.support.stack import free_port, running, wait_ready

pytestmark = pytest.mark.timeout(90)


@contextlib.contextmanager
def signaling(folder, port):
    options = ["--port", str(port), "--dev", "--departure-timeout", "0.5"]
    with running("signaling", "signaling", *options, folder=folder) as process:
        wait_ready(f"http://127.0.0.1:{port}/readyz", process)
        yield process


@pytest.fixture
def server(tmp_path):
    """A signaling server's http:// address; each test has its own, and so its worker gets every job there."""
    port = free_port()
    with signaling(tmp_path, port):
        yield f"http://127.0.0.1:{port}"


@dataclass
class Room:
    """A room as its one human sees it."""

    told: list
    more: asyncio.Event
    socket: object

    async def until(self, seconds=20.0, **wanted):
        """The first message with these fields; it is taken out, with all before it."""
        seen = []
        try:
            async with asyncio.timeout(seconds):
                while True:
                    while self.told:
                        message = self.told.pop(0)
                        if all(message.get(key) == value for key, value in wanted.items()):
                            return message
                        seen.append(message)
                    self.more.clear()
                    await self.more.wait()
        except TimeoutError:
            raise AssertionError(f"no {wanted}, but {seen}") from None

    async def leave(self):
        await self.socket.send(json.dumps({"t": "leave"}))

    async def agent(self):
        """The process id of the agent, once it is there."""
        while True:
            message = await self.until(t="data", topic="pid")
            return message["payload"]["pid"]

    async def follow(self, socket):
        with contextlib.suppress(websockets.ConnectionClosed):
            async for frame in socket:
                self.told.append(json.loads(frame))
                self.more.set()


@asynccontextmanager
async def human_in(url, room):
    async with httpx.AsyncClient() as http:
        token = (await http.post(f"{url}/v1/token", json={"room": room})).json()["token"]
    address = url.replace("http", "ws", 1) + "/v1/rtc"
    async with websockets.connect(address, subprotocols=["voice.v1"]) as socket, Background() as background:
        seen = Room([], asyncio.Event(), socket)
        background.start(seen.follow(socket), name="follow")
        await socket.send(json.dumps({"t": "join", "token": token, "v": 1}))
        await seen.until(t="joined")
        yield seen


def settings(url, **changes):
    given = {"signaling": url, "api_key": DEV_API_KEY, "api_secret": DEV_API_SECRET, "drain_seconds": 0.0}
    return WorkerSettings(**given | changes)


@asynccontextmanager
async def worker(url, program=None, **changes):
    """A registered worker; it is told to stop at the end of the block, which waits for it."""
    supervisor = Supervisor(settings(url, **changes), program or InRoom())
    ready = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(supervisor.run(ready=ready.set))
        async with asyncio.timeout(20):
            await ready.wait()
        try:
            yield supervisor
        finally:
            supervisor.stop(0.0)


async def eventually(condition, seconds=15.0):
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.02)


async def test_each_room_gets_a_process_of_its_own_that_ends_with_it(server):
    async with worker(server):
        async with human_in(server, "one") as one, human_in(server, "two") as two:
            first, second = await one.agent(), await two.agent()
            assert first != second
            assert psutil.pid_exists(first)
            assert psutil.pid_exists(second)
            await one.leave()
            await two.leave()
        await eventually(lambda: not psutil.pid_exists(first) and not psutil.pid_exists(second))


async def test_a_room_whose_process_is_killed_gets_another_and_the_others_talk_on(server, caplog):
    caplog.set_level(logging.INFO)
    async with worker(server), human_in(server, "one") as one, human_in(server, "two") as two:
        first, second = await one.agent(), await two.agent()
        os.kill(first, signal.SIGKILL)
        replacement = await one.agent()
        assert replacement not in (first, second)
        assert psutil.pid_exists(second)
        assert not [message for message in two.told if message["t"] == "participant" and message["op"] == "left"]
    assert "failed): its process died (killed by SIGKILL: by hand" in caplog.text


async def test_no_more_rooms_than_it_may_have_and_the_next_one_when_there_is_place(server):
    async with worker(server, max_jobs=1), human_in(server, "one") as one:
        await one.agent()
        async with human_in(server, "two") as two:
            waiting = await two.until(t="dispatch", op="pending")
            assert waiting["reason"]
            await one.leave()
            assert psutil.pid_exists(await two.agent())


async def test_a_room_outlives_the_workers_socket(server):
    async with Cable(int(server.rpartition(":")[2])) as cable:
        async with worker(cable.url), human_in(server, "one") as one:
            agent = await one.agent()
            cable.cut()  # the room's socket, too
            for state in ("reconnecting", "active"):
                assert (await one.until(t="participant", op="updated"))["participant"]["state"] == state
            await eventually(lambda: cable.connections == 4)
            await asyncio.sleep(2.5)  # the server would have given the room to another process by now
            assert psutil.pid_exists(agent)
            assert not [message for message in one.told if message["t"] == "participant"]
            await one.leave()
        await eventually(lambda: not psutil.pid_exists(agent))


async def test_a_server_that_is_started_anew_gets_its_worker_back(tmp_path, caplog):
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with signaling(tmp_path, port) as first:
        async with worker(url):
            async with human_in(url, "one") as one:
                agent = await one.agent()
                first.popen.kill()
                first.popen.wait()
            with signaling(tmp_path, port):
                await eventually(lambda: httpx.get(f"{url}/readyz").json().get("workers"))
                # The conversation of before is taken up again, and nobody else is sent there.
                async with human_in(url, "one") as one:
                    assert await one.agent() == agent
                    await asyncio.sleep(1.0)
                    assert not [m for m in one.told if m.get("topic") == "pid"]
    assert "conversations go on" in caplog.text


async def test_a_worker_waits_for_a_server_that_is_not_there_yet_and_says_so_once(tmp_path, caplog):
    port = free_port()
    supervisor = Supervisor(settings(f"ws://127.0.0.1:{port}"), InRoom())
    ready = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        working = tasks.create_task(supervisor.run(ready=ready.set))
        await eventually(lambda: "cannot be reached" in caplog.text)
        await asyncio.sleep(1.0)
        with signaling(tmp_path, port):
            async with asyncio.timeout(20):
                await ready.wait()
                supervisor.stop()
                await working
    assert caplog.text.count("cannot be reached") == 1


async def test_a_drain_lets_conversations_end_by_themselves(server):
    async with human_in(server, "one") as one:
        async with asyncio.TaskGroup() as tasks:
            supervisor = Supervisor(settings(server, drain_seconds=60.0), InRoom())
            running_worker = tasks.create_task(supervisor.run())
            agent = await one.agent()
            supervisor.stop()
            async with human_in(server, "two") as two:
                assert (await two.until(t="dispatch", op="pending"))["reason"]
                await asyncio.sleep(1.0)
                assert psutil.pid_exists(agent)
                assert not running_worker.done()
                assert not [message for message in two.told if message["t"] == "participant"]
            await one.leave()
            async with asyncio.timeout(15):
                await running_worker
        assert not psutil.pid_exists(agent)


async def test_an_impatient_drain_ends_conversations_and_tells_the_server(server):
    async with human_in(server, "one") as one:
        async with worker(server):
            agent = await one.agent()
            started = time.monotonic()
        assert not psutil.pid_exists(agent)
        assert time.monotonic() - started < 5.0
        ended = await one.until(t="dispatch", op="ended")
        assert ended["reason"] == "the worker is shutting down"


async def test_a_key_that_the_server_does_not_know_is_an_error_with_what_to_do(server):
    with pytest.raises(ConfigError, match=r"does not take this worker.*AGENT_WORKER_API_SECRET") as caught:
        await Supervisor(settings(server, api_secret="x" * 40), InRoom()).run()
    assert "xxx" not in str(caught.value)


async def test_an_agent_that_cannot_be_loaded_is_an_error_at_once(server, tmp_path):
    with pytest.raises(ConfigError, match="is missing: make it"):
        await Supervisor(settings(server), Unloadable(tmp_path / "agent.txt")).run()


def test_an_address_that_is_none_is_an_error_before_anything_is_started():
    async def make():
        Supervisor(settings("example.org"), InRoom())

    with pytest.raises(ConfigError, match="is no address of a server"):
        asyncio.run(make())


# Signals, and death: a worker in a program of its own. -----------------------------------------------------------

WORKER = """
    import asyncio, logging, sys
    from agent_worker.worker.supervisor import Supervisor, WorkerSettings
    from signaling.messages import DEV_API_KEY, DEV_API_SECRET
    from tests.agent_worker.worker.programs import InRoom

    async def main():
        logging.basicConfig(level=logging.INFO)
        settings = WorkerSettings(
            signaling=sys.argv[1], api_key=DEV_API_KEY, api_secret=DEV_API_SECRET, drain_seconds=float(sys.argv[2])
        )
        await Supervisor(settings, InRoom()).run(ready=lambda: print("ready", flush=True))

    if __name__ == "__main__":
        asyncio.run(main())
"""


@contextlib.contextmanager
def worker_program(folder, url, drain_seconds):
    script = folder / "worker.py"
    script.write_text(textwrap.dedent(WORKER))
    program = subprocess.Popen(
        [sys.executable, script, url, str(drain_seconds)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path.cwd())},
        start_new_session=True,
    )
    with program:
        try:
            assert program.stdout.readline() == "ready\n", program.stderr.read()
            yield program
        finally:
            program.kill()


def assert_gone(processes):
    _, alive = psutil.wait_procs(processes, timeout=LAST_GRACE + 6.0)
    for process in alive:
        process.kill()
    assert alive == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_drains_and_a_group_wide_one_disturbs_no_room(server, tmp_path, number):
    with worker_program(tmp_path, server, 60.0) as program:
        async with human_in(server, "one") as one:
            agent = await one.agent()
            everyone = psutil.Process(program.pid).children(recursive=True)
            # A terminal's Ctrl-C reaches the whole group; SIGTERM is sent to the one process.
            (os.killpg if number == signal.SIGINT else os.kill)(program.pid, number)
            await asyncio.sleep(1.0)
            assert psutil.pid_exists(agent)
            assert program.poll() is None
            await one.leave()
        assert await asyncio.to_thread(program.wait, 15) == 0
        assert_gone(everyone)
        errors = program.stderr.read()
    assert "stopping: one conversation may go on for 60 s" in errors
    assert "Traceback" not in errors


async def test_a_second_signal_ends_it_at_once(server, tmp_path):
    with worker_program(tmp_path, server, 60.0) as program:
        async with human_in(server, "one") as one:
            await one.agent()
            everyone = psutil.Process(program.pid).children(recursive=True)
            program.terminate()
            await asyncio.sleep(0.3)
            program.terminate()
            assert await asyncio.to_thread(program.wait, 3) == 1
            assert_gone(everyone)


async def test_a_killed_worker_leaves_nothing_and_its_room_is_told(server, tmp_path):
    with worker_program(tmp_path, server, 60.0) as program:
        async with human_in(server, "one") as one:
            await one.agent()
            async with asyncio.timeout(20):
                # Fork server, resource tracker, the room, and the next warm one, which is born after the room began.
                while len(everyone := psutil.Process(program.pid).children(recursive=True)) < 4:
                    await asyncio.sleep(0.05)
            program.kill()
            assert_gone(everyone)
            await one.until(t="participant", op="left")
