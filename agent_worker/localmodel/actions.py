"""What happens to a session (past tense, into the protocol) and what it orders (imperative, out of it). Pure."""

from dataclasses import dataclass, field

from agent_worker.cascade.base import TimedWord
from agent_worker.localmodel.dialogue import Plan, Situation
from agent_worker.localmodel.events import Json
from agent_worker.localmodel.names import Names

# What happens. -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class FrameReceived:
    """The client sent a text frame."""

    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class BinaryReceived:
    """The client sent a binary frame: the protocol has none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VoiceJudged:
    """The detector heard a window of the user's audio."""

    probability: float
    """Of a voice in it."""
    end: float
    """Where the window ends: seconds of the session's audio."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UtteranceHeard:
    """The recogniser is done with an utterance; "" when it understood nothing."""

    item_id: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UtteranceLost:
    """The recogniser failed, or there is none."""

    item_id: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PartialHeard:
    """What the recogniser makes of the open utterance so far; "" when it makes nothing of it."""

    item_id: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanMade:
    """The brain knows what to answer."""

    response_id: str
    plan: Plan


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeechMade:
    """The next piece of a speech is due: 24 kHz, mono int16 little-endian, and the words that begin in it."""

    response_id: str
    pcm: bytes = field(repr=False)
    words: tuple[TimedWord, ...]


@dataclass(frozen=True, slots=True)
class SpeechFinished:
    """A speech has been made to its end."""

    response_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeechFailed:
    """A speech could not be made."""

    response_id: str
    message: str


Happening = (
    FrameReceived
    | BinaryReceived
    | VoiceJudged
    | UtteranceHeard
    | UtteranceLost
    | PartialHeard
    | PlanMade
    | SpeechMade
    | SpeechFinished
    | SpeechFailed
)

# What is ordered. ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Send:
    """Send this event to the client."""

    event: Json = field(repr=False)

    @classmethod
    def numbered(cls, event: Json, names: Names) -> "Send":
        """The event with an id of its own."""
        return cls({"event_id": names.next("event"), **event})


@dataclass(frozen=True, slots=True)
class Hear:
    """More of the user's audio, 24 kHz."""

    pcm: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class DetectVoice:
    """Judge the user's audio from here on, or no longer."""

    wanted: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenUtterance:
    """Recognise the user's audio from this sample (24 kHz, counted from the session's start) on."""

    item_id: str
    start: int


@dataclass(frozen=True, slots=True, kw_only=True)
class HearItem:
    """Recognise this audio, 24 kHz, of an item that the client made. The open utterance goes on."""

    item_id: str
    pcm: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class AskPartial:
    """Say what the open utterance is so far."""

    item_id: str


@dataclass(frozen=True, slots=True)
class FinishUtterance:
    """The open utterance is complete: say what was heard."""

    item_id: str


@dataclass(frozen=True, slots=True)
class DropUtterance:
    """The open utterance, if there is one, is of no interest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Think:
    """Make a plan for this response."""

    response_id: str
    situation: Situation


@dataclass(frozen=True, slots=True, kw_only=True)
class Speak:
    """Make this speech, paced. Nothing is said of voices that this machine does not have: another one speaks."""

    response_id: str
    text: str
    voice: str
    speed: float
    language: str | None = None
    """Of the text ("fr"); None: English."""


@dataclass(frozen=True, slots=True)
class Hush:
    """Stop making this response's speech."""

    response_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Close:
    """End the connection."""

    code: int
    reason: str


Action = (
    Send
    | Hear
    | HearItem
    | DetectVoice
    | OpenUtterance
    | AskPartial
    | FinishUtterance
    | DropUtterance
    | Think
    | Speak
    | Hush
    | Close
)
