"""What can happen in a conversation: the one vocabulary that the deciding machine receives. Past tense, frozen."""

from dataclasses import dataclass, field

from agent_worker.speech.options import SpeechOptions
from agent_worker.speech.queue import Speech
from agent_worker.turns.voice import VoiceContinued, VoiceEvent, VoiceStarted, VoiceStopped

__all__ = [
    "Event",
    "InterruptRequested",
    "OptionsChanged",
    "PlayoutFinished",
    "PlayoutStarted",
    "ReplyAudioArrived",
    "ReplyEnded",
    "ReplyStarted",
    "SpeechRequested",
    "ToolsFinished",
    "TurnCommitted",
    "TurnHookFinished",
    "TurnTranscribed",
    "VoiceContinued",
    "VoiceEvent",
    "VoiceStarted",
    "VoiceStopped",
]


@dataclass(frozen=True, slots=True)
class TurnCommitted:
    """A turn's audio became an item of the model's history."""

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
    """The application wants something said."""

    speech: Speech


@dataclass(frozen=True, slots=True)
class InterruptRequested:
    """The application wants silence. `force` takes protected speeches as well."""

    force: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyStarted:
    """The model began a reply."""

    response_id: str
    request_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyAudioArrived:
    """A piece of a reply's audio: mono int16 little-endian at the model's rate. Opaque to the machine."""

    response_id: str
    item_id: str
    content_index: int
    pcm: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyEnded:
    """The model made a reply in full, stopped it, or failed to.

    Attributes:
        response_id: "" when the request was refused before it became a response.
        tool_calls: How many tools it asked for.
        failure: Why it failed, or "".

    """

    response_id: str
    request_id: str | None
    tool_calls: int = 0
    failure: str = ""


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
class OptionsChanged:
    """The conversation goes on by these options."""

    options: SpeechOptions


Event = (
    VoiceEvent
    | TurnCommitted
    | TurnTranscribed
    | TurnHookFinished
    | SpeechRequested
    | InterruptRequested
    | ReplyStarted
    | ReplyAudioArrived
    | ReplyEnded
    | ToolsFinished
    | PlayoutStarted
    | PlayoutFinished
    | OptionsChanged
)
