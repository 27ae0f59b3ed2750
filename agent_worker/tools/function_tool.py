"""Functions that the model may call: the mark on them, and what is made of the marked ones.

`@function_tool` only marks, and gives the very function back: it stays callable and typed as it was written. When a
session begins `find_tools` reads the marks of an agent and of the functions that it was given.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final, TypeVar, overload

from agent_worker.agent import Agent
from agent_worker.errors import ConfigError
from agent_worker.tools.docstring import parse_docstring
from agent_worker.tools.schema import Parameters
from agent_worker.tools.spec import ToolSpec

_Function = TypeVar("_Function", bound=Callable[..., Any])

_MARK: Final = "__agent_worker_tool__"
_NAME: Final = re.compile(r"[a-zA-Z0-9_-]{1,64}")
"""What providers take for a tool's name."""


@dataclass(frozen=True, slots=True)
class _Mark:
    name: str | None
    description: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionTool:
    """A marked function, ready to be offered to the model and to be run."""

    spec: ToolSpec
    function: Callable[..., Any]
    """Bound, if it is a method; a coroutine function or a plain one."""
    parameters: Parameters


@overload
def function_tool(function: _Function, /) -> _Function: ...
@overload
def function_tool(*, name: str | None = None, description: str | None = None) -> Callable[[_Function], _Function]: ...
def function_tool(
    function: _Function | None = None, /, *, name: str | None = None, description: str | None = None
) -> _Function | Callable[[_Function], _Function]:
    """Let the model call a function or a method.

    Parameters need type hints. A parameter annotated with `RunContext` is filled in and not shown to the model. Plain
    functions run in a thread, so that they may block.

    Args:
        function: The function, when the decorator is used without parentheses.
        name: What the model calls it; None: the function's name.
        description: What it does and when to use it; None: the first paragraph of its docstring. Texts of the
            docstring's "Args:" section describe the parameters.

    Raises:
        ConfigError: The name is one that no provider takes.

    """

    def mark(marked: _Function) -> _Function:
        if name is not None:
            _check_name(name)
        setattr(marked, _MARK, _Mark(name, description))
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
    parameters = Parameters(function, docstring.parameters)
    return FunctionTool(
        spec=ToolSpec(
            name=_check_name(mark.name or getattr(function, "__name__", "")),
            description=mark.description or docstring.description,
            parameters=parameters.schema,
        ),
        function=function,
        parameters=parameters,
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
