"""What a realtime model tells a session of its replies: one value for each thing, in our words."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from agent_worker.realtime.errors import ErrorPolicy
from agent_worker.realtime.settings import Modality
from agent_worker.usage import Usage


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponseStarted:
    """A reply is being made. `request_id` is None when nobody here asked for it."""

    response_id: str
    request_id: str | None
    in_conversation: bool = True
    """False: it was asked for beside the conversation."""
    metadata: Mapping[str, str] = field(default_factory=dict[str, str])
    """That of its request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputItemStarted:
    """A message of a reply begins; its audio or text follows."""

    response_id: str
    item_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputPartStarted:
    """A part of a message begins, and is to be made in this modality."""

    response_id: str
    item_id: str
    content_index: int
    modality: Modality


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
class OutputText:
    """A piece of a reply that is made in text alone: no audio belongs to it."""

    response_id: str
    item_id: str
    content_index: int
    delta: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputTextDone:
    """No more text of this part will come; `text` is all of it, whatever of it came piece by piece."""

    response_id: str
    item_id: str
    content_index: int
    text: str


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
    code: str = ""
    """The provider's code of what made it fail."""
    policy: ErrorPolicy = ErrorPolicy.WARN
    """What such a failure means for the session."""
    usage: Usage = field(default_factory=Usage)
    metadata: Mapping[str, str] = field(default_factory=dict[str, str])
    """That of its request."""
    first_output_seconds: float | None = None
    """From the request, or the end of the user's turn, to the first sound or text. None: there was none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaybackStarted:
    """The provider began to play this reply to the user by itself (WebRTC, SIP)."""

    response_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaybackStopped:
    """The provider has played this reply to its end, or was told to stop (`cleared`)."""

    response_id: str
    cleared: bool
