"""A storm on one room does not touch the conversation in the next: what its caller hears is what was said."""

import asyncio
from pathlib import Path

import httpx
import pytest

from tests.support.alignment import align, halved, lags
from tests.support.caller import calling
from tests.support.recordings import spoken
from tests.support.stack import Stack, running
from tests.support.wav import corpus

pytestmark = [pytest.mark.e2e, pytest.mark.failures, pytest.mark.timeout(120)]
STORM = 6.0
STORY = "Once there was a lighthouse"


async def test_the_conversation_in_the_next_room_is_heard_to_the_letter(system: Stack, tmp_path: Path):
    async with calling(system.url, "next-to-a-storm") as caller:
        await caller.until(lambda: caller.agent_states()[-1:] == ["listening"])
        with running("storm", "tests.support.storm", system.url, folder=tmp_path) as storm:
            await asyncio.to_thread(storm.wait_for, "half-open sockets")
            await asyncio.to_thread(storm.wait_for, "was cut off")
            _, end = await caller.say(corpus("s13"))
            start = await caller.until_heard(end, seconds=40)
            await asyncio.sleep(STORM)
            heard = halved(caller.tape.since(start - 1.0))
            assert storm.popen.poll() is None, storm.printed()
    told = spoken(system.recordings, STORY).samples
    matches = align(told[: int(24_000 * (STORM - 1.0))], heard)
    unlike = [(round(match.sent_at, 1), round(match.likeness, 2)) for match in matches if match.likeness <= 0.8]
    assert len(matches) >= 20
    assert len(unlike) <= 0.1 * len(matches), unlike
    assert len(lags(matches)) == 1, "the story was held up"
    printed = system.signaling.printed()
    assert "Traceback" not in printed
    assert "eyJ" not in printed
    async with httpx.AsyncClient(base_url=system.url) as http:
        assert (await http.get("/readyz")).status_code == 200
