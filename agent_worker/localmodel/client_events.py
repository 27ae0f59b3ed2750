"""What a client can send: a JSON text frame becomes one typed event, or is refused in the protocol's words. Pure."""

import json
from base64 import b64decode
from binascii import Error as Base64Error
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from agent_worker.localmodel.refusals import EventRefusedError
from agent_worker.localmodel.settings import AudioFormat, FunctionTool, ToolChoice, refusal_of

APPEND_LIMIT: Final = 15 * 1024 * 1024
"""Bytes of audio in one `input_audio_buffer.append`."""


def audio_bytes(text: str, path: str) -> bytes:
    """The bytes of audio in base64.

    Args:
        text: The base64.
        path: Where it stood in its event.

    Raises:
        EventRefusedError: It is not base64, or too long.

    """
    try:
        data = b64decode(text, validate=True)
    except (Base64Error, ValueError):
        raise EventRefusedError(
            f"Invalid value for '{path}': expected base64-encoded bytes.", code="invalid_value", param=path
        ) from None
    if len(data) > APPEND_LIMIT:
        raise EventRefusedError(
            f"Invalid value for '{path}': {len(data)} bytes are more than the {APPEND_LIMIT} of one event.",
            code="invalid_value",
            param=path,
        )
    return data


class _Event(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)

    event_id: str | None = None


class _Part(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class TextPart(_Part):
    """Text in a message. Assistants' text is "output_text", everybody else's "input_text"."""

    type: Literal["input_text", "output_text"]
    text: str


class ImagePart(_Part):
    """An image. Nothing here can see; it stays in the history as it came."""

    type: Literal["input_image"]
    image_url: str
    detail: Literal["auto", "low", "high"] | None = None


class AudioPart(_Part):
    """Audio that the user said earlier, in the format of the session's input."""

    type: Literal["input_audio"]
    audio: str | None = Field(default=None, repr=False)
    transcript: str | None = None


ContentPart = Annotated[TextPart | ImagePart | AudioPart, Field(discriminator="type")]


class MessageItem(_Part):
    """A message as a client puts it into the history."""

    type: Literal["message"]
    id: str | None = None
    role: Literal["system", "user", "assistant"]
    content: list[ContentPart]


class FunctionCallItem(_Part):
    """A function call of an earlier session, replayed."""

    type: Literal["function_call"]
    id: str | None = None
    call_id: str | None = None
    name: str
    arguments: str


class FunctionCallOutputItem(_Part):
    """What a function answered."""

    type: Literal["function_call_output"]
    id: str | None = None
    call_id: str
    output: str


ClientItem = MessageItem | FunctionCallItem | FunctionCallOutputItem


class ItemReference(_Part):
    """An item of the conversation as the input of one response."""

    type: Literal["item_reference"]
    id: str


class UpdateSession(_Event):
    """`session.update`. The session is read by `settings.updated`, which knows what was before."""

    session: dict[str, Any]


class AppendAudio(_Event):
    """`input_audio_buffer.append`."""

    audio: str = Field(repr=False)

    def data(self) -> bytes:
        """The audio's bytes, in the format of the session's input.

        Raises:
            EventRefusedError: It is not base64, or too long.

        """
        return audio_bytes(self.audio, "audio")


class CommitAudio(_Event):
    """`input_audio_buffer.commit`."""


class ClearAudio(_Event):
    """`input_audio_buffer.clear`."""


class CreateItem(_Event):
    """`conversation.item.create`."""

    item: dict[str, Any]
    previous_item_id: str | None = None


class DeleteItem(_Event):
    """`conversation.item.delete`."""

    item_id: str


class RetrieveItem(_Event):
    """`conversation.item.retrieve`."""

    item_id: str


class TruncateItem(_Event):
    """`conversation.item.truncate`."""

    item_id: str
    content_index: int = Field(default=0, ge=0)
    audio_end_ms: int = Field(ge=0)


class ResponseAudioOutput(_Part):
    """`response.audio.output`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: AudioFormat | None = None
    voice: str | dict[str, Any] | None = None


class ResponseAudio(_Part):
    """`response.audio`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    output: ResponseAudioOutput | None = None


MetadataKey = Annotated[str, Field(max_length=64)]
MetadataValue = Annotated[str, Field(max_length=512)]


class ResponseParameters(BaseModel):
    """`response` of `response.create`: what differs from the session for this response. Null means: nothing."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    audio: ResponseAudio | None = None
    conversation: Literal["auto", "none"] | None = None
    input: list[dict[str, Any]] | None = None
    instructions: str | None = None
    max_output_tokens: Annotated[int, Field(ge=1, le=4096)] | Literal["inf"] | None = None
    metadata: dict[MetadataKey, MetadataValue] | None = Field(default=None, max_length=16)
    output_modalities: list[Literal["audio", "text"]] | None = Field(default=None, min_length=1, max_length=1)
    parallel_tool_calls: bool | None = None
    prompt: dict[str, Any] | None = None
    reasoning: dict[str, Any] | None = None
    tool_choice: ToolChoice | None = None
    tools: list[FunctionTool] | None = None


class CreateResponse(_Event):
    """`response.create`."""

    response: ResponseParameters | None = None


class CancelResponse(_Event):
    """`response.cancel`."""

    response_id: str | None = None


class ClearOutput(_Event):
    """`output_audio_buffer.clear`: for connections where the server plays the audio, so never for this one."""


ClientEvent = (
    UpdateSession
    | AppendAudio
    | CommitAudio
    | ClearAudio
    | CreateItem
    | DeleteItem
    | RetrieveItem
    | TruncateItem
    | CreateResponse
    | CancelResponse
    | ClearOutput
)

EVENTS: Final[dict[str, type[ClientEvent]]] = {
    "session.update": UpdateSession,
    "input_audio_buffer.append": AppendAudio,
    "input_audio_buffer.commit": CommitAudio,
    "input_audio_buffer.clear": ClearAudio,
    "conversation.item.create": CreateItem,
    "conversation.item.delete": DeleteItem,
    "conversation.item.retrieve": RetrieveItem,
    "conversation.item.truncate": TruncateItem,
    "response.create": CreateResponse,
    "response.cancel": CancelResponse,
    "output_audio_buffer.clear": ClearOutput,
}
"""Every type that a client can send."""

_ITEMS: Final[dict[str, type[ClientItem]]] = {
    "message": MessageItem,
    "function_call": FunctionCallItem,
    "function_call_output": FunctionCallOutputItem,
}

_OBJECT: Final = TypeAdapter(dict[str, Any])


class Frame:
    """A text frame whose JSON could be read: its event's id is known even when the rest is wrong.

    Raises:
        EventRefusedError: It is no JSON object.

    """

    def __init__(self, text: str) -> None:
        try:
            self.body = _OBJECT.validate_python(json.loads(text))
        except (ValueError, RecursionError):
            raise EventRefusedError("The frame is not a JSON object.", code="invalid_json", param=None) from None

    @property
    def event_id(self) -> str | None:
        """What the client calls this event, or None."""
        given = self.body.get("event_id")
        return given if isinstance(given, str) else None

    def event(self) -> ClientEvent:
        """The event in it.

        Raises:
            EventRefusedError: There is no such type, or a field is missing or wrong.

        """
        kind = self.body.get("type")
        if kind is None:
            raise EventRefusedError(
                "Missing required parameter: 'type'.", code="missing_required_parameter", param="type"
            )
        model = EVENTS.get(kind) if isinstance(kind, str) else None
        if model is None:
            known = ", ".join(f"'{name}'" for name in EVENTS)
            raise EventRefusedError(
                f"Invalid value: '{str(kind)[:80]}'. Supported values are: {known}.",
                code="invalid_value",
                param="type",
            )
        try:
            return model.model_validate(self.body)
        except ValidationError as invalid:
            raise refusal_of(invalid) from None


def item_of(body: dict[str, Any], path: str = "item") -> ClientItem:
    """A client's item, checked.

    Args:
        body: The item as it came.
        path: Where it stood in its event.

    Raises:
        EventRefusedError: It is of another kind than those that clients can create, or a field is wrong.

    """
    kind = body.get("type")
    model = _ITEMS.get(kind) if isinstance(kind, str) else None
    if model is None:
        known = ", ".join(f"'{name}'" for name in _ITEMS)
        raise EventRefusedError(
            f"Invalid value: '{str(kind)[:80]}'. Supported values are: {known}.",
            code="invalid_value",
            param=f"{path}.type",
        )
    try:
        item = model.model_validate(body)
    except ValidationError as invalid:
        raise refusal_of(invalid, path) from None
    if isinstance(item, MessageItem):
        _check_parts(item, path)
    return item


def _check_parts(message: MessageItem, path: str) -> None:
    """Refuse parts of the wrong side, and more audio than one item can hold.

    Raises:
        EventRefusedError: An assistant's part is an input, or another's an output; or a second part is audio.

    """
    wanted = "output_text" if message.role == "assistant" else "input_text"
    sounds = 0
    for number, part in enumerate(message.content):
        if isinstance(part, TextPart) and part.type != wanted:
            raise EventRefusedError(
                f"Invalid value: '{part.type}'. Value must be '{wanted}' in a message of {message.role}.",
                code="invalid_value",
                param=f"{path}.content[{number}].type",
            )
        if isinstance(part, AudioPart):
            sounds += 1
            if message.role != "user" or sounds > 1:
                raise EventRefusedError(
                    "Invalid value: 'input_audio'. Audio is a part of a user's message, one in each message.",
                    code="invalid_value",
                    param=f"{path}.content[{number}].type",
                )
