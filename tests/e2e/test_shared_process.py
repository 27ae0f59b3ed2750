"""Two rooms in one process: each has its own conversation, and one that ends leaves the other as it is."""

import re
import time

import psutil
import pytest

from tests.support.caller import calling
from tests.support.stack import stack
from tests.support.wav import corpus

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]


def room_processes(worker: int) -> list[psutil.Process]:
    return [
        child
        for server in psutil.Process(worker).children()
        if any("forkserver" in word for word in server.cmdline())
        for child in server.children()
    ]


async def test_two_rooms_share_a_process_and_nothing_else(tmp_path_factory):
    with stack(tmp_path_factory.mktemp("shared"), worker_options=("--rooms-per-process", "2")) as system:
        async with calling(system.url, "one") as one:
            await one.until_silent(1.0)
            (shared,) = room_processes(system.worker.popen.pid)
            async with calling(system.url, "two") as two:
                await two.until_silent(1.0)
                start, end = await two.say(corpus("s02"))
                await two.until_heard(end)
                assert "time" in two.lines("user", since=start)[0].lower()
                assert one.lines("user", since=start) == []
                assert one.tape.loud_times(start) == [], "the other room heard nothing of it"
                written = set(re.findall(r"\[(one|two), process (\d+)\]", system.worker.printed()))
                assert written == {("one", str(shared.pid)), ("two", str(shared.pid))}
                await two.send({"t": "leave"})
            left = time.monotonic()
            start, end = await one.say(corpus("s02"))
            await one.until_heard(end)
            assert "time" in one.lines("user", since=left)[0].lower()
            assert shared.is_running()
        assert "ERROR" not in system.worker.printed()
