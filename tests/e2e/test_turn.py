"""Calls that go through a real TURN server and no other way, by aiortc and by Chromium, over UDP and over TCP."""

import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.async_api import expect

from tests.page.chromium import chromium
from tests.support.caller import calling
from tests.support.stack import Stack, stack
from tests.support.turn import SECRET, Turn, coturn
from tests.support.wav import corpus

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]


@pytest.fixture(scope="module")
def turn(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Turn]:
    with coturn(tmp_path_factory.mktemp("turn")) as server:
        yield server


@pytest.fixture(scope="module", params=["udp", "tcp"])
def relayed(request: pytest.FixtureRequest, turn: Turn, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    options = ["--relay-only", "--turn-url", turn.url(request.param)]
    secret = {"AGENT_WORKER_TURN_SECRET": SECRET}
    with stack(tmp_path_factory.mktemp("stack"), signaling_options=options, signaling_env=secret) as system:
        yield system


def candidate_types(sdp: str) -> set[str]:
    return set(re.findall(r"a=candidate:.* typ (\w+)", sdp))


async def test_a_call_goes_through_the_relay_alone(relayed: Stack, turn: Turn):
    async with calling(relayed.url, "relayed") as caller:
        await caller.until_heard(0.0)
        await caller.until_silent(1.0)
        asked, _ = await caller.say(corpus("s02"))
        await caller.until(lambda: caller.lines("agent", since=asked))
        await caller.until_heard(time.monotonic())
        assert candidate_types(caller.peer.localDescription.sdp) == {"relay"}
        assert candidate_types(caller.peer.remoteDescription.sdp) == {"relay"}
        assert caller.identity in turn.log.read_text(), "the relay knows who used it"


@pytest.mark.browser
async def test_a_browser_hears_the_agent_through_the_relay_alone(relayed: Stack):
    async with chromium() as browser:
        page = await browser.new_page()
        await page.goto(f"{relayed.url}/?room=relayed-browser&autojoin=1")
        await page.wait_for_selector("body[data-state=connected]", timeout=30_000)
        await expect(page.locator("#level-agent")).not_to_have_attribute("aria-valuenow", "0", timeout=20_000)


@pytest.mark.browser
async def test_a_refused_credential_is_said_on_the_page(turn: Turn, tmp_path: Path):
    options = ["--relay-only", "--turn-url", turn.url("udp")]
    wrong = {"AGENT_WORKER_TURN_SECRET": "another-secret"}
    with stack(tmp_path, signaling_options=options, signaling_env=wrong) as system:
        async with chromium() as browser:
            page = await browser.new_page()
            await page.goto(f"{system.url}/?room=refused&autojoin=1")
            notice = page.locator('.notice[data-code="turn_refused"]')
            await expect(notice).to_contain_text("did not take this server's credentials", timeout=40_000)


async def test_an_agent_that_gets_no_relay_says_why(turn: Turn, tmp_path: Path):
    options = ["--relay-only", "--turn-url", turn.url("udp")]
    wrong = {"AGENT_WORKER_TURN_SECRET": "another-secret"}
    with stack(tmp_path, signaling_options=options, signaling_env=wrong) as system:
        async with calling(system.url, "refused-agent", connect=False) as caller:
            message = await caller.until(lambda: caller.messages("reject"), seconds=60)
            assert "TURN server gave us no relay" in message[0]["message"], system.logs()
