"""A real Chromium for tests: no address but 127.0.0.1, a WAV or a tone as its microphone.

The microphone is either given without asking, or refused without asking as long as no permission is granted.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from playwright.async_api import Browser, async_playwright

from tests.support.missing import missing

EXECUTABLE = Path("/usr/bin/chromium")

QUIET = (
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
    "--mute-audio",
    "--use-fake-device-for-media-stream",
    "--allow-loopback-in-peer-connection",
    # A page without a microphone hides its addresses behind mDNS names, which nobody resolves here.
    "--disable-features=WebRtcHideLocalIpsWithMdns",
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
)
TRUSTING = ("--use-fake-ui-for-media-stream", "--autoplay-policy=no-user-gesture-required")
WARY = ("--deny-permission-prompts", "--autoplay-policy=document-user-activation-required")


def require_chromium() -> None:
    """Skip where there is no Chromium, but never in CI."""
    if EXECUTABLE.exists():
        return
    missing(f"{EXECUTABLE} is missing: apt-get install --no-install-recommends chromium")


@asynccontextmanager
async def chromium(
    *, microphone: Path | None = None, wary: bool = False, executable: Path = EXECUTABLE, flags: Sequence[str] = ()
) -> AsyncIterator[Browser]:
    """One running Chromium.

    Args:
        microphone: A 48 kHz WAV that loops; None is Chromium's own beeping.
        wary: Refuse the microphone, and play nothing before a click.
        executable: A program that runs it, elsewhere or otherwise.
        flags: More of them; the last one of a name holds.
    """
    require_chromium()
    arguments = [*QUIET, *(WARY if wary else TRUSTING), *flags]
    if microphone is not None:
        arguments.append(f"--use-file-for-fake-audio-capture={microphone}")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(headless=True, executable_path=str(executable), args=arguments)
        try:
            yield browser
        finally:
            await browser.close()
