"""Whatever the model writes and whatever a tool does, the model gets an answer (U-2, U-5)."""

import asyncio
import logging
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any, cast

import pytest

from agent_worker.agent import Agent, StopResponse
from agent_worker.errors import ToolError
from agent_worker.history.items import FunctionCall, Image
from agent_worker.realtime.base import FunctionCallReady
from agent_worker.tools.context import RunContext
from agent_worker.tools.function_tool import find_tools, function_tool
from agent_worker.tools.pictures import Pictures
from agent_worker.tools.run import ToolResult, run_tool

SESSION, SPEECH = cast("Any", object()), cast("Any", object())
PICTURE = Image(b"\x89PNG of a kind")
COLLEAGUE = Agent("You are the colleague.")
NOTHING: Iterator[str] = iter(())


@dataclass
class Booking:
    day: date
    guests: list[str]


@function_tool
async def echo(text: str) -> str:
    return text


@function_tool
def echo_in_thread(text: str) -> str:
    return f"{text} {threading.current_thread() is threading.main_thread()}"


@function_tool
async def book(guests: int, day: date) -> Booking:
    return Booking(day, ["Ada"] * guests)


@function_tool
async def count() -> int:
    return 3


@function_tool
async def who_asks(context: RunContext) -> list[bool | str]:
    return [context.session is SESSION, context.speech is SPEECH, context.call_id]


@function_tool
async def hush() -> None:
    return None


@function_tool
async def stop() -> str:
    raise StopResponse


@function_tool
async def refuse() -> str:
    raise ToolError("The kitchen is closed.")


@function_tool
async def refuse_without_words() -> str:
    raise ToolError


@function_tool
async def fail() -> str:
    raise ZeroDivisionError("a secret of the house")


@function_tool
def fail_in_thread() -> str:
    raise ZeroDivisionError("a secret of the house")


@function_tool
def next_of_nothing() -> str:
    return next(NOTHING)


@function_tool
async def give_what_has_no_json() -> object:
    return object()


@function_tool
async def hand_over() -> Agent:
    return COLLEAGUE


@function_tool
async def hand_over_with_words() -> tuple[Agent, dict[str, int]]:
    return COLLEAGUE, {"table": 7}


@function_tool
async def hand_over_with_a_picture() -> tuple[Agent, Pictures]:
    return COLLEAGUE, Pictures("The table.", (PICTURE,))


@function_tool
def show() -> Image:
    return PICTURE


@function_tool
async def hand_over_in_silence() -> tuple[Agent, None]:
    return COLLEAGUE, None


@function_tool
async def hand_over_with_too_much() -> tuple[Agent, str, str]:
    return COLLEAGUE, "a", "b"


@function_tool
async def pair() -> tuple[int, int]:
    return 1, 2


@function_tool(timeout=0.01)
async def dawdle() -> str:
    await asyncio.Event().wait()
    return "never"


@function_tool(timeout=5)
async def impatient() -> str:
    raise TimeoutError("its own")


@function_tool(raw_schema={"name": "order", "description": "Order.", "parameters": {"type": "object"}})
async def raw(arguments: dict[str, Any], context: RunContext) -> str:
    return f"{arguments} {context.call_id}"


@function_tool
def coroutine_of_a_plain_function() -> Any:
    return echo("later")


TOOLS = find_tools(
    [
        echo,
        echo_in_thread,
        book,
        count,
        who_asks,
        hush,
        stop,
        refuse,
        refuse_without_words,
        fail,
        fail_in_thread,
        next_of_nothing,
        give_what_has_no_json,
        hand_over,
        hand_over_with_words,
        hand_over_with_a_picture,
        show,
        hand_over_in_silence,
        hand_over_with_too_much,
        pair,
        dawdle,
        impatient,
        raw,
        coroutine_of_a_plain_function,
    ]
)

CALLS: dict[str, tuple[str, str, ToolResult]] = {
    "text is as it is": ("echo", '{"text": "it is \\"noon\\""}', ToolResult(output='it is "noon"')),
    "no text is text": ("echo", '{"text": ""}', ToolResult(output="")),
    "a plain function runs in a thread": ("echo_in_thread", '{"text": "main:"}', ToolResult(output="main: False")),
    "what is no text is JSON": ("count", "", ToolResult(output="3")),
    "what is made of parts is JSON": (
        "book",
        '{"guests": 2, "day": "2026-11-20"}',
        ToolResult(output='{"day":"2026-11-20","guests":["Ada","Ada"]}'),
    ),
    "the context": ("who_asks", "{}", ToolResult(output='[true,true,"call_1"]')),
    "a coroutine made in the thread": ("coroutine_of_a_plain_function", "{}", ToolResult(output="later")),
    "nothing to say about it": ("hush", "{}", ToolResult(output="Done.", reply=False)),
    "no reply is wanted": ("stop", "{}", ToolResult(output="Done.", reply=False)),
    "words for the model": ("refuse", "{}", ToolResult(output="The kitchen is closed.", is_error=True)),
    "no words for the model": (
        "refuse_without_words",
        "{}",
        ToolResult(output="An internal error occurred", is_error=True),
    ),
    "somebody else goes on": (
        "hand_over",
        "{}",
        ToolResult(output="The conversation goes on with another agent.", agent=COLLEAGUE, reply=False),
    ),
    "somebody else goes on, and tells": (
        "hand_over_with_words",
        "{}",
        ToolResult(output='{"table":7}', agent=COLLEAGUE),
    ),
    "somebody else goes on, and there is something to look at": (
        "hand_over_with_a_picture",
        "{}",
        ToolResult(output="The table.", agent=COLLEAGUE, images=(PICTURE,)),
    ),
    "a picture and no word": ("show", "{}", ToolResult(output="A picture.", images=(PICTURE,))),
    "somebody else goes on, and nothing is to be told": (
        "hand_over_in_silence",
        "{}",
        ToolResult(output="The conversation goes on with another agent.", agent=COLLEAGUE, reply=False),
    ),
    "two things are no hand-off": ("pair", "{}", ToolResult(output="[1,2]")),
    "too slow": (
        "dawdle",
        "{}",
        ToolResult(output="dawdle took longer than 0.01 s and was given up.", is_error=True),
    ),
    "what the model wrote, as it is": ("order", '{"drink": "tea"}', ToolResult(output="{'drink': 'tea'} call_1")),
    "no object": (
        "order",
        "[1]",
        ToolResult(
            output="The arguments of order are wrong. arguments: Input should be an object. "
            "Call it again with right ones.",
            is_error=True,
        ),
    ),
    "broken JSON": (
        "count",
        "{",
        ToolResult(
            output="The arguments of count are wrong. arguments: Invalid JSON: EOF while parsing an object at line 1 "
            "column 1. Call it again with right ones.",
            is_error=True,
        ),
    ),
    "wrong types": (
        "book",
        '{"guests": "two", "when": "now"}',
        ToolResult(
            output="The arguments of book are wrong. guests: Input should be a valid integer, unable to parse "
            "string as an integer; day: Field required; when: Extra inputs are not permitted. Call it again with "
            "right ones.",
            is_error=True,
        ),
    ),
}


async def run(name: str, arguments: str) -> ToolResult:
    call = FunctionCall(id="item_1", call_id="call_1", name=name, arguments=arguments)
    return await run_tool(TOOLS, call, RunContext(session=SESSION, speech=SPEECH, call_id="call_1"))


@pytest.mark.parametrize(("name", "arguments", "result"), CALLS.values(), ids=CALLS.keys())
async def test_a_call_is_answered(name: str, arguments: str, result: ToolResult) -> None:
    assert await run(name, arguments) == result


@pytest.mark.parametrize(
    "name",
    [
        "fail",
        "fail_in_thread",
        "next_of_nothing",
        "give_what_has_no_json",
        "hand_over_with_too_much",
        "impatient",
    ],
)
async def test_what_breaks_inside_is_logged_in_full_and_not_told(name: str, caplog: pytest.LogCaptureFixture) -> None:
    async with asyncio.timeout(5):
        result = await run(name, "{}")
    assert result == ToolResult(output="An internal error occurred", is_error=True)
    (record,) = caplog.records
    assert record.levelno == logging.ERROR
    assert record.getMessage() == f"! tool {name} failed, call call_1"
    assert "Traceback" in caplog.text
    if name.startswith("fail"):
        assert "ZeroDivisionError: a secret of the house" in caplog.text


async def test_an_unknown_tool() -> None:
    result = await run("dance", "{}")
    assert result.is_error
    assert result.reply
    assert result.output.startswith(
        "There is no tool 'dance'. There are: book, coroutine_of_a_plain_function, count,"
    )
    call = FunctionCall(id="i", call_id="c", name="dance", arguments="{}")
    alone = await run_tool({}, call, RunContext(session=SESSION, speech=SPEECH, call_id="c"))
    assert alone.output == "There is no tool 'dance'. There are: none at all."


async def test_an_event_of_the_model_is_a_call() -> None:
    call = FunctionCallReady(response_id="r", item_id="i", call_id="c", name="echo", arguments='{"text": "x"}')
    assert await run_tool(TOOLS, call, RunContext(session=SESSION, speech=SPEECH, call_id="c")) == ToolResult(
        output="x"
    )


async def test_a_cancelled_call_is_cancelled() -> None:
    entered = asyncio.Event()

    @function_tool
    async def wait() -> None:
        entered.set()
        await asyncio.Event().wait()

    call = FunctionCall(id="i", call_id="c", name="wait", arguments="{}")
    async with asyncio.TaskGroup() as group:
        task = group.create_task(
            run_tool(find_tools([wait]), call, RunContext(session=SESSION, speech=SPEECH, call_id="c"))
        )
        await entered.wait()
        task.cancel()
    assert task.cancelled()
