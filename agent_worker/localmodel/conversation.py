"""The conversation as the server keeps it: items in order, the audio of each, and how much of it was heard. Pure.

Items are put in by clients, by committed audio and by responses; the brain reads them as lines.
"""

from base64 import b64encode
from dataclasses import dataclass, field, replace
from typing import Final

from agent_worker.audio import MODEL_RATE, milliseconds_of
from agent_worker.cascade.base import TimedWord
from agent_worker.history.items import Role
from agent_worker.localmodel.dialogue import AgentLine, CallLine, Line, OutputLine, Say, SystemLine, UserLine
from agent_worker.localmodel.events import Json
from agent_worker.localmodel.formats import encoded
from agent_worker.localmodel.items import (
    AUDIO_PARTS,
    CallItem,
    Item,
    Message,
    OutputItem,
    PartKind,
    wire,
)
from agent_worker.localmodel.refusals import EventRefusedError
from agent_worker.localmodel.settings import Audio

STORED_SECONDS: Final = 600
"""Audio kept for `conversation.item.retrieve`, all items together; beyond it the oldest audio is forgotten."""
ROUNDING_MS: Final = 20
"""A truncation this far past the end is a client's rounding (one frame), not an error: it ends at the end."""
TEXT_TOKEN_CHARACTERS: Final = 4
INPUT_AUDIO_TOKEN_MS: Final = 100
"""One token of the user's audio, as the protocol's provider counts."""
_HEAD: Final = "root"
"""What a client says to put an item first."""


@dataclass(slots=True)
class _Sound:
    """The audio of one item, and its words."""

    pcm: bytearray = field(default_factory=bytearray)
    milliseconds: int = 0
    """How long the item sounds. The audio itself may be forgotten earlier."""
    words: list[TimedWord] = field(default_factory=list[TimedWord])


class Conversation:
    """Items in order."""

    def __init__(self) -> None:
        self._items: dict[str, Item] = {}
        self._order: list[str] = []
        self._sounds: dict[str, _Sound] = {}

    def find(self, item_id: str) -> Item | None:
        """The item, or None."""
        return self._items.get(item_id)

    def previous_of(self, item_id: str) -> str | None:
        """The id before it; None when it stands first."""
        place = self._order.index(item_id)
        return self._order[place - 1] if place else None

    def add(self, item: Item, after: str | None = None) -> str | None:
        """Put an item in.

        Args:
            item: The item.
            after: The id to stand behind, "root" to stand first, None or "" to stand last.

        Returns:
            The id that it now stands behind, or None.

        Raises:
            EventRefusedError: The id is taken, or there is no item `after`.

        """
        if item.id in self._items:
            raise EventRefusedError(
                f"Error adding item: an item with id '{item.id}' already exists.",
                code="item_create_duplicate_item_id",
                param="item.id",
            )
        if after and after != _HEAD and after not in self._items:
            raise EventRefusedError(
                f"Error adding item: the previous item with id '{after}' does not exist.",
                code="item_create_invalid_previous_item_id",
                param="previous_item_id",
            )
        place = len(self._order)
        if after:
            place = 0 if after == _HEAD else self._order.index(after) + 1
        self._order.insert(place, item.id)
        self._items[item.id] = item
        return self.previous_of(item.id)

    def put(self, item: Item) -> None:
        """Change an item, unless it was deleted meanwhile."""
        if item.id in self._items:
            self._items[item.id] = item

    def delete(self, item_id: str) -> None:
        """Take an item out.

        Raises:
            EventRefusedError: There is no such item.

        """
        self._require(item_id, "deleting", "item_delete_invalid_item_id")
        del self._items[item_id]
        self._order.remove(item_id)
        self._sounds.pop(item_id, None)

    def retrieve(self, item_id: str, session_audio: Audio) -> Json:
        """The item with its audio, as far as that is still kept, in the session's format.

        Raises:
            EventRefusedError: There is no such item.

        """
        body = wire(self._require(item_id, "retrieving", "item_retrieve_invalid_item_id"))
        sound = self._sounds.get(item_id)
        if sound is not None and sound.pcm:
            for part in body.get("content", ()):
                if part["type"] in AUDIO_PARTS:
                    is_input = part["type"] == PartKind.INPUT_AUDIO
                    wanted = session_audio.input.format if is_input else session_audio.output.format
                    part["audio"] = b64encode(encoded(bytes(sound.pcm), wanted)).decode("ascii")
        return body

    def sound(self, item_id: str, pcm: bytes, words: tuple[TimedWord, ...] = ()) -> None:
        """More audio of an item, 24 kHz, and the words that begin in it. Of a deleted item it is ignored."""
        if item_id not in self._items:
            return
        sound = self._sounds.setdefault(item_id, _Sound())
        before = len(sound.pcm)
        sound.pcm += pcm
        sound.milliseconds += milliseconds_of(len(sound.pcm) // 2, MODEL_RATE) - milliseconds_of(
            before // 2, MODEL_RATE
        )
        sound.words += words
        self._forget_old_audio(item_id)

    def milliseconds(self, item_id: str) -> int:
        """How long an item sounds."""
        sound = self._sounds.get(item_id)
        return sound.milliseconds if sound is not None else 0

    def words(self, item_id: str) -> tuple[TimedWord, ...]:
        """The words of an item's audio so far."""
        sound = self._sounds.get(item_id)
        return tuple(sound.words) if sound is not None else ()

    def truncate(self, item_id: str, content_index: int, audio_end_ms: int) -> int:
        """Of a reply's audio only the first `audio_end_ms` were heard: forget the rest, and its transcript.

        Returns:
            Where the item now ends: never later than it did.

        Raises:
            EventRefusedError: It is not the audio of a reply, or it is shorter than that.

        """
        item = self._require(item_id, "truncating", "item_truncate_invalid_item_id")
        if not isinstance(item, Message) or item.role is not Role.ASSISTANT or not self.milliseconds(item_id):
            raise EventRefusedError(
                "Only model output audio messages can be truncated", code="unsupported_content_type"
            )
        sound = self._sounds[item_id]
        if content_index:
            raise EventRefusedError(
                f"Invalid value for 'content_index': the item has no content part {content_index}.",
                code="invalid_value",
                param="content_index",
            )
        if audio_end_ms > sound.milliseconds + ROUNDING_MS:
            raise EventRefusedError(
                f"Audio content of {sound.milliseconds}ms is already shorter than {audio_end_ms}ms",
                code="invalid_value",
                param="audio_end_ms",
            )
        end = min(audio_end_ms, sound.milliseconds)
        parts = tuple(replace(part, text=None) for part in item.parts)
        self.put(replace(item, parts=parts, heard=heard_words(sound.words, end)))
        del sound.pcm[end * MODEL_RATE // 1000 * 2 :]
        sound.words = [word for word in sound.words if word.start_ms < end]
        sound.milliseconds = end
        return end

    def lines(self, ids: list[str] | None = None) -> tuple[Line, ...]:
        """The conversation as the brain reads it.

        Args:
            ids: These items, in this order; None for all.

        """
        chosen = self._order if ids is None else ids
        return tuple(self._line(self._items[item_id]) for item_id in chosen if item_id in self._items)

    def tokens(self) -> tuple[int, int]:
        """What reading the conversation costs: tokens of text, and of audio."""
        text = sum(_characters(item) for item in self._items.values())
        audio = sum(sound.milliseconds for sound in self._sounds.values())
        return text // TEXT_TOKEN_CHARACTERS, audio // INPUT_AUDIO_TOKEN_MS

    def _require(self, item_id: str, doing: str, code: str) -> Item:
        item = self._items.get(item_id)
        if item is None:
            raise EventRefusedError(
                f"Error {doing} item: the item with id '{item_id}' does not exist.",
                code=code,
                param="item_id",
            )
        return item

    def _forget_old_audio(self, newest: str) -> None:
        limit = STORED_SECONDS * MODEL_RATE * 2
        kept = sum(len(sound.pcm) for sound in self._sounds.values())
        for item_id in list(self._sounds):
            if kept <= limit:
                return
            if item_id != newest:
                kept -= len(self._sounds[item_id].pcm)
                self._sounds[item_id].pcm.clear()

    def _line(self, item: Item) -> Line:
        match item:
            case CallItem():
                return CallLine(call_id=item.call_id, name=item.name, arguments=item.arguments)
            case OutputItem():
                return OutputLine(call_id=item.call_id, output=item.output)
            case Message(role=Role.USER):
                typed = not any(part.kind is PartKind.INPUT_AUDIO for part in item.parts)
                shown = any(part.kind is PartKind.INPUT_IMAGE for part in item.parts)
                return UserLine(item.text, typed, item.silent, shown)
            case Message(role=Role.ASSISTANT):
                return AgentLine(said=item.said or Say(item.text), heard=item.heard)
            case Message():
                return SystemLine(item.text)


def heard_words(words: list[TimedWord], end_ms: int) -> int:
    """How many words were heard in full when the audio ended at `end_ms`.

    A word lasts until the next one begins, but no longer than its letters take: the pause behind it is not it.
    """
    heard = 0
    for number, word in enumerate(words):
        until = word.start_ms + 60 + 85 * len(word.text.strip(".,;:!?"))
        if number + 1 < len(words):
            until = min(until, words[number + 1].start_ms)
        if until > end_ms:
            break
        heard = number + 1
    return heard


def _characters(item: Item) -> int:
    match item:
        case Message():
            return len(item.text)
        case CallItem():
            return len(item.name) + len(item.arguments)
        case OutputItem():
            return len(item.output)
