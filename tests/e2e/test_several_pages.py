"""Three people at three Chromiums and an agent in one room: all hear each other, also while the server is away."""

import asyncio
import base64
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import psutil
import pytest
import pytest_asyncio
from playwright.async_api import Page, expect

from agent_worker.audio import Samples, silence
from tests.page.chromium import chromium
from tests.page.expectations import log, reaches
from tests.page.peers import RECEIVED, SEEN
from tests.support.alignment import PIECE, find, halved
from tests.support.recordings import spoken
from tests.support.stack import Stack, running, stack, wait_ready
from tests.support.wav import corpus, save

pytestmark = [
    pytest.mark.failures,
    pytest.mark.e2e,
    pytest.mark.browser,
    pytest.mark.timeout(300),
    pytest.mark.asyncio(loop_scope="module"),
]

RATE = 48_000


@dataclass(frozen=True)
class Person:
    """Somebody at a page, who says the same again and again.

    Attributes:
        says: The name of a WAV of the corpus.
        period: Seconds from one time to the next: of several people, primes meet seldom.
        shown: What the others read of it.
        answer: How the agent's answer begins.
    """

    says: str
    period: float
    shown: str
    answer: str


PEOPLE = {
    "Ada": Person("s28", 13.0, "what is seven plus five", "That makes 12"),
    "Bob": Person("s02", 19.0, "what time is it", "It is"),
    "Cem": Person("s19", 23.0, "actually", ""),
}
OTHERS = len(PEOPLE)
"""Connections of each page: to the other people, and to the agent."""


@dataclass
class Meeting:
    """Everybody at their pages, and what the system recorded."""

    system: Stack
    pages: dict[str, Page]
    microphones: dict[str, Path]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def meeting(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Meeting]:
    folder = tmp_path_factory.mktemp("pages")
    async with AsyncExitStack() as programs:
        system = programs.enter_context(stack(folder, agent="tests/support/agents/everybody.py"))
        pages: dict[str, Page] = {}
        microphones = {name: folder / f"{name}.wav" for name in PEOPLE}
        for name, person in PEOPLE.items():
            sound = silence(round(person.period * RATE))
            said = corpus(person.says)
            sound[-len(said) :] = said
            save(microphones[name], sound, RATE)
            browser = await programs.enter_async_context(chromium(microphone=microphones[name]))
            page = pages[name] = await browser.new_page()
            await page.add_init_script(f"({SEEN})()")
            await page.goto(f"{system.url}/?room=meeting&name={name}&autojoin=1&raw=1&record=1")
            await reaches(page, "connected", seconds=40)
        for page in pages.values():
            all_of_them = f"async () => (await ({RECEIVED})()).filter((count) => count > 0).length === {OTHERS}"
            await page.wait_for_function(all_of_them, polling=200, timeout=30_000)
        yield Meeting(system, pages, microphones)


async def shows(page: Page, *pieces: str) -> None:
    """Each of these comes to stand in a line of the conversation."""
    seen: list[str] = []
    try:
        async with asyncio.timeout(120):
            while not all(any(piece in line for line in seen) for piece in pieces):
                await asyncio.sleep(0.2)
                seen = await log(page)
    except TimeoutError:
        missing = [piece for piece in pieces if not any(piece in line for line in seen)]
        pytest.fail(f"{missing} never stood among {seen}")


async def test_the_agent_answers_each_by_name_and_all_hear_each_other(meeting: Meeting):
    answers = [f"{name}: {person.answer}" for name, person in PEOPLE.items()]
    for own, page in meeting.pages.items():
        said = [f"{'You' if name == own else name}: {person.shown}" for name, person in PEOPLE.items()]
        await shows(page, *said, *answers)
    # Now nobody interrupts the agent any more.
    for page in meeting.pages.values():
        await page.get_by_role("button", name="Mute").click()
    await meeting.pages["Ada"].get_by_label("Type instead of speaking").fill("What is nine plus five?")
    await meeting.pages["Ada"].keyboard.press("Enter")
    for page in meeting.pages.values():
        await shows(page, "Ada: That makes 14")
    # The words stand there before they are spoken to their end.
    await asyncio.sleep(4)
    answer = spoken(meeting.system.recordings, "That makes 14").samples
    for own, page in meeting.pages.items():
        sound = halved(await heard(page))
        # Nobody hears themselves, and each says something else.
        for name in PEOPLE.keys() - {own}:
            await asyncio.to_thread(assert_heard, halved(corpus(PEOPLE[name].says)), sound)
        await asyncio.to_thread(assert_heard, answer, sound)
        await page.get_by_role("button", name="Unmute").click()


def assert_heard(said: Samples, sound: Samples) -> None:
    """Most of what was said was heard once at least; others may have spoken at the same time at other times."""
    whole, recording = thinned(said), thinned(sound)
    size = PIECE // 3
    pieces = [whole[start : start + size] for start in range(0, len(whole) - size, size)]
    loud = sorted(pieces, key=lambda piece: -float(np.mean(piece**2)))[:6]
    likeness = [find(piece, recording)[1] for piece in loud]
    # What was not said is as like as this in one or two of six pieces, where words are the same.
    assert sum(each > 0.75 for each in likeness) >= 4, likeness


def thinned(samples: Samples) -> npt.NDArray[np.float64]:
    """24 kHz to 8 kHz: enough for finding it, and quick."""
    return samples[: len(samples) // 3 * 3].reshape(-1, 3).mean(axis=1)


async def heard(page: Page) -> Samples:
    """All that the page recorded: mono at 48 kHz, gaps left out."""
    recording = await page.evaluate("import('/heard.js').then(({ heard }) => heard())")
    pieces = [np.frombuffer(base64.b64decode(chunk["base64"]), "<f4") for chunk in recording["chunks"]]
    return np.clip(np.concatenate(pieces) * 32767, -32768, 32767).astype(np.int16)


async def received_more(pages: Iterable[Page], count: int, seconds: float = 2.0) -> None:
    """Each page goes on to hear so many voices: most of their packets come."""
    first = [await page.evaluate(RECEIVED) for page in pages]
    await asyncio.sleep(seconds)
    second = [await page.evaluate(RECEIVED) for page in pages]
    for earlier, later in zip(first, second, strict=True):
        more = [after - before for before, after in zip(earlier, later, strict=True)]
        assert sum(packets > 12 * seconds for packets in more) == count, more


async def test_the_sound_goes_on_while_the_server_is_away_and_all_join_again(meeting: Meeting):
    system, pages = meeting.system, meeting.pages
    before = {name: await page.evaluate("peers.length") for name, page in pages.items()}
    lines = await log(pages["Ada"])
    system.signaling.popen.kill()
    for page in pages.values():
        await reaches(page, "reconnecting")
    await received_more(pages.values(), OTHERS)

    port = system.url.rsplit(":", 1)[1]
    with running("again", "signaling", "--port", port, "--dev", folder=system.folder) as process:
        wait_ready(f"{system.url}/readyz", process)
        for own, page in pages.items():
            await reaches(page, "connected", seconds=40)
            for name in PEOPLE.keys() - {own}:
                await expect(page.locator("#people li").filter(has_text=name)).not_to_contain_text("reconnecting")
        # The last lines were still being said.
        assert (await log(pages["Ada"]))[: len(lines) - 2] == lines[:-2]
        # Nothing was built anew, and the conversation goes on.
        assert {name: await page.evaluate("peers.length") for name, page in pages.items()} == before
        await a_new_line(pages["Ada"], len(lines), "That makes 12")

        await a_browser_is_killed_and_the_others_talk_on(meeting)


async def a_browser_is_killed_and_the_others_talk_on(meeting: Meeting) -> None:
    """kill -9, and so no goodbye: the one is shown as away, and then as gone; nobody else hears anything of it."""
    pages = {name: page for name, page in meeting.pages.items() if name != "Cem"}
    lines = len(await log(pages["Bob"]))
    kill_browser(meeting.microphones["Cem"])
    for page in pages.values():
        await expect(page.locator("#people li").filter(has_text="Cem")).to_contain_text("reconnecting")
    await received_more(pages.values(), OTHERS - 1)
    for page in pages.values():
        await expect(page.locator("#people li").filter(has_text="Cem")).to_have_count(0, timeout=40_000)
    await a_new_line(pages["Bob"], lines, "Ada: That makes 12")
    await received_more(pages.values(), OTHERS - 1)


def kill_browser(microphone: Path) -> None:
    """Every process of the Chromium that has this microphone."""
    found: list[psutil.Process] = []
    for each in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):  # of those that have just ended
            if any(str(microphone) in word for word in each.cmdline()):
                found.append(each)
    assert found
    for process in found:
        process.kill()


async def a_new_line(page: Page, known: int, piece: str) -> None:
    """One that has the piece comes after so many lines."""
    async with asyncio.timeout(60):
        while not any(piece in line for line in (await log(page))[known:]):
            await asyncio.sleep(0.2)
