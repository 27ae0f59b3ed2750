"""A script of a conversation as a model takes part in it, and how far the session has followed it. Pure.

command of the session -> `Progress.receive` -> the step that it fulfils, or a `ScriptError` that shows both

A script needs to name what drives a conversation: the user's turns and the requests for replies. These must come as
written. Other commands (items, settings, truncations) pass unless a step waits for them.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Final, cast

from agent_worker.history.items import FunctionCallOutput, Item, Message, Role
from agent_worker.realtime.base import CommitAudio, CreateItem, CreateResponse, RealtimeCommand, RealtimeEvent

_DRIVING: Final = (CommitAudio, CreateResponse)
_WIDTH: Final = 100


class ScriptError(AssertionError):
    """The session did something else than the script says. The text shows the script, and where they part."""


@dataclass(frozen=True, slots=True)
class Containing:
    """Fits a text that has this in it, whatever the case of its letters."""

    text: str

    def __call__(self, actual: object) -> bool:  # noqa: D102 - the class says it
        return isinstance(actual, str) and self.text.casefold() in actual.casefold()

    def __repr__(self) -> str:
        return f"containing({self.text!r})"


class _Anything:
    """Fits everything."""

    def __call__(self, actual: object) -> bool:
        return True

    def __repr__(self) -> str:
        return "anything"


anything: Final = _Anything()


def containing(text: str) -> Containing:
    """A pattern: any text that has this in it, whatever the case of its letters."""
    return Containing(text)


def call(name: str, /, **arguments: object) -> tuple[str, str]:
    """A call of a tool, for `Replies(calls=[...])`."""
    return name, json.dumps(arguments)


# What the script waits for. -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Replies:
    """The session asks for a reply, and gets this one.

    Wherever a pattern may stand there may be a value, a compiled regular expression, or a function of one argument.

    Attributes:
        text: The model's words; each lasts 0.3 s.
        calls: Tools that it calls, made by `call`.
        instructions: A pattern: what the session asks this reply to be.
        tool_choice: A pattern.
        ends: False: the rest of it never comes, as when the connection breaks in the middle.

    """

    text: str = ""
    calls: Sequence[tuple[str, str]] = field(default=(), kw_only=True)
    instructions: Any = field(default=anything, kw_only=True)
    tool_choice: Any = field(default=anything, kw_only=True)
    ends: bool = field(default=True, kw_only=True)


@dataclass(frozen=True, slots=True)
class Refuses:
    """The session asks for a reply, and the model refuses to make one."""

    code: str
    message: str = "refused by the script"


@dataclass(frozen=True, slots=True)
class Hears:
    """The user says something, and this is what the model understands. `seconds`: how long the voice lasts."""

    text: str
    seconds: float = field(default=1.0, kw_only=True)


@dataclass(frozen=True, slots=True)
class Types:
    """The user writes this."""

    text: str


@dataclass(frozen=True, slots=True)
class ToolAnswers:
    """The session gives the model what a tool has answered.

    Attributes:
        name: Of the tool.
        output: A pattern.
        is_error: A pattern.

    """

    name: str
    output: Any = anything
    is_error: Any = field(default=False, kw_only=True)


@dataclass(frozen=True, slots=True, init=False)
class Expects:
    """The session sends a command of this class; `where`: its fields, as patterns."""

    kind: type[RealtimeCommand]
    where: Mapping[str, Any]

    def __init__(self, kind: type[RealtimeCommand], /, **where: Any) -> None:
        unknown = where.keys() - {field.name for field in fields(kind)}
        if unknown:
            msg = f"{kind.__name__} has no {', '.join(sorted(unknown))}"
            raise TypeError(msg)
        object.__setattr__(self, "kind", kind)
        object.__setattr__(self, "where", where)

    def __repr__(self) -> str:
        where = "".join(f", {name}={pattern!r}" for name, pattern in self.where.items())
        return f"Expects({self.kind.__name__}{where})"


@dataclass(frozen=True, slots=True)
class Connects:
    """The session connects, again after a loss. `history`: a pattern for the texts of the messages that it tells."""

    history: Any = anything


# What the model does by itself, as soon as the step before is done. -------------------------------------------


@dataclass(frozen=True, slots=True, init=False)
class Emits:
    """The session gets these events."""

    events: tuple[RealtimeEvent, ...]

    def __init__(self, *events: RealtimeEvent) -> None:
        object.__setattr__(self, "events", events)


@dataclass(frozen=True, slots=True)
class Waits:
    """Nothing for so many seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Stalls:
    """The connection stays open, and nothing comes over it for so many seconds; then all of it comes."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Breaks:
    """The connection breaks."""

    why: str = "close code 1006"


Waiting = Replies | Refuses | Hears | Types | ToolAnswers | Expects | Connects
Acting = Emits | Waits | Stalls | Breaks
Step = Waiting | Acting

_ACTING: Final = (Emits, Waits, Stalls, Breaks)


class Progress:
    """How far a session has followed a script.

    Args:
        steps: The script.

    """

    def __init__(self, steps: Iterable[Step]) -> None:
        self._steps = tuple(steps)
        self._position = 0
        self._calls: dict[str, str] = {}
        self._passed: list[str] = []
        self.failure: ScriptError | None = None
        """How the session has left the script."""

    @property
    def next(self) -> Step | None:
        """The step that is not done yet; None at the end."""
        return self._steps[self._position] if self._position < len(self._steps) else None

    def called(self, call_id: str, name: str) -> None:
        """The model has called a tool."""
        self._calls[call_id] = name

    def receive(self, command: RealtimeCommand) -> Waiting | None:
        """The step that a command of the session fulfils; None for one that passes.

        Raises:
            ScriptError: The script says that something else comes.

        """
        if self.failure is not None:
            return None
        step = self.next
        problem = None if step is None else _problem(step, command, self._calls)
        if step is not None and problem is None and not isinstance(step, (*_ACTING, Connects)):
            self._done()
            return step
        if isinstance(command, _DRIVING):
            raise self._left(_shown(command), problem or "")
        if problem:
            self._passed.append(f"{_shown(command)}: {problem}")
        return None

    def connected(self, history: Iterable[Item]) -> None:
        """The session has connected; the first time need not stand in the script.

        Raises:
            ScriptError: The script says that something else comes, or that the session tells something else.

        """
        told = [item.text for item in history if isinstance(item, Message)]
        step = self.next
        if isinstance(step, Connects):
            if not _fits(step.history, told):
                raise self._left("a connection", f"history: {told!r} is not {step.history!r}")
            self._done()
        elif self._position > 0 and self.failure is None:
            raise self._left("a new connection", "")

    def act(self) -> Acting | None:
        """What the model does now by itself, once; None when it is the session's turn."""
        step = self.next
        if not isinstance(step, _ACTING) or self.failure is not None:
            return None
        self._done()
        return step

    def check(self) -> None:
        """Make sure that all of the script was followed.

        Raises:
            ScriptError: The session has left it, or has not come to its end.

        """
        if self.failure is not None:
            raise self.failure
        if self.next is not None:
            raise self._left("nothing any more", "")

    def _done(self) -> None:
        self._position += 1
        self._passed.clear()

    def _left(self, came: str, problem: str) -> ScriptError:
        lines = ["the session did not follow the script", ""]
        for number, step in enumerate(self._steps):
            here = number == self._position
            mark = "done" if number < self._position else ">>>>" if here else "    "
            lines.append(f"{mark} {number + 1:2}. {_short(_written(step))}")
            if here:
                lines += self._instead(came, problem)
        if self.next is None:
            lines += [">>>>  -. (the end of the script)", *self._instead(came, problem)]
        self.failure = ScriptError("\n".join(lines))
        return self.failure

    def _instead(self, came: str, problem: str) -> list[str]:
        return [
            *(f"          not it: {passed}" for passed in self._passed[-5:]),
            f"          instead came: {came}",
            *([f"          {problem}"] if problem else []),
        ]


def _problem(step: Step, command: RealtimeCommand, calls: Mapping[str, str]) -> str | None:
    """Why this command is not what the step waits for; "" when it is of quite another kind."""
    match step, command:
        case Replies(), CreateResponse():
            where = {"instructions": step.instructions, "tool_choice": step.tool_choice}
            return _differences(where, command)
        case Refuses(), CreateResponse():
            return None
        case Hears(), CommitAudio():
            return None
        case Types(text), CreateItem(item=Message(role=Role.USER) as message):
            return _differences({"text": text}, message)
        case ToolAnswers(), CreateItem(item=FunctionCallOutput() as output):
            name = calls.get(output.call_id, "?")
            if name != step.name:
                return f"it is of the tool {name!r}"
            return _differences({"output": step.output, "is_error": step.is_error}, output)
        case Expects(kind=kind, where=where), _ if isinstance(command, kind):
            return _differences(where, command)
        case _:
            return ""


def _differences(where: Mapping[str, Any], actual: object) -> str | None:
    found = [
        f"{name}: {getattr(actual, name)!r} is not {pattern!r}"
        for name, pattern in where.items()
        if not _fits(pattern, getattr(actual, name))
    ]
    return "; ".join(found) or None


def _fits(pattern: Any, actual: object) -> bool:
    if isinstance(pattern, re.Pattern):
        return isinstance(actual, str) and cast("re.Pattern[str]", pattern).search(actual) is not None
    if callable(pattern):
        return bool(pattern(actual))
    return pattern == actual


def _written(said: Step | RealtimeCommand) -> str:
    """A step or a command as people write it: without what it does not say."""
    if isinstance(said, (Expects, Emits)):
        return repr(said)
    given = [part for part in fields(said) if getattr(said, part.name) != part.default and part.repr]
    shown = [("" if part.name == "text" else f"{part.name}=") + repr(getattr(said, part.name)) for part in given]
    return f"{type(said).__name__}({', '.join(shown)})"


def _shown(command: RealtimeCommand) -> str:
    return _short(_written(command))


def _short(text: str) -> str:
    return text if len(text) <= _WIDTH else f"{text[:_WIDTH]}..."
