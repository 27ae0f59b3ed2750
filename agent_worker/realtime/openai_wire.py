"""OpenAI's Realtime protocol (GA), as a pure codec: our commands to its frames, its frames to our events.

One `Codec` belongs to one connection. What the protocol calls things is known here and nowhere else; a server may say
what it likes, `decode` never raises.
"""

import binascii
import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final, assert_never

from agent_worker.audio import MODEL_RATE
from agent_worker.history.items import FunctionCall, FunctionCallOutput, Item, Message, Role
from agent_worker.realtime.base import (
    AppendAudio,
    CancelResponse,
    ClearAudio,
    CommitAudio,
    CreateItem,
    CreateResponse,
    DeleteItem,
    FunctionCallReady,
    OutputAudio,
    RealtimeCommand,
    SessionSettings,
    TruncateItem,
    TurnDetection,
    UpdateSession,
)
from agent_worker.realtime.openai_events import REQUEST_EVENT_ID, WireEvent, read

_MAX_CALL_ID: Final = 32
_MAX_APPEND: Final = 4 * 2**20
"""Bytes of audio in one append: a frame's text must stay below 15 MiB."""
_REMEMBERED_CALLS: Final = 1024


# Commands to frames. -------------------------------------------------------------------------------------------


def _session(settings: SessionSettings, *, voice: str | None) -> dict[str, Any]:
    """The GA session object. Null clears a setting, a key left out leaves it as it is."""
    transcription: dict[str, str] | None = None
    if settings.transcription_model is not None:
        transcription = {"model": settings.transcription_model}
        if settings.language is not None:
            transcription["language"] = settings.language
    turn_detection: dict[str, Any] | None = None
    if settings.turn_detection is not TurnDetection.NONE:
        answers = settings.turn_detection is TurnDetection.SERVER
        turn_detection = {"type": "server_vad", "create_response": answers, "interrupt_response": answers}
    pcm = {"type": "audio/pcm", "rate": MODEL_RATE}
    output: dict[str, Any] = {"format": pcm}
    if voice is not None:
        output["voice"] = voice
    if settings.speed is not None:
        output["speed"] = settings.speed
    return {
        "type": "realtime",
        "output_modalities": ["audio"],
        "instructions": settings.instructions,
        "tools": [
            {
                "type": "function",
                "name": tool.name,
                "description": tool.description,
                "parameters": dict(tool.parameters),
            }
            for tool in settings.tools
        ],
        "tool_choice": "auto",
        "audio": {
            "input": {"format": pcm, "transcription": transcription, "turn_detection": turn_detection},
            "output": output,
        },
    }


def _response_create(command: CreateResponse) -> dict[str, Any]:
    response: dict[str, Any] = {"metadata": {"request_id": command.request_id}}
    if command.instructions is not None:
        response["instructions"] = command.instructions
    match command.tool_choice:
        case None:
            pass
        case "auto" | "none" | "required":
            response["tool_choice"] = command.tool_choice
        case name:
            response["tool_choice"] = {"type": "function", "name": name}
    return {
        "type": "response.create",
        "event_id": f"{REQUEST_EVENT_ID}{command.request_id}",
        "response": response,
    }


def _item(item: Item, call_id: Callable[[str], str]) -> dict[str, Any]:
    match item:
        case Message():
            # A client cannot create assistant audio: what was said goes back as text.
            part = "output_text" if item.role is Role.ASSISTANT else "input_text"
            body: dict[str, Any] = {
                "type": "message",
                "role": item.role.value,
                "content": [{"type": part, "text": item.text}],
            }
        case FunctionCall():
            body = {
                "type": "function_call",
                "call_id": call_id(item.call_id),
                "name": item.name,
                "arguments": item.arguments,
            }
        case FunctionCallOutput():
            body = {
                "type": "function_call_output",
                "call_id": call_id(item.call_id),
                "output": item.output,
            }
        case _:
            assert_never(item)
    return {"id": item.id, **body}


def _frame(type_: str, event_id: str, **body: Any) -> str:
    # ASCII escapes, because a lone surrogate in somebody's text has no UTF-8 and would break the whole connection.
    return json.dumps({"type": type_, "event_id": event_id, **body}, separators=(",", ":"))


def _append_frames(pcm: bytes) -> list[str]:
    return [
        '{"type":"input_audio_buffer.append","audio":"'
        + binascii.b2a_base64(pcm[start : start + _MAX_APPEND], newline=False).decode("ascii")
        + '"}'
        for start in range(0, len(pcm), _MAX_APPEND)
    ]


class Codec:
    """The protocol's side of one connection: commands in, frames out; frames in, events out.

    It remembers what the wire leaves to the client: the voice in use, the calls that were handed on, half a sample.
    """

    def __init__(self) -> None:
        self._voice: str | None = None
        self._calls: dict[str, None] = {}
        self._half_sample = (("", 0), b"")

    def configure(self, settings: SessionSettings) -> str:
        """The frame that configures a new session: everything in one session.update."""
        self._voice = settings.voice
        return _frame("session.update", "session", session=_session(settings, voice=settings.voice))

    def encode(self, command: RealtimeCommand) -> list[str]:
        """The frames that say `command`, in sending order; none for audio of no length."""
        match command:
            case AppendAudio(pcm):
                return _append_frames(pcm)
            case CommitAudio():
                return [_frame("input_audio_buffer.commit", "commit")]
            case ClearAudio():
                return [_frame("input_audio_buffer.clear", "clear")]
            case CreateResponse():
                return [json.dumps(_response_create(command), separators=(",", ":"))]
            case CancelResponse(response_id):
                return [_frame("response.cancel", f"cancel_{response_id}", response_id=response_id)]
            case TruncateItem():
                return [
                    _frame(
                        "conversation.item.truncate",
                        f"truncate_{command.item_id}",
                        item_id=command.item_id,
                        content_index=command.content_index,
                        audio_end_ms=command.audio_end_ms,
                    )
                ]
            case DeleteItem(item_id):
                return [_frame("conversation.item.delete", f"delete_{item_id}", item_id=item_id)]
            case CreateItem():
                return [self._create_item(command)]
            case UpdateSession(settings):
                return self._update(settings)
            case _:
                assert_never(command)

    def decode(self, frame: str | bytes) -> list[WireEvent]:
        """What a frame means, in order; nothing for one that says nothing new.

        Never raises: a frame that cannot be read becomes a `ModelError` with the code `MALFORMED`, an event of an
        unknown type an `UnknownEvent`.
        """
        event = read(frame)
        match event:
            case None:
                return []
            case FunctionCallReady(call_id=call_id) if call_id in self._calls:
                return []
            case FunctionCallReady(call_id=call_id):
                self._remember(call_id)
                return [event]
            case OutputAudio():
                pcm = self._whole_samples(event)
                return [replace(event, pcm=pcm)] if pcm else []
            case _:
                return [event]

    def _remember(self, call_id: str) -> None:
        self._calls[call_id] = None
        if len(self._calls) > _REMEMBERED_CALLS:
            del self._calls[next(iter(self._calls))]

    def _whole_samples(self, event: OutputAudio) -> bytes:
        """A delta may end inside a sample; its first byte waits for the next delta of the same part."""
        part = (event.item_id, event.content_index)
        waiting_part, waiting = self._half_sample
        pcm = waiting + event.pcm if waiting_part == part else event.pcm
        whole = len(pcm) & ~1
        self._half_sample = (part, pcm[whole:])
        return pcm[:whole]

    def _create_item(self, command: CreateItem) -> str:
        body: dict[str, Any] = {"item": _item(command.item, self._call_id)}
        if command.previous_item_id is not None:
            body["previous_item_id"] = command.previous_item_id
        return _frame("conversation.item.create", f"create_{command.item.id}", **body)

    def _call_id(self, call_id: str) -> str:
        """The id as the server takes it: its own as it gave them, a longer one of another provider shortened."""
        if call_id in self._calls or len(call_id) <= _MAX_CALL_ID:
            return call_id
        return hashlib.sha256(call_id.encode("utf-8", "backslashreplace")).hexdigest()[:_MAX_CALL_ID]

    def _update(self, settings: SessionSettings) -> list[str]:
        frames = [_frame("session.update", "session", session=_session(settings, voice=None))]
        if settings.voice is not None and settings.voice != self._voice:
            # Apart: once there was audio a voice is refused (cannot_update_voice), and with it all of its frame.
            self._voice = settings.voice
            voice = {"type": "realtime", "audio": {"output": {"voice": settings.voice}}}
            frames.append(_frame("session.update", "voice", session=voice))
        return frames
