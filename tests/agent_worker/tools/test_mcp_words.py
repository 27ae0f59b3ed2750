"""What an MCP server's answers are in words, and what its tools are called beside others."""

from base64 import b64encode
from typing import Any, cast

import pytest

from agent_worker.errors import ToolError
from agent_worker.history.items import Image
from agent_worker.tools.function_tool import FunctionTool
from agent_worker.tools.mcp_words import result_of, tool_name, with_others
from agent_worker.tools.pictures import MOST_BYTES, MOST_PICTURES, Pictures
from agent_worker.tools.raw import RawParameters
from agent_worker.tools.spec import ToolSpec

TEXT = {"type": "text", "text": "seven"}


@pytest.mark.parametrize(
    ("result", "words"),
    [
        ({"content": [TEXT]}, "seven"),
        ({"content": [TEXT, {"type": "text", "text": "eight"}]}, "seven\neight"),
        ({"content": [TEXT], "structuredContent": {"n": 7}}, "seven"),
        ({"content": [], "structuredContent": {"wo": "Café"}}, '{"wo": "Café"}'),
        (
            {"content": [{"type": "image", "data": "AA", "mimeType": "image/png"}], "structuredContent": {"n": 7}},
            '{"n": 7}\n[image, image/png: it cannot be passed on]',
        ),
        ({"content": [{"type": "audio", "mimeType": "audio/wav"}]}, "[audio, audio/wav: it cannot be passed on]"),
        ({"content": [{"type": "resource", "resource": {"uri": "a:b", "text": "inside"}}]}, "inside"),
        (
            {"content": [{"type": "resource", "resource": {"uri": "a:b", "blob": "AA"}}]},
            "[resource a:b: it cannot be passed on]",
        ),
        ({"content": [{"type": "resource_link", "uri": "a:b", "name": "Menu"}]}, "[resource Menu: a:b]"),
        ({"content": [{"type": "hologram"}]}, "[hologram: it cannot be passed on]"),
        ({"content": []}, "Done."),
        ({}, "Done."),
    ],
)
def test_a_result_in_words(result: dict[str, Any], words: str) -> None:
    assert result_of(result) == words


PNG, JPEG = b"\x89PNG of a kind", b"\xff\xd8\xff of a kind"


def part(data: bytes, mime: str = "image/png") -> dict[str, Any]:
    return {"type": "image", "data": b64encode(data).decode(), "mimeType": mime}


def test_pictures_are_shown() -> None:
    blob = {"uri": "a:b", "blob": b64encode(JPEG).decode(), "mimeType": "image/jpeg"}
    shown = result_of({"content": [part(PNG), TEXT, {"type": "resource", "resource": blob}]})
    assert shown == Pictures("seven", (Image(PNG), Image(JPEG)))
    assert result_of({"content": [part(PNG)]}) == Pictures("", (Image(PNG),))


@pytest.mark.parametrize(
    "odd", [part(b"RIFF", "image/webp"), part(PNG + bytes(MOST_BYTES), "image/png"), {**part(PNG), "data": "A"}]
)
def test_what_no_model_takes_is_named(odd: dict[str, Any]) -> None:
    assert result_of({"content": [odd]}) == f"[image, {odd['mimeType']}: it cannot be passed on]"


def test_of_many_pictures_the_first_are_shown() -> None:
    shown = result_of({"content": [part(PNG)] * (MOST_PICTURES + 1)})
    assert shown == Pictures("[image, image/png: it cannot be passed on]", (Image(PNG),) * MOST_PICTURES)


@pytest.mark.parametrize(("content", "words"), [([TEXT], "seven"), ([], "The tool failed and did not say why.")])
def test_a_failure_is_told_as_one(content: list[Any], words: str) -> None:
    with pytest.raises(ToolError) as failed:
        result_of({"content": content, "isError": True})
    assert str(failed.value) == words


def test_names_as_providers_take_them() -> None:
    assert tool_name("files/read.all") == "files_read_all"
    assert tool_name("x" * 80) == "x" * 64
    assert tool_name("") == "_"


def tool(name: str, description: str) -> FunctionTool:
    spec = ToolSpec(name=name, description=description, parameters={})
    return FunctionTool(spec=spec, function=cast("Any", None), parameters=RawParameters({}, argument="arguments"))


def test_who_came_first_keeps_the_name() -> None:
    merged = with_others(
        {"add": tool("add", "own")},
        [
            ("calc", (tool("add", "calc's"), tool("sub", "calc's"))),
            ("calc", (tool("add", "another calc's"), tool("mul", "another calc's"))),
            ("x" * 64, (tool("add", "long"), tool("sub", "long"))),
        ],
    )
    assert {name: offered.spec.description for name, offered in merged.items()} == {
        "add": "own",
        "calc_add": "calc's",
        "sub": "calc's",
        "calc_add_2": "another calc's",
        "mul": "another calc's",
        "x" * 64: "long",
        "x" * 62 + "_2": "long",
    }
    assert all(name == offered.spec.name for name, offered in merged.items())
