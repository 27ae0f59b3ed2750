"""What one session said, for people who look for a fault: wire events in, files out. Pure.

<session>.jsonl                    every event of both sides; instead of audio, how many bytes it was
<session>_<n>_<response>.wav       what a response sent: 24 kHz, mono, every delta
<session>_<n>_<response>.json      its items: transcript, words with their times, where the listener cut them
"""

import io
import json
import wave
from base64 import b64decode
from dataclasses import dataclass, field
from typing import Any, Final, cast

from pydantic import TypeAdapter

from agent_worker.audio import MODEL_RATE, milliseconds_of
from agent_worker.localmodel.events import Json
from agent_worker.localmodel.formats import FormatDecoder
from agent_worker.localmodel.settings import AudioFormat

_SHOW_EVERY: Final = 2 * MODEL_RATE
"""Bytes of a response's audio after which its files are brought up to date: one second."""
_FORMAT: Final[TypeAdapter[AudioFormat]] = TypeAdapter(AudioFormat)
_SHOWN: Final = 500
"""Characters of a frame that is no JSON."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Something to write: append it to the file, or replace the file by it."""

    name: str
    data: bytes = field(repr=False)
    append: bool


@dataclass(slots=True)
class _Item:
    offset_ms: int
    transcript: str = ""
    words: list[Json] = field(default_factory=list[Json])
    truncated_at_ms: int | None = None


@dataclass(slots=True)
class _Reply:
    name: str
    decoder: FormatDecoder
    status: str = "in_progress"
    pcm: bytearray = field(default_factory=bytearray)
    shown: int = 0
    """Bytes of `pcm` that are in its file."""
    items: dict[str, _Item] = field(default_factory=dict[str, _Item])


class Tape:
    """One session's."""

    def __init__(self, session_id: str) -> None:
        self._session_id = session_id
        self._replies: dict[str, _Reply] = {}
        self._owners: dict[str, str] = {}

    def client(self, text: str, at: float) -> list[Page]:
        """The client sent this frame."""
        try:
            event: Any = without_audio(json.loads(text))
        except (ValueError, RecursionError):
            event = {"unreadable": text[:_SHOWN]}
        return [self._line("client", event, at)]

    def server(self, event: Json, at: float) -> list[Page]:
        """We sent this event."""
        return [self._line("server", without_audio(event), at), *self._follow(event)]

    def _line(self, side: str, event: Any, at: float) -> Page:
        line = json.dumps({"at": round(at, 4), "from": side, "event": event})
        return Page(name=f"{self._session_id}.jsonl", data=f"{line}\n".encode(), append=True)

    def _follow(self, event: Json) -> list[Page]:
        match event["type"]:
            case "response.created":
                response_id = event["response"]["id"]
                name = f"{self._session_id}_{len(self._replies) + 1}_{response_id}"
                sounds_as = _FORMAT.validate_python(event["response"]["audio"]["output"]["format"])
                self._replies[response_id] = _Reply(name, FormatDecoder(sounds_as))
            case "response.content_part.added":
                reply = self._replies[event["response_id"]]
                offset = milliseconds_of(len(reply.pcm) // 2, MODEL_RATE)
                reply.items[event["item_id"]] = _Item(offset)
                self._owners[event["item_id"]] = event["response_id"]
            case "response.output_audio.delta":
                reply = self._replies[event["response_id"]]
                reply.pcm += reply.decoder.feed(b64decode(event["delta"]))
                if len(reply.pcm) - reply.shown >= _SHOW_EVERY:
                    return self._show(event["response_id"])
            case "response.output_audio_transcript.delta":
                item = self._replies[event["response_id"]].items[event["item_id"]]
                item.transcript += event["delta"]
                item.words.append({"text": event["delta"].strip(), "start_ms": event["audio_start_ms"]})
            case "response.done":
                reply = self._replies[event["response"]["id"]]
                reply.status = event["response"]["status"]
                pages = self._show(event["response"]["id"]) if reply.items else []
                reply.pcm.clear()
                return pages
            case "conversation.item.truncated" if event["item_id"] in self._owners:
                response_id = self._owners[event["item_id"]]
                self._replies[response_id].items[event["item_id"]].truncated_at_ms = event["audio_end_ms"]
                return [self._summary(response_id)]
            case _:
                pass
        return []

    def _show(self, response_id: str) -> list[Page]:
        reply = self._replies[response_id]
        reply.shown = len(reply.pcm)
        return [Page(name=f"{reply.name}.wav", data=wav(reply.pcm), append=False), self._summary(response_id)]

    def _summary(self, response_id: str) -> Page:
        reply = self._replies[response_id]
        body = {
            "session_id": self._session_id,
            "response_id": response_id,
            "status": reply.status,
            "items": [
                {
                    "item_id": item_id,
                    "offset_ms": item.offset_ms,
                    "transcript": item.transcript,
                    "words": item.words,
                    "truncated_at_ms": item.truncated_at_ms,
                }
                for item_id, item in reply.items.items()
            ],
        }
        return Page(name=f"{reply.name}.json", data=json.dumps(body, indent=1).encode(), append=False)


def wav(pcm: bytes | bytearray) -> bytes:
    """A WAV file of mono int16 at 24 kHz."""
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(MODEL_RATE)
        writer.writeframes(bytes(pcm))
    return file.getvalue()


def without_audio(value: Any, inside: str = "") -> Any:
    """The JSON with each piece of audio replaced by how many bytes it was.

    Args:
        value: Any JSON.
        inside: The type of the event that it is part of.

    """
    match value:
        case dict():
            body = cast(dict[str, Any], value)
            kind = inside or str(body.get("type", ""))
            return {
                key: {"bytes": len(inner) * 3 // 4 - inner[-2:].count("=")}
                if isinstance(inner, str) and _is_audio(key, kind)
                else without_audio(inner, kind)
                for key, inner in body.items()
            }
        case list():
            return [without_audio(inner, inside) for inner in cast(list[Any], value)]
        case _:
            return value


def _is_audio(key: str, kind: str) -> bool:
    return key == "audio" or (key == "delta" and kind == "response.output_audio.delta")
