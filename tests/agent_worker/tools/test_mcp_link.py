"""Real MCP servers, over stdio and over HTTP on loopback: listed, called, changed, lost, and down from the start."""

import asyncio
import re
import socket
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from agent_worker.errors import ConfigError, ToolError
from agent_worker.tools.mcp_link import ServerLink
from agent_worker.tools.mcp_server import MCPServer

PROGRAM = str(Path(__file__).parents[2] / "support" / "toolserver.py")
OF_THE_HOUSE = ["add", "look_up", "photograph", "fail", "refuse", "die", "learn"]
SECONDS = 40.0


class Linked:
    """A link at work, and what it told."""

    def __init__(self, server: MCPServer, **times: float) -> None:
        self.happened = asyncio.Event()
        self.failures: list[str] = []
        self.link = ServerLink(server, changed=self.happened.set, failed=self.fail, **times)

    def fail(self, why: str) -> None:
        self.failures.append(why)
        self.happened.set()

    @property
    def names(self) -> list[str]:
        return [tool.spec.name for tool in self.link.tools]

    async def until(self, *names: str) -> None:
        async with asyncio.timeout(SECONDS):
            while self.names != list(names):
                self.happened.clear()
                await self.happened.wait()

    async def call(self, name: str, **arguments: Any) -> str:
        (tool,) = [tool for tool in self.link.tools if tool.spec.name == name]
        return await tool.function(arguments=arguments)


@asynccontextmanager
async def linked(server: MCPServer, **times: float) -> AsyncGenerator[Linked, None]:
    made = Linked(server, **times)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(made.link.run())
        try:
            yield made
        finally:
            task.cancel()


@asynccontextmanager
async def server_over_http() -> AsyncGenerator[str, None]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    program = await asyncio.create_subprocess_exec(sys.executable, PROGRAM, "--port", str(port))
    try:
        async with asyncio.timeout(SECONDS):
            while True:
                try:
                    socket.create_connection(("127.0.0.1", port)).close()
                    break
                except OSError:
                    await asyncio.sleep(0.1)
        yield f"http://127.0.0.1:{port}/mcp"
    finally:
        if program.returncode is None:
            program.kill()
        await program.wait()


async def try_all(made: Linked) -> None:
    await made.until(*OF_THE_HOUSE)
    add = made.link.tools[0]
    assert add.spec.description == "Add two numbers."
    assert add.spec.parameters["properties"]["a"]["type"] == "integer"
    assert await made.call("add", a=3, b=4) == "7"
    assert '"found": 7' in await made.call("look_up", what="it")
    assert await made.call("photograph") == "[image, image/png: it cannot be passed on]"
    with pytest.raises(ToolError, match=r"The cellar is closed\."):
        await made.call("refuse")
    with pytest.raises(ToolError, match="fail"):
        await made.call("fail")
    with pytest.raises(ToolError, match=r"(?s)add.*a"):
        await made.call("add", a="many")
    results = await asyncio.gather(*(made.call("add", a=number, b=1) for number in range(5)))
    assert results == ["1", "2", "3", "4", "5"]
    assert await made.call("learn") == "learnt"
    await made.until(*OF_THE_HOUSE, "late")
    assert await made.call("late") == "here"
    assert made.failures == []


async def test_a_server_over_stdio_that_dies_at_last() -> None:
    server = MCPServer.stdio(sys.executable, PROGRAM, connect_seconds=SECONDS)
    assert server.name.startswith("python")
    async with linked(server, look_seconds=600.0, retry_seconds=0.1) as made:
        await try_all(made)
        with pytest.raises(ToolError, match="could not do it"):
            await made.call("die")
        await made.until()
        assert len(made.failures) == 1
        # It is started again.
        await made.until(*OF_THE_HOUSE)
        assert await made.call("add", a=1, b=1) == "2"


async def test_a_server_over_http_that_goes_away() -> None:
    async with server_over_http() as url:
        server = MCPServer.http(url, headers={"Authorization": "Bearer secret"}, connect_seconds=SECONDS)
        assert "secret" not in repr(server)
        async with linked(server, look_seconds=600.0, retry_seconds=600.0) as made:
            await try_all(made)
            with pytest.raises(ToolError, match=r"could not do it|did not answer"):
                await made.call("die")
            await made.until()
            assert len(made.failures) == 1
            with pytest.raises(ToolError, match="cannot be reached at the moment"):
                await made.link._call("add", {})


@pytest.mark.parametrize(
    ("server", "why"),
    [
        (MCPServer.stdio("/no/such/program"), "No such file|FileNotFound"),
        (MCPServer.stdio(sys.executable, "-c", "pass"), ""),
        (MCPServer.http("http://127.0.0.1:9/mcp"), ""),
        (MCPServer.stdio(sys.executable, "-c", "import sys; sys.stdin.read()", connect_seconds=0.5), "within 0.5 s"),
    ],
    ids=["no program", "one that ends", "nobody listens", "one that never answers"],
)
async def test_a_server_that_is_down_is_named_once(server: MCPServer, why: str) -> None:
    async with linked(server, retry_seconds=0.05) as made:
        async with asyncio.timeout(SECONDS):
            await made.happened.wait()
        await asyncio.sleep(0.2)
        assert made.names == []
        (failure,) = made.failures
        assert re.search(why, failure)


async def test_only_the_tools_that_are_wanted() -> None:
    server = MCPServer.stdio(sys.executable, PROGRAM, tools=["add"], name="house calls!", connect_seconds=SECONDS)
    assert server.name == "house_calls_"
    async with linked(server) as made:
        await made.until("add")


def test_what_is_no_url_is_refused() -> None:
    for url in ("127.0.0.1:80/mcp", "ftp://tools.example.com", "https:///mcp"):
        with pytest.raises(ConfigError, match="begins with http"):
            MCPServer.http(url)
