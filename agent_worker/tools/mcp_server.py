"""Where tools come from that others have written: Model Context Protocol servers, as an agent names them.

MCPServer (here) -> session connects -> `mcp_link` lists its tools -> the model is told of them like of any other tool
"""

import importlib.util
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from agent_worker.errors import ConfigError

CONNECT_SECONDS = 10.0
CALL_SECONDS = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A server that is started as a program, and spoken to over its standard input and output."""

    command: str
    args: tuple[str, ...]
    env: Mapping[str, str] = field(repr=False)
    cwd: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """A server that runs somewhere, and is spoken to over HTTP (MCP's "streamable HTTP")."""

    url: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MCPServer:
    """One server; made by `MCPServer.stdio` or `MCPServer.http`.

    A session connects to it while it has an agent with it. Agents that share this very object share the connection,
    which then outlasts a hand-off.

    Attributes:
        name: What it is called in logs, and the prefix of tools whose names others have, too.
        at: Where it is.
        tools: The names of the tools that the model may know; None: all.
        connect_seconds: How long connecting and listing the tools may take.
        call_seconds: How long one call may take.

    """

    name: str
    at: Program | Endpoint
    tools: frozenset[str] | None = None
    connect_seconds: float = CONNECT_SECONDS
    call_seconds: float = CALL_SECONDS

    @classmethod
    def stdio(
        cls,
        command: str,
        *args: str,
        env: Mapping[str, str] | None = None,
        cwd: Path | str | None = None,
        name: str | None = None,
        tools: Collection[str] | None = None,
        connect_seconds: float = CONNECT_SECONDS,
        call_seconds: float = CALL_SECONDS,
    ) -> "MCPServer":
        """A server that is started for each session, as a program, and ended with it.

        Args:
            command: The program.
            args: Its arguments.
            env: Environment variables besides a few harmless ones of ours (such as PATH and HOME).
            cwd: Its working directory.
            name: None: the program's.
            tools: The names of the tools that the model may know; None: all.
            connect_seconds: How long starting it and listing its tools may take.
            call_seconds: How long one call may take.

        Raises:
            ConfigError: The package `mcp` is missing.

        """
        at = Program(command=command, args=args, env=dict(env or {}), cwd=None if cwd is None else Path(cwd))
        return cls._made(name or Path(command).stem, at, tools, connect_seconds, call_seconds)

    @classmethod
    def http(
        cls,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        name: str | None = None,
        tools: Collection[str] | None = None,
        connect_seconds: float = CONNECT_SECONDS,
        call_seconds: float = CALL_SECONDS,
    ) -> "MCPServer":
        """A server that runs already.

        Args:
            url: Such as "https://tools.example.com/mcp".
            headers: Sent with each request, such as {"Authorization": "Bearer ..."}. Never logged.
            name: None: the host's.
            tools: The names of the tools that the model may know; None: all.
            connect_seconds: How long connecting and listing the tools may take.
            call_seconds: How long one call may take.

        Raises:
            ConfigError: The package `mcp` is missing, or this is no http or https URL.

        """
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ConfigError("An MCP server's URL begins with http:// or https:// and has a host.")
        at = Endpoint(url=url, headers=dict(headers or {}))
        return cls._made(name or parts.hostname, at, tools, connect_seconds, call_seconds)

    @classmethod
    def _made(
        cls,
        name: str,
        at: Program | Endpoint,
        tools: Collection[str] | None,
        connect_seconds: float,
        call_seconds: float,
    ) -> "MCPServer":
        # Looked for, and not imported: that takes most of a second, and only sessions that connect need it.
        if importlib.util.find_spec("mcp") is None:
            raise ConfigError("MCP servers need the package mcp: pip install 'agent-worker[mcp]'.")
        return cls(
            name=re.sub(r"[^a-zA-Z0-9_-]", "_", name),
            at=at,
            tools=None if tools is None else frozenset(tools),
            connect_seconds=connect_seconds,
            call_seconds=call_seconds,
        )
