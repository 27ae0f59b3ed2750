"""A real MCP server for tests: `python toolserver.py` speaks over stdio, `--port` over HTTP on loopback."""

import argparse
import os
from typing import Any

from mcp.server import MCPServer
from mcp.server.mcpserver import Context, Image
from mcp.types import CallToolResult, TextContent

server = MCPServer("tools of the house", log_level="ERROR")


@server.tool()
def add(a: int, b: int) -> str:
    """Add two numbers."""
    return str(a + b)


@server.tool()
def look_up(what: str) -> dict[str, Any]:
    """Look it up."""
    return {"what": what, "found": 7}


@server.tool()
def photograph() -> Image:
    """Take a photograph."""
    return Image(data=b"no real one", format="png")


@server.tool()
def fail() -> str:
    """Fail in words."""
    raise ValueError("the cellar is flooded")


@server.tool()
def refuse() -> CallToolResult:
    """Say that it did not work."""
    return CallToolResult(content=[TextContent(text="The cellar is closed.")], is_error=True)


@server.tool()
def die() -> str:
    """End this very program."""
    os._exit(3)


@server.tool()
async def learn(context: Context) -> str:
    """Learn another tool."""

    def late() -> str:
        """Came later."""
        return "here"

    server.add_tool(late)
    await context.session.send_tool_list_changed()
    await context.notify_tools_changed()
    return "learnt"


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int)
    port = parser.parse_args().port
    if port is None:
        server.run("stdio")
    else:
        server.run("streamable-http", host="127.0.0.1", port=port)
