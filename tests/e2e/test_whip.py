"""A WHIP client (RFC 9725) is heard by a real agent, and answered to those who can hear, as by WHEP."""

import re

import pytest

from tests.support.caller import calling, overhearing, publishing
from tests.support.stack import Stack
from tests.support.wav import corpus

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]


async def test_what_a_whip_client_asks_is_written_down_and_answered(system: Stack):
    async with publishing(system.url, "whip") as microphone:
        answer = microphone.place["answer"]
        assert "a=recvonly" in answer
        assert "a=candidate:" in answer
        async with calling(system.url, "whip") as listener:
            (publisher,) = [one for one in listener.place["participants"] if one["kind"] == "whip"]
            await listener.until(lambda: listener.agent_states()[-1:] == ["listening"])
            start, _ = await microphone.say(corpus("s02"))
            asked = await listener.until(lambda: listener.lines("user", since=start))
            assert "time" in asked[0].lower()
            # Who listens in hears the answer, which is over as if the publisher had heard it, too.
            await listener.until_heard(start)
            await listener.until_silent(1.0)
            await listener.until(lambda: listener.agent_states()[-1:] == ["listening"])
            assert re.search(r"\d:\d\d [AP]M", listener.lines("agent", since=start)[-1])
            opened = [m for m in listener.messages("stream", since=start) if m["op"] == "open"]
            assert publisher["identity"] in str(opened), opened


async def test_what_an_agent_says_is_heard_by_whep_and_nobody_else_notices(system: Stack):
    async with calling(system.url, "whep") as caller:
        await caller.until(lambda: caller.agent_states()[-1:] == ["listening"])
        assert caller.agent is not None
        async with overhearing(system.url, "whep", caller.agent["identity"]) as listener:
            answer = listener.place["answer"]
            assert "a=sendonly" in answer
            assert "a=candidate:" in answer
            start, _ = await caller.say(corpus("s02"))
            await listener.until_heard(start)
            await listener.until_silent(1.0)
            await caller.until_silent(1.0)
            assert re.search(r"\d:\d\d [AP]M", caller.lines("agent", since=start)[-1])
            both = [len(one.tape.loud_times(start)) for one in (caller, listener)]
            assert both[0] == pytest.approx(both[1], rel=0.2)
        left = await caller.until(lambda: [m for m in caller.messages("participant") if m["op"] == "left"])
        assert left[0]["participant"]["kind"] == "whep"
        # The one who is left is listened to as before.
        start, _ = await caller.say(corpus("s02"))
        await caller.until_heard(start)
