"""What stands in a conversation's history: messages, function calls and their outputs.

The ids are those of the model's copy, so that the two can be compared and replayed.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal


class Role(StrEnum):
    """Who said a message."""

    SYSTEM = "system"
    USER = "user"
    ASSISTANT = "assistant"


@dataclass(frozen=True, slots=True)
class Image:
    """A picture as a file: JPEG or PNG, as its first bytes say."""

    data: bytes = field(repr=False)
    detail: Literal["auto", "low", "high"] = field(default="auto", kw_only=True)
    """How closely the model is to look at it."""

    @property
    def media_type(self) -> str:
        """Its type of RFC 2046."""
        return "image/png" if self.data.startswith(b"\x89PNG") else "image/jpeg"


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """Something said, typed or shown.

    Attributes:
        text: What was heard: an interrupted reply ends at its last played word.
        images: What a user showed with it.
        identity: Which human said it, as the room knows them; "" for the agent, and where nobody knows.
        name: What that human is called.

    """

    id: str
    role: Role
    text: str
    interrupted: bool = False
    images: tuple[Image, ...] = ()
    identity: str = ""
    name: str = ""


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
