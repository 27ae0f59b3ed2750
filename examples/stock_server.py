"""A Model Context Protocol server with one tool, for mcp_tools.py. Any other would do, in any language."""

from mcp.server import MCPServer

server = MCPServer("stock", log_level="ERROR")


@server.tool()
def in_stock(item: str) -> str:
    """Tell how many of an item are in stock."""
    return f"There are {len(item)} of {item}."


if __name__ == "__main__":
    server.run("stdio")
