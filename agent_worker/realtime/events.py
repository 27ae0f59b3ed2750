"""What a realtime model tells a session: one value for each thing, in our words. Replies are in `reply_events`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from agent_worker.history.items import Item
from agent_worker.realtime.errors import ErrorPolicy, Refused
from agent_worker.realtime.reply_events import (
    FunctionCallReady,
    OutputAudio,
    OutputAudioDone,
    OutputItemStarted,
    OutputPartStarted,
    OutputText,
    OutputTextDone,
    OutputTranscript,
    PlaybackStarted,
    PlaybackStopped,
    ResponseEnded,
    ResponseStarted,
)
from agent_worker.usage import Usage


@dataclass(frozen=True, slots=True)
class SettingsApplied:
    """The model has taken changed settings."""


# The user's audio. ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class InputCommitted:
    """The committed audio became this item."""

    item_id: str


@dataclass(frozen=True, slots=True)
class InputCleared:
    """What was appended and not committed is forgotten."""


@dataclass(frozen=True, slots=True)
class InputTranscriptDelta:
    """A further piece of what the model heard in a user's item."""

    item_id: str
    delta: str


@dataclass(frozen=True, slots=True)
class InputTranscribed:
    """All that the model heard in a user's item. Empty: nothing that it understood as words."""

    item_id: str
    text: str
    usage: Usage = field(default_factory=Usage, kw_only=True)
    """What the transcription cost."""
    confidence: float | None = field(default=None, kw_only=True)
    """From 0 to 1: how sure the model is of these words. None: it does not say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InputSegment:
    """A stretch of a user's item that one person spoke, from transcriptions that tell people apart."""

    item_id: str
    speaker: str
    text: str
    start_ms: int
    end_ms: int


@dataclass(frozen=True, slots=True)
class InputTranscriptionFailed:
    """There will be no transcript of this item."""

    item_id: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class InputVoiceStarted:
    """The model's own detector heard the user begin (turn detection other than NONE)."""

    item_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class InputVoiceStopped:
    """The model's own detector heard the user end (turn detection other than NONE)."""

    item_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class InputTimedOut:
    """The user was silent for the idle timeout: that silence becomes this item, and the model speaks up by itself."""

    item_id: str
    audio_start_ms: int
    audio_end_ms: int


@dataclass(frozen=True, slots=True)
class KeyPressed:
    """The caller pressed a key of the telephone: "0" to "9", "*", "#", "A" to "D"."""

    key: str


# History. ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemAdded:
    """An item stands in the model's history, after `previous_item_id` (None: it is the first)."""

    item_id: str
    previous_item_id: str | None


@dataclass(frozen=True, slots=True)
class ItemDeleted:
    """The model's history no longer has this item."""

    item_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemTruncated:
    """The model's copy of this item ends at `audio_end_ms`."""

    item_id: str
    audio_end_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemRetrieved:
    """The model's copy of an item. `item` is None for a kind that has no place in our history."""

    item_id: str
    item: Item | None
    pcm: bytes = field(default=b"", repr=False)
    """Its audio, as far as the model kept it: mono int16, at the input rate if it is a user's."""


# Tools that the provider runs by itself. -----------------------------------------------------------------------


class HostedToolState(StrEnum):
    """How far the provider is with a tool of its own."""

    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class HostedToolsListed:
    """The provider asks a server of tools what it has: `item_id` will hold the list."""

    item_id: str
    state: HostedToolState


@dataclass(frozen=True, slots=True, kw_only=True)
class HostedToolCalled:
    """The provider calls a tool by itself."""

    item_id: str
    state: HostedToolState


@dataclass(frozen=True, slots=True, kw_only=True)
class HostedToolApprovalAsked:
    """The provider wants to call a tool and waits for `ApproveHostedTool`."""

    response_id: str
    approval_id: str
    server: str
    name: str
    arguments: str


# The connection. -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLimit:
    """What an account may still use of something ("requests", "tokens") until it is reset."""

    name: str
    limit: int
    remaining: int
    reset_seconds: float


@dataclass(frozen=True, slots=True)
class RateLimits:
    """What the account may still use."""

    limits: tuple[RateLimit, ...]


@dataclass(frozen=True, slots=True)
class ConnectionExpires:
    """The provider will end this connection, though not the conversation (`Capabilities.expiry_notice`).

    `seconds`: So soon.
    """

    seconds: float


@dataclass(frozen=True, slots=True)
class ConnectionLost:
    """The model cannot be reached at the moment; it is being tried again. `message` says why."""

    message: str


@dataclass(frozen=True, slots=True)
class ConnectionRestored:
    """A new connection stands in for the lost one, and knows the settings, the tools and the history.

    `seconds`: How long nothing could be sent.
    """

    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelError:
    """The model refused something. What it was, as far as the model says so, and what it means for the session."""

    code: str
    message: str
    request_id: str | None = None
    """That of a refused `CreateResponse`."""
    refused: Refused | None = None
    """Which kind of command was refused."""
    item_id: str | None = None
    """The item that a refused command was about."""
    policy: ErrorPolicy = ErrorPolicy.WARN


@dataclass(frozen=True, slots=True, kw_only=True)
class UnknownEvent:
    """An event that this version does not know: passed through, never harmful."""

    type: str
    raw: Mapping[str, Any] = field(repr=False)


RealtimeEvent = (
    SettingsApplied
    | InputCommitted
    | InputCleared
    | InputTranscriptDelta
    | InputTranscribed
    | InputSegment
    | InputTranscriptionFailed
    | InputVoiceStarted
    | InputVoiceStopped
    | InputTimedOut
    | KeyPressed
    | ResponseStarted
    | OutputItemStarted
    | OutputPartStarted
    | OutputAudio
    | OutputTranscript
    | OutputAudioDone
    | OutputText
    | OutputTextDone
    | FunctionCallReady
    | ResponseEnded
    | PlaybackStarted
    | PlaybackStopped
    | ItemAdded
    | ItemDeleted
    | ItemTruncated
    | ItemRetrieved
    | HostedToolsListed
    | HostedToolCalled
    | HostedToolApprovalAsked
    | RateLimits
    | ConnectionExpires
    | ConnectionLost
    | ConnectionRestored
    | ModelError
    | UnknownEvent
)
