"""Runs the tools that the model asked for. Whatever happens in one, the model gets an answer to go on with."""

import asyncio
import inspect
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Protocol, cast

from pydantic import ValidationError
from pydantic_core import to_json

from agent_worker.agent import Agent, StopResponse
from agent_worker.errors import ToolError
from agent_worker.history.items import Image
from agent_worker.tools.context import RunContext
from agent_worker.tools.function_tool import FunctionTool
from agent_worker.tools.pictures import MOST_PICTURES, Pictures

_DONE: Final = "Done."
_SHOWN: Final = "A picture."
_HANDED_OVER: Final = "The conversation goes on with another agent."
INTERNAL_ERROR: Final = "An internal error occurred"
"""What the model is told of what nobody foresaw."""

_logger = logging.getLogger(__name__)


class ToolCall(Protocol):
    """A call as the model wrote it: an event or an item of the history."""

    @property
    def call_id(self) -> str:
        """The model's id of the call."""
        ...

    @property
    def name(self) -> str:
        """Which tool."""
        ...

    @property
    def arguments(self) -> str:
        """JSON text, or whatever the model took for it."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolResult:
    """What became of a call."""

    output: str
    """For the model; never missing."""
    is_error: bool = False
    agent: Agent | None = None
    """Who the conversation is handed over to."""
    reply: bool = True
    """Whether the model is to speak about it."""
    images: tuple[Image, ...] = ()
    """What the model is to look at."""


async def run_tool(tools: Mapping[str, FunctionTool], call: ToolCall, context: RunContext) -> ToolResult:
    """Run one call to its end. Raises nothing of the tool's; only cancellation comes through.

    A tool has the deadline that its decorator gives it. A plain function runs in a thread, and goes on there if the
    call is cancelled or out of time.

    Args:
        tools: By name, from `find_tools`.
        call: The model's call.
        context: For a tool that wants it.

    """
    tool = tools.get(call.name)
    if tool is None:
        known = ", ".join(sorted(tools)) or "none at all"
        return ToolResult(output=f"There is no tool {call.name!r}. There are: {known}.", is_error=True)
    try:
        arguments = tool.parameters.validate(call.arguments, context)
    except ValidationError as exc:
        _logger.info("x tool %s: the model's arguments do not fit (%d problems)", call.name, exc.error_count())
        return ToolResult(output=_problems(call.name, exc), is_error=True)
    try:
        return await _within(tool, arguments)
    except StopResponse:
        return ToolResult(output=_DONE, reply=False)
    except ToolError as exc:
        return ToolResult(output=str(exc) or INTERNAL_ERROR, is_error=True)
    except Exception:
        _logger.exception("! tool %s failed, call %s", call.name, call.call_id)
        return ToolResult(output=INTERNAL_ERROR, is_error=True)


async def _within(tool: FunctionTool, arguments: Mapping[str, Any]) -> ToolResult:
    deadline = asyncio.timeout(tool.timeout)
    try:
        async with deadline:
            return _result(await _run(tool.function, arguments))
    except TimeoutError:
        if not deadline.expired():  # One of the tool's own.
            raise
        name, seconds = tool.spec.name, tool.timeout or 0.0
        _logger.warning("! tool %s took longer than %g s and was given up", name, seconds)
        return ToolResult(output=f"{name} took longer than {seconds:g} s and was given up.", is_error=True)


async def _run(function: Callable[..., Any], arguments: Mapping[str, Any]) -> Any:
    if inspect.iscoroutinefunction(function):
        return await function(**arguments)
    result, failure = await asyncio.to_thread(_outcome, function, arguments)
    if failure is not None:
        raise failure
    return await result if inspect.isawaitable(result) else result


def _outcome(function: Callable[..., Any], arguments: Mapping[str, Any]) -> tuple[Any, Exception | None]:
    # A future takes no StopIteration: raised in the thread, one would leave its caller waiting for ever.
    try:
        return function(**arguments), None
    except Exception as exc:  # noqa: BLE001 - raised again by the caller, on the loop
        return None, exc


def _result(value: Any) -> ToolResult:
    match value:
        case None:
            return ToolResult(output=_DONE, reply=False)
        case Agent():
            return ToolResult(output=_HANDED_OVER, agent=value, reply=False)
        case tuple() if (parts := cast("tuple[Any, ...]", value)) and isinstance(parts[0], Agent):
            agent, *rest = parts
            if len(rest) != 1:
                msg = f"a hand-off is an Agent, or (Agent, result); this tool returned {len(parts)} things"
                raise TypeError(msg)
            told = _result(rest[0])
            return replace(told, output=told.output if told.reply else _HANDED_OVER, agent=agent)
        case str():
            return ToolResult(output=value)
        case Image():
            return _result(Pictures("", (value,)))
        case Pictures(text=text, images=images):
            return ToolResult(output=text or _SHOWN, images=images[:MOST_PICTURES])
        case _:
            return ToolResult(output=to_json(value).decode("utf-8"))


def _problems(name: str, exc: ValidationError) -> str:
    problems = [
        f"{'.'.join(map(str, problem['loc'])) or 'arguments'}: {problem['msg']}"
        for problem in exc.errors(include_url=False, include_context=False, include_input=False)
    ]
    return f"The arguments of {name} are wrong. {'; '.join(problems)}. Call it again with right ones."
