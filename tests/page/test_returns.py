"""A page that lost the way to the room finds it again by itself, and its sound goes on meanwhile."""

import json
import re
from dataclasses import dataclass, field
from typing import Any

import pytest
from playwright.async_api import Page, WebSocketRoute, expect

from tests.page.conftest import Server
from tests.page.expectations import log, notice, reaches
from tests.page.guests import guest
from tests.page.scripted_agent import ScriptedWorker, until

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]


@dataclass
class Wire:
    """What lies between a page and its server, and may be cut.

    Attributes:
        is_cut: Whether a new socket gets through.
        joins: Each `join` that the page sent.
    """

    is_cut: bool = False
    joins: list[dict[str, Any]] = field(default_factory=list)
    _page: WebSocketRoute | None = None
    _server: WebSocketRoute | None = None

    async def lay(self, page: Page) -> None:
        await page.route_web_socket(re.compile("/v1/rtc"), self._opened)

    async def tell(self, **message: Any) -> None:
        """Say something to the page in the server's name."""
        assert self._page is not None
        self._page.send(json.dumps(message))

    async def cut(self, *, code: int = 4500) -> None:
        """End the connection on both sides, as the server would for such a reason."""
        assert self._page is not None
        assert self._server is not None
        await self._server.close()
        await self._page.close(code=code)

    def deafen(self) -> None:
        """What the page says gets lost from now on."""
        assert self._page is not None
        self._page.on_message(lambda _: None)

    async def _opened(self, route: WebSocketRoute) -> None:
        if self.is_cut:
            await route.close(code=4500)
            return
        self._page, self._server = route, route.connect_to_server()
        route.on_message(self._hear)

    def _hear(self, text: str | bytes) -> None:
        message = json.loads(text)
        if message["t"] == "join":
            self.joins.append(message)
        assert self._server is not None
        self._server.send(text)


async def test_a_cut_socket_is_resumed_and_what_was_missed_is_told(
    page: Page, server: Server, worker: ScriptedWorker, room: str
):
    wire = Wire()
    await wire.lay(page)
    async with guest(server.url, room, "mona", name="Mona") as mona:
        await page.goto(f"{server.url}/?room={room}&autojoin=1")
        agent = await worker.agent(room)
        await reaches(page, "connected")
        me = agent.messages("offer")[0]["from"]
        await agent.begin("agent", "a1")
        await agent.write("a1", "Hello")
        wire.is_cut = True
        await wire.cut()
        await until(lambda: states(mona.messages("participant"), me)[-1:] == ["reconnecting"])
        await expect(notice(page, "server_lost_talking")).to_contain_text("You can go on talking")
        await agent.write("a1", " again.")
        await agent.end("a1")
        await mona.type("Are you there?")
        agent.hears.clear()
        await until(lambda: max(agent.hears, default=0.0) > 0.01)

        wire.is_cut = False
        await page.locator(".notice").get_by_role("button", name="Try now").click()
        await expect(notice(page, "back_room")).to_contain_text("You are back in the room")
        await expect(page.locator("#log > li")).to_have_count(2)
        assert await log(page) == ["Assistant: Hello again.", "Mona: Are you there?"]
        await expect(page.locator(".notice")).to_have_count(0)
        await until(lambda: states(mona.messages("participant"), me)[-1:] == ["active"])
        assert [m["op"] for m in mona.messages("participant") if m["participant"]["identity"] == me].count(
            "joined"
        ) == 1
        assert len(agent.messages("offer")) == 1
        first, second = wire.joins
        assert first["known_peers"] == {}
        assert second["resume"]["last_seq"] > 0
        assert second["known_peers"] == {agent.identity: agent.messages("offer")[0]["gen"]}


def states(told: list[dict[str, Any]], identity: str) -> list[str]:
    """Each state in which somebody was described."""
    return [each["participant"]["state"] for each in told if each["participant"]["identity"] == identity]


async def test_a_server_that_goes_away_is_joined_anew_with_the_newest_token(
    page: Page, server: Server, worker: ScriptedWorker, room: str
):
    """`leave` with `rejoin` is a fresh join; the sound stands on both sides, so nobody offers again."""
    wire = Wire()
    await wire.lay(page)
    await page.goto(f"{server.url}/?room={room}&autojoin=1")
    agent = await worker.agent(room)
    await reaches(page, "connected")
    newest = wire.joins[0]["token"] + "."
    await wire.tell(t="token", token=newest, exp=2**31)
    await wire.tell(t="leave", reason="server_draining", action="rejoin", retry_after_ms=100)
    # It is not a good one; what is not accepted is not shown again.
    await until(lambda: len(wire.joins) == 3)
    assert wire.joins[1]["token"] == newest
    assert wire.joins[2]["token"] != newest
    assert "resume" not in wire.joins[1]
    assert wire.joins[2]["known_peers"] == {agent.identity: agent.messages("offer")[0]["gen"]}
    await reaches(page, "connected")


async def test_without_a_way_back_the_page_says_why(page: Page, server: Server, worker: ScriptedWorker, room: str):
    wire = Wire()
    await wire.lay(page)
    await page.goto(f"{server.url}/?room={room}&autojoin=1")
    await reaches(page, "connected")
    await wire.tell(t="leave", reason="room_closed", action="none")
    await reaches(page, "failed")
    await expect(notice(page, "room_closed")).to_contain_text("The room was closed")
    assert len(wire.joins) == 1


async def test_a_dead_connection_is_noticed_when_the_network_is_back(
    page: Page, server: Server, worker: ScriptedWorker, room: str
):
    """The socket seems to stand, and nothing comes through it any more."""
    wire = Wire()
    await wire.lay(page)
    await page.goto(f"{server.url}/?room={room}&autojoin=1")
    agent = await worker.agent(room)
    await reaches(page, "connected")
    wire.deafen()
    await page.evaluate("dispatchEvent(new Event('online'))")
    await until(lambda: len(wire.joins) == 2)
    assert wire.joins[1]["resume"]["sid"]
    await reaches(page, "connected")
    assert len(agent.messages("offer")) == 1
