"""The model's server is killed in the middle of a call: the call goes on, and the agent knows what was said (M-4)."""

import asyncio
import os
import signal
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.support.caller import calling
from tests.support.stack import running, stack, wait_open
from tests.support.wav import corpus

pytestmark = [pytest.mark.e2e, pytest.mark.failures, pytest.mark.timeout(180)]


async def test_a_call_outlives_the_death_of_its_model(tmp_path: Path):
    with stack(tmp_path, agent="tests/support/agents/quiet.py") as system:
        port = urlsplit(system.model_url).port
        assert port is not None
        async with calling(system.url, "outlives") as caller:
            await caller.until(lambda: caller.agent_states()[-1:] == ["listening"])
            _, end = await caller.say(corpus("s06"))
            await caller.until_heard(end)
            await caller.until_silent(1.0)
            assert "Alice" in caller.lines("agent")[-1]
            os.killpg(system.model.popen.pid, signal.SIGKILL)
            await asyncio.to_thread(system.model.popen.wait, 10)
            # Asked while nobody is there to hear it.
            start, _ = await caller.say(corpus("s07"))
            with running("model-2", "agent_worker", "local-model", "--port", str(port), folder=tmp_path) as second:
                await asyncio.to_thread(wait_open, port, second)
                await caller.until(
                    lambda: any("Alice" in line for line in caller.lines("agent", since=start)), seconds=60
                )
                assert "interrupted" not in caller.agent_events(since=start)
        assert "the model is back after" in system.worker.printed()
