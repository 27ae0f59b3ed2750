"""What passes between MCP servers and a model, as words and pictures: tools' names, what a call has brought. Pure.

What a server says comes as plain dicts (its JSON), so that nothing here needs the package `mcp`.
"""

import binascii
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Final

from agent_worker.errors import ToolError
from agent_worker.history.items import Image
from agent_worker.tools.function_tool import FunctionTool
from agent_worker.tools.pictures import MOST_BYTES, MOST_PICTURES, Pictures, is_picture

_NAME_LENGTH: Final = 64
_BASE64_BYTES: Final = MOST_BYTES * 4 // 3 + 4


def tool_name(name: str) -> str:
    """A server's name for a tool, as realtime providers take it."""
    return re.sub(r"[^a-zA-Z0-9_-]", "_", name)[:_NAME_LENGTH] or "_"


def with_others(
    own: Mapping[str, FunctionTool], others: Iterable[tuple[str, Iterable[FunctionTool]]]
) -> dict[str, FunctionTool]:
    """An agent's tools, and behind them those of servers; a name that is taken gets the server's before it.

    Args:
        own: The agent's, by name.
        others: A server's name with its tools, in the order in which the servers came: who came first keeps the name.

    """
    tools = dict(own)
    for server, offered in others:
        for tool in offered:
            name = tool.spec.name
            if name in tools:
                name = tool_name(f"{server}_{name}")
            number = 2
            while name in tools:
                ending = f"_{number}"
                name = f"{name[: _NAME_LENGTH - len(ending)]}{ending}"
                number += 1
            tools[name] = replace(tool, spec=replace(tool.spec, name=name))
    return tools


def result_of(result: Mapping[str, Any]) -> str | Pictures:
    """What a call has brought, for the model: its texts; else its structure as JSON; its pictures. The rest is named.

    Args:
        result: MCP's CallToolResult as JSON: "content", "structuredContent", "isError".

    Raises:
        ToolError: The server says that the call failed, and with these words.

    """
    parts: list[Mapping[str, Any]] = list(result.get("content") or ())
    structure = result.get("structuredContent")
    pictures: list[Image] = []
    texts: list[str] = []
    for part in parts:
        picture = _picture_of(part) if len(pictures) < MOST_PICTURES else None
        if picture is None:
            texts.append(_words_of(part))
        else:
            pictures.append(picture)
    if structure is not None and not any(part.get("type") == "text" for part in parts):
        texts.insert(0, json.dumps(structure, ensure_ascii=False))
    words = "\n".join(texts)
    if result.get("isError"):
        raise ToolError(words or "The tool failed and did not say why.")
    return Pictures(words, tuple(pictures)) if pictures else words or "Done."


def _picture_of(part: Mapping[str, Any]) -> Image | None:
    """A JPEG or PNG of a size that a model takes."""
    match part:
        case {"type": "image", "data": str(encoded)}:
            pass
        case {"type": "resource", "resource": {"blob": str(encoded), "mimeType": "image/jpeg" | "image/png"}}:
            pass
        case _:
            return None
    if len(encoded) > _BASE64_BYTES:
        return None
    try:
        data = binascii.a2b_base64(encoded)
    except ValueError:
        return None
    return Image(data) if is_picture(data) else None


def _words_of(part: Mapping[str, Any]) -> str:
    match part:
        case {"type": "text", "text": str(text)}:
            return text
        case {"type": "image" | "audio" as kind, "mimeType": str(mime)}:
            return f"[{kind}, {mime}: it cannot be passed on]"
        case {"type": "resource", "resource": {"text": str(text)}}:
            return text
        case {"type": "resource", "resource": {"uri": uri}}:
            return f"[resource {uri}: it cannot be passed on]"
        case {"type": "resource_link", "uri": uri}:
            return f"[resource {part.get('title') or part.get('name') or ''}: {uri}]"
        case _:
            return f"[{part.get('type', 'something')}: it cannot be passed on]"
