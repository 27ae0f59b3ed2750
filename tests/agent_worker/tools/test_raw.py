"""Tools that bring their JSON schema with them."""

from collections.abc import Callable
from typing import Any, cast

import pytest

from agent_worker.errors import ConfigError
from agent_worker.tools.context import RunContext
from agent_worker.tools.function_tool import Filler, find_tools, function_tool
from agent_worker.tools.raw import RawParameters, read_raw_schema

CONTEXT = cast("RunContext", object())
SCHEMA = {
    "type": "function",
    "name": "order",
    "description": "Order a drink.",
    "parameters": {"type": "object", "properties": {"drink": {"type": "string"}}, "required": ["drink"]},
}


def plain(arguments) -> None: ...  # pyright: ignore
def typed(context: RunContext, raw_arguments: dict[str, object]) -> None: ...
def without() -> None: ...
def only_context(context: RunContext) -> None: ...
def two(a: int, b: int) -> None: ...


class Bar:
    @function_tool(raw_schema=SCHEMA, timeout=3, filler="One moment.", filler_after=0.4)
    async def take(self, arguments: dict[str, Any]) -> str:
        """Never shown."""
        return arguments["drink"]


async def test_the_model_is_told_what_the_schema_says() -> None:
    (tool,) = find_tools([Bar().take]).values()
    assert (tool.spec.name, tool.spec.description) == ("order", "Order a drink.")
    assert tool.spec.parameters == SCHEMA["parameters"]
    assert (tool.timeout, tool.filler) == (3, Filler("One moment.", 0.4))
    assert await tool.function(**tool.parameters.validate('{"drink": "tea", "more": [1]}', CONTEXT)) == "tea"


def test_what_the_schema_leaves_out_comes_from_the_function() -> None:
    @function_tool(raw_schema={"name": "order"}, description="From the mark.")
    def marked(arguments: dict[str, Any]) -> None:
        """From the docstring."""

    @function_tool(raw_schema={"name": "order"})
    def documented(arguments: dict[str, Any]) -> None:
        """From the docstring."""

    for function, description in ((marked, "From the mark."), (documented, "From the docstring.")):
        (tool,) = find_tools([function]).values()
        assert tool.spec.description == description
        assert tool.spec.parameters == {"type": "object", "properties": {}}


@pytest.mark.parametrize(
    ("function", "arguments", "taken"),
    [
        (plain, '{"a": 1}', {"arguments": {"a": 1}}),
        (plain, " ", {"arguments": {}}),
        (typed, "{}", {"raw_arguments": {}, "context": CONTEXT}),
    ],
)
def test_arguments_come_as_one_dict(function: Callable[..., Any], arguments: str, taken: dict[str, Any]) -> None:
    assert RawParameters.of(function, {}).validate(arguments, CONTEXT) == taken


@pytest.mark.parametrize(("function", "takes"), [(without, "none"), (only_context, "none"), (two, "a, b")])
def test_a_function_that_takes_something_else_is_refused(function: Callable[..., Any], takes: str) -> None:
    with pytest.raises(ConfigError, match=f"let it take one parameter.* It takes {takes}"):
        RawParameters.of(function, {})


@pytest.mark.parametrize(
    ("schema", "says"),
    [
        ({}, "A raw_schema is a dict with name"),
        ({"name": "x", "parameters": 5}, "A raw_schema is a dict with name"),
        ({"name": "x", "parameters": {"type": "array"}}, '"type": "object" at their top'),
    ],
)
def test_a_schema_that_is_none_is_refused(schema: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        read_raw_schema(schema)


@pytest.mark.parametrize("bad", [{"timeout": 0}, {"timeout": -1.0}, {"filler": "Hm.", "filler_after": 0}])
def test_no_time_at_all_is_refused(bad: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="give it seconds above 0"):
        function_tool(**bad)(plain)
