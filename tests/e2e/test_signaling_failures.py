"""What a failure on the way to the room costs a conversation: where media goes on, the sound proves it.

Real processes are killed and stopped. The worker's own failures are in test_worker_failures.py.
"""

import asyncio
import os
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from signaling.auth import LEEWAY, mint
from signaling.claims import Claims, Grants
from signaling.messages import DEV_API_KEY, DEV_API_SECRET
from tests.support.alignment import align, halved, lags
from tests.support.caller import Caller, calling
from tests.support.recordings import spoken
from tests.support.stack import Process, Stack, running, stack, wait_ready, wait_worker
from tests.support.wav import corpus

STORY = "Once there was a lighthouse"

pytestmark = [pytest.mark.e2e, pytest.mark.failures, pytest.mark.timeout(180)]


@pytest.fixture
def system(tmp_path: Path) -> Iterator[Stack]:
    """A stack of one's own: its signaling server dies here."""
    with stack(tmp_path, agent="tests/support/agents/quiet.py") as own:
        yield own


async def begin_story(caller: Caller) -> float:
    await caller.until(lambda: caller.agent_states()[-1:] == ["listening"])
    _, end = await caller.say(corpus("s13"))
    begun = await caller.until_heard(end - 0.3)
    await asyncio.sleep(2.0)
    return begun


def assert_whole(caller: Caller, system: Stack, begun: float, recordings: Path | None = None) -> None:
    """All of the story that was heard since its beginning came once, in order and without a gap."""
    heard = halved(caller.tape.since(begun - 1.0))
    seconds = len(heard) / 24_000 - 3.0
    assert seconds > 5.0
    matches = align(spoken(recordings or system.recordings, STORY).samples[: int(24_000 * seconds)], heard)
    good = [match for match in matches if match.likeness > 0.8]
    assert len(good) >= 0.9 * len(matches), [(round(m.sent_at, 1), round(m.likeness, 2)) for m in matches]
    assert len(lags(matches)) == 1, lags(matches)


def restart(system: Stack, programs: ExitStack) -> Process:
    """Signaling again, on its old port."""
    port = urlsplit(system.url).port
    again = programs.enter_context(
        running("signaling-again", "signaling", "--port", str(port), "--dev", folder=system.folder)
    )
    wait_ready(f"{system.url}/readyz", again)
    return again


def agents_in(joined: dict) -> list[str]:
    return [each["identity"] for each in joined["participants"] if each["kind"] == "agent"]


async def test_signaling_is_killed_and_the_story_goes_on(system: Stack):
    with ExitStack() as programs:
        async with calling(system.url, "killed", returns=True) as caller:
            begun = await begin_story(caller)
            before = agents_in({"participants": [caller.agent]})
            os.killpg(system.signaling.popen.pid, signal.SIGKILL)
            await asyncio.sleep(2.0)
            back = time.monotonic()
            await asyncio.to_thread(restart, system, programs)
            await caller.until(lambda: caller.messages("joined", since=back), seconds=30)
            await asyncio.to_thread(wait_worker, system.url, system.worker)
            await asyncio.sleep(4.0)
            assert_whole(caller, system, begun)
            # The same agent, in the same connection: nobody offered anew, and no second one was sent.
            async with httpx.AsyncClient() as http:
                people = (await http.get(f"{system.url}/v1/rooms/killed/participants")).json()["participants"]
            assert [each["identity"] for each in people if each["kind"] == "agent"] == before
            assert not caller.messages("offer", since=back)
            asked = time.monotonic()
            await caller.type("Stop")
            await caller.until(lambda: "interrupted" in caller.agent_events(since=asked))


async def test_signaling_hangs_for_a_while_and_the_story_goes_on(system: Stack):
    async with calling(system.url, "hung", returns=True) as caller:
        begun = await begin_story(caller)
        os.killpg(system.signaling.popen.pid, signal.SIGSTOP)
        await asyncio.sleep(5.0)
        os.killpg(system.signaling.popen.pid, signal.SIGCONT)
        await asyncio.sleep(3.0)
        assert_whole(caller, system, begun)
        assert caller.agent_states()[-1] == "speaking"


async def test_signaling_hangs_for_longer_than_any_lease_and_the_agent_stays_the_only_one(system: Stack):
    """25 s: the lease of the worker and the time for coming back are over when it wakes up."""
    async with calling(system.url, "asleep", returns=True) as caller:
        begun = await begin_story(caller)
        before = caller.agent
        os.killpg(system.signaling.popen.pid, signal.SIGSTOP)
        await asyncio.sleep(25.0)
        # Beside the call: who computes for seconds sends no sound meanwhile.
        await asyncio.to_thread(assert_whole, caller, system, begun)
        woken = time.monotonic()
        os.killpg(system.signaling.popen.pid, signal.SIGCONT)
        await caller.until_silent(2.0)
        # Whoever was disconnected has come back, and a state is told again.
        _, end = await caller.say(corpus("s02"))
        await caller.until_heard(end - 0.3, seconds=40)
        await caller.until(lambda: caller.agent_states(since=woken)[-1:] == ["speaking"])
        assert caller.most_agents_at_once() == 1
        assert caller.agent == before


async def test_a_socket_is_cut_and_its_owner_resumes(system: Stack):
    async with calling(system.url, "cut", returns=True) as caller:
        begun = await begin_story(caller)
        assert caller.socket is not None
        cut = time.monotonic()
        caller.socket.transport.abort()
        (joined, *_) = await caller.until(lambda: caller.messages("joined", since=cut))
        assert joined["resumed"]
        await asyncio.sleep(6.0)
        assert_whole(caller, system, begun)
        sequence = [message["seq"] for _, message in caller.told if "seq" in message and message["t"] != "joined"]
        assert sequence == sorted(set(sequence)), "an event was lost, or came twice"


async def test_who_joins_twice_is_there_once(system: Stack):
    async with calling(system.url, "twice", identity="ann") as first:
        await first.until(lambda: first.agent)
        async with calling(system.url, "twice", identity="ann") as second:
            (left,) = await first.until(lambda: first.messages("leave"))
            assert (left["reason"], left["action"]) == ("duplicate_identity", "none")
            _, end = await second.say(corpus("s02"))
            await second.until_heard(end)
            async with httpx.AsyncClient() as http:
                people = (await http.get(f"{system.url}/v1/rooms/twice/participants")).json()["participants"]
            assert sorted(each["kind"] for each in people) == ["agent", "human"]


async def test_a_browser_that_is_killed_is_missed_within_seconds(system: Stack):
    """As kill -9 does it: no goodbye of any kind, to anybody."""

    async def nothing(_data: bytes) -> None:
        return

    async with calling(system.url, "gone") as caller:
        await begin_story(caller)
        caller.peer.getTransceivers()[0].sender.transport.transport._send = nothing
        killed = time.monotonic()
        await asyncio.to_thread(system.worker.wait_for, "no packets for 5 s", seconds=15)
        assert time.monotonic() - killed > 4.0


async def test_a_slow_reader_is_let_go_and_the_others_talk_on(system: Stack):
    """Nobody waits for one who takes nothing: at the limit of its queue it is told to come again (4508)."""
    async with calling(system.url, "slow") as caller:
        begun = await begin_story(caller)
        async with httpx.AsyncClient() as http:
            token = (await http.post(f"{system.url}/v1/token", json={"room": "slow"})).json()["token"]
        url = system.url.replace("http", "ws", 1) + "/v1/rtc"
        with running("slow", "tests.support.member", url, token, folder=system.folder) as slow:
            await asyncio.to_thread(slow.wait_for, "joined")
            slow.popen.send_signal(signal.SIGSTOP)
            for number in range(1200):
                await caller.send({"t": "data", "topic": "flood", "payload": f"{number:05}" + "x" * 14_000})
                await asyncio.sleep(0.025)
                if "slow_consumer" in system.signaling.printed():
                    break
            else:
                pytest.fail(f"it was never let go: {system.signaling.printed()[-2000:]}")
            slow.popen.send_signal(signal.SIGCONT)
            await asyncio.to_thread(slow.popen.wait, 20)
            # The reason may have to wait behind what it does not take, and it is cut off then.
            assert "closed" in slow.printed()
        assert_whole(caller, system, begun)


async def test_a_token_expires_during_the_call_and_the_call_goes_on(system: Stack):
    """It lets nobody in any more; who is in has a newer one, and comes back by that."""
    now = int(time.time())
    claims = Claims(
        iss=DEV_API_KEY,
        sub="ann",
        iat=now - 60,
        exp=now - LEEWAY + 10,
        room="expires",
        name="Ann",
        grants=Grants(join=True),
    )
    token = mint(claims, DEV_API_SECRET)
    async with calling(system.url, "expires", returns=True, token=token) as caller:
        begun = await begin_story(caller)
        await asyncio.sleep(max(0.0, claims.exp + LEEWAY + 1 - time.time()))
        url = system.url.replace("http", "ws", 1) + "/v1/rtc"
        with running("late", "tests.support.member", url, token, folder=system.folder) as late:
            await asyncio.to_thread(late.popen.wait, 30)
            assert late.printed() == "token_expired\nclosed 4401\n"
        assert caller.token != token
        assert caller.socket is not None
        assert not caller.messages("leave")
        cut = time.monotonic()
        caller.socket.transport.abort()
        (joined, *_) = await caller.until(lambda: caller.messages("joined", since=cut))
        assert joined["resumed"]
        await asyncio.sleep(3.0)
        assert_whole(caller, system, begun)
