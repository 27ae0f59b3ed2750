"""The mark on functions, and which tools an agent then has."""

from collections.abc import Callable
from typing import Any

import pytest

from agent_worker.agent import Agent
from agent_worker.errors import ConfigError
from agent_worker.tools.context import RunContext
from agent_worker.tools.function_tool import find_tools, function_tool


@function_tool
async def tell_time(city: str) -> str:
    """Tell the time in a city.

    Args:
        city: Its English name.

    """
    return f"noon in {city}"


@function_tool(name="lookup-weather", description="Look the weather up.")
def weather(city: str) -> str:
    return f"rain in {city}"


def unmarked() -> None: ...


class Base(Agent):
    @function_tool
    async def greet(self, name: str) -> str:
        """Greet somebody."""
        return f"hello {name}"

    @function_tool
    async def leave(self) -> None:
        """Go."""


class Waiter(Base):
    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.orders: list[str] = []

    @property
    def expensive(self) -> str:
        raise AssertionError("looking for tools must not run properties")

    def not_a_tool(self) -> None: ...

    @function_tool
    async def take_order(self, context: RunContext, drink: str) -> str:
        """Take an order."""
        self.orders.append(f"{context.call_id}: {drink}")
        return "taken"

    async def leave(self) -> None:
        """No tool any more."""

    @staticmethod
    @function_tool
    def menu() -> str:
        """Read the menu."""
        return "tea"

    @classmethod
    @function_tool
    def house(cls) -> str:
        """Name the house."""
        return cls.__name__


def test_a_marked_function_is_the_function_itself() -> None:
    assert weather("Oslo") == "rain in Oslo"


def test_name_and_description_come_from_the_function_or_the_mark() -> None:
    tools = find_tools([tell_time, weather])
    assert [(tool.spec.name, tool.spec.description) for tool in tools.values()] == [
        ("tell_time", "Tell the time in a city."),
        ("lookup-weather", "Look the weather up."),
    ]
    assert tools["tell_time"].spec.parameters == {
        "type": "object",
        "properties": {"city": {"type": "string", "description": "Its English name."}},
        "required": ["city"],
        "additionalProperties": False,
    }


async def test_an_agents_methods_come_in_order_and_bound_then_its_functions() -> None:
    waiter = Waiter(tools=[tell_time])
    tools = find_tools(waiter)
    assert list(tools) == ["greet", "take_order", "menu", "house", "tell_time"]
    assert await tools["greet"].function(name="Ada") == "hello Ada"
    assert tools["menu"].function() == "tea"
    assert tools["house"].function() == "Waiter"
    assert list(tools["take_order"].spec.parameters["properties"]) == ["drink"]
    assert list(find_tools(Base())) == ["greet", "leave"]


def test_an_agent_without_tools_has_none() -> None:
    assert find_tools(Agent("Be kind.")) == {}


def test_methods_of_another_object_may_be_given() -> None:
    kitchen = Waiter()
    tools = find_tools([kitchen.take_order])
    assert tools["take_order"].function == kitchen.take_order


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ([tell_time, tell_time], "Two tools have the name tell_time"),
        (Base(tools=[function_tool(name="greet")(lambda: None)]), "Two tools have the name greet"),
        ([unmarked], "unmarked .* is not a tool: write @function_tool above it"),
        ([function_tool(lambda: None)], "A tool cannot be called '<lambda>'"),
    ],
)
def test_what_is_wrong_with_tools_is_told_when_they_are_gathered(
    source: Agent | list[Callable[..., Any]], says: str
) -> None:
    with pytest.raises(ConfigError, match=says):
        find_tools(source)


@pytest.mark.parametrize("name", ["", "tell time", "zeit?", "x" * 65, "größe"])
def test_a_name_that_no_provider_takes_is_refused_at_once(name: str) -> None:
    with pytest.raises(ConfigError, match="A tool cannot be called"):
        function_tool(name=name)(unmarked)
