"""What the tests of the page share: a signaling server, a browser of each temper, and pages without complaints."""

import itertools
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

import pytest
import pytest_asyncio
from playwright.async_api import Browser, ConsoleMessage, Page

from tests.page.chromium import chromium
from tests.page.scripted_agent import ScriptedWorker, scripted_worker
from tests.support.stack import Process, free_port, running, wait_ready

_numbers = itertools.count(1)
# A refused token and a server that is away are what some tests are about; the browser logs both by itself.
_EXPECTED = ("Failed to load resource", "WebSocket connection to")


@dataclass(frozen=True)
class Server:
    """A running signaling server."""

    url: str
    process: Process


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    port = free_port()
    folder = tmp_path_factory.mktemp("signaling")
    with running("signaling", "signaling", "--port", str(port), "--dev", folder=folder) as process:
        wait_ready(f"http://127.0.0.1:{port}/readyz", process)
        yield Server(f"http://127.0.0.1:{port}", process)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as running_browser:
        yield running_browser


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def wary_browser() -> AsyncIterator[Browser]:
    """It refuses the microphone and keeps pages silent."""
    async with chromium(wary=True) as running_browser:
        yield running_browser


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def worker(server: Server) -> AsyncIterator[ScriptedWorker]:
    async with scripted_worker(server.url) as running_worker:
        yield running_worker


@pytest.fixture
def room() -> str:
    """A room of one's own."""
    return f"room-{next(_numbers)}"


class Complaints(list[str]):
    """What a browser found wrong with a page: scripts that fail, and violations of the content security policy."""

    def watch(self, page: Page) -> None:
        page.on("pageerror", lambda error: self.append(str(error)))
        page.on("console", self._note)

    def _note(self, message: ConsoleMessage) -> None:
        if message.type == "error" and not message.text.startswith(_EXPECTED):
            self.append(message.text)


@pytest.fixture
def complaints() -> Iterator[Complaints]:
    found = Complaints()
    yield found
    assert found == []


@pytest_asyncio.fixture(loop_scope="module")
async def page(browser: Browser, complaints: Complaints) -> AsyncIterator[Page]:
    async with await browser.new_context() as context:
        opened = await context.new_page()
        complaints.watch(opened)
        yield opened


@pytest_asyncio.fixture(loop_scope="module")
async def wary_page(wary_browser: Browser, complaints: Complaints) -> AsyncIterator[Page]:
    async with await wary_browser.new_context() as context:
        opened = await context.new_page()
        complaints.watch(opened)
        yield opened
