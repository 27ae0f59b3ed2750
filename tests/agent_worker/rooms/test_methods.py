"""Calls are answered, or refused with the reason, and never pile up."""

import asyncio

import pytest

from agent_worker.errors import SpeechError
from agent_worker.rooms import methods
from agent_worker.rooms.methods import MAX_AT_ONCE, Methods
from agent_worker.testing import run_in_virtual_time


class Line:
    """What was said to the room."""

    def __init__(self):
        self.said = []

    def __call__(self, message):
        self.said.append(message())


async def forever():
    await asyncio.get_running_loop().create_future()


def test_calls_are_answered_and_refused():
    async def main():
        line = Line()
        known = Methods(line)

        async def answer():
            return {"all": "well"}

        async def fail():
            raise SpeechError("it is over")

        known.add("how", answer)
        known.add("why", fail)
        async with asyncio.TaskGroup() as tasks:
            for call, method in (("1", "how"), ("2", "why"), ("3", "who")):
                known.call(call, method, tasks)
        return {message.re: message for message in line.said}

    said = run_in_virtual_time(main())
    assert said["1"].payload == {"all": "well"}
    assert said["1"].error is None
    assert (said["2"].error.code, said["2"].error.message) == ("failed", "it is over")
    assert said["3"].error.code == "unsupported_method"
    assert "who" in said["3"].error.message


def test_calls_that_take_too_long_are_given_up_and_only_so_many_wait(caplog: pytest.LogCaptureFixture):
    async def main():
        line = Line()
        known = Methods(line)
        known.add("slow", forever)
        async with asyncio.TaskGroup() as tasks:
            for number in range(MAX_AT_ONCE + 1):
                known.call(str(number), "slow", tasks)
            assert [message.error.code for message in line.said] == ["busy"]
        first = list(line.said)
        async with asyncio.TaskGroup() as tasks:
            known.call("again", "slow", tasks)
        return first, line.said[-1]

    first, last = run_in_virtual_time(main())
    assert [message.error.code for message in first] == ["busy"] + ["failed"] * MAX_AT_ONCE
    assert f"{methods.RESPOND_SECONDS:g} s" in first[-1].error.message
    assert last.error.code == "failed", "those that were given up take nobody's place"
