"""What the agent is to say: speeches, and the order in which they get the floor."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum, IntEnum, auto
from typing import Final

CONTINUED: Final = "+"
"""In the name of a request: behind it stands how often the speech goes on after a broken connection."""


class Priority(IntEnum):
    """Who goes first (S-2). Nobody is pre-empted: a higher priority only jumps the queue."""

    LOW = 0
    NORMAL = 5
    HIGH = 10


class SpeechState(Enum):
    """Where a speech is in its life (S-1)."""

    HELD_BACK = auto()
    """The application has not yet said whether the turn it answers is to be answered (T-3)."""
    QUEUED = auto()
    """Waits for the floor."""
    WAITING = auto()
    """Has the floor; none of its audio was played yet."""
    PLAYING = auto()
    """Is heard, or held in the middle."""
    TOOLS = auto()
    """Its audio was played; its tools are still at work."""
    DONE = auto()
    """Over, one way or the other."""


class ReplyState(Enum):
    """Where the model is with the reply that a speech plays."""

    NONE = auto()
    REQUESTED = auto()
    STARTED = auto()
    STALLED = auto()
    """Nothing more of it came for too long: what came is played, and then the model is told to stop."""
    ENDED = auto()


class SpeechKind(Enum):
    """Who makes the sound of a speech."""

    REPLY = auto()
    """The model, when it is asked to."""
    SCRIPT = auto()
    """A synthesiser, or the application: what is to be said is known beforehand."""


class ToolsState(Enum):
    """Where the tools are that the last reply of a speech asked for."""

    NONE = auto()
    RUNNING = auto()
    WANT_REPLY = auto()
    """They have answered, and their results are to be spoken of."""


@dataclass(slots=True, kw_only=True)
class Speech:
    """One thing the agent says: a reply, its tools, and the replies about their results.

    The machine is its only writer. `interruptible` None means: as the options say.
    """

    id: str
    kind: SpeechKind = SpeechKind.REPLY
    priority: Priority = Priority.NORMAL
    interruptible: bool | None = None
    instructions: str | None = None
    tool_choice: str | None = None
    tool_names: tuple[str, ...] | None = None
    answers_turn: bool = False
    state: SpeechState = SpeechState.QUEUED
    reply: ReplyState = ReplyState.NONE
    response_id: str | None = None
    step: int = 0
    tools: ToolsState = ToolsState.NONE
    failure: str = ""
    interrupted: bool = False
    lost: bool = False
    """The connection broke in the middle of its last reply: the next one is to go on from there."""
    continuations: int = 0
    """How many of its replies were such."""
    asked: bool = False
    """What it says ends with a question, and that was heard."""

    @property
    def has_spoken(self) -> bool:
        """Whether it had the floor already, and wants it again."""
        return self.step > 0 or self.continuations > 0

    @property
    def request_id(self) -> str:
        """Names the request for the reply of the present step."""
        continued = f"{CONTINUED}{self.continuations}" if self.continuations else ""
        return f"{self.id}.{self.step}{continued}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeechStatistics:
    """Where the agent's speeches are, now.

    Attributes:
        waiting: Those that have not begun, and those that wait for the application's word.
        begun: Those that are heard, are about to be, or have tools at work.
    """

    waiting: int = 0
    begun: int = 0


@dataclass(slots=True)
class SpeechQueue:
    """Speeches that wait for the floor: by priority, first in first out within one."""

    _waiting: list[Speech] = field(default_factory=list[Speech])

    def __len__(self) -> int:
        return len(self._waiting)

    def __iter__(self) -> Iterator[Speech]:
        return iter(tuple(self._waiting))

    def push(self, speech: Speech) -> None:
        """Put a speech behind all of its priority."""
        place = sum(1 for other in self._waiting if other.priority >= speech.priority)
        self._waiting.insert(place, speech)

    def put_back(self, speech: Speech) -> None:
        """Put a speech before all of its priority: it had the floor, and is not done."""
        place = sum(1 for other in self._waiting if other.priority > speech.priority)
        self._waiting.insert(place, speech)

    def head(self) -> Speech | None:
        """The next speech, which stays in the queue."""
        return self._waiting[0] if self._waiting else None

    def remove(self, speech: Speech) -> None:
        """Take a speech out, wherever it stands; nothing if it is not here."""
        self._waiting = [other for other in self._waiting if other.id != speech.id]
