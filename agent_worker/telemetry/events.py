"""What an application, a log or telemetry may learn of a session. Past tense, frozen, with the time it happened.

A session emits these and imports them from here; whoever follows a session sees nothing else of it. `at` is loop
seconds, the time at which it really happened: a voice starts before anybody is sure of it.
"""

from dataclasses import dataclass, field
from typing import Any

from agent_worker.history.items import FunctionCall, FunctionCallOutput, Item
from agent_worker.speech.actions import AgentState, UserState
from agent_worker.usage import Usage


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentStateChanged:
    """The agent does something else now (T-6)."""

    at: float
    old: AgentState
    new: AgentState


@dataclass(frozen=True, slots=True, kw_only=True)
class UserStateChanged:
    """The user does something else now (T-6). `identity`: which human, where several are there."""

    at: float
    old: UserState
    new: UserState
    identity: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class UserInputTranscribed:
    """What the model understood of a turn, so far (`final` False) or in full.

    Attributes:
        identity: Whose turn it is.
        name: What that human is called.
        confidence: From 0 to 1, of a final one, where the model says it (`SessionSettings.transcription_confidence`).
    """

    at: float
    item_id: str
    text: str
    final: bool
    identity: str = ""
    name: str = ""
    confidence: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UserTurnCommitted:
    """A turn of the user was sent off to be answered or judged.

    Attributes:
        started_at: When its first voice began.
        ended_at: When its last voice was heard.
        identity: Whose it is.
    """

    at: float
    started_at: float
    ended_at: float
    identity: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ParticipantJoined:
    """A human came into the room."""

    at: float
    identity: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DataReceived:
    """A human's page, or a server of the application, told the agent something under a topic of the application's.

    Attributes:
        identity: The human's, or "@server" for what came by the signaling server's HTTP API.
        payload: Any JSON value; a stranger's word.

    """

    at: float
    identity: str
    topic: str
    payload: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class ParticipantLeft:
    """A human left the room for good: one who is only looking for the way back has not."""

    at: float
    identity: str
    name: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeechCreated:
    """The agent is going to say something. `source` is "turn", "generate_reply" or "say"."""

    at: float
    speech_id: str
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeechStarted:
    """The first sample of a speech (or of its next reply) was played."""

    at: float
    speech_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeechFinished:
    """A speech is over. `text` is what was heard of it."""

    at: float
    speech_id: str
    interrupted: bool
    failure: str = ""
    text: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyRequested:
    """The model was asked for a reply."""

    at: float
    speech_id: str
    request_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyCompleted:
    """The model made a reply, or failed to."""

    at: float
    speech_id: str
    request_id: str
    response_id: str
    status: str
    usage: Usage


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversationItemAdded:
    """Something was said, typed or called: it stands in the history now."""

    at: float
    item: Item


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentFalseInterruption:
    """A voice over the agent's speech was nothing (I-7).

    Attributes:
        resumed: Whether the speech went on.
        voice_at: When the voice began.
        held_at: When the output was held.
    """

    at: float
    speech_id: str
    resumed: bool
    voice_at: float
    held_at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentInterrupted:
    """A speech was cut (I-6, I-13).

    Attributes:
        held_at: When the output was held; None when it was cut without a hold.
        identity: Whose voice it was.
    """

    at: float
    speech_id: str
    voice_at: float
    held_at: float | None
    identity: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionToolsExecuted:
    """The tools of one reply have answered."""

    at: float
    started_at: float
    speech_id: str
    calls: tuple[FunctionCall, ...]
    outputs: tuple[FunctionCallOutput, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class UserTurnExceeded:
    """The user has spoken for longer than the session's limit."""

    at: float
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageCollected:
    """What a reply cost, and what the session has cost so far (M-9)."""

    at: float
    usage: Usage
    total: Usage
    first_output_seconds: float | None = None
    """From asking the model, or the end of the user's turn, to the reply's first sound or text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelConnectionChanged:
    """The model cannot be reached at the moment, or can be again: the people hear nothing but a pause (M-4).

    Attributes:
        message: Why the connection is lost.
        seconds: How long it was, once it is restored.
    """

    at: float
    connected: bool
    message: str = ""
    seconds: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorOccurred:
    """Something failed. `source` is "model", "speech", "tool" or "application"; `fatal`: the session ends by it."""

    at: float
    source: str
    message: str
    fatal: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionClosed:
    """The session is over; no event follows."""

    at: float
    reason: str


SessionEvent = (
    AgentStateChanged
    | UserStateChanged
    | UserInputTranscribed
    | UserTurnCommitted
    | ParticipantJoined
    | ParticipantLeft
    | DataReceived
    | SpeechCreated
    | SpeechStarted
    | SpeechFinished
    | ReplyRequested
    | ReplyCompleted
    | ConversationItemAdded
    | AgentFalseInterruption
    | AgentInterrupted
    | FunctionToolsExecuted
    | UserTurnExceeded
    | UsageCollected
    | ModelConnectionChanged
    | ErrorOccurred
    | SessionClosed
)
