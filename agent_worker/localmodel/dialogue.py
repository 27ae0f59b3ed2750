"""What the protocol and the brain tell each other. Pure values.

items of the conversation -> Situation -> brain -> Plan -> items of a response
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from agent_worker.tools.spec import ToolSpec


class Topic(StrEnum):
    """What something said is about: what the brain remembers of it besides the words."""

    ACKNOWLEDGEMENT = "acknowledgement"
    ANSWER = "answer"
    COUNT = "count"
    FAREWELL = "farewell"
    HANDOFF = "handoff"
    GREETING = "greeting"
    HELP = "help"
    JOKE = "joke"
    NOT_UNDERSTOOD = "not_understood"
    ORDER = "order"
    QUESTION = "question"
    SILENCE = "silence"
    STORY = "story"


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """An open question: the argument `wanted` of a tool call that is otherwise known."""

    tool: str
    arguments: Mapping[str, Any]
    wanted: str


@dataclass(frozen=True, slots=True)
class Say:
    """Say this."""

    text: str
    topic: Topic = field(kw_only=True, default=Topic.ANSWER)
    speed: float | None = field(kw_only=True, default=None)
    """Relative to the session's speed; None: as before."""
    asks: Question | None = field(kw_only=True, default=None)
    voice: str | None = field(kw_only=True, default=None)
    """Somebody else says this: a voice by its name. None: the session's own."""
    language: str | None = field(kw_only=True, default=None)
    """The text is in this language ("fr"); None: in English."""


@dataclass(frozen=True, slots=True)
class Pause:
    """Something takes this many seconds. What comes behind it is said then, unless the user interrupts."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Remind:
    """Say this by itself in so many seconds."""

    seconds: float
    text: str


@dataclass(frozen=True, slots=True)
class ForgetReminders:
    """Say none of what was to be said later."""


@dataclass(frozen=True, slots=True)
class Call:
    """Call a tool of the client."""

    name: str
    arguments: Mapping[str, Any]


Step = Say | Call | Pause | Remind | ForgetReminders
Plan = tuple[Step, ...]
"""What a response consists of, in order."""


@dataclass(frozen=True, slots=True)
class UserLine:
    """The user said or typed this; "" when nothing was understood."""

    text: str
    typed: bool = False
    silent: bool = False
    """Nobody said it: the user has been silent for so long that a reply is due."""
    shown: bool = False
    """With an image: nobody here can see it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentLine:
    """The agent said this, and was heard as far as `heard` words; None: to its end."""

    said: Say
    heard: int | None = None

    @property
    def unheard(self) -> str:
        """The rest that was not heard, from the first word on that was not heard in full."""
        return "" if self.heard is None else " ".join(self.said.text.split()[self.heard :])


@dataclass(frozen=True, slots=True, kw_only=True)
class CallLine:
    """The agent called a tool; `arguments` is JSON text."""

    call_id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputLine:
    """A tool answered."""

    call_id: str
    output: str


@dataclass(frozen=True, slots=True)
class SystemLine:
    """The application put this into the conversation, for the agent alone."""

    text: str


Line = UserLine | AgentLine | CallLine | OutputLine | SystemLine


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """All that a reply is made from, except the time of day and chance."""

    instructions: str = ""
    """The session's."""
    request: str | None = None
    """Instructions for this reply alone."""
    tools: tuple[ToolSpec, ...] = ()
    tool_choice: str = "auto"
    """"auto", "none", "required" or a tool's name."""
    history: tuple[Line, ...] = ()
    reminders: tuple[float, ...] = ()
    """In how many seconds something will be said by itself, the next one first."""
    voice: str = "alloy"
    """What the session calls its own voice."""
    hears: bool = True
    """False: there is no recogniser on this machine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """What the brain cannot know by itself."""

    wall: datetime
    """Local time, for people."""
    draw: int
    """A number nobody can foresee, at least 64 random bits: for dice, coins and the choice of a joke."""
