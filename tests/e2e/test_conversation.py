"""A person and an agent talk: real processes, real peers, real audio, the real local model."""

import asyncio
import re
import time
from datetime import datetime, timedelta

import pytest

from tests.support.alignment import align, halved, joint, lags, loudness
from tests.support.caller import Caller, calling, connecting
from tests.support.recordings import spoken
from tests.support.stack import Stack
from tests.support.wav import corpus

STORY = "Once there was a lighthouse"

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]


async def listens(caller: Caller) -> None:
    """The agent is there and waits for the first word."""
    await caller.until(lambda: caller.agent_states()[-1:] == ["listening"])


def clock_times(text: str) -> list[str]:
    return re.findall(r"\d{1,2}:\d{2} [AP]M", text)


async def test_the_time_is_asked_for_and_answered_by_voice(system: Stack):
    async with calling(system.url, "time") as caller:
        await listens(caller)
        start, _ = await caller.say(corpus("s02"))
        heard_at = await caller.until_heard(start + 1.25)
        await caller.until_silent(1.0)
        assert heard_at - start < 1.25 + 3.0
        line = caller.lines("agent")[-1]
        now = datetime.now().astimezone()
        near = {f"{now - timedelta(minutes=m):%-I:%M %p}" for m in (0, 1)}
        assert set(clock_times(line)) & near, line
        assert "time" in caller.lines("user", since=start)[0].lower()
        assert "tool" in caller.agent_events(since=start)
        # What was heard is what the model said, to its end and without a gap.
        matches = align(spoken(system.recordings, line).samples, halved(caller.tape.since(start)))
        good = [match for match in matches if match.likeness > 0.8]
        assert len(good) >= 0.8 * len(matches)
        assert len(lags(matches)) == 1


async def story_begins(caller: Caller) -> float:
    _start, end = await caller.say(corpus("s13"))
    heard = await caller.until_heard(end - 0.3)
    await asyncio.sleep(3.0)
    assert caller.agent_states()[-1] == "speaking", caller.agent_states()
    return heard


@pytest.mark.parametrize("noise", ["n01", "n04", "b05"])
async def test_a_noise_does_not_end_a_story_and_nothing_of_it_is_lost(system: Stack, noise: str):
    """I-1, I-3, I-4, I-7."""
    async with calling(system.url, f"story-{noise}") as caller:
        await listens(caller)
        begun = await story_begins(caller)
        noise_at, noise_end = await caller.say(corpus(noise))
        await asyncio.sleep(max(0.0, noise_end + 3.0 - time.monotonic()))
        # It still speaks, or speaks again, and nothing was cut.
        loud = caller.tape.loud_times(noise_end + 1.5)
        assert loud, f"silent after the noise: {caller.agent_states(since=noise_at)}"
        await asyncio.sleep(2.0)
        assert "interrupted" not in caller.agent_events(since=begun)
        heard = halved(caller.tape.since(begun - 1.0))
        sent = spoken(system.recordings, STORY).samples
        seconds = len(heard) / 24_000 - 4.0
        matches = align(sent[: int(24_000 * seconds)], heard)
        good = [match for match in matches if match.likeness > 0.8]
        assert len(good) >= 0.9 * len(matches), [(round(m.sent_at, 1), round(m.likeness, 2)) for m in matches]
        # Each piece sounds once, in order; between them lies at most one hold, and around it not 20 ms are missing.
        found = lags(matches)
        assert found == sorted(found), f"something was heard twice: {found}"
        holds = caller.agent_events(since=noise_at).count("held")
        assert len(found) == 1 + holds, (found, caller.agent_events(since=noise_at))
        if holds:
            hold = joint(matches, heard)
            assert hold.went_on_at > hold.stopped_at - 0.02, f"something was repeated: {hold}"
            lost = loudness(sent, hold.stopped_at + 0.02, hold.went_on_at - 0.02)
            assert lost < 400, f"something was left out: {hold}, as loud as {lost:.0f}"


async def test_stop_silences_the_story_and_the_model_knows_what_was_heard(system: Stack):
    """I-4, I-6, R-2, R-3."""
    async with calling(system.url, "stop") as caller:
        await listens(caller)
        begun = await story_begins(caller)
        start, _ = await caller.say(corpus("s15"))
        await caller.until(lambda: "interrupted" in caller.agent_events(since=start))
        held_at = next(at for at, m in caller.told if at > start and "held" in str(m.get("payload")))
        assert held_at - start < 0.2 + 0.5
        loud_before = [at for at in caller.tape.loud_times(begun) if at < held_at + 0.6]
        await caller.until_heard(held_at + 0.6)
        await caller.until_silent(1.0)
        story = spoken(system.recordings, STORY)
        assert story.truncated_at_ms is not None
        heard_seconds = loud_before[-1] - begun
        assert story.truncated_at_ms / 1000 == pytest.approx(heard_seconds, abs=0.35)
        heard_words = [word["text"] for word in story.words if word["start_ms"] <= story.truncated_at_ms]
        line = next(line for line in caller.lines("agent") if line.startswith(STORY))
        assert abs(len(line.split()) - len(heard_words)) <= 1, (line, heard_words[-4:])
        assert len(line) < len(story.transcript) / 2


async def test_two_rooms_are_two_processes_and_one_may_die(system: Stack):
    """One room's process killed with -9 leaves the others talking."""
    import psutil

    def room_processes() -> set[int]:
        children = psutil.Process(system.worker.popen.pid).children(recursive=True)
        return {child.pid for child in children if any(c.laddr for c in child.net_connections(kind="udp"))}

    async with calling(system.url, "left") as left, calling(system.url, "right") as right:
        await listens(right)
        before = await asyncio.to_thread(room_processes)
        assert len(before) == 2
        await story_begins(left)
        room_of = {pid: " ".join(psutil.Process(pid).cmdline()) for pid in before}
        assert len(room_of) == 2
        start = time.monotonic()
        victim = process_of_room(system, "right", before)
        psutil.Process(victim).kill()
        await asyncio.sleep(2.0)
        assert left.tape.loud_times(start + 1.5), "the other room fell silent"
        assert victim not in await asyncio.to_thread(room_processes)


def process_of_room(system: Stack, room: str, pids: set[int]) -> int:
    """The worker's log names the process of each room."""
    found = re.findall(rf"\[{room}, process (\d+)\]", system.worker.printed())
    assert found, system.worker.printed()[-2000:]
    pid = int(found[-1])
    assert pid in pids
    return pid


async def test_the_simplest_client_is_one_http_request(system: Stack):
    async with connecting(system.url, "simple") as caller:
        start, _ = await caller.say(corpus("s01"))
        await caller.until_heard(start + 0.84)


async def test_typed_text_is_answered_by_voice(system: Stack):
    """M-8."""
    async with calling(system.url, "typed") as caller:
        await listens(caller)
        start = time.monotonic()
        await caller.type("What time is it?")
        await caller.until_heard(start)
        await caller.until_silent(1.0)
        assert clock_times(caller.lines("agent", since=start)[-1])
