"""A WHIP client (RFC 9725) is heard by a real agent, and answered to those who can hear."""

import re

import pytest

from tests.support.caller import calling, publishing
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
