"""Two people at two Chromiums and an agent in one room: all hear each other, also while the server is away."""

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass

import numpy as np
import pytest
import pytest_asyncio
from playwright.async_api import Page, expect

from agent_worker.audio import Samples, silence
from tests.page.chromium import chromium
from tests.page.expectations import log, reaches
from tests.support.alignment import PIECE, find, halved
from tests.support.recordings import spoken
from tests.support.stack import Stack, running, stack, wait_ready
from tests.support.wav import corpus, save

pytestmark = [
    pytest.mark.failures,
    pytest.mark.e2e,
    pytest.mark.browser,
    pytest.mark.timeout(240),
    pytest.mark.asyncio(loop_scope="module"),
]

RATE = 48_000
QUESTION = "s28"
# Each asks again and again, and with such periods not always when the other does.
PERIODS = {"Ada": 11.0, "Bob": 14.5}
SEEN = """() => {
  window.peers = [];
  const Original = RTCPeerConnection;
  window.RTCPeerConnection = class extends Original {
    constructor(...given) {
      super(...given);
      window.peers.push(this);
    }
  };
}"""
RECEIVED = """async () => {
  const live = peers.filter((peer) => peer.connectionState === "connected");
  const counts = await Promise.all(live.map(async (peer) =>
    [...(await peer.getStats()).values()].find(({ type }) => type === "inbound-rtp")?.packetsReceived ?? 0));
  return counts;
}"""


@dataclass
class Meeting:
    """Ada and Bob at their pages, and what the system recorded."""

    system: Stack
    ada: Page
    bob: Page


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def meeting(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Meeting]:
    folder = tmp_path_factory.mktemp("two-pages")
    async with AsyncExitStack() as programs:
        system = programs.enter_context(stack(folder, agent="tests/support/agents/everybody.py"))
        pages: list[Page] = []
        for name, period in PERIODS.items():
            wav = folder / f"{name}.wav"
            sound = silence(round(period * RATE))
            asked = corpus(QUESTION)
            sound[-len(asked) :] = asked
            save(wav, sound, RATE)
            browser = await programs.enter_async_context(chromium(microphone=wav))
            page = await browser.new_page()
            await page.add_init_script(f"({SEEN})()")
            await page.goto(f"{system.url}/?room=meeting&name={name}&autojoin=1&raw=1&record=1")
            await reaches(page, "connected", seconds=40)
            pages.append(page)
        for page in pages:
            both = f"async () => (await ({RECEIVED})()).filter((count) => count > 0).length === 2"
            await page.wait_for_function(both, polling=200, timeout=30_000)
        yield Meeting(system, *pages)


async def shows(page: Page, *pieces: str) -> None:
    """Each of these comes to stand in a line of the conversation."""
    async with asyncio.timeout(60):
        seen = await log(page)
        while not all(any(piece in line for line in seen) for piece in pieces):
            await asyncio.sleep(0.2)
            seen = await log(page)


async def test_the_agent_answers_both_by_name_and_each_hears_the_other(meeting: Meeting):
    ada, bob = meeting.ada, meeting.bob
    answers = [f"{name}: That makes 12" for name in PERIODS]
    await shows(ada, "You: what is seven plus five", "Bob: what is seven plus five", *answers)
    await shows(bob, "You: what is seven plus five", "Ada: what is seven plus five", *answers)
    # Now nobody interrupts the agent any more.
    for page in (ada, bob):
        await page.get_by_role("button", name="Mute").click()
    await ada.get_by_label("Type instead of speaking").fill("What is nine plus five?")
    await ada.keyboard.press("Enter")
    await shows(bob, "Ada: That makes 14")
    # The words stand there before they are spoken to their end.
    await asyncio.sleep(4)
    for page in (ada, bob):
        sound = halved(await heard(page))
        # Neither hears themselves, so this is the other one.
        assert_heard(halved(corpus(QUESTION)), sound)
        assert_heard(spoken(meeting.system.recordings, "That makes 14").samples, sound)
        await page.get_by_role("button", name="Unmute").click()


def assert_heard(said: Samples, sound: Samples) -> None:
    """Most of what was said was heard once at least; others may have spoken at the same time at other times."""
    whole, recording = said.astype(np.float64), sound.astype(np.float64)
    pieces = [whole[start : start + PIECE] for start in range(0, len(whole) - PIECE, PIECE)]
    loud = [piece for piece in pieces if np.sqrt(np.mean(piece**2)) > 300]
    likeness = [find(piece, recording)[1] for piece in loud]
    assert np.mean(np.array(likeness) > 0.7) >= 0.7, likeness


async def heard(page: Page) -> Samples:
    """All that the page recorded: mono at 48 kHz, gaps left out."""
    recording = await page.evaluate("import('/heard.js').then(({ heard }) => heard())")
    pieces = [np.frombuffer(base64.b64decode(chunk["base64"]), "<f4") for chunk in recording["chunks"]]
    return np.clip(np.concatenate(pieces) * 32767, -32768, 32767).astype(np.int16)


async def test_the_sound_goes_on_while_the_server_is_away_and_both_join_again(meeting: Meeting):
    system, pages = meeting.system, (meeting.ada, meeting.bob)
    before = [await page.evaluate("peers.length") for page in pages]
    lines = await log(meeting.ada)
    system.signaling.popen.kill()
    for page in pages:
        await reaches(page, "reconnecting")
    first = [await page.evaluate(RECEIVED) for page in pages]
    await asyncio.sleep(2)
    second = [await page.evaluate(RECEIVED) for page in pages]
    for earlier, later in zip(first, second, strict=True):
        assert len(earlier) == len(later) == 2
        assert all(after > count + 25 for count, after in zip(earlier, later, strict=True)), (earlier, later)

    port = system.url.rsplit(":", 1)[1]
    with running("again", "signaling", "--port", port, "--dev", folder=system.folder) as process:
        wait_ready(f"{system.url}/readyz", process)
        for page, other in zip(pages, ("Bob", "Ada"), strict=True):
            await reaches(page, "connected", seconds=40)
            await expect(page.locator("#people li").filter(has_text=other)).not_to_contain_text("reconnecting")
        # The last lines were still being said.
        assert (await log(meeting.ada))[: len(lines) - 2] == lines[:-2]
        # Nothing was built anew, and the conversation goes on.
        assert [await page.evaluate("peers.length") for page in pages] == before
        async with asyncio.timeout(60):
            while not any("That makes 12" in line for line in (await log(meeting.ada))[len(lines) :]):
                await asyncio.sleep(0.2)
