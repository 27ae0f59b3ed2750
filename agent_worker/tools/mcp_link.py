"""The connection to one MCP server: its tools as long as it is there, and tried again when it is not.

server's tools -> FunctionTool (raw schema) -> toolbox -> model;  the model's call -> server -> words of its result
"""

import asyncio
import importlib
import logging
from collections.abc import Callable, Iterable
from contextlib import AsyncExitStack
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Never, assert_never, cast

from agent_worker.errors import AgentWorkerError, ToolError
from agent_worker.tools.function_tool import FunctionTool
from agent_worker.tools.mcp_program import running
from agent_worker.tools.mcp_server import Endpoint, MCPServer, Program
from agent_worker.tools.mcp_words import result_of, tool_name
from agent_worker.tools.pictures import Pictures
from agent_worker.tools.raw import RawParameters
from agent_worker.tools.spec import ToolSpec

if TYPE_CHECKING:
    from mcp import Client

log = logging.getLogger(__name__)

LOOK_SECONDS: Final = 15.0
"""How often a server is asked for its tools unasked: not all tell of changes, and a dead one tells nothing."""
RETRY_SECONDS: Final = 30.0
_PAGES: Final = 100


class ServerLink:
    """Keeps the tools of one server at hand.

    Args:
        server: Which.
        changed: Told whenever `tools` are others.
        failed: Told why, once, when the server cannot be used (any more).
        look_seconds: How often it is looked for changes.
        retry_seconds: How long a server that failed is left alone.

    Attributes:
        tools: What it offers now; nothing while it cannot be reached.

    """

    def __init__(
        self,
        server: MCPServer,
        *,
        changed: Callable[[], None],
        failed: Callable[[str], None],
        look_seconds: float = LOOK_SECONDS,
        retry_seconds: float = RETRY_SECONDS,
    ) -> None:
        self.server = server
        self.tools: tuple[FunctionTool, ...] = ()
        self._changed = changed
        self._failed = failed
        self._look_seconds = look_seconds
        self._retry_seconds = retry_seconds
        self._client: Client | None = None
        self._news = asyncio.Event()

    async def run(self) -> Never:
        """Be connected whenever that is possible, until cancelled."""
        await asyncio.to_thread(_import_mcp)
        down = False
        while True:
            connected, why = await self._be_connected()
            if connected or not down:
                self._failed(why)
            down = True
            self._offer(())
            await asyncio.sleep(self._retry_seconds)

    async def _be_connected(self) -> tuple[bool, str]:
        """Whether it was connected at all, and why it is not any more."""
        connected = False
        try:
            async with AsyncExitStack() as stack:
                async with asyncio.timeout(self.server.connect_seconds):
                    client = await self._connect(stack)
                    listed = await self._list(client)
                connected = True
                log.info("= the tool server %s offers %d tools", self.server.name, len(listed))
                self._client = client
                self._offer(listed)
                async with asyncio.TaskGroup() as group:
                    group.create_task(self._listen(client))
                    await self._look(client)
        except AgentWorkerError:
            raise
        except TimeoutError:
            return connected, f"it did not answer within {self.server.connect_seconds:g} s"
        except Exception as error:
            log.debug("the tool server %s failed", self.server.name, exc_info=error)
            return connected, _why(error)
        finally:
            self._client = None

    async def _connect(self, stack: AsyncExitStack) -> "Client":
        import httpx2
        from mcp import Client
        from mcp.client.streamable_http import streamable_http_client

        match self.server.at:
            case Program() as program:
                transport = running(program)
            case Endpoint(url=url, headers=headers):
                timeout = httpx2.Timeout(self.server.connect_seconds, read=300.0)
                http = await stack.enter_async_context(httpx2.AsyncClient(headers=dict(headers), timeout=timeout))
                transport = streamable_http_client(url, http_client=http)
            case _:
                assert_never(self.server.at)
        return await stack.enter_async_context(Client(transport, message_handler=self._told))

    async def _told(self, message: object) -> None:
        if getattr(message, "method", "") == "notifications/tools/list_changed":
            self._news.set()

    async def _listen(self, client: "Client") -> None:
        """Newer servers tell of changes only to who listens; without that there is the look every now and then."""
        from mcp.client.subscriptions import ListenNotSupportedError, SubscriptionLost
        from mcp.shared.exceptions import MCPError

        try:
            async with client.listen(tools_list_changed=True) as changes:
                async for _ in changes:
                    self._news.set()
        except (ListenNotSupportedError, SubscriptionLost, MCPError, TimeoutError) as error:
            log.debug("the tool server %s does not tell of changes: %s", self.server.name, error)

    async def _look(self, client: "Client") -> Never:
        while True:
            try:
                async with asyncio.timeout(self._look_seconds):
                    await self._news.wait()
            except TimeoutError:
                pass
            self._news.clear()
            async with asyncio.timeout(self.server.connect_seconds):
                self._offer(await self._list(client))

    async def _list(self, client: "Client") -> tuple[FunctionTool, ...]:
        tools: list[FunctionTool] = []
        cursor: str | None = None
        for _ in range(_PAGES):
            page = await client.list_tools(cursor=cursor, cache_mode="refresh")
            tools += [
                self._tool(tool.name, tool.description or "", tool.input_schema)
                for tool in page.tools
                if self.server.tools is None or tool.name in self.server.tools
            ]
            cursor = page.next_cursor
            if cursor is None:
                break
        return tuple(tools)

    def _tool(self, name: str, description: str, schema: dict[str, Any]) -> FunctionTool:
        return FunctionTool(
            spec=ToolSpec(name=tool_name(name), description=description, parameters=schema),
            function=partial(self._call, name),
            parameters=RawParameters(schema, argument="arguments"),
        )

    def _offer(self, tools: tuple[FunctionTool, ...]) -> None:
        if _specs(tools) != _specs(self.tools):
            self.tools = tools
            self._changed()

    async def _call(self, name: str, arguments: dict[str, Any]) -> str | Pictures:
        from mcp.shared.exceptions import MCPError

        client, server = self._client, self.server
        if client is None:
            raise ToolError(f"The tool server {server.name} cannot be reached at the moment.")
        try:
            async with asyncio.timeout(server.call_seconds):
                result = await client.call_tool(name, arguments)
        except TimeoutError as error:
            raise ToolError(
                f"The tool server {server.name} did not answer within {server.call_seconds:g} s."
            ) from error
        except MCPError as error:
            # Perhaps it is gone: look at once.
            self._news.set()
            raise ToolError(f"The tool server {server.name} could not do it: {error}") from error
        return result_of(result.model_dump(mode="json", by_alias=True, exclude_none=True))


def _import_mcp() -> None:
    """It takes most of a second: sound must not wait for that, nor may it count as the server's time to connect."""
    for module in ("httpx2", "mcp.client.streamable_http", "mcp.client.subscriptions"):
        importlib.import_module(module)


def _specs(tools: Iterable[FunctionTool]) -> list[ToolSpec]:
    return [tool.spec for tool in tools]


def _why(error: BaseException) -> str:
    """The first cause, in words for a log line."""
    while isinstance(error, BaseExceptionGroup):
        error = cast("BaseExceptionGroup[BaseException]", error).exceptions[0]
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
