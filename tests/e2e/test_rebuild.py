"""A connection is lost and made anew: the same session goes on, with all that was said (L-4)."""

import pytest

from tests.support.caller import calling
from tests.support.stack import Stack
from tests.support.wav import corpus

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]


async def test_a_rebuilt_connection_goes_on_with_the_same_conversation(system: Stack):
    async with calling(system.url, "rebuild") as caller:
        await caller.until(lambda: caller.agent_states()[-1:] == ["listening"])
        _, end = await caller.say(corpus("s06"))
        await caller.until_heard(end)
        await caller.until_silent(1.0)
        assert "Alice" in caller.lines("agent")[-1]
        agent = caller.agent
        await caller.rebuild()
        start, end = await caller.say(corpus("s07"))
        await caller.until_heard(end, seconds=30)
        await caller.until(lambda: any("Alice" in line for line in caller.lines("agent", since=start)))
        assert caller.agent == agent
        joined = [m for m in caller.messages("participant") if m["participant"]["kind"] == "agent"]
        assert {m["participant"]["sid"] for m in joined} == {agent["sid"]}, "no other agent came"
