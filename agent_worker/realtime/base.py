"""The seam between a session and a realtime speech model.

A session sends commands and iterates events; both are our own words. Each provider translates them to its wire in
one codec, so that one event means one thing on every provider. Nobody above this seam knows a provider's name:
what differs is said by `Capabilities`. The words themselves are in `commands`, `events` and `settings`.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from agent_worker.history.items import Item
from agent_worker.realtime.capabilities import (
    Capabilities,
    HistoryEdits,
    Resume,
)
from agent_worker.realtime.commands import (
    AppendAudio,
    ApproveHostedTool,
    CancelResponse,
    ClearAudio,
    ClearPlayback,
    CommitAudio,
    CreateItem,
    CreateResponse,
    DeleteItem,
    ItemReference,
    RealtimeCommand,
    RetrieveItem,
    TruncateItem,
    UpdateSession,
)
from agent_worker.realtime.errors import (
    ErrorPolicy,
    Refused,
)
from agent_worker.realtime.events import (
    ConnectionExpires,
    ConnectionLost,
    ConnectionRestored,
    HostedToolApprovalAsked,
    HostedToolCalled,
    HostedToolsListed,
    HostedToolState,
    InputCleared,
    InputCommitted,
    InputSegment,
    InputTimedOut,
    InputTranscribed,
    InputTranscriptDelta,
    InputTranscriptionFailed,
    InputVoiceStarted,
    InputVoiceStopped,
    ItemAdded,
    ItemDeleted,
    ItemRetrieved,
    ItemTruncated,
    KeyPressed,
    ModelError,
    RateLimit,
    RateLimits,
    RealtimeEvent,
    SettingsApplied,
    UnknownEvent,
)
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
    ResponseStatus,
)
from agent_worker.realtime.settings import (
    LoudnessDetector,
    Modality,
    NoiseReduction,
    SemanticDetector,
    SessionSettings,
    StoredPrompt,
    Tracing,
    TurnDetection,
)
from agent_worker.usage import Usage

__all__ = [
    "AppendAudio",
    "ApproveHostedTool",
    "CancelResponse",
    "Capabilities",
    "ClearAudio",
    "ClearPlayback",
    "CommitAudio",
    "ConnectionExpires",
    "ConnectionLost",
    "ConnectionRestored",
    "CreateItem",
    "CreateResponse",
    "DeleteItem",
    "ErrorPolicy",
    "FunctionCallReady",
    "HistoryEdits",
    "HostedToolApprovalAsked",
    "HostedToolCalled",
    "HostedToolState",
    "HostedToolsListed",
    "InputCleared",
    "InputCommitted",
    "InputSegment",
    "InputTimedOut",
    "InputTranscribed",
    "InputTranscriptDelta",
    "InputTranscriptionFailed",
    "InputVoiceStarted",
    "InputVoiceStopped",
    "ItemAdded",
    "ItemDeleted",
    "ItemReference",
    "ItemRetrieved",
    "ItemTruncated",
    "KeyPressed",
    "LoudnessDetector",
    "Modality",
    "ModelError",
    "NoiseReduction",
    "OutputAudio",
    "OutputAudioDone",
    "OutputItemStarted",
    "OutputPartStarted",
    "OutputText",
    "OutputTextDone",
    "OutputTranscript",
    "PlaybackStarted",
    "PlaybackStopped",
    "RateLimit",
    "RateLimits",
    "RealtimeCommand",
    "RealtimeConnection",
    "RealtimeEvent",
    "RealtimeModel",
    "Refused",
    "ResponseEnded",
    "ResponseStarted",
    "ResponseStatus",
    "Resume",
    "RetrieveItem",
    "SemanticDetector",
    "SessionSettings",
    "SettingsApplied",
    "StoredPrompt",
    "Tracing",
    "TruncateItem",
    "TurnDetection",
    "UnknownEvent",
    "UpdateSession",
    "Usage",
]


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
        """All events, in order, to one reader. Ends by raising, never by stopping.

        Raises:
            RealtimeLostError: The connection is lost, or of no more use.
            RealtimeError: The model refused for good (`ErrorPolicy.FATAL`): no other connection would help.

        """
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
