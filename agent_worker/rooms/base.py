"""The seam between a session and a room: who is there, what they say, and how to speak to them.

Microphone audio and decisions are two planes: frames come by `Human.microphone`, everything else as room events.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from agent_worker.audio import Samples

if TYPE_CHECKING:
    # It brings aiortc along, which a supervisor has no use for.
    from agent_worker.rooms.statistics import RoomStatistics


class Microphone(Protocol):
    """What a human says: mono int16 frames of any length, in order; ends when their connection does.

    Attributes:
        rate: Samples per second.
    """

    rate: int

    def __aiter__(self) -> AsyncIterator[Samples]:
        """One reader at a time."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class HumanJoined:
    """A human is in the room."""

    identity: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HumanConnected:
    """A human's media connection stands: their voice can be heard and they can hear ours.

    Attributes:
        microphone: What they say.

    """

    identity: str
    microphone: Microphone


@dataclass(frozen=True, slots=True, kw_only=True)
class HumanDisconnected:
    """A human's media connection is gone; they may come back."""

    identity: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HumanLeft:
    """A human has left the room."""

    identity: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HumanMuted:
    """A human's microphone was switched off or on, by them or a moderator: nothing of it counts meanwhile."""

    identity: str
    muted: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class TextReceived:
    """A human typed something for the agent."""

    identity: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DataReceived:
    """A human's page, or a server of the application, told the agent something: any JSON value under a topic.

    Attributes:
        identity: The human's, or "@server" for what came by the signaling server's HTTP API.

    """

    identity: str
    topic: str
    payload: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class RoomClosed:
    """The room is over, or our place in it."""

    reason: str


RoomEvent = (
    HumanJoined
    | HumanConnected
    | HumanDisconnected
    | HumanLeft
    | HumanMuted
    | TextReceived
    | DataReceived
    | RoomClosed
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RpcCall:
    """Somebody in the room calls a method of the agent: a stranger's word.

    Attributes:
        identity: Who.
        method: What.
        payload: With what: any JSON value.
        seconds: How long they wait.

    """

    identity: str
    method: str
    payload: Any = None
    seconds: float = 10.0


Respond = Callable[[RpcCall], Awaitable[Any]]
"""Makes the answer to a call, a JSON value of at most 15 000 characters; raises a CallError to refuse it."""


class Room(Protocol):
    """A room that an agent is in. Everything sent is queued and returns at once."""

    def events(self) -> AsyncIterator[RoomEvent]:
        """What happens in the room, in order, to one reader; ends after RoomClosed."""
        ...

    def set_attributes(self, attributes: dict[str, str | None]) -> None:
        """Publish facts about the agent (such as "agent.state") to everybody; None takes one back."""
        ...

    def send_data(self, topic: str, payload: Any, to: Sequence[str] = ()) -> None:
        """Tell something, as JSON, to those who are named and here; without names to everybody."""
        ...

    def open_text(self, topic: str, attributes: dict[str, str]) -> "TextWriter":
        """Begin a text that grows, such as a transcript."""
        ...

    def answer_calls(self, method: str, respond: Respond) -> None:
        """Others may call this method: `respond` makes the answer. A later one takes the place of an earlier one."""
        ...

    async def statistics(self) -> "RoomStatistics":
        """How the room's sound is doing now."""
        ...


class TextWriter(Protocol):
    """A text that grows in front of its readers."""

    def write(self, text: str) -> None:
        """Append."""
        ...

    def close(self, attributes: dict[str, str] | None = None) -> None:
        """No more will come; `attributes` say how it ended. Closing twice does nothing."""
        ...


class Voice(Protocol):
    """Where the agent's sound comes from: asked for one frame each 20 ms, for ever."""

    def pull(self) -> Samples:
        """The next 20 ms; silence when there is nothing to say. Never waits, never raises.

        Always at the same rate, one of `media.settings.OPUS_RATES`: the model's.
        """
        ...


class Door(Protocol):
    """A way into a room."""

    def join(self, voice: Voice) -> AbstractAsyncContextManager[Room]:
        """Enter the room and speak with this voice; leaving the block leaves the room.

        Raises:
            RoomLostError: The room cannot be reached.
            ProtocolError: We were refused.

        """
        ...
