"""What a supervisor and a room's process tell each other: one JSON object a line, over a socket pair.

    supervisor -> process   Ping, Start for each job, StopJob for one, Stop for the process
    process -> supervisor   Ready | Broken, Pong, then for each job: Told(Started), Told of what is said, Told(Ended)

Only the supervisor decides that a process takes no more jobs, so no job is ever given to one that is about to go. The
end of the stream means that the other side is dead: no message is needed for that.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Annotated, Final, Literal, TypeVar

from pydantic import Field, TypeAdapter, ValidationError

from agent_worker.errors import ProtocolError
from agent_worker.worker.checkpoint import Character, Checkpoint, ItemDropped, ItemKept

__all__ = [
    "MAX_LINE",
    "Broken",
    "Ended",
    "JobNews",
    "Lines",
    "Ping",
    "Pong",
    "Ready",
    "Start",
    "Started",
    "Stop",
    "StopJob",
    "ToProcess",
    "ToSupervisor",
    "Told",
    "decode_for_process",
    "decode_for_supervisor",
    "encode",
]

MAX_LINE: Final = 2 * 1024 * 1024
"""Bytes in one line. The longest checkpoint there is fits; more than this is no line of ours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """Run this job, beside those that run already.

    Attributes:
        job: The signaling server's id of the job.
        room: The room's name.
        url: Address of the signaling server's `/v1/rtc`.
        token: Admits the agent to that room. A credential: never logged.
        participant: The identity of who it is for; None: nobody in particular.
        metadata: What the dispatch says to the agent. As confidential as what is said in the room: never logged.
        attributes: The same as keys and values.
        checkpoint: The conversation that a process had there before it died; None: it begins.
    """

    job: str
    room: str
    url: str
    token: str = field(repr=False)
    participant: str | None = None
    metadata: str = field(default="", repr=False)
    attributes: dict[str, str] = field(default_factory=dict[str, str], repr=False)
    checkpoint: Checkpoint | None = field(default=None, repr=False)
    t: Literal["start"] = "start"


@dataclass(frozen=True, slots=True, kw_only=True)
class StopJob:
    """Leave this job's room."""

    job: str
    reason: str
    t: Literal["stop_job"] = "stop_job"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """Leave every room, and exit."""

    reason: str
    t: Literal["stop"] = "stop"


@dataclass(frozen=True, slots=True)
class Ping:
    """Is your event loop alive? To be answered by it, not by the thread that reads this."""

    number: int
    t: Literal["ping"] = "ping"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pong:
    """It is, and took `lag` seconds to hear of the ping."""

    number: int
    lag: float
    t: Literal["pong"] = "pong"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """The agent is loaded; jobs can be started."""

    agent: str
    t: Literal["ready"] = "ready"


@dataclass(frozen=True, slots=True, kw_only=True)
class Broken:
    """The agent cannot be loaded; `message` says why, for the person who wrote it."""

    message: str
    t: Literal["broken"] = "broken"


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """The agent is in its room."""

    t: Literal["started"] = "started"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """The job is over, and everything of it is cleaned up."""

    succeeded: bool
    reason: str
    t: Literal["ended"] = "ended"


JobNews = Started | ItemKept | ItemDropped | Character | Ended


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What became of a job, and of the conversation in it."""

    job: str
    what: Annotated[JobNews, Field(discriminator="t")]
    t: Literal["told"] = "told"


ToProcess = Start | StopJob | Stop | Ping
ToSupervisor = Ready | Broken | Told | Pong

M = TypeVar("M")

_TO_PROCESS: Final[TypeAdapter[ToProcess]] = TypeAdapter(Annotated[ToProcess, Field(discriminator="t")])
_TO_SUPERVISOR: Final[TypeAdapter[ToSupervisor]] = TypeAdapter(Annotated[ToSupervisor, Field(discriminator="t")])
_ANY: Final[TypeAdapter[ToProcess | ToSupervisor]] = TypeAdapter(
    Annotated[ToProcess | ToSupervisor, Field(discriminator="t")]
)


def encode(message: ToProcess | ToSupervisor) -> bytes:
    """One line, newline included. JSON escapes newlines, so a line is always exactly one message.

    Raises:
        ProtocolError: The message is longer than `MAX_LINE`.
    """
    line = _ANY.dump_json(message)
    if len(line) > MAX_LINE:
        raise ProtocolError(f"a {message.t} message of {len(line)} bytes is too long", code="too_large")
    return line + b"\n"


def decode_for_process(line: bytes) -> ToProcess:
    """What a supervisor said.

    Raises:
        ProtocolError: Not a message to a process.
    """
    return _decode(_TO_PROCESS, line)


def decode_for_supervisor(line: bytes) -> ToSupervisor:
    """What a process said.

    Raises:
        ProtocolError: Not a message to a supervisor.
    """
    return _decode(_TO_SUPERVISOR, line)


class Lines:
    """Cuts a stream of bytes into lines, however the stream was cut on its way."""

    __slots__ = ("_rest",)

    def __init__(self) -> None:
        self._rest = bytearray()

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Every line that is complete with `data`, without its newline.

        Raises:
            ProtocolError: A line is longer than `MAX_LINE`.
        """
        self._rest += data
        while (end := self._rest.find(b"\n")) >= 0:
            line = bytes(self._rest[:end])
            del self._rest[: end + 1]
            _check_length(len(line))
            yield line
        _check_length(len(self._rest))


def _check_length(length: int) -> None:
    if length > MAX_LINE:
        raise ProtocolError(f"a line of {length} bytes or more is too long", code="too_large")


def _decode(adapter: TypeAdapter[M], line: bytes) -> M:
    try:
        return adapter.validate_json(line)
    except ValidationError as error:
        # The line itself stays out of the message: it may hold a token.
        problems = "; ".join(problem["msg"] for problem in error.errors(include_url=False, include_input=False))
        raise ProtocolError(f"not a message of ours: {problems}") from None
