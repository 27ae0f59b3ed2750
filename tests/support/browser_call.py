"""A call by a real Chromium, whose microphone is a WAV: run as a program inside a namespace that has only loopback.

    unshare -rn sh -c 'ip link set lo up && exec python -m tests.support.browser_call FOLDER'

Writes FOLDER/call.json (what the page showed) and FOLDER/heard.wav (what it played).
"""

import asyncio
import base64
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
from playwright.async_api import Page, async_playwright

from agent_worker.audio import silence
from tests.support.stack import stack
from tests.support.wav import corpus, save

RATE = 48_000
CHROMIUM = "/usr/bin/chromium"
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-extensions",
    "--disable-domain-reliability",
    "--disable-client-side-phishing-detection",
    "--metrics-recording-only",
    "--no-pings",
    "--disable-dev-shm-usage",
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
    "--autoplay-policy=no-user-gesture-required",
    "--mute-audio",
    "--allow-loopback-in-peer-connection",
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
]

ASKS_AFTER = 11.0
WANTS_STORY_AFTER = 22.0
COUGHS_AFTER = 30.0
ENDS_AFTER = 38.0


def microphone() -> np.ndarray:
    """Silence for the greeting, a question, a wish for a story, and a cough in the middle of it."""
    sound = silence(round(ENDS_AFTER * RATE))
    for start, name in ((ASKS_AFTER, "s02"), (WANTS_STORY_AFTER, "s13"), (COUGHS_AFTER, "n01")):
        said = corpus(name)
        at = round(start * RATE)
        sound[at : at + len(said)] = said
    return sound


async def log_entries(page: Page) -> list[dict[str, Any]]:
    return await page.eval_on_selector_all(
        "#log > *",
        """entries => entries.map(entry => ({role: entry.dataset.role, kind: entry.dataset.kind,
                                             text: entry.innerText}))""",
    )


async def heard(page: Page) -> np.ndarray:
    """What the page played: mono int16 at 48 kHz, gaps filled with silence."""
    recording = await page.evaluate("async () => (await import('/heard.js')).heard()")
    pieces = [
        (chunk["frame"], np.frombuffer(base64.b64decode(chunk["base64"]), "<f4")) for chunk in recording["chunks"]
    ]
    start = pieces[0][0]
    samples = np.zeros(pieces[-1][0] - start + len(pieces[-1][1]), dtype=np.float32)
    for frame, piece in pieces:
        samples[frame - start : frame - start + len(piece)] = piece
    return np.clip(samples * 32767, -32768, 32767).astype(np.int16)


async def call(folder: Path) -> dict[str, Any]:
    wav = folder / "microphone.wav"
    save(wav, microphone(), RATE)
    seen: dict[str, Any] = {"console": [], "states": []}
    with stack(folder) as system:
        async with async_playwright() as playwright:
            context = await playwright.chromium.launch_persistent_context(
                str(folder / "profile"),
                headless=True,
                executable_path=CHROMIUM,
                args=[*FLAGS, f"--use-file-for-fake-audio-capture={wav}%noloop"],
            )
            page = context.pages[0]
            page.on("console", lambda message: seen["console"].append(f"{message.type}: {message.text}"))
            page.on("pageerror", lambda error: seen["console"].append(f"error: {error}"))
            await page.goto(f"{system.url}/?room=browser&autojoin=1&raw=1&record=1")
            await page.wait_for_selector("body[data-state=connected]", timeout=30_000)
            end = asyncio.get_running_loop().time() + ENDS_AFTER + 1.0
            while asyncio.get_running_loop().time() < end:
                state = await page.get_attribute("#agent", "data-state")
                if seen["states"][-1:] != [state]:
                    seen["states"].append(state)
                await asyncio.sleep(0.1)
            seen["log"] = await log_entries(page)
            save(folder / "heard.wav", await heard(page), RATE)
            await page.screenshot(path=str(folder / "page.png"))
            await context.close()
    seen["addresses"] = subprocess.run(["ip", "-o", "addr"], capture_output=True, text=True, check=True).stdout
    return seen


if __name__ == "__main__":
    target = Path(sys.argv[1])
    (target / "call.json").write_text(json.dumps(asyncio.run(call(target))))
