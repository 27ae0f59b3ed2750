"""Every exception that leaves this package, in one tree.

AgentWorkerError
 +-- ConfigError            we were set up wrongly: a missing file, package or setting; the text says what to do
 +-- ProtocolError          the other side broke the protocol: malformed SDP, JSON, tokens, events
 +-- ConnectionLostError    a peer that we need went away
 |    +-- RoomLostError     the signaling server or the room
 |    +-- RealtimeLostError the realtime model
 +-- RealtimeError          the model refused a request; `code` is the provider's
 +-- SpeechError            a speech could not be made, or a call on its handle came at the wrong time
 +-- ToolError              raised by a tool to tell the model what went wrong, in words for the model
"""


class AgentWorkerError(Exception):
    """Root of all errors of this package."""


class ConfigError(AgentWorkerError):
    """Something needed is missing or set wrongly. The message says what to do next."""


class ProtocolError(AgentWorkerError):
    """The other side sent what its protocol forbids.

    Attributes:
        code: A stable word from the wire's table of errors, such as "bad_request" or "too_large".

    """

    def __init__(self, message: str, *, code: str = "bad_request") -> None:
        super().__init__(message)
        self.code = code


class ConnectionLostError(AgentWorkerError):
    """A connection that was needed is gone."""


class RoomLostError(ConnectionLostError):
    """The room, or the way to its signaling server, is gone."""


class RealtimeLostError(ConnectionLostError):
    """The realtime model cannot be reached, or has closed the connection."""


class RealtimeError(AgentWorkerError):
    """The realtime model answered a request with an error.

    Attributes:
        code: The provider's error code, or "" when it gave none.

    """

    def __init__(self, message: str, *, code: str = "") -> None:
        super().__init__(message)
        self.code = code


class SpeechError(AgentWorkerError):
    """A speech could not be made, or its handle was used at the wrong time."""


class CallError(AgentWorkerError):
    """A call of a method (`AgentSession.rpc`) is refused. Raise it in such a method: its text goes to the caller.

    Attributes:
        code: For programs, at most 128 characters: "failed", one of your own, or "unsupported_method", "busy",
            "timeout" and "application_error", which the session says by itself.

    """

    def __init__(self, message: str, *, code: str = "failed") -> None:
        super().__init__(message)
        self.code = code


class ToolError(AgentWorkerError):
    """Raise it inside a function tool: its text goes to the model as the tool's output."""
