"""The tool servers (MCP) of the agent at present: connected for as long as an agent has them."""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from agent_worker import clock
from agent_worker.session.events import ErrorOccurred, SessionEvent
from agent_worker.tools.function_tool import FunctionTool
from agent_worker.tools.mcp_link import ServerLink
from agent_worker.tools.mcp_server import MCPServer

log = logging.getLogger(__name__)


class ToolServers:
    """Connects them side by side, and never has the conversation wait for one.

    Args:
        start: Starts a task that ends with the session.
        changed: Told whenever there are other tools.
        emit: Tells who follows the session.

    """

    def __init__(
        self,
        *,
        start: Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]],
        changed: Callable[[], None],
        emit: Callable[[SessionEvent], None],
    ) -> None:
        self._start = start
        self._changed = changed
        self._emit = emit
        self._links: dict[MCPServer, tuple[ServerLink, asyncio.Task[None]]] = {}
        self._arrived: list[MCPServer] = []

    def follow(self, servers: Sequence[MCPServer]) -> None:
        """These are wanted from now on: new ones are connected, others left."""
        for server in [server for server in self._links if server not in servers]:
            _, task = self._links.pop(server)
            task.cancel()
        self._arrived = [server for server in self._arrived if server in self._links]
        for server in servers:
            if server not in self._links:
                link = ServerLink(
                    server,
                    changed=lambda server=server: self._other_tools(server),
                    failed=lambda why, server=server: self._failed(server, why),
                )
                self._links[server] = link, self._start(link.run())

    def tools(self) -> list[tuple[str, tuple[FunctionTool, ...]]]:
        """Each server's name and tools, in the order in which the servers came."""
        return [(server.name, self._links[server][0].tools) for server in self._arrived]

    def _other_tools(self, server: MCPServer) -> None:
        if server not in self._links:
            return
        if server not in self._arrived:
            self._arrived.append(server)
        self._changed()

    def _failed(self, server: MCPServer, why: str) -> None:
        message = f"the tool server {server.name} is left out: {why}"
        log.warning("! %s", message)
        self._emit(ErrorOccurred(at=clock.now(), source="tool", message=message, fatal=False))
