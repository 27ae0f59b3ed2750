"""OpenAI's Realtime protocol, as a pure codec: our commands to its frames, its frames to our events.

One `Codec` belongs to one connection. What the protocol calls things is known here and in the other openai_* modules
and nowhere else; a server may say what it likes, `decode` never raises.
"""

import binascii
import hashlib
import json
from dataclasses import replace
from typing import Any, Final, assert_never

from agent_worker.history.items import Item
from agent_worker.realtime import base as rt
from agent_worker.realtime.bounded import Remembered
from agent_worker.realtime.dialects import GA, Dialect
from agent_worker.realtime.openai_errors import event_id_of
from agent_worker.realtime.openai_events import SessionCreated, WireEvent, read
from agent_worker.realtime.openai_items import item_object
from agent_worker.realtime.openai_replies import REQUEST_ID, TranscriptDone
from agent_worker.realtime.openai_settings import (
    function_tools,
    modalities,
    session_object,
    tool_choice,
    voice_object,
)

_MAX_CALL_ID: Final = 32
_MAX_APPEND: Final = 4 * 2**20
"""Bytes of audio in one append: a frame's text must stay below 15 MiB."""

CodecEvent = rt.RealtimeEvent | SessionCreated
"""What a codec makes of frames: the session's events, and the one that opens a connection."""


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

    It remembers what the wire leaves to the client: the voice in use, the calls that were handed on, half a sample,
    which requests are unanswered.
    """

    def __init__(self, dialect: Dialect = GA) -> None:
        self._dialect = dialect
        self._voice: str | None = None
        self._voice_is_fixed = False
        self._calls = Remembered()
        self._items = Remembered()
        self._worded = Remembered()
        self._requests = Remembered()
        self._beside = Remembered()
        self._responses = Remembered()
        self._half_sample = (("", 0), b"")

    # Commands to frames. ---------------------------------------------------------------------------------------

    def configure(self, settings: rt.SessionSettings) -> str:
        """The frame that configures a new session: everything in one session.update."""
        self._voice = settings.voice
        return self._session_update(rt.Refused.SETTINGS, self._session(settings, settings.voice))

    def retell(self, item: Item) -> list[str]:
        """The frames that put an item of the history so far into a new session; its acknowledgement is no news."""
        self._items.add(item.id)
        return self.encode(rt.CreateItem(item=item))

    def encode(self, command: rt.RealtimeCommand) -> list[str]:
        """The frames that say `command`, in sending order; none for audio of no length."""
        match command:
            case rt.AppendAudio(pcm):
                return _append_frames(pcm)
            case rt.UpdateSession(settings):
                return self._update(settings)
            case rt.CommitAudio():
                return [_frame("input_audio_buffer.commit", event_id_of(rt.Refused.COMMIT))]
            case rt.ClearAudio():
                return [_frame("input_audio_buffer.clear", event_id_of(rt.Refused.CLEAR))]
            case rt.CreateResponse():
                return [self._create_response(command)]
            case rt.CancelResponse(response_id):
                event_id = event_id_of(rt.Refused.CANCEL, response_id)
                return [_frame("response.cancel", event_id, response_id=response_id)]
            case rt.ClearPlayback():
                return [_frame("output_audio_buffer.clear", event_id_of(rt.Refused.CLEAR_PLAYBACK))]
            case _:
                return [self._about_an_item(command)]

    def _about_an_item(
        self,
        command: rt.CreateItem | rt.TruncateItem | rt.DeleteItem | rt.RetrieveItem | rt.ApproveHostedTool,
    ) -> str:
        match command:
            case rt.CreateItem(item=item, previous_item_id=previous_item_id):
                body: dict[str, Any] = {"item": self._item(item)}
                if previous_item_id is not None:
                    body["previous_item_id"] = previous_item_id
                return _frame("conversation.item.create", event_id_of(rt.Refused.CREATE, item.id), **body)
            case rt.TruncateItem(item_id=item_id):
                return _frame(
                    "conversation.item.truncate",
                    event_id_of(rt.Refused.TRUNCATE, item_id),
                    item_id=item_id,
                    content_index=command.content_index,
                    audio_end_ms=command.audio_end_ms,
                )
            case rt.DeleteItem(item_id):
                return _frame("conversation.item.delete", event_id_of(rt.Refused.DELETE, item_id), item_id=item_id)
            case rt.RetrieveItem(item_id):
                event_id = event_id_of(rt.Refused.RETRIEVE, item_id)
                return _frame("conversation.item.retrieve", event_id, item_id=item_id)
            case rt.ApproveHostedTool(approval_id=approval_id):
                answer: dict[str, Any] = {
                    "type": "mcp_approval_response",
                    "id": f"answer_{approval_id}",
                    "approval_request_id": approval_id,
                    "approve": command.approve,
                }
                if command.reason is not None:
                    answer["reason"] = command.reason
                event_id = event_id_of(rt.Refused.APPROVE, approval_id)
                return _frame("conversation.item.create", event_id, item=answer)
            case _:
                assert_never(command)

    def _create_response(self, command: rt.CreateResponse) -> str:
        self._requests.add(command.request_id)
        response: dict[str, Any] = {"metadata": {**command.metadata, REQUEST_ID: command.request_id}}
        if command.instructions is not None:
            response["instructions"] = command.instructions
        if command.tools is not None:
            response["tools"] = function_tools(command.tools)
        if command.tool_choice is not None:
            response["tool_choice"] = tool_choice(command.tool_choice)
        if command.modality is not None:
            response |= modalities(command.modality, dialect=self._dialect)
        if command.max_output_tokens is not None:
            response["max_output_tokens"] = command.max_output_tokens
        if command.voice is not None and not self._voice_is_fixed:
            response |= voice_object(command.voice, dialect=self._dialect)
            response.pop("type", None)
        if not command.in_conversation:
            self._beside.add(command.request_id)
            response["conversation"] = "none"
        if command.input is not None:
            response["input"] = [
                {"type": "item_reference", "id": item.item_id}
                if isinstance(item, rt.ItemReference)
                else self._item(item)
                for item in command.input
            ]
        return _frame("response.create", event_id_of(rt.Refused.RESPONSE, command.request_id), response=response)

    def _session(self, settings: rt.SessionSettings, voice: str | None) -> dict[str, Any]:
        return session_object(settings, dialect=self._dialect, voice=voice)

    @staticmethod
    def _session_update(refused: rt.Refused, session: dict[str, Any]) -> str:
        return _frame("session.update", event_id_of(refused), session=session)

    def _update(self, settings: rt.SessionSettings) -> list[str]:
        frames = [self._session_update(rt.Refused.SETTINGS, self._session(settings, None))]
        if settings.voice is not None and settings.voice != self._voice:
            # Apart: once there was audio a voice is refused (cannot_update_voice), and with it all of its frame.
            self._voice = settings.voice
            voice = voice_object(settings.voice, dialect=self._dialect)
            frames.append(self._session_update(rt.Refused.VOICE, voice))
        return frames

    def _item(self, item: Item) -> dict[str, Any]:
        return item_object(item, call_id=self._call_id, agent_text_part=self._dialect.agent_text_part)

    def _call_id(self, call_id: str) -> str:
        """The id as the server takes it: its own as it gave them, a longer one of another provider shortened."""
        if call_id in self._calls or len(call_id) <= _MAX_CALL_ID:
            return call_id
        return hashlib.sha256(call_id.encode("utf-8", "backslashreplace")).hexdigest()[:_MAX_CALL_ID]

    # Frames to events. -----------------------------------------------------------------------------------------

    def decode(self, frame: str | bytes) -> list[CodecEvent]:
        """What a frame means, in order; nothing for one that says nothing new.

        Never raises: a frame that cannot be read becomes a `ModelError` with the code `MALFORMED`, an event of an
        unknown type an `UnknownEvent`.
        """
        event = read(frame)
        match event:
            case None:
                return []
            case rt.OutputAudio():
                event = self._whole_samples(event)
                return [event] if event.pcm else []
            case TranscriptDone() | rt.OutputTranscript() | rt.OutputText() | rt.OutputTextDone():
                return self._words(event)
            case rt.ResponseStarted() | rt.ResponseEnded() | rt.ModelError():
                return [self._answer(event)]
            case _:
                return [event] if self._is_news(event) else []

    def _is_news(self, event: WireEvent) -> bool:
        """False: the server has said so before, once under each of its names or twice for safety."""
        match event:
            case rt.FunctionCallReady(call_id=call_id):
                return self._calls.add(call_id)
            case rt.ItemAdded(item_id=item_id):
                return self._items.add(item_id)
            case rt.ItemDeleted(item_id):
                self._items.discard(item_id)
                return True
            case _:
                return True

    def _words(
        self, event: TranscriptDone | rt.OutputTranscript | rt.OutputText | rt.OutputTextDone
    ) -> list[CodecEvent]:
        """Words come in pieces; from a server that sends none, as one at the end."""
        response_id, item_id, content_index = event.response_id, event.item_id, event.content_index
        first = self._worded.add(f"{content_index} {item_id}")
        match event:
            case TranscriptDone(text=text) if first and text:
                return [
                    rt.OutputTranscript(
                        response_id=response_id, item_id=item_id, content_index=content_index, delta=text
                    )
                ]
            case TranscriptDone():
                return []
            case rt.OutputTextDone(text=text) if first and text:
                delta = rt.OutputText(
                    response_id=response_id, item_id=item_id, content_index=content_index, delta=text
                )
                return [delta, event]
            case _:
                return [event]

    def _answer(self, event: rt.ResponseStarted | rt.ResponseEnded | rt.ModelError) -> CodecEvent:
        """With its request, where the server leaves it to us to know."""
        match event:
            case rt.ModelError():
                return self._refusal(event)
            case rt.ResponseStarted(response_id=response_id, request_id=request_id):
                if request_id is None and not self._dialect.metadata:
                    # One reply is made at a time, and in the order of the requests.
                    request_id = self._requests.oldest()
                    if request_id is not None:
                        self._responses.add(response_id, request_id)
                if request_id is not None:
                    self._requests.discard(request_id)
                beside = request_id is not None and request_id in self._beside
                return replace(event, request_id=request_id, in_conversation=not beside)
            case rt.ResponseEnded(response_id=response_id, request_id=request_id):
                if request_id is None:
                    request_id = self._responses.get(response_id)
                if request_id is not None:
                    # A reply that failed at once may have had no beginning.
                    self._requests.discard(request_id)
                    self._beside.discard(request_id)
                return replace(event, request_id=request_id)
            case _:
                assert_never(event)

    def _refusal(self, error: rt.ModelError) -> rt.ModelError:
        if error.code == "cannot_update_voice":
            self._voice_is_fixed = True
            message = (
                "The voice stays as it is: this model can change it only before its first audio of a session. "
                "A new session takes the new voice."
            )
            error = replace(error, message=message)
        if error.refused is rt.Refused.RESPONSE:
            if error.request_id is None and len(self._requests) == 1:
                # From a server that names no event there is only one that it can mean.
                error = replace(error, request_id=self._requests.oldest())
            if error.request_id is not None:
                self._requests.discard(error.request_id)
                self._beside.discard(error.request_id)
        return error

    def _whole_samples(self, event: rt.OutputAudio) -> rt.OutputAudio:
        """A delta may end inside a sample; its first byte waits for the next delta of the same part."""
        waiting_part, waiting = self._half_sample
        if not waiting and not len(event.pcm) & 1:
            return event
        part = (event.item_id, event.content_index)
        pcm = waiting + event.pcm if waiting_part == part else event.pcm
        whole = len(pcm) & ~1
        self._half_sample = (part, pcm[whole:])
        return replace(event, pcm=pcm[:whole])
