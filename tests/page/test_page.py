"""A person at the page: they join, hear, speak, type, interrupt and leave, in a real browser."""

import base64
import re

import numpy as np
import pytest
from playwright.async_api import Page, expect

from tests.page.conftest import Server
from tests.page.expectations import agent_is, log, reaches
from tests.page.scripted_agent import RATE, ScriptedAgent, ScriptedWorker, until

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]


async def joined(page: Page, server: Server, worker: ScriptedWorker, room: str, query: str = "") -> ScriptedAgent:
    """The page in a room, connected to its agent."""
    await page.goto(f"{server.url}/?room={room}&autojoin=1{query}")
    agent = await worker.agent(room)
    await reaches(page, "connected")
    return agent


async def test_a_person_joins_by_name_and_both_hear_each_other(
    page: Page, server: Server, worker: ScriptedWorker, room: str
):
    await page.goto(f"{server.url}/?record=1")
    await expect(page.get_by_label("Room")).to_have_value(re.compile(r"^[a-z]+-[a-z]+-\d{3}$"))
    await page.get_by_label("Room").fill(f"  {room} ")
    await page.get_by_label("Your name").fill("Ada")
    await page.get_by_role("button", name="Join").click()
    agent = await worker.agent(room)
    await reaches(page, "connected")
    await agent_is(page, "listening")
    await expect(page.locator("#room-shown")).to_have_text(room)
    assert f"room={room}" in page.url

    await until(lambda: max(agent.hears, default=0.0) > 0.01)
    await expect(page.locator("#level-agent")).not_to_have_attribute("aria-valuenow", "0")
    await expect(page.locator("#level-me")).not_to_have_attribute("aria-valuenow", "0")
    await page.wait_for_timeout(1500)
    assert strongest(await heard(page)) == pytest.approx(440, abs=5)


async def heard(page: Page) -> np.ndarray:
    """The last second that the page recorded of the agent."""
    recording = await page.evaluate("import('/heard.js').then(({ heard }) => heard())")
    assert recording["rate"] == RATE
    pieces = [np.frombuffer(base64.b64decode(chunk["base64"]), "<f4") for chunk in recording["chunks"]]
    return np.concatenate(pieces)[-RATE:]


def strongest(samples: np.ndarray) -> float:
    """The loudest frequency in hertz."""
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return float(np.argmax(spectrum) * RATE / len(samples))


async def test_what_is_said_stands_in_the_order_in_which_it_began(
    page: Page, server: Server, worker: ScriptedWorker, room: str
):
    agent = await joined(page, server, worker, room)
    me = agent.messages("offer")[0]["from"]
    await agent.begin("agent", "a1")
    await agent.write("a1", "Hello, ")
    await agent.write("a1", "I am here.")
    await agent.end("a1")
    # The turn has begun, its words come after the answer's first ones.
    await agent.begin("user", "u1", identity=me)
    pending = page.locator('#log > li[data-segment="u1"]')
    await expect(pending.locator(".dots")).to_be_visible()
    await agent.begin("agent", "a2")
    await agent.write("a2", "It is noon.")
    await agent.write("u1", "What time is it?")
    await agent.end("u1")
    await expect(pending).to_have_attribute("data-role", "user")
    await expect(page.locator("#log > li")).to_have_count(3)
    assert await log(page) == ["Assistant: Hello, I am here.", "You: What time is it?", "Assistant: It is noon."]
    # A line is read out when it is whole.
    busy = [await page.locator("#log > li").nth(i).get_attribute("aria-busy") for i in range(3)]
    assert busy == ["false", "false", "true"]


async def test_a_turn_without_words_goes_away(page: Page, server: Server, worker: ScriptedWorker, room: str):
    agent = await joined(page, server, worker, room)
    await agent.begin("user", "cough", identity=agent.messages("offer")[0]["from"])
    await expect(page.locator("#log > li")).to_have_count(1)
    await agent.end("cough")
    await expect(page.locator("#log > li")).to_have_count(0)
    await expect(page.locator("#empty")).to_be_visible()


async def test_a_pause_and_an_interruption_stand_where_they_happened(
    page: Page, server: Server, worker: ScriptedWorker, room: str
):
    agent = await joined(page, server, worker, room)
    await agent.be("speaking")
    await agent.begin("agent", "story")
    await agent.write("story", "There was once a king")
    await agent_is(page, "speaking")
    await agent.be("speaking", held=True)
    await agent.tell("held")
    line = page.locator('#log > li[data-segment="story"]')
    await expect(line.locator('[data-kind="held"]')).to_have_text("paused")
    await agent_is(page, "held")
    await expect(page.locator("#state-word")).to_have_text("Paused")

    await agent.be("speaking")
    await agent.tell("resumed", held_seconds=1.25)
    await agent.write("story", " who had a")
    await expect(line.locator('[data-kind="resumed"]')).to_have_text("paused 1.3 s and went on")
    await expect(line.locator('[data-kind="held"]')).to_have_count(0)

    await agent.tell("held")
    await agent.tell("interrupted", held_seconds=0.6)
    await agent.end("story", interrupted="true")
    await expect(line.locator('[data-kind="interrupted"]')).to_have_count(1)
    assert await log(page) == [
        "Assistant: There was once a king paused 1.3 s and went on who had a you interrupted here"
    ]


async def test_a_tool_is_a_small_note_with_a_fold(page: Page, server: Server, worker: ScriptedWorker, room: str):
    agent = await joined(page, server, worker, room)
    await agent.tell("tool", name="get_time", arguments='{"zone": "Paris"}', output="It is 14:05.")
    note = page.locator('#log > li[data-kind="tool"]')
    await expect(note).to_contain_text("Used get_time")
    await expect(note).to_contain_text("It is 14:05.")
    await expect(note.get_by_text('{"zone": "Paris"}')).to_be_hidden()
    await note.locator("summary").focus()
    await page.keyboard.press("Enter")
    await expect(note.get_by_text('{"zone": "Paris"}')).to_be_visible()


async def test_markup_in_a_transcript_stays_text(page: Page, server: Server, worker: ScriptedWorker, room: str):
    agent = await joined(page, server, worker, room)
    hostile = "<img src=x onerror=alert(1)><b>bold</b>"
    await agent.begin("agent", "a1")
    await agent.write("a1", hostile)
    await agent.tell("tool", name=hostile, output=hostile)
    await agent.tell("error", message=hostile)
    await expect(page.locator("#log > li")).to_have_count(3)
    assert await page.locator("#log img, #log b").count() == 0
    assert (await log(page))[0] == f"Assistant: {hostile}"


async def test_typed_text_reaches_the_agent_and_stands_in_the_log_at_once(
    page: Page, server: Server, worker: ScriptedWorker, room: str
):
    agent = await joined(page, server, worker, room)
    await page.get_by_label("Type instead of speaking").fill("Tell me a joke")
    await page.keyboard.press("Enter")
    assert await log(page) == ["You: Tell me a joke"]
    await expect(page.locator("#text")).to_have_value("")
    await until(lambda: agent.typed() == ["Tell me a joke"])


async def test_muting_silences_the_microphone_and_unmuting_brings_it_back(
    page: Page, server: Server, worker: ScriptedWorker, room: str
):
    agent = await joined(page, server, worker, room)
    await until(lambda: max(agent.hears, default=0.0) > 0.01)
    await page.get_by_role("button", name="Mute").click()
    await expect(page.locator("#state-hint")).to_have_text("You are muted.")
    await page.wait_for_timeout(500)
    agent.hears.clear()
    await until(lambda: len(agent.hears) == 50)
    assert max(agent.hears) < 0.001
    await page.get_by_role("button", name="Unmute").click()
    await until(lambda: max(agent.hears) > 0.01)


async def test_another_microphone_is_taken_without_a_new_connection(
    page: Page, server: Server, worker: ScriptedWorker, room: str
):
    agent = await joined(page, server, worker, room)
    await page.locator("#device-call").select_option(label="Fake Audio Input 2")
    await page.wait_for_timeout(500)
    agent.hears.clear()
    await until(lambda: max(agent.hears, default=0.0) > 0.01)
    assert len(agent.messages("offer")) == 1
    await page.reload()
    await reaches(page, "connected")
    chosen = await page.locator("#device-call").evaluate("(select) => select.selectedOptions[0].label")
    assert chosen == "Fake Audio Input 2"


async def test_leaving_tells_the_room_and_stops_the_microphone(
    page: Page, server: Server, worker: ScriptedWorker, room: str
):
    agent = await joined(page, server, worker, room)
    await page.get_by_role("button", name="Leave").click()
    await reaches(page, "idle")
    await agent_is(page, "idle")
    await until(lambda: [peer.connectionState for peer in agent.peers.values()] == ["closed"])
    await expect(page.get_by_role("button", name="Join")).to_be_focused()
    await page.get_by_role("button", name="Join").click()
    await reaches(page, "connected")


async def test_a_reload_comes_back_as_the_same_person_with_a_newer_connection(
    page: Page, server: Server, worker: ScriptedWorker, room: str
):
    agent = await joined(page, server, worker, room)
    await page.reload()
    await reaches(page, "connected")
    first, second = await until(lambda: agent.messages("offer")[:2] if len(agent.messages("offer")) > 1 else None)
    assert first["from"] == second["from"]
    assert second["gen"] > first["gen"]
