"""What a session tells a realtime model: one value for each thing, in our words."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from agent_worker.history.items import Item
from agent_worker.realtime.settings import Modality, SessionSettings
from agent_worker.tools.spec import ToolSpec


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


@dataclass(frozen=True, slots=True)
class ItemReference:
    """An item that stands in the model's history, as input of a request."""

    item_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateResponse:
    """Ask for a reply. `request_id` comes back in `ResponseStarted`. None: as the session is set."""

    request_id: str
    instructions: str | None = None
    """Replaces the session's instructions for this reply."""
    tool_choice: str | None = None
    """"auto", "none", "required" or a tool's name."""
    tools: tuple[ToolSpec, ...] | None = None
    """Replaces the session's tools for this reply."""
    modality: Modality | None = None
    voice: str | None = None
    max_output_tokens: int | None = None
    in_conversation: bool = True
    """False: the reply is made beside the conversation and leaves no item in it."""
    input: tuple[Item | ItemReference, ...] | None = None
    """What the model looks at instead of the conversation."""
    metadata: Mapping[str, str] = field(default_factory=dict[str, str])
    """Comes back in `ResponseStarted` and `ResponseEnded`: 15 pairs, of 64 and 512 characters, at most."""


@dataclass(frozen=True, slots=True)
class CancelResponse:
    """Stop making this reply."""

    response_id: str


@dataclass(frozen=True, slots=True)
class ClearPlayback:
    """Stop what the provider plays by itself: for calls whose sound it sends straight to the user (WebRTC, SIP)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TruncateItem:
    """Only the first `audio_end_ms` of this item's audio were heard."""

    item_id: str
    content_index: int
    audio_end_ms: int


@dataclass(frozen=True, slots=True)
class DeleteItem:
    """Take an item out of the model's history. `ItemDeleted` acknowledges it."""

    item_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateItem:
    """Put an item into the model's history, at its end unless `previous_item_id` says after which ("root": first).

    `ItemAdded` acknowledges it.
    """

    item: Item
    previous_item_id: str | None = None


@dataclass(frozen=True, slots=True)
class RetrieveItem:
    """Read an item back: `ItemRetrieved` answers, or a `ModelError` with its `item_id` and `Refused.RETRIEVE`."""

    item_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ApproveHostedTool:
    """Whether the provider may call a tool of its own that it asked about (`HostedToolApprovalAsked`)."""

    approval_id: str
    approve: bool
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class UpdateSession:
    """Change the settings of the running session. `SettingsApplied` acknowledges it."""

    settings: SessionSettings


RealtimeCommand = (
    AppendAudio
    | CommitAudio
    | ClearAudio
    | CreateResponse
    | CancelResponse
    | ClearPlayback
    | TruncateItem
    | DeleteItem
    | CreateItem
    | RetrieveItem
    | ApproveHostedTool
    | UpdateSession
)
