"""What is to be done about what happened: the conversation's orders to its session. Imperative, frozen."""

from dataclasses import dataclass, field
from enum import StrEnum


class AgentState(StrEnum):
    """What the agent is doing (T-6)."""

    INITIALIZING = "initializing"
    LISTENING = "listening"
    THINKING = "thinking"
    SPEAKING = "speaking"


class UserState(StrEnum):
    """What the user is doing (T-6)."""

    LISTENING = "listening"
    SPEAKING = "speaking"
    AWAY = "away"


@dataclass(frozen=True, slots=True)
class OpenTurn:
    """A user turn began at `at`: send the model what was said from a little before then on.

    In mode "server" the model hears everything anyway, and ends its turns itself: this opens the turn's line alone,
    and neither CommitTurn nor ClearTurn follows.
    """

    at: float


@dataclass(frozen=True, slots=True)
class CommitTurn:
    """The turn is over and counts: make its audio an item."""


@dataclass(frozen=True, slots=True)
class ClearTurn:
    """The turn was nothing: have the model forget its audio."""


@dataclass(frozen=True, slots=True)
class DeleteItem:
    """This committed turn was no turn after all: take it out of the history."""

    item_id: str


@dataclass(frozen=True, slots=True)
class RunTurnHook:
    """Show the application the turn that this speech would answer, and report back (TurnHookFinished)."""

    speech_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestReply:
    """Ask the model for a reply."""

    speech_id: str
    request_id: str
    instructions: str | None
    tool_choice: str | None
    continues: bool = False
    """It is to go on where the last reply of this speech was lost with its connection."""
    tool_names: tuple[str, ...] | None = None
    """Only these may be called; None: all that the agent has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeakScript:
    """Have the script of this speech spoken; ReplyStarted, audio and ReplyEnded follow as from a model.

    The reply's `response_id` is this `request_id`.
    """

    speech_id: str
    request_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AdoptReply:
    """The model began this reply by itself (mode "server"): from now on it is that of this new speech."""

    speech_id: str
    request_id: str
    response_id: str


@dataclass(frozen=True, slots=True)
class CancelReply:
    """Have the model stop making this reply."""

    response_id: str


@dataclass(frozen=True, slots=True)
class CancelScript:
    """Stop speaking this script; nothing more of it is wanted, not even its end."""

    request_id: str


@dataclass(frozen=True, slots=True)
class SilenceInput:
    """From now on (or no more) the model gets silence in place of the user's voice. Of use in mode "server" alone."""

    on: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PlayAudio:
    """Queue this audio for the listener, as part of the utterance `request_id`."""

    request_id: str
    item_id: str
    content_index: int
    pcm: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class EndAudio:
    """No more audio of this utterance will come."""

    request_id: str


@dataclass(frozen=True, slots=True)
class HoldOutput:
    """Stop the sound within one frame and keep everything queued."""


@dataclass(frozen=True, slots=True)
class ResumeOutput:
    """Go on where the sound was held, less `rewind` seconds."""

    rewind: float = 0.0


@dataclass(frozen=True, slots=True)
class DropOutput:
    """Stop the sound of this utterance and forget what is queued; tell the model how much was heard."""

    request_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FinishSpeech:
    """A speech is over. `failure` says why it could not be made, or is ""."""

    speech_id: str
    interrupted: bool
    failure: str = ""


@dataclass(frozen=True, slots=True)
class ReportAgentState:
    """The agent's state is another one since `at`."""

    state: AgentState
    at: float


@dataclass(frozen=True, slots=True)
class ReportUserState:
    """The user's state is another one since `at`."""

    state: UserState
    at: float


class Outcome(StrEnum):
    """How a held speech went on."""

    RESUMED = "resumed"
    CUT = "interrupted"
    ENDED = "ended"
    """It had nothing left to play: the hold changed nothing."""


@dataclass(frozen=True, slots=True)
class ReportHold:
    """The output is held at `at`, for a voice that began at `voice_at`."""

    voice_at: float
    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportInterruption:
    """A voice over the agent's speech was decided upon (I-13); times are loop seconds.

    Attributes:
        speech_id: The speech that was resumed or cut.
        voice_at: When the voice began.
        held_at: When the output was held, or None when it was cut without a hold.
        decided_at: When it was decided.

    """

    outcome: Outcome
    speech_id: str
    voice_at: float
    held_at: float | None
    decided_at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportTurn:
    """A turn of the user counts: it was heard from `started_at` to `ended_at` (loop seconds)."""

    started_at: float
    ended_at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportTurnExceeded:
    """The user's turn has been open for `seconds`, the limit of the options. Once for each turn."""

    at: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Drained:
    """Nothing is under way any more, and nothing new will come."""


@dataclass(frozen=True, slots=True)
class ReportProblem:
    """Something that should not happen did, and was got over: for the log."""

    message: str


Action = (
    OpenTurn
    | CommitTurn
    | ClearTurn
    | DeleteItem
    | RunTurnHook
    | RequestReply
    | SpeakScript
    | AdoptReply
    | CancelReply
    | CancelScript
    | SilenceInput
    | PlayAudio
    | EndAudio
    | HoldOutput
    | ResumeOutput
    | DropOutput
    | FinishSpeech
    | ReportAgentState
    | ReportUserState
    | ReportHold
    | ReportInterruption
    | ReportTurn
    | ReportTurnExceeded
    | ReportProblem
    | Drained
)
