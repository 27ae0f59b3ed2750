"""The page for everybody: by keyboard, by screen reader, in both schemes, without motion, on a small screen."""

import pytest
from playwright.async_api import Browser, Page, expect

from tests.page.conftest import Complaints, Server
from tests.page.expectations import agent_is, notice, reaches
from tests.page.scripted_agent import ScriptedAgent, ScriptedWorker

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

CONTROLS = {
    "button",
    "textbox",
    "combobox",
    "checkbox",
    "link",
    "meter",
    "log",
    "form",
    "DisclosureTriangle",
}
CONTRAST = """() => {
  const brush = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const rgba = (colour) => {
    brush.clearRect(0, 0, 1, 1);
    brush.fillStyle = colour;
    brush.fillRect(0, 0, 1, 1);
    return [...brush.getImageData(0, 0, 1, 1).data];
  };
  const ground = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const colour = rgba(getComputedStyle(at).backgroundColor);
      if (colour[3] === 255) return colour;
    }
    return [255, 255, 255, 255];
  };
  const luminance = ([r, g, b]) => {
    const linear = (c) => (c <= 10 ? c / 3295 : ((c / 255 + 0.055) / 1.055) ** 2.4);
    const [x, y, z] = [r, g, b].map(linear);
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    const hidden = !element.checkVisibility() || element.closest(":disabled, .visually-hidden, noscript, option");
    if (!walker.currentNode.data.trim() || hidden) continue;
    const [ink, paper] = [luminance(rgba(getComputedStyle(element).color)), luminance(ground(element))];
    const ratio = (Math.max(ink, paper) + 0.05) / (Math.min(ink, paper) + 0.05);
    if (ratio < 4.5) found.push([walker.currentNode.data.trim(), ratio]);
  }
  return found;
}"""


async def nameless(page: Page) -> list[str]:
    """The roles of controls that Chromium's accessibility tree has without a name."""
    session = await page.context.new_cdp_session(page)
    tree = await session.send("Accessibility.getFullAXTree")
    found: list[str] = []
    named = 0
    for node in tree["nodes"]:
        role = node.get("role", {}).get("value")
        if node["ignored"] or role not in CONTROLS:
            continue
        if node.get("name", {}).get("value", "").strip():
            named += 1
        else:
            found.append(role)
    assert named > 3
    return found


async def talk(page: Page, server: Server, worker: ScriptedWorker, room: str) -> ScriptedAgent:
    """A page in the middle of a conversation with everything that can stand in it."""
    await page.goto(f"{server.url}/?room={room}&autojoin=1")
    agent = await worker.agent(room)
    await reaches(page, "connected")
    me = agent.messages("offer")[0]["from"]
    await agent.begin("user", "u1", identity=me)
    await agent.write("u1", "What time is it?")
    await agent.end("u1")
    await agent.tell("tool", name="get_time", arguments="{}", output="14:05")
    await agent.begin("agent", "a1")
    await agent.write("a1", "It is")
    await agent.tell("held")
    await agent.tell("resumed", held_seconds=1.0)
    await agent.write("a1", " five past two")
    await agent.end("a1", interrupted="true")
    await agent.begin("agent", "a2")
    await agent.write("a2", "Yes")
    await agent.tell("held")
    await agent.send(t="update", attributes={"agent.error": "The model is slow today."})
    await expect(notice(page, "agent_error")).to_be_visible()
    await page.locator("#log summary").click()
    return agent


async def test_every_control_has_a_name(page: Page, server: Server, worker: ScriptedWorker, room: str):
    await page.goto(server.url)
    assert await nameless(page) == []
    await talk(page, server, worker, room)
    assert await nameless(page) == []


async def test_the_states_and_the_lines_are_announced(page: Page, server: Server, worker: ScriptedWorker, room: str):
    agent = await talk(page, server, worker, room)
    word = page.get_by_role("status").filter(has_text="Listening")
    await expect(word).to_have_count(1)
    await agent.be("thinking")
    await expect(page.locator("#state-word")).to_have_text("Thinking")
    await expect(page.get_by_role("log", name="What is said")).to_have_attribute("aria-live", "polite")


async def test_a_conversation_by_keyboard_alone(page: Page, server: Server, worker: ScriptedWorker, room: str):
    await page.goto(f"{server.url}/?room={room}")
    order = ["room", "name", "device-lobby", "check", "join"]
    assert await tabs(page, len(order)) == order
    await page.keyboard.press("Enter")
    await reaches(page, "connected")
    await expect(page.locator("#state-word")).to_be_focused()
    order = ["mute", "device-call", "leave", "details-summary", "scroller", "text", "send"]
    assert await tabs(page, len(order)) == order
    await page.locator("#mute").focus()
    await page.keyboard.press("Space")
    await expect(page.locator("#mute-label")).to_have_text("Unmute")
    await page.locator("#leave").focus()
    await page.keyboard.press("Enter")
    await reaches(page, "idle")


async def tabs(page: Page, times: int) -> list[str]:
    """The ids on which the focus lands, each of which must show it."""
    ids: list[str] = []
    for _ in range(times):
        await page.keyboard.press("Tab")
        focused = page.locator(":focus")
        ids.append(await focused.get_attribute("id") or "")
        outline = await focused.evaluate("(element) => getComputedStyle(element).outlineStyle")
        assert outline != "none", ids[-1]
    return ids


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_all_text_stands_out_from_its_ground(
    browser: Browser, complaints: Complaints, server: Server, worker: ScriptedWorker, room: str, scheme: str
):
    async with await browser.new_context(color_scheme=scheme) as context:
        page = await context.new_page()
        complaints.watch(page)
        await page.goto(server.url)
        assert await page.evaluate(CONTRAST) == []
        await talk(page, server, worker, room)
        await page.get_by_role("button", name="Mute").click()
        assert await page.evaluate(CONTRAST) == []


async def test_nothing_moves_for_those_who_want_no_motion(
    browser: Browser, complaints: Complaints, server: Server, worker: ScriptedWorker, room: str
):
    async with await browser.new_context(reduced_motion="reduce") as context:
        page = await context.new_page()
        complaints.watch(page)
        agent = await talk(page, server, worker, room)
        await agent.be("speaking")
        await agent_is(page, "speaking")
        await page.wait_for_timeout(200)
        picture = "(canvas) => canvas.toDataURL()"
        speaking = await page.locator("#agent canvas").evaluate(picture)
        await page.wait_for_timeout(300)
        assert await page.locator("#agent canvas").evaluate(picture) == speaking
        await agent.be("speaking", held=True)
        await agent_is(page, "held")
        await page.wait_for_timeout(200)
        assert await page.locator("#agent canvas").evaluate(picture) != speaking
        moving = "document.getAnimations().filter((each) => each.playState === 'running').length"
        assert await page.evaluate(moving) == 0


@pytest.mark.parametrize(("width", "height"), [(390, 844), (390, 664), (320, 568), (844, 390), (640, 400)])
async def test_everything_can_be_reached_on_a_small_screen(
    browser: Browser,
    complaints: Complaints,
    server: Server,
    worker: ScriptedWorker,
    room: str,
    width: int,
    height: int,
):
    async with await browser.new_context(viewport={"width": width, "height": height}) as context:
        page = await context.new_page()
        complaints.watch(page)
        await page.goto(server.url)
        await page.get_by_role("button", name="Join").scroll_into_view_if_needed()
        await expect(page.get_by_role("button", name="Join")).to_be_in_viewport(ratio=1)
        await talk(page, server, worker, room)
        for name in ("Mute", "Leave", "Send"):
            button = page.get_by_role("button", name=name)
            # As a thumb does it: scrolling that stops at the very edge may leave a twentieth of a pixel out.
            await button.evaluate("(each) => each.scrollIntoView({ block: 'center' })")
            await expect(button).to_be_in_viewport(ratio=1)
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        if height > width:
            # Held upright, a phone shows the whole call at once.
            assert await page.evaluate("document.documentElement.scrollHeight <= innerHeight")
        assert await page.locator("#scroller").evaluate("(element) => element.clientHeight >= 60")


async def test_the_newest_line_stays_in_sight_unless_one_reads_further_up(
    page: Page, server: Server, worker: ScriptedWorker, room: str
):
    await page.set_viewport_size({"width": 800, "height": 600})
    agent = await talk(page, server, worker, room)
    below = "(element) => element.scrollHeight - element.scrollTop - element.clientHeight"
    await page.locator("#scroller").evaluate("(element) => { element.scrollTop = element.scrollHeight; }")
    await page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    for number in range(20):
        await agent.tell("error", message=f"Line {number}")
    await expect(page.get_by_text("Line 19")).to_be_in_viewport()
    await page.locator("#scroller").evaluate("(element) => { element.scrollTop = 0; }")
    await agent.tell("error", message="Line 20")
    await expect(page.get_by_text("Line 20")).to_be_attached()
    assert await page.locator("#scroller").evaluate(below) > 100
