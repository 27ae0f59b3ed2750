"""Items of a conversation: messages, calls of functions and what they answered; and their JSON. Pure."""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from agent_worker.history.items import Role
from agent_worker.localmodel.client_events import (
    AudioPart,
    ClientItem,
    ContentPart,
    FunctionCallItem,
    FunctionCallOutputItem,
    ImagePart,
    MessageItem,
    TextPart,
)
from agent_worker.localmodel.dialogue import Say
from agent_worker.localmodel.events import Json


class PartKind(StrEnum):
    """What a content part holds; the words are the wire's."""

    INPUT_TEXT = "input_text"
    INPUT_AUDIO = "input_audio"
    INPUT_IMAGE = "input_image"
    OUTPUT_TEXT = "output_text"
    OUTPUT_AUDIO = "output_audio"


AUDIO_PARTS: Final = frozenset({PartKind.INPUT_AUDIO.value, PartKind.OUTPUT_AUDIO.value})


class ItemStatus(StrEnum):
    """How far an item has come."""

    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"
    INCOMPLETE = "incomplete"


@dataclass(frozen=True, slots=True)
class Part:
    """One content part. `text` is its text, its transcript (None: not known) or its image's address."""

    kind: PartKind
    text: str | None = None
    detail: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """Something said, typed or shown."""

    id: str
    role: Role
    parts: tuple[Part, ...]
    status: ItemStatus = ItemStatus.COMPLETED
    said: Say | None = None
    """What the brain meant to say, for what it said itself."""
    heard: int | None = None
    """How many words of `said` were heard; None: all."""
    silent: bool = False
    """Nobody said this: it is the silence after which the server asked for a reply by itself."""

    @property
    def audio_index(self) -> int:
        """Which of its parts is the user's audio; 0 when none is."""
        return next((place for place, part in enumerate(self.parts) if part.kind is PartKind.INPUT_AUDIO), 0)

    def transcribed(self, text: str) -> "Message":
        """The same with the words of its audio."""
        parts = tuple(replace(part, text=text) if part.kind is PartKind.INPUT_AUDIO else part for part in self.parts)
        return replace(self, parts=parts)

    @property
    def text(self) -> str:
        """All its words."""
        return " ".join(part.text for part in self.parts if part.text and part.kind is not PartKind.INPUT_IMAGE)


@dataclass(frozen=True, slots=True, kw_only=True)
class CallItem:
    """A call of a function; `arguments` is JSON text."""

    id: str
    call_id: str
    name: str
    arguments: str
    status: ItemStatus = ItemStatus.COMPLETED


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputItem:
    """What a function answered."""

    id: str
    call_id: str
    output: str


Item = Message | CallItem | OutputItem


def wire(item: Item) -> Json:
    """The item's JSON, without audio."""
    match item:
        case Message():
            return {
                "id": item.id,
                "object": "realtime.item",
                "type": "message",
                "status": item.status.value,
                "role": item.role.value,
                "content": [_part(part) for part in item.parts],
            }
        case CallItem():
            return {
                "id": item.id,
                "object": "realtime.item",
                "type": "function_call",
                "status": item.status.value,
                "name": item.name,
                "call_id": item.call_id,
                "arguments": item.arguments,
            }
        case OutputItem():
            return {
                "id": item.id,
                "object": "realtime.item",
                "type": "function_call_output",
                "call_id": item.call_id,
                "output": item.output,
            }


def from_client(given: ClientItem, item_id: str) -> Item:
    """The item that a client wants, under the id that it or we chose."""
    match given:
        case MessageItem():
            parts = tuple(_part_of(part) for part in given.content)
            return Message(id=item_id, role=Role(given.role), parts=parts)
        case FunctionCallItem():
            return CallItem(id=item_id, call_id=given.call_id or item_id, name=given.name, arguments=given.arguments)
        case FunctionCallOutputItem():
            return OutputItem(id=item_id, call_id=given.call_id, output=given.output)


def _part_of(given: ContentPart) -> Part:
    match given:
        case TextPart():
            return Part(PartKind(given.type), given.text)
        case ImagePart():
            return Part(PartKind.INPUT_IMAGE, given.image_url, given.detail)
        case AudioPart():
            return Part(PartKind.INPUT_AUDIO, given.transcript)


def _part(part: Part) -> Json:
    match part.kind:
        case PartKind.INPUT_TEXT | PartKind.OUTPUT_TEXT:
            return {"type": part.kind.value, "text": part.text or ""}
        case PartKind.INPUT_AUDIO | PartKind.OUTPUT_AUDIO:
            return {"type": part.kind.value, "transcript": part.text}
        case PartKind.INPUT_IMAGE:
            return {"type": part.kind.value, "image_url": part.text, "detail": part.detail or "auto"}
