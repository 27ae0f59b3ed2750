"""Functions that the model may call: the mark on them, and what is made of the marked ones.

`@function_tool` only marks, and gives the very function back: it stays callable and typed as it was written. When a
session begins `find_tools` reads the marks of an agent and of the functions that it was given.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol, TypeVar, overload

from agent_worker.agent import Agent
from agent_worker.errors import ConfigError
from agent_worker.tools.context import RunContext
from agent_worker.tools.docstring import parse_docstring
from agent_worker.tools.raw import RawParameters, RawSchema, read_raw_schema
from agent_worker.tools.schema import Parameters
from agent_worker.tools.spec import ToolSpec

_Function = TypeVar("_Function", bound=Callable[..., Any])

_MARK: Final = "__agent_worker_tool__"
_NAME: Final = re.compile(r"[a-zA-Z0-9_-]{1,64}")
"""What providers take for a tool's name."""


FILLER_AFTER: Final = 0.8
"""Seconds that a tool may take before its filler is said, unless it says otherwise."""


@dataclass(frozen=True, slots=True)
class Filler:
    """What the agent says while a slow tool is at work, `after` so many seconds."""

    text: str
    after: float = FILLER_AFTER


@dataclass(frozen=True, slots=True, kw_only=True)
class _Mark:
    name: str | None
    description: str | None
    raw: RawSchema | None
    timeout: float | None
    filler: Filler | None


class TakesArguments(Protocol):
    """How the model's arguments become a function's."""

    @property
    def schema(self) -> Mapping[str, Any]:
        """JSON schema for the model."""
        ...

    def validate(self, arguments: str, context: RunContext) -> dict[str, Any]:
        """Keyword arguments for the function; raises pydantic.ValidationError for what does not fit."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionTool:
    """A marked function, ready to be offered to the model and to be run."""

    spec: ToolSpec
    function: Callable[..., Any]
    """Bound, if it is a method; a coroutine function or a plain one."""
    parameters: TakesArguments
    timeout: float | None = None
    """Seconds after which it is given up; None: never."""
    filler: Filler | None = None


@overload
def function_tool(function: _Function, /) -> _Function: ...
@overload
def function_tool(
    *,
    name: str | None = None,
    description: str | None = None,
    raw_schema: Mapping[str, Any] | None = None,
    timeout: float | None = None,
    filler: str | None = None,
    filler_after: float = FILLER_AFTER,
) -> Callable[[_Function], _Function]: ...
def function_tool(
    function: _Function | None = None,
    /,
    *,
    name: str | None = None,
    description: str | None = None,
    raw_schema: Mapping[str, Any] | None = None,
    timeout: float | None = None,
    filler: str | None = None,
    filler_after: float = FILLER_AFTER,
) -> _Function | Callable[[_Function], _Function]:
    """Let the model call a function or a method.

    Parameters need type hints. A parameter annotated with `RunContext` is filled in and not shown to the model. Plain
    functions run in a thread, so that they may block. docs/tools.md tells what may be returned and raised.

    Args:
        function: The function, when the decorator is used without parentheses.
        name: What the model calls it; None: the function's name.
        description: What it does and when to use it; None: the first paragraph of its docstring. What the docstring
            says of parameters (Google, NumPy or Sphinx style) describes them.
        raw_schema: A dict of "name", "description" and "parameters" (a JSON schema), in place of what the type hints
            say. The function then takes one dict, as the model wrote it.
        timeout: Seconds after which the tool is given up and the model told so. A plain function's thread goes on.
        filler: Said word for word when the tool takes longer than `filler_after` seconds ("Let me look that up.").
            Needs a synthesiser. It is not part of the history.
        filler_after: Seconds.

    Raises:
        ConfigError: The name is one that no provider takes, or the raw schema is none.

    """

    def mark(marked: _Function) -> _Function:
        if name is not None:
            _check_name(name)
        for what, seconds in (("timeout", timeout), ("filler_after", filler_after)):
            if seconds is not None and seconds <= 0:
                raise ConfigError(f"{what}={seconds:g} of a tool: give it seconds above 0.")
        raw = None if raw_schema is None else read_raw_schema(raw_schema)
        said = Filler(filler, filler_after) if filler else None
        setattr(marked, _MARK, _Mark(name=name, description=description, raw=raw, timeout=timeout, filler=said))
        return marked

    return mark if function is None else mark(function)


def find_tools(source: Agent | Iterable[Callable[..., Any]]) -> dict[str, FunctionTool]:
    """All tools of an agent (its marked methods, then the functions that it was given), or of some functions.

    Raises:
        ConfigError: Two have one name, a function is not marked, or the model could not be told of its parameters.

    """
    functions = [*_marked_methods(source), *source.tools] if isinstance(source, Agent) else source
    tools: dict[str, FunctionTool] = {}
    for function in functions:
        tool = _tool(function)
        if tool.spec.name in tools:
            raise ConfigError(
                f"Two tools have the name {tool.spec.name}: give one another, @function_tool(name=...)."
            )
        tools[tool.spec.name] = tool
    return tools


def _tool(function: Callable[..., Any]) -> FunctionTool:
    mark = getattr(function, _MARK, None)
    if not isinstance(mark, _Mark):
        raise ConfigError(f"{function!r} is not a tool: write @function_tool above it.")
    docstring = parse_docstring(function.__doc__)
    raw = mark.raw
    if raw is None:
        parameters: TakesArguments = Parameters(function, docstring.parameters)
        name, description = getattr(function, "__name__", ""), docstring.description
    else:
        parameters = RawParameters.of(function, raw.parameters)
        name, description = raw.name, raw.description or docstring.description
    return FunctionTool(
        spec=ToolSpec(
            name=_check_name(mark.name or name),
            description=mark.description or description,
            parameters=parameters.schema,
        ),
        function=function,
        parameters=parameters,
        timeout=mark.timeout,
        filler=mark.filler,
    )


def _marked_methods(owner: object) -> Iterable[Callable[..., Any]]:
    """In the order of their definition, a base class's first.

    Only what the class says is looked at: to ask the object for each of its attributes would run its properties.
    """
    names = dict.fromkeys(name for cls in reversed(type(owner).__mro__) for name in vars(cls))
    for name in names:
        if isinstance(getattr(getattr(type(owner), name, None), _MARK, None), _Mark):
            yield getattr(owner, name)


def _check_name(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise ConfigError(f"A tool cannot be called {name!r}: at most 64 of a-z, A-Z, 0-9, _ and - make a name.")
    return name
