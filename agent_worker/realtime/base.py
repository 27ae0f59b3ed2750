"""The seam between a session and a realtime speech model.

A session sends commands and iterates events; both are our own words. Each provider translates them to its wire in
one codec, so that one event means one thing on every provider. Nobody above this seam knows a provider's name:
what differs is said by `Capabilities`.
"""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

from agent_worker.errors import ConfigError
from agent_worker.history.items import Item
from agent_worker.media.settings import OPUS_RATES
from agent_worker.tools.spec import ToolSpec
from agent_worker.usage import Usage


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What a model can do. A session decides by these flags alone."""

    input_rate: int = 24_000
    """Samples per second of the user's audio, mono int16."""
    output_rate: int = 24_000
    """Samples per second of the model's audio, mono int16; one of `media.settings.OPUS_RATES`."""
    user_transcription: bool = True
    """Says what it heard the user say."""
    manual_turns: bool = True
    """Its own turn detection can be turned off: audio is committed, and replies asked for, by us."""
    truncate: bool = True
    """Can be told how much of its audio was heard."""
    delete_items: bool = True
    """Items can be taken out of its history."""
    cancel_response: bool = True
    """A reply that is being made can be stopped."""

    def __post_init__(self) -> None:
        if self.output_rate not in OPUS_RATES:
            rates = ", ".join(map(str, OPUS_RATES))
            raise ConfigError(
                f"The agent cannot speak at {self.output_rate} samples per second, only at {rates}: have the model's "
                "adapter resample what it receives to one of these."
            )


class TurnDetection(StrEnum):
    """Who decides that a user's turn is over, from the model's point of view."""

    NONE = "none"
    """We do: the model waits for commits and requests."""
    SERVER = "server"
    """The model does, and answers by itself."""
    SERVER_HEARS = "server_hears"
    """The model does, but it neither answers nor stops what it says: that is asked for by us."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionSettings:
    """What a model session is configured with, at its start and again at each change."""

    instructions: str = ""
    tools: tuple[ToolSpec, ...] = ()
    voice: str | None = None
    speed: float | None = None
    turn_detection: TurnDetection = TurnDetection.NONE
    transcription_model: str | None = "gpt-live-transcribe"
    """None: the user's audio is not transcribed."""
    language: str | None = None
    """ISO 639-1 hint for the transcription."""


# Commands: what a session tells the model. ---------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class AppendAudio:
    """More of the user's audio: mono int16 little-endian at `Capabilities.input_rate`."""

    pcm: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class CommitAudio:
    """The appended audio is one user turn: it becomes an item. No reply is made by this alone."""


@dataclass(frozen=True, slots=True)
class ClearAudio:
    """The appended audio was not a turn: forget it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateResponse:
    """Ask for a reply. `request_id` comes back in `ResponseStarted`."""

    request_id: str
    instructions: str | None = None
    """Replaces the session's instructions for this reply. None: the session's."""
    tool_choice: str | None = None
    """"auto", "none", "required" or a tool's name. None: the session's."""


@dataclass(frozen=True, slots=True)
class CancelResponse:
    """Stop making this reply."""

    response_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TruncateItem:
    """Only the first `audio_end_ms` of this item's audio were heard."""

    item_id: str
    content_index: int
    audio_end_ms: int


@dataclass(frozen=True, slots=True)
class DeleteItem:
    """Take an item out of the model's history."""

    item_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateItem:
    """Put an item into the model's history, at its end unless `previous_item_id` says after which ("root": first)."""

    item: Item
    previous_item_id: str | None = None


@dataclass(frozen=True, slots=True)
class UpdateSession:
    """Change the settings of the running session."""

    settings: SessionSettings


RealtimeCommand = (
    AppendAudio
    | CommitAudio
    | ClearAudio
    | CreateResponse
    | CancelResponse
    | TruncateItem
    | DeleteItem
    | CreateItem
    | UpdateSession
)

# Events: what the model tells a session. -----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class InputCommitted:
    """The committed audio became this item."""

    item_id: str


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
class ResponseStarted:
    """A reply is being made. `request_id` is None when nobody here asked for it."""

    response_id: str
    request_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputItemStarted:
    """A message of a reply begins; its audio follows."""

    response_id: str
    item_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputAudio:
    """A piece of a reply's audio: mono int16 little-endian at `Capabilities.output_rate`, in playing order."""

    response_id: str
    item_id: str
    content_index: int
    pcm: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputTranscript:
    """A piece of a reply's words. `start_ms` is where in the item's audio they begin, for models that know."""

    response_id: str
    item_id: str
    content_index: int
    delta: str
    start_ms: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputAudioDone:
    """No more audio of this part will come."""

    response_id: str
    item_id: str
    content_index: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionCallReady:
    """The model wants a tool; its arguments (JSON text) are complete."""

    response_id: str
    item_id: str
    call_id: str
    name: str
    arguments: str


class ResponseStatus(StrEnum):
    """How a reply ended."""

    COMPLETED = "completed"
    CANCELLED = "cancelled"
    INCOMPLETE = "incomplete"
    FAILED = "failed"
    LOST = "lost"
    """The connection broke when a part of it had arrived; the rest will never come."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponseEnded:
    """A reply is made in full, or will never be. `message` says why it failed."""

    response_id: str
    request_id: str | None
    status: ResponseStatus
    message: str = ""
    usage: Usage = field(default_factory=Usage)


@dataclass(frozen=True, slots=True)
class ItemDeleted:
    """The model's history no longer has this item."""

    item_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemTruncated:
    """The model's copy of this item ends at `audio_end_ms`."""

    item_id: str
    audio_end_ms: int


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
    """The model refused something; the session goes on. `request_id` is that of a refused `CreateResponse`."""

    code: str
    message: str
    request_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UnknownEvent:
    """An event that this version does not know: passed through, never harmful."""

    type: str
    raw: Mapping[str, Any] = field(repr=False)


RealtimeEvent = (
    InputCommitted
    | InputTranscriptDelta
    | InputTranscribed
    | InputTranscriptionFailed
    | InputVoiceStarted
    | InputVoiceStopped
    | ResponseStarted
    | OutputItemStarted
    | OutputAudio
    | OutputTranscript
    | OutputAudioDone
    | FunctionCallReady
    | ResponseEnded
    | ItemDeleted
    | ItemTruncated
    | ConnectionLost
    | ConnectionRestored
    | ModelError
    | UnknownEvent
)


class RealtimeConnection(Protocol):
    """One open conversation with a model, configured and ready."""

    @property
    def capabilities(self) -> Capabilities:
        """What this very session can do."""
        ...

    def send(self, command: RealtimeCommand) -> None:
        """Queue a command; returns at once, never waits for the network. Commands keep their order.

        Raises:
            RealtimeLostError: The connection is gone, or so far behind that its queue is full.

        """
        ...

    def events(self) -> AsyncIterator[RealtimeEvent]:
        """All events, in order, to one reader. Ends by raising RealtimeLostError when the connection is lost."""
        ...


class RealtimeModel(Protocol):
    """A provider, with its address and credential."""

    @property
    def capabilities(self) -> Capabilities:
        """What this model can do in any session."""
        ...

    def connect(
        self, settings: SessionSettings, history: Callable[[], Sequence[Item]] = tuple
    ) -> AbstractAsyncContextManager[RealtimeConnection]:
        """Open a session; entering waits until the model has taken the settings and the history, at most 10 s.

        Args:
            settings: How the model is to behave.
            history: Gives what was said so far, which the model is to know; asked at each time that a connection
                is made.

        Raises:
            RealtimeLostError: It could not be reached, with the address and what to check.
            RealtimeError: It refused the credential, the model name or the settings.

        """
        ...
