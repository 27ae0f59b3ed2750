"""What a model's error means for the session: the policies, and which command was refused."""

from enum import StrEnum


class ErrorPolicy(StrEnum):
    """What is done about an error of the model (M-3)."""

    IGNORE = "ignore"
    """Nothing: it says that something was already as it was wanted."""
    WARN = "warn"
    """It is logged and told; the session goes on."""
    FAIL_REQUEST = "fail_request"
    """The command that it answers has failed, and whoever waits for it is told; the session goes on."""
    RECONNECT = "reconnect"
    """This connection is of no more use; another one may be."""
    FATAL = "fatal"
    """No other connection would help: the session ends with this error."""


class Refused(StrEnum):
    """Which command an error answers."""

    RESPONSE = "response"
    CANCEL = "cancel"
    CREATE = "create"
    DELETE = "delete"
    RETRIEVE = "retrieve"
    TRUNCATE = "truncate"
    COMMIT = "commit"
    CLEAR = "clear"
    CLEAR_PLAYBACK = "clear_playback"
    APPROVE = "approve"
    SETTINGS = "settings"
    VOICE = "voice"
