"""What goes wrong is said in words, with what to do about it, and is over when it is over."""

import json
import re
import time
from contextlib import AsyncExitStack, ExitStack
from pathlib import Path

import pytest
import websockets
from playwright.async_api import Browser, Page, expect

from signaling.auth import mint
from signaling.claims import Claims, Grants
from signaling.messages import DEV_API_KEY, DEV_API_SECRET
from tests.page.conftest import Complaints, Server
from tests.page.expectations import agent_is, log, notice, reaches
from tests.page.scripted_agent import ScriptedWorker, scripted_worker, until
from tests.support.stack import free_port, running, wait_ready

SERVER_PAUSE_MS = 2100
"""The server, whose clock is the real one, takes a third connection only after so long."""

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]


async def test_a_refused_microphone_is_explained_and_one_can_still_type_and_hear(
    wary_page: Page, server: Server, worker: ScriptedWorker, room: str
):
    page = wary_page
    await page.goto(f"{server.url}/?room={room}")
    await page.get_by_role("button", name="Join").click()
    agent = await worker.agent(room)
    await reaches(page, "connected")
    await expect(notice(page, "microphone_refused")).to_contain_text("The microphone is not allowed")
    await expect(notice(page, "microphone_refused")).to_have_role("alert")
    await expect(page.get_by_role("button", name="Mute")).to_be_disabled()
    assert "a=recvonly" in agent.messages("offer")[0]["sdp"]
    await expect(page.locator("#level-agent")).not_to_have_attribute("aria-valuenow", "0")
    await page.get_by_label("Type instead of speaking").fill("Hello")
    await page.keyboard.press("Enter")
    await until(lambda: agent.typed() == ["Hello"])

    await page.context.grant_permissions(["microphone"])
    await page.get_by_role("button", name="Try the microphone again").click()
    await expect(page.locator(".notice")).to_have_count(0)
    await until(lambda: max(agent.hears, default=0.0) > 0.01)
    await reaches(page, "connected")
    assert await log(page) == ["You: Hello"]


@pytest.mark.parametrize(
    ("error", "code"),
    [
        ("NotFoundError", "microphone_missing"),
        ("NotReadableError", "microphone_busy"),
        ("TypeError", "microphone_failed"),
    ],
)
async def test_each_way_to_have_no_microphone_has_its_own_words(
    page: Page, server: Server, worker: ScriptedWorker, room: str, error: str, code: str
):
    await page.add_init_script(
        f'navigator.mediaDevices.getUserMedia = async () => {{ throw new DOMException("no", "{error}"); }};'
    )
    await page.goto(f"{server.url}/?room={room}")
    await page.get_by_role("button", name="Check").click()
    await expect(notice(page, code)).to_be_visible()
    await page.get_by_role("button", name="Join").click()
    await reaches(page, "connected")
    await expect(notice(page, code)).to_be_visible()


async def test_a_person_need_not_answer_the_question_for_the_microphone(
    page: Page, server: Server, worker: ScriptedWorker, room: str
):
    await page.add_init_script("navigator.mediaDevices.getUserMedia = () => new Promise(() => {});")
    await page.goto(f"{server.url}/?room={room}&autojoin=1")
    await expect(notice(page, "microphone_asking")).to_be_visible()
    await reaches(page, "joining")
    await page.get_by_role("button", name="Continue without").click()
    await reaches(page, "connected")
    await expect(page.locator(".notice")).to_have_count(0)


async def test_an_unplugged_microphone_is_noticed(page: Page, server: Server, worker: ScriptedWorker, room: str):
    await page.add_init_script(
        """const ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
        navigator.mediaDevices.getUserMedia = async (wish) => {
          const stream = await ask(wish);
          addEventListener("unplug", () => {
            stream.getAudioTracks()[0].stop();
            stream.getAudioTracks()[0].dispatchEvent(new Event("ended"));
          });
          return stream;
        };"""
    )
    await page.goto(f"{server.url}/?room={room}&autojoin=1")
    agent = await worker.agent(room)
    await reaches(page, "connected")
    await page.evaluate("dispatchEvent(new Event('unplug'))")
    await expect(notice(page, "microphone_gone")).to_be_visible()
    # A connection that promises a voice and sends none would be taken for a broken one.
    await until(lambda: "a=recvonly" in agent.messages("offer")[-1]["sdp"])
    await reaches(page, "connected")
    await page.get_by_role("button", name="Try the microphone again").click()
    await expect(page.locator(".notice")).to_have_count(0)
    await until(lambda: max(agent.hears, default=0.0) > 0.01)


async def test_a_silenced_page_asks_for_a_click(page: Page, server: Server, worker: ScriptedWorker, room: str):
    # A browser that is driven from outside always counts as clicked, so its refusal has to be staged.
    await page.add_init_script(
        """const play = HTMLMediaElement.prototype.play;
        let clicked = false;
        addEventListener("click", () => { clicked = true; }, true);
        HTMLMediaElement.prototype.play = async function () {
          if (!clicked) throw new DOMException("play() failed", "NotAllowedError");
          return play.call(this);
        };"""
    )
    await page.goto(f"{server.url}/?room={room}&autojoin=1")
    await reaches(page, "connected")
    await page.get_by_role("button", name="Enable sound").click()
    await expect(notice(page, "sound_blocked")).to_have_count(0)
    assert await page.locator("#voices audio").evaluate("(audio) => !audio.paused")


async def test_without_a_worker_the_page_says_so_until_one_comes(page: Page, tmp_path: Path, room: str):
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with running("signaling", "signaling", "--port", str(port), "--dev", folder=tmp_path) as process:
        wait_ready(f"{url}/readyz", process)
        await page.goto(f"{url}/?room={room}&autojoin=1")
        await reaches(page, "waiting")
        await expect(notice(page, "no_worker")).to_contain_text("agent_worker start examples/assistant.py")
        await expect(page.locator("#state-word")).to_have_text("No agent here")
        await expect(page.get_by_role("button", name="Send")).to_be_disabled()
        async with scripted_worker(url):
            await reaches(page, "connected")
            await expect(page.locator(".notice")).to_have_count(0)


async def test_the_server_goes_away_and_comes_back(page: Page, tmp_path: Path, room: str):
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with ExitStack() as programs:
        first = programs.enter_context(running("first", "signaling", "--port", str(port), "--dev", folder=tmp_path))
        wait_ready(f"{url}/readyz", first)
        async with scripted_worker(url) as worker:
            await page.goto(f"{url}/?room={room}&autojoin=1")
            agent = await worker.agent(room)
            await reaches(page, "connected")
            first.popen.kill()
            await reaches(page, "reconnecting")
            away = page.locator('.notice[data-code^="server_lost"]')
            await expect(away).to_contain_text("The server is away")
            await expect(away.locator(".countdown")).to_have_text(re.compile(r"Next try in \d s"), timeout=8000)
            await expect(away.get_by_role("button", name="Try now")).to_be_visible()
            await expect(page.get_by_role("button", name="Send")).to_be_disabled()

            second = programs.enter_context(
                running("second", "signaling", "--port", str(port), "--dev", folder=tmp_path)
            )
            wait_ready(f"{url}/readyz", second)
            await worker.agent(room, after=agent)
            await reaches(page, "connected", seconds=30)
            await expect(page.locator(".notice")).to_have_count(0)


async def test_a_server_that_is_away_from_the_start_is_waited_for(page: Page, tmp_path: Path, room: str):
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with ExitStack() as programs:
        with running("first", "signaling", "--port", str(port), "--dev", folder=tmp_path) as first:
            wait_ready(f"{url}/readyz", first)
            await page.goto(f"{url}/?room={room}")
        await page.get_by_role("button", name="Join").click()
        await reaches(page, "reconnecting")
        await expect(notice(page, "server_away")).to_contain_text("The server does not answer")
        await page.get_by_role("button", name="Stop trying").click()
        await reaches(page, "idle")
        await page.get_by_role("button", name="Join").click()
        await expect(notice(page, "server_away")).to_be_visible()
        second = programs.enter_context(running("second", "signaling", "--port", str(port), "--dev", folder=tmp_path))
        wait_ready(f"{url}/readyz", second)
        await reaches(page, "waiting")
        await expect(notice(page, "server_away")).to_have_count(0)


async def test_a_lost_connection_is_built_anew_and_the_log_stays(
    page: Page, server: Server, worker: ScriptedWorker, room: str
):
    await page.goto(f"{server.url}/?room={room}&autojoin=1")
    agent = await worker.agent(room)
    await reaches(page, "connected")
    await agent.begin("agent", "a1")
    await agent.write("a1", "Hello.")
    await agent.hang_up()
    await until(lambda: len(agent.messages("offer")) == 2)
    await reaches(page, "connected")
    first, second = agent.messages("offer")
    assert second["gen"] > first["gen"]
    assert agent.messages("pc_rebuild")[0]["gen"] == first["gen"]
    await until(lambda: max(agent.hears, default=0.0) > 0.01)
    assert await log(page) == ["Assistant: Hello."]


async def test_an_agent_that_never_answers_is_given_up_after_three_tries(
    page: Page, server: Server, worker: ScriptedWorker, room: str
):
    worker.deaf_rooms.add(room)
    await page.clock.install()
    await page.goto(f"{server.url}/?room={room}&autojoin=1")
    agent = await worker.agent(room)
    await reaches(page, "connecting")
    await page.clock.run_for(15_000)
    await expect(notice(page, "call_retrying")).to_contain_text("2 of 3")
    await page.wait_for_timeout(SERVER_PAUSE_MS)
    await page.clock.run_for(8_000)
    await expect(notice(page, "call_retrying")).to_contain_text("3 of 3")
    await page.clock.run_for(7_000)
    await reaches(page, "failed")
    await expect(notice(page, "call_failed")).to_contain_text("The sound connection failed")
    agent.answers = True
    await page.wait_for_timeout(SERVER_PAUSE_MS)
    await page.get_by_role("button", name="Try again").click()
    await reaches(page, "connected")


async def test_an_agent_that_rejects_is_quoted(page: Page, server: Server, worker: ScriptedWorker, room: str):
    worker.deaf_rooms.add(room)
    await page.clock.install()
    await page.goto(f"{server.url}/?room={room}&autojoin=1")
    agent = await worker.agent(room)
    for tries in (1, 2, 3):
        offer = (await until(lambda tries=tries: agent.messages("offer")[tries - 1 :]))[0]
        reason = {"code": "busy", "message": "I speak with somebody else."}
        await agent.send(t="reject", to=offer["from"], pc="main", gen=offer["gen"], **reason)
        await page.wait_for_timeout(200 if tries == 1 else SERVER_PAUSE_MS)
        await page.clock.run_for(2_100)
    await reaches(page, "failed")
    await expect(notice(page, "call_failed")).to_contain_text("I speak with somebody else.")


async def test_an_agent_that_fails_is_followed_by_another(
    page: Page, server: Server, worker: ScriptedWorker, room: str
):
    await page.goto(f"{server.url}/?room={room}&autojoin=1")
    agent = await worker.agent(room)
    await reaches(page, "connected")
    await agent.leave()
    successor = await worker.agent(room, after=agent)
    await reaches(page, "connected")
    await until(lambda: len(successor.messages("offer")) == 1)
    assert "Assistant left" in await log(page)


async def test_an_error_of_the_agent_is_shown(page: Page, server: Server, worker: ScriptedWorker, room: str):
    await page.goto(f"{server.url}/?room={room}&autojoin=1")
    agent = await worker.agent(room)
    await reaches(page, "connected")
    await agent.send(t="update", attributes={"agent.error": "The model refuses the key."})
    await expect(notice(page, "agent_error")).to_contain_text("The model refuses the key.")
    await agent.send(t="update", attributes={"agent.error": None})
    await expect(notice(page, "agent_error")).to_have_count(0)


async def test_the_same_person_in_another_tab_takes_over(
    page: Page, browser: Browser, complaints: Complaints, server: Server, worker: ScriptedWorker, room: str
):
    await page.goto(f"{server.url}/?room={room}&autojoin=1")
    await reaches(page, "connected")
    me = await page.evaluate("sessionStorage.getItem('voice.identity')")
    other = await page.context.new_page()
    complaints.watch(other)
    await other.add_init_script(f"sessionStorage.setItem('voice.identity', '{me}')")
    await other.goto(page.url)
    await reaches(other, "connected")
    await reaches(page, "failed")
    await expect(notice(page, "duplicate_identity")).to_contain_text("another tab")
    await agent_is(page, "failed")
    await page.get_by_role("button", name="Bring it back here").click()
    await reaches(page, "connected")
    await reaches(other, "failed")


async def test_a_full_room_is_called_full(page: Page, server: Server, worker: ScriptedWorker, room: str):
    async with AsyncExitStack() as guests:
        for number in range(40):
            if not await enters(guests, server, room, f"guest-{number}"):
                break
        else:
            pytest.fail("the room takes anybody")
        await page.goto(f"{server.url}/?room={room}&autojoin=1")
        await reaches(page, "failed")
        await expect(notice(page, "room_full")).to_contain_text("The room is full")
        await page.get_by_role("button", name="Choose another room").click()
        await reaches(page, "idle")


async def enters(guests: AsyncExitStack, server: Server, room: str, identity: str) -> bool:
    claims = Claims(iss=DEV_API_KEY, sub=identity, exp=int(time.time()) + 60, room=room, grants=Grants(join=True))
    address = server.url.replace("http", "ws", 1) + "/v1/rtc"
    socket = await guests.enter_async_context(
        websockets.connect(address, subprotocols=[websockets.Subprotocol("voice.v1")], max_queue=None)
    )
    await socket.send(json.dumps({"t": "join", "id": 1, "token": mint(claims, DEV_API_SECRET), "v": 1}))
    return json.loads(await socket.recv())["t"] == "joined"


async def test_an_invitation_opens_the_room_and_an_old_one_is_called_old(
    page: Page, server: Server, worker: ScriptedWorker, room: str
):
    def token(exp: int) -> str:
        claims = Claims(
            iss=DEV_API_KEY, sub="invited", exp=exp, room=room, name="Ada", grants=Grants(join=True), agent=""
        )
        return mint(claims, DEV_API_SECRET)

    await page.goto(f"{server.url}/?autojoin=1#token={token(int(time.time()) + 60)}")
    await reaches(page, "connected")
    await expect(page.locator("#room-shown")).to_have_text(room)
    await page.goto("about:blank")
    await page.goto(f"{server.url}/?autojoin=1#token={token(int(time.time()) - 60)}")
    await reaches(page, "failed")
    await expect(notice(page, "token_expired")).to_contain_text("Your invitation has expired")


async def test_a_server_without_dev_asks_for_an_invitation(page: Page, tmp_path: Path):
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    keys = {"AGENT_WORKER_API_KEY": "key", "AGENT_WORKER_API_SECRET": "a secret of more than thirty-two bytes"}
    with running("signaling", "signaling", "--port", str(port), folder=tmp_path, env=keys) as process:
        wait_ready(f"{url}/readyz", process)
        await page.goto(url)
        await page.get_by_role("button", name="Join").click()
        await reaches(page, "failed")
        await expect(notice(page, "no_tokens")).to_contain_text("You need an invitation")
        await page.get_by_role("button", name="Back").click()
        await reaches(page, "idle")


async def test_a_room_with_a_bad_name_is_not_asked_for(page: Page, server: Server):
    await page.goto(server.url)
    await page.get_by_label("Room").fill("no/such?room")
    await page.get_by_role("button", name="Join").click()
    await expect(page.get_by_label("Room")).to_have_attribute("aria-invalid", "true")
    await expect(page.get_by_label("Room")).to_be_focused()
    await expect(page.locator("#room-help")).to_contain_text("Use letters, digits")
    await reaches(page, "idle")
