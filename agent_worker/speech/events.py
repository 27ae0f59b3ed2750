"""What can happen in a conversation: the one vocabulary that the deciding machine receives. Past tense, frozen."""

from dataclasses import dataclass, field

from agent_worker.speech.options import SpeechOptions
from agent_worker.speech.queue import Speech
from agent_worker.turns.voice import VoiceContinued, VoiceEvent, VoiceStarted, VoiceStopped

__all__ = [
    "DrainRequested",
    "Event",
    "InterruptRequested",
    "ModelLost",
    "ModelRestored",
    "OptionsChanged",
    "PlayoutFinished",
    "PlayoutStarted",
    "QuestionHeard",
    "ReplyAudioArrived",
    "ReplyEnded",
    "ReplyProgressed",
    "ReplyStarted",
    "ServerTurnCommitted",
    "SpeechInterruptRequested",
    "SpeechProtected",
    "SpeechRequested",
    "ToolsFinished",
    "TurnCommitRequested",
    "TurnCommitted",
    "TurnDropped",
    "TurnHookFinished",
    "TurnJudged",
    "TurnOpened",
    "TurnTranscribed",
    "UserFound",
    "UserLost",
    "VoiceContinued",
    "VoiceEvent",
    "VoiceStarted",
    "VoiceStopped",
]


@dataclass(frozen=True, slots=True)
class UserLost:
    """No sound can come from anybody who is listened to: their media is gone."""


@dataclass(frozen=True, slots=True)
class UserFound:
    """Somebody who is listened to can be heard again."""


@dataclass(frozen=True, slots=True)
class TurnOpened:
    """The application says that the user begins a turn (`start_turn`, T-4). Counts in mode "manual" alone."""

    at: float


@dataclass(frozen=True, slots=True)
class TurnCommitRequested:
    """The application says that the open turn is over and counts (`commit_turn`). Nothing without an open turn."""

    at: float


@dataclass(frozen=True, slots=True)
class TurnDropped:
    """The application says that the open turn is to be forgotten (`clear_turn`)."""


@dataclass(frozen=True, slots=True)
class TurnJudged:
    """A judge says how probable it is (0 to 1) that the user, who pauses, has finished the sentence (T-2)."""

    probability: float


@dataclass(frozen=True, slots=True)
class TurnCommitted:
    """The turn that we committed became an item of the model's history."""

    item_id: str


@dataclass(frozen=True, slots=True)
class ServerTurnCommitted:
    """The model ended a turn by itself, and it became an item (mode "server", I-11)."""

    item_id: str


@dataclass(frozen=True, slots=True)
class TurnTranscribed:
    """The model said what it heard in a turn; None when it could not tell."""

    item_id: str
    text: str | None


@dataclass(frozen=True, slots=True)
class TurnHookFinished:
    """The application has seen the turn that this speech answers, and wants an answer or not."""

    speech_id: str
    reply: bool


@dataclass(frozen=True, slots=True)
class SpeechRequested:
    """The application wants something said. `interrupts`: what may be cut is cut first, in the same step."""

    speech: Speech
    interrupts: bool = False


@dataclass(frozen=True, slots=True)
class InterruptRequested:
    """The application wants silence. `force` takes protected speeches as well."""

    force: bool = False


@dataclass(frozen=True, slots=True)
class SpeechInterruptRequested:
    """The application wants this one speech cut (`handle.interrupt`). `force`: even if it is protected."""

    speech_id: str
    force: bool = False


@dataclass(frozen=True, slots=True)
class SpeechProtected:
    """The application says whether this speech may be interrupted from now on (S-6)."""

    speech_id: str
    protected: bool


@dataclass(frozen=True, slots=True)
class DrainRequested:
    """No new turns and speeches from now on; what is under way finishes, and `Drained` follows (L-2)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyStarted:
    """The model, or the voice of a script, began a reply. `request_id` is None when nobody here asked for it."""

    response_id: str
    request_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyAudioArrived:
    """A piece of a reply's audio: mono int16 little-endian at the model's rate. Opaque to the machine."""

    response_id: str
    item_id: str
    content_index: int
    pcm: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class ReplyProgressed:
    """The model goes on with a reply, but no sound of it has come: it writes words, say, that are voiced here.

    Attributes:
        made: The model has written all of it; its sound is still being made. ReplyEnded follows when that is, too.

    """

    response_id: str
    made: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyEnded:
    """The model made a reply in full, stopped it, or failed to.

    Attributes:
        response_id: "" when the request was refused before it became a response.
        tool_calls: How many tools it asked for.
        failure: Why it failed, or "".
        lost: The connection broke in the middle of it: what came is to be heard, and the rest asked for.

    """

    response_id: str
    request_id: str | None
    tool_calls: int = 0
    failure: str = ""
    lost: bool = False


@dataclass(frozen=True, slots=True)
class ModelLost:
    """The model cannot be reached at the moment: nothing that it owes is overdue meanwhile (M-4)."""


@dataclass(frozen=True, slots=True)
class ModelRestored:
    """The model can be reached again, and knows what was said."""


@dataclass(frozen=True, slots=True)
class ToolsFinished:
    """All tools of a speech's last reply have answered; `reply` says whether their results are to be spoken of."""

    speech_id: str
    reply: bool


@dataclass(frozen=True, slots=True)
class PlayoutStarted:
    """The first sample of a speech was played."""

    speech_id: str


@dataclass(frozen=True, slots=True)
class PlayoutFinished:
    """Everything that a speech had to play was played."""

    speech_id: str


@dataclass(frozen=True, slots=True)
class QuestionHeard:
    """A reply that is complete ends with a question, and all of it but its very last sound was played."""

    request_id: str


@dataclass(frozen=True, slots=True)
class OptionsChanged:
    """The conversation goes on by these options."""

    options: SpeechOptions


Event = (
    VoiceEvent
    | UserLost
    | UserFound
    | TurnOpened
    | TurnCommitRequested
    | TurnDropped
    | TurnJudged
    | TurnCommitted
    | ServerTurnCommitted
    | TurnTranscribed
    | TurnHookFinished
    | SpeechRequested
    | InterruptRequested
    | SpeechInterruptRequested
    | SpeechProtected
    | DrainRequested
    | ReplyStarted
    | ReplyAudioArrived
    | ReplyProgressed
    | ReplyEnded
    | ModelLost
    | ModelRestored
    | ToolsFinished
    | PlayoutStarted
    | PlayoutFinished
    | QuestionHeard
    | OptionsChanged
)
