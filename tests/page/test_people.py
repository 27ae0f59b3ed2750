"""Several people in one room: they see and hear each other, and each knows who said what."""

import re
import time
from contextlib import AsyncExitStack
from typing import Any

import pytest
from aiortc import RTCConfiguration, RTCPeerConnection
from playwright.async_api import Browser, Locator, Page, expect

from agent_worker.rooms.ice import OfferedAddresses, offer_addresses
from signaling.auth import mint
from signaling.claims import Claims, Grants
from signaling.messages import DEV_API_KEY, DEV_API_SECRET
from tests.page.conftest import Complaints, Server
from tests.page.expectations import log, notice, reaches
from tests.page.guests import guest
from tests.page.peers import SEEN
from tests.page.scripted_agent import ScriptedAgent, ScriptedWorker, until

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]


async def enters(
    stack: AsyncExitStack, browser: Browser, complaints: Complaints, address: str, name: str, query: str = ""
) -> Page:
    """One more person at a page of their own."""
    page = await (await stack.enter_async_context(await browser.new_context())).new_page()
    complaints.watch(page)
    await page.add_init_script(f"({SEEN})()")
    await page.goto(f"{address}&name={name}&autojoin=1{query}")
    await reaches(page, "connected")
    return page


def person(page: Page, name: str) -> Locator:
    """Somebody in the list of who is here."""
    return page.locator("#people li").filter(has=page.locator(".person-name", has_text=re.compile(f"^{name}$")))


async def audible(page: Page, count: int) -> None:
    """So many voices arrive and are played, each of them louder than silence."""
    await page.wait_for_function(
        """async (count) => {
          const live = peers.filter((peer) => peer.connectionState === "connected");
          const reports = await Promise.all(live.map((peer) => peer.getStats()));
          const loud = reports.filter((report) =>
            [...report.values()].some((each) => each.type === "inbound-rtp" && each.totalAudioEnergy > 1e-5));
          return loud.length === count && document.querySelectorAll("#voices audio").length === count;
        }""",
        arg=count,
        polling=200,
        timeout=20_000,
    )


async def test_two_pages_and_an_agent_hear_each_other(
    browser: Browser, complaints: Complaints, server: Server, worker: ScriptedWorker, room: str
):
    async with AsyncExitStack() as stack:
        address = f"{server.url}/?room={room}"
        ada = await enters(stack, browser, complaints, address, "Ada")
        bob = await enters(stack, browser, complaints, address, "Bob")
        agent = await worker.agent(room)
        await audible(ada, 2)
        await audible(bob, 2)
        await expect(person(ada, "Bob")).to_be_visible()
        await expect(person(bob, "Ada")).to_be_visible()
        await expect(person(bob, "You")).to_be_visible()
        await expect(person(bob, "Assistant")).to_contain_text("listening")
        await expect(bob.locator("#companions")).to_have_text("1 other person")
        # Chromium's own microphone beeps each second.
        await expect(person(ada, "Bob")).to_contain_text("speaking")

        await bob.get_by_role("button", name="Mute").click()
        await expect(person(ada, "Bob")).to_contain_text("muted")
        await expect(person(bob, "You")).to_contain_text("muted")

        await tells_who_speaks(ada, bob, agent)

        # One connection breaks: the two build it anew, and the agent's goes on.
        await ada.evaluate("peers.at(-1).close()")
        await until_rebuilt(ada, 3)
        await expect(person(bob, "Ada")).not_to_contain_text("connecting", timeout=15_000)
        await bob.get_by_role("button", name="Unmute").click()
        await audible(ada, 2)
        await audible(bob, 2)
        assert len(agent.messages("offer")) == 2

        # Who reloads is a newcomer, and offers to those who are there.
        await bob.reload()
        await audible(bob, 2)
        await audible(ada, 2)
        await bob.get_by_role("button", name="Leave").click()
        await expect(person(ada, "Bob")).to_have_count(0)
        await audible(ada, 1)
        await expect(ada.locator("#people")).to_be_hidden()


async def until_rebuilt(page: Page, count: int) -> None:
    await page.wait_for_function(
        "(count) => peers.length >= count && peers.at(-1).connectionState === 'connected'", arg=count, timeout=20_000
    )


async def tells_who_speaks(ada: Page, bob: Page, agent: ScriptedAgent) -> None:
    """The same lines under the right names on both pages."""
    first, second = [message["from"] for message in agent.messages("offer")]
    await agent.begin("user", "u1", identity=first)
    await agent.write("u1", "What time is it?")
    await agent.end("u1")
    await agent.begin("agent", "a1")
    await agent.write("a1", "Ada, it is noon and")
    await agent.tell("held")
    await agent.tell("interrupted", held_seconds=0.6, identity=second)
    await agent.end("a1", interrupted="true")
    await agent.begin("user", "u2", identity=second)
    await agent.write("u2", "And for me?")
    await agent.end("u2")
    # His own words stand on his page at once, those of others when they have come.
    await expect(bob.locator("#log > li")).to_have_count(3)
    await bob.get_by_label("Type instead of speaking").fill("In writing, too")
    await bob.keyboard.press("Enter")
    await expect(ada.locator("#log > li")).to_have_count(5)
    assert await log(ada) == [
        "Bob joined",
        "You: What time is it?",
        "Assistant: Ada, it is noon and Bob interrupted here",
        "Bob: And for me?",
        "Bob: In writing, too",
    ]
    assert await log(bob) == [
        "Ada: What time is it?",
        "Assistant: Ada, it is noon and you interrupted here",
        "You: And for me?",
        "You: In writing, too",
    ]


async def test_of_two_offers_that_cross_one_holds(page: Page, server: Server, worker: ScriptedWorker, room: str):
    """Who has the smaller identity gives way; what is of an earlier generation is dropped."""
    async with guest(server.url, room, "zoe") as zoe, guest(server.url, room, "abe") as abe:
        await page.goto(f"{server.url}/?room={room}&autojoin=1")
        await reaches(page, "connected")
        offers = [(await until(lambda who=who: who.messages("offer")))[0] for who in (zoe, abe)]
        peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        peer.addTransceiver("audio")
        with offer_addresses(OfferedAddresses.LOOPBACK):
            await peer.setLocalDescription(await peer.createOffer())
        sdp = peer.localDescription.sdp
        for who, offer in zip((zoe, abe), offers, strict=True):
            await who.send(t="offer", to=offer["from"], pc="main", gen=offer["gen"], sdp=sdp)
        answer = (await until(lambda: zoe.messages("answer")))[0]
        assert answer["gen"] == offers[0]["gen"]
        # Whoever was answered could tell by now.
        assert abe.messages("answer") == []
        await abe.send(t="offer", to=offers[1]["from"], pc="main", gen=offers[1]["gen"] + 5, sdp=sdp)
        assert (await until(lambda: abe.messages("answer")))[0]["gen"] == offers[1]["gen"] + 5
        await peer.close()


async def test_more_people_than_can_hear_each_other_are_told_so(
    page: Page, server: Server, worker: ScriptedWorker, room: str
):
    async with AsyncExitStack() as stack:
        people = [
            await stack.enter_async_context(guest(server.url, room, f"guest-{n}", name=f"Guest {n}"))
            for n in range(6)
        ]
        await page.goto(f"{server.url}/?room={room}&autojoin=1")
        await reaches(page, "connected")
        await expect(notice(page, "mesh_full")).to_contain_text("Guest 0, Guest 1")
        await expect(notice(page, "mesh_full")).to_have_role("status")
        await expect(person(page, "Guest 5")).to_contain_text("too many to hear")
        assert [one.messages("offer") for one in people] == [[]] * 6
        await people[0].leave()
        await expect(notice(page, "mesh_full")).to_have_count(0)
        for one in people[1:]:
            await until(lambda one=one: one.messages("offer"))


async def test_a_moderator_mutes_and_asks_and_removes(page: Page, server: Server, worker: ScriptedWorker, room: str):
    async with guest(server.url, room, "mona", name="Mona", admin=True) as mona:
        await page.goto(f"{server.url}/?room={room}&autojoin=1")
        agent = await worker.agent(room)
        await reaches(page, "connected")
        me = agent.messages("offer")[0]["from"]
        tracks = await until(
            lambda: [m["participant"]["tracks"] for m in mona.messages("participant") if m["participant"]["tracks"]]
        )
        assert tracks[0][0]["source"] == "mic"
        await until(lambda: max(agent.hears, default=0.0) > 0.01)

        await mona.send(t="moderate", op="mute", identity=me)
        await expect(notice(page, "muted_by_moderator")).to_contain_text("You were muted")
        await expect(page.locator("#mute-label")).to_have_text("Unmute")
        await page.wait_for_timeout(300)
        agent.hears.clear()
        await until(lambda: len(agent.hears) == 50)
        assert max(agent.hears) < 0.001

        await mona.send(t="moderate", op="mute", identity=me, muted=False)
        await expect(notice(page, "asked_to_unmute")).to_be_visible()
        await expect(page.locator("#mute-label")).to_have_text("Unmute")
        await page.locator(".notice").get_by_role("button", name="Unmute").click()
        await expect(page.locator(".notice")).to_have_count(0)
        await until(lambda: max(agent.hears) > 0.01)

        await mona.type("Please be brief")
        await expect(page.locator("#log > li")).to_contain_text("Please be brief")
        assert await log(page) == ["Mona: Please be brief"]

        await mona.send(t="moderate", op="remove", identity=me)
        await reaches(page, "failed")
        await expect(notice(page, "removed")).to_be_visible()
        await expect(page.locator("#voices audio")).to_have_count(0)


def told_by_agent(identity: str) -> dict[str, Any]:
    """A part of what an agent answers to agent.statistics."""
    packets = {"received": 1000, "lost": 0, "concealed": 0, "late": 0, "jitter": 0.002, "lag": 0.005}
    voice = {"packets": packets, "level": -31.0, "queued": 1}
    return {
        "playout": {"buffered_seconds": 2.5},
        "room": {"humans": {identity: {"transport": {"round_trip": 0.03}, "voice": voice}}},
    }


async def test_only_who_rules_the_room_can_mute_and_remove_on_the_page(
    page: Page, server: Server, worker: ScriptedWorker, room: str
):
    async with (
        guest(server.url, room, "bob", name="Bob") as bob,
        guest(server.url, room, "eve", name="Eve") as eve,
    ):
        await bob.send(t="track", op="publish", track={"id": "m", "kind": "audio", "source": "mic", "muted": False})
        await page.goto(f"{server.url}/?room={room}&autojoin=1")
        await reaches(page, "connected")
        await expect(person(page, "Bob")).to_be_visible()
        await expect(page.locator("#people button")).to_have_count(0)
        await page.goto("about:blank")

        claims = Claims(
            iss=DEV_API_KEY,
            sub="mona",
            exp=int(time.time()) + 60,
            room=room,
            name="Mona",
            agent=None,
            grants=Grants(join=True, admin=True),
        )
        await page.goto(f"{server.url}/?autojoin=1#token={mint(claims, DEV_API_SECRET)}")
        await reaches(page, "connected")
        # Whoever has no microphone cannot be muted.
        await expect(page.get_by_role("button", name="Mute Eve")).to_have_count(0)
        await page.get_by_role("button", name="Mute Bob").click()
        await until(lambda: muted(bob.messages("participant"), "bob") is True)
        await page.get_by_role("button", name="Ask Bob to speak").click()
        await until(lambda: muted(bob.messages("participant"), "bob") is False)

        await page.get_by_role("button", name="Remove Eve from the room").click()
        await expect(page.get_by_role("button", name="Really remove Eve? Press again")).to_be_focused()
        assert eve.messages("leave") == []
        await page.keyboard.press("Enter")
        await until(lambda: [each["reason"] for each in eve.messages("leave")] == ["removed"])
        await expect(person(page, "Eve")).to_have_count(0)
        await expect(person(page, "Bob")).to_be_visible()


def muted(told: list[Any], identity: str) -> bool | None:
    """Whether the microphone of somebody is muted, as it was told last."""
    own = [each["participant"] for each in told if each["participant"]["identity"] == identity]
    return own[-1]["tracks"][0]["muted"] if own else None


async def test_details_tell_how_it_sounds_and_what_the_agent_did(
    page: Page, server: Server, worker: ScriptedWorker, room: str
):
    await page.goto(f"{server.url}/?room={room}&autojoin=1")
    agent = await worker.agent(room)
    await reaches(page, "connected")
    await agent.tell("held")
    await agent.tell("resumed", held_seconds=1.25)
    await agent.be("thinking")
    await page.locator("#details-summary").focus()
    await page.keyboard.press("Enter")
    row = page.get_by_role("row", name=re.compile("^Assistant"))
    await expect(row).to_contain_text(re.compile(r"\d+ ± \d+ ms\d+\.\d %\d+\.\d %-\d+ dBdirect"))
    await expect(page.locator("#details-heard")).to_contain_text("The agent tells nothing of it.")
    me = agent.messages("offer")[0]["from"]
    agent.statistics = told_by_agent(me)
    # Refreshed by itself while the panel is open.
    await expect(page.locator("#details-heard tbody tr")).to_have_text("You40 ± 2 ms0.0 %0.0 %-31 dB0.0 %")
    await expect(page.locator("#details-voice")).to_contain_text("Still to be said2.5 s")
    agent.statistics["playout"]["buffered_seconds"] = 0.0
    await expect(page.locator("#details-voice")).to_contain_text("Still to be said0.0 s")
    events = page.locator("#details-events")
    await expect(events).to_contain_text("Assistant went on after 1.25 s")
    await expect(events).to_contain_text("Assistant is thinking")
