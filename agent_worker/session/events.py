"""What an application may learn of a session: the events that `AgentSession.on` and `AgentSession.events` give.

The words are telemetry's, which stands below the session and must know them.
"""

from agent_worker.telemetry.events import (
    AgentFalseInterruption,
    AgentInterrupted,
    AgentStateChanged,
    ConversationItemAdded,
    DataReceived,
    ErrorOccurred,
    FunctionToolsExecuted,
    ModelConnectionChanged,
    ParticipantJoined,
    ParticipantLeft,
    ReplyCompleted,
    ReplyRequested,
    SessionClosed,
    SessionEvent,
    SpeechCreated,
    SpeechFinished,
    SpeechStarted,
    UsageCollected,
    UserInputTranscribed,
    UserStateChanged,
    UserTurnCommitted,
    UserTurnExceeded,
)

__all__ = [
    "AgentFalseInterruption",
    "AgentInterrupted",
    "AgentStateChanged",
    "ConversationItemAdded",
    "DataReceived",
    "ErrorOccurred",
    "FunctionToolsExecuted",
    "ModelConnectionChanged",
    "ParticipantJoined",
    "ParticipantLeft",
    "ReplyCompleted",
    "ReplyRequested",
    "SessionClosed",
    "SessionEvent",
    "SpeechCreated",
    "SpeechFinished",
    "SpeechStarted",
    "UsageCollected",
    "UserInputTranscribed",
    "UserStateChanged",
    "UserTurnCommitted",
    "UserTurnExceeded",
]
