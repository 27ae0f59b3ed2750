"""Two people at Chromium, one of them behind a network that fails: run as a program in a namespace of its own.

    unshare -n sh -c 'ip link set lo up && exec python -m tests.support.cut_network FOLDER'

Makes a second namespace, a cable to it (veth), and has Bob's browser there; signaling, agent, model and Ada are here.
Cuts the cable, lays it again, and writes what was seen to FOLDER/seen.json.
"""

import asyncio
import json
import subprocess
import sys
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from playwright.async_api import Page

from agent_worker.audio import silence
from tests.page.chromium import chromium
from tests.page.expectations import log, reaches
from tests.page.peers import RECEIVED, SEEN
from tests.support.stack import stack
from tests.support.wav import save

HERE, THERE = "10.77.0.1", "10.77.0.2"
CUT_SECONDS = 12.0
RATE = 48_000


def run(*command: str) -> None:
    subprocess.run(command, check=True)


def lay_cable(pid: int) -> None:
    """Between this namespace and that of the process."""
    inside = ("nsenter", "-t", str(pid), "-n")
    run("ip", "link", "add", "here", "type", "veth", "peer", "name", "there", "netns", str(pid))
    run("ip", "addr", "add", f"{HERE}/24", "dev", "here")
    run("ip", "link", "set", "here", "up")
    run(*inside, "ip", "link", "set", "lo", "up")
    run(*inside, "ip", "addr", "add", f"{THERE}/24", "dev", "there")
    run(*inside, "ip", "link", "set", "there", "up")


async def voices(page: Page) -> int:
    """From how many others sound arrives."""
    before = await page.evaluate(RECEIVED)
    await asyncio.sleep(1.0)
    after = await page.evaluate(RECEIVED)
    return sum(later - earlier > 10 for earlier, later in zip(before, after, strict=False))


async def until_voices(page: Page, count: int, *, seconds: float = 60.0) -> None:
    async with asyncio.timeout(seconds):
        while await voices(page) != count:
            await asyncio.sleep(0.3)


async def asks(page: Page, question: str, answer: str, *, shown_on: Page) -> None:
    """Type something; the answer comes to stand on that page."""
    await page.get_by_label("Type instead of speaking").fill(question)
    await page.keyboard.press("Enter")
    async with asyncio.timeout(40):
        while not any(answer in line for line in await log(shown_on)):
            await asyncio.sleep(0.2)


async def meet(folder: Path, pid: int) -> dict[str, Any]:
    wav = folder / "microphone.wav"
    # Somebody breathes: it is sent, and no turn.
    save(wav, silence(10 * RATE), RATE)
    wrapper = folder / "chromium-there"
    wrapper.write_text(f'#!/bin/sh\nexec nsenter -t {pid} -n /usr/bin/chromium "$@"\n')
    wrapper.chmod(0o755)
    seen: dict[str, Any] = {}
    async with AsyncExitStack() as programs:
        system = programs.enter_context(
            stack(
                folder,
                agent="tests/support/agents/everybody.py",
                signaling_options=("--host", "0.0.0.0", "--insecure-dev-on-network", "--lan"),
            )
        )
        port = system.url.rsplit(":", 1)[1]
        away = f"http://{HERE}:{port}"
        there = (
            f"--unsafely-treat-insecure-origin-as-secure={away}",
            f"--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE {HERE}",
        )
        browsers = {
            "Ada": await programs.enter_async_context(chromium(microphone=wav)),
            "Bob": await programs.enter_async_context(chromium(microphone=wav, executable=wrapper, flags=there)),
        }
        pages: dict[str, Page] = {}
        for name, url in (("Ada", system.url), ("Bob", away)):
            page = pages[name] = await browsers[name].new_page()
            await page.add_init_script(f"({SEEN})()")
            await page.goto(f"{url}/?room=cable&name={name}&autojoin=1&raw=1")
            await reaches(page, "connected", seconds=40)
        ada, bob = pages["Ada"], pages["Bob"]
        for page in (ada, bob):
            await until_voices(page, 2)
        await asks(bob, "What is nine plus five?", "Bob: That makes 14", shown_on=bob)
        seen["before"] = await log(bob)

        run("ip", "link", "set", "here", "down")
        await reaches(bob, "reconnecting", seconds=40)
        # What goes on: Ada and the agent hear each other, and she is answered.
        await until_voices(ada, 1)
        await asks(ada, "What is seven plus five?", "Ada: That makes 12", shown_on=ada)
        seen["away"] = await ada.locator("#people li").filter(has_text="Bob").inner_text()
        await asyncio.sleep(CUT_SECONDS)
        seen["alone"] = await voices(ada)

        run("ip", "link", "set", "here", "up")
        await reaches(bob, "connected", seconds=60)
        for page in (ada, bob):
            await until_voices(page, 2)
        seen["after"] = await log(bob)
        await asks(bob, "What is two plus five?", "Bob: That makes 7", shown_on=ada)
        seen["rebuilt"] = await bob.evaluate("peers.length")
        seen["worker"] = system.worker.printed()
    return seen


if __name__ == "__main__":
    target = Path(sys.argv[1])
    inner = subprocess.Popen(["unshare", "-n", "sleep", "3600"])
    try:
        # The namespace is there when the link names in it differ from ours.
        while Path(f"/proc/{inner.pid}/ns/net").readlink() == Path("/proc/self/ns/net").readlink():
            pass
        lay_cable(inner.pid)
        (target / "seen.json").write_text(json.dumps(asyncio.run(meet(target, inner.pid))))
    finally:
        inner.kill()
        inner.wait()
