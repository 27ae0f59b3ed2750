"""What stands in a conversation's history: messages, function calls and their outputs.

The ids are those of the model's copy, so that the two can be compared and replayed.
"""

from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """Who said a message."""

    SYSTEM = "system"
    USER = "user"
    ASSISTANT = "assistant"


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """Something said or typed. `text` is what was heard: an interrupted reply ends at its last played word."""

    id: str
    role: Role
    text: str
    interrupted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionCall:
    """The model asked for a tool. `arguments` is JSON text, as the model wrote it."""

    id: str
    call_id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionCallOutput:
    """What a tool answered, in the words that the model gets."""

    id: str
    call_id: str
    output: str
    is_error: bool = False


Item = Message | FunctionCall | FunctionCallOutput
