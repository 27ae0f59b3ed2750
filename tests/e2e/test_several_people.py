"""Two people and one agent: real processes, real peers, real audio, the real local model."""

import asyncio

import pytest

from tests.support.caller import Caller, calling
from tests.support.stack import Stack, stack
from tests.support.wav import corpus

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]


@pytest.fixture
def open_to_all(tmp_path):
    with stack(tmp_path, agent="tests/support/agents/all_ears.py") as running_stack:
        yield running_stack


async def listens(caller: Caller) -> None:
    await caller.until(lambda: caller.agent_states()[-1:] == ["listening"], seconds=40)


def speakers(caller: Caller) -> list[tuple[str, str]]:
    """Whose turns the transcript shows."""
    opened = (message for message in caller.messages("stream") if message["op"] == "open")
    attributes = [message["attributes"] for message in opened if message["topic"] == "transcription"]
    return [(one["identity"], one["name"]) for one in attributes if one["role"] == "user"]


async def test_both_are_heard_answered_by_name_and_can_interrupt(open_to_all: Stack):
    url = open_to_all.url
    async with (
        calling(url, "two", identity="u-1", name="Ann") as ann,
        calling(url, "two", identity="u-2", name="Bob") as bob,
    ):
        await listens(ann)
        # Bob falls into Ann's question: neither is lost, and the two are not mixed.
        async with asyncio.TaskGroup() as group:
            group.create_task(ann.say(corpus("s28")))
            await asyncio.sleep(0.8)
            group.create_task(bob.say(corpus("s19")))
        for name in ("Ann: That makes 12", "Bob: "):
            await bob.until(lambda name=name: any(name in line for line in bob.lines("agent")), seconds=40)
        assert {("u-1", "Ann"), ("u-2", "Bob")} <= set(speakers(ann)), speakers(ann)
        words = " ".join(ann.lines("user")).lower()
        assert "five" in words, words
        assert "joke" in words, words
        # The agent's voice goes to both.
        await ann.until_silent(1.5)
        assert ann.tape.loud_times(0.0)
        assert bob.tape.loud_times(0.0)
        # Ann is told a story, and Bob ends it.
        begun, _ = await ann.say(corpus("s13"))
        await bob.until(lambda: bob.agent_states(since=begun)[-1:] == ["speaking"], seconds=40)
        await asyncio.sleep(2.0)
        stopped, _ = await bob.say(corpus("s15"))
        await ann.until(lambda: "interrupted" in ann.agent_events(since=stopped))


async def test_who_stays_is_heard_when_the_first_has_left(system: Stack):
    async with (
        calling(system.url, "linked", identity="u-1", name="Ann") as ann,
        calling(system.url, "linked", identity="u-2", name="Bob") as bob,
    ):
        await listens(bob)
        await bob.say(corpus("s28"))
        await asyncio.sleep(2.0)
        assert bob.lines("user") == [], "the agent listens to Ann"
        await ann.send({"t": "leave"})
        await bob.until(lambda: any(m["op"] == "left" for m in bob.messages("participant")))
        start, _ = await bob.say(corpus("s28"))
        await bob.until(lambda: "12" in " ".join(bob.lines("agent", since=start)), seconds=40)
        assert speakers(bob) == [("u-2", "Bob")]
