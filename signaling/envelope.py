"""What the messages of both wires are made of: names and their limits, values that several carry, the envelope.

Pure. `parse` turns a stranger's text into a frozen model or a `MessageError`; `encode` is the way back. An envelope
is `{"t": type, "id": n?, ...}`; unknown fields are ignored, so that either side may be newer.
"""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Final, Literal, TypeVar, cast

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    StringConstraints,
    TypeAdapter,
    ValidationError,
)
from pydantic_core import PydanticCustomError, from_json, to_json

from signaling.errors import ErrorCode, MessageError

MAX_FRAME_BYTES: Final = 64 * 1024
MAX_FIRST_FRAME_BYTES: Final = 8 * 1024
MAX_DATA_CHARS: Final = 15_000
MAX_ATTRIBUTES: Final = 32
MAX_ATTRIBUTES_BYTES: Final = 8 * 1024

_M = TypeVar("_M")
_A = TypeVar("_A", bound=Mapping[str, str | None])


def _check_attributes(attributes: _A) -> _A:
    if len(attributes) > MAX_ATTRIBUTES:
        raise PydanticCustomError("too_large", "more than {limit} keys", {"limit": MAX_ATTRIBUTES})
    if len(to_json(attributes)) > MAX_ATTRIBUTES_BYTES:
        raise PydanticCustomError("too_large", "larger than {limit} bytes", {"limit": MAX_ATTRIBUTES_BYTES})
    return attributes


def attributes_fit(attributes: Mapping[str, str]) -> bool:
    """Whether so many attributes of such a size may be set."""
    return len(attributes) <= MAX_ATTRIBUTES and len(to_json(attributes)) <= MAX_ATTRIBUTES_BYTES


def _check_payload(payload: JsonValue) -> JsonValue:
    size = len(payload) if isinstance(payload, str) else len(to_json(payload).decode())
    if size > MAX_DATA_CHARS:
        raise PydanticCustomError("too_large", "larger than {limit} characters", {"limit": MAX_DATA_CHARS})
    return payload


def _one_or_many(to: object) -> object:
    return [to] if isinstance(to, str) else to


Identity = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._:@-]{1,128}$")]
"""Names a participant, a room, a job, a worker or a peer connection."""
Word = Annotated[str, StringConstraints(max_length=128)]
Name = Annotated[str, StringConstraints(max_length=256)]
Reason = Annotated[str, StringConstraints(max_length=512)]
Metadata = Annotated[str, StringConstraints(max_length=16 * 1024)]
Text = Annotated[str, StringConstraints(max_length=MAX_DATA_CHARS)]
Payload = Annotated[JsonValue, AfterValidator(_check_payload)]
Attributes = Annotated[dict[str, str], AfterValidator(_check_attributes)]
AttributeChanges = Annotated[dict[str, str | None], AfterValidator(_check_attributes)]
"""None takes an attribute back."""
Recipients = Annotated[tuple[Identity, ...], BeforeValidator(_one_or_many), Field(max_length=64)]
RequestId = Annotated[int, Field(strict=True, ge=0, lt=2**53)] | Word
Generation = Annotated[int, Field(ge=0, lt=2**31)]
Kind = Literal["human", "agent", "whip", "whep"]
"""Who came by WHIP speaks and does not hear; who came by WHEP hears one agent and does not speak."""


class Model(BaseModel):
    """A value of the wire: frozen, and tolerant of fields that it does not know."""

    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True, hide_input_in_errors=True)


class Message(Model):
    """An envelope. A request with an `id` gets exactly one `ok` or `error` whose `re` is that id."""

    nullable: ClassVar[frozenset[str]] = frozenset()
    """Fields whose None is said on the wire; others are left out."""

    id: RequestId | None = None


class Event(Message):
    """What the server tells a participant of its own accord."""

    seq: int | None = None
    """+1 with each event of one session, so that a gap is seen."""


class Track(Model):
    """A track that a participant publishes."""

    id: Word
    kind: Literal["audio"] = "audio"
    source: Word = "mic"
    muted: bool = False


class Participant(Model):
    """Somebody in a room, as the others see them."""

    identity: Identity
    sid: str
    name: str = ""
    kind: Kind = "human"
    metadata: str = ""
    attributes: dict[str, str] = Field(default_factory=dict)
    tracks: tuple[Track, ...] = ()
    state: Literal["active", "reconnecting"] = "active"
    """Who is reconnecting has lost the way to the server, and has 20 s to find it again."""


class RoomInfo(Model):
    """A room, as its members see it."""

    name: Identity
    sid: str
    metadata: str = ""
    attributes: dict[str, str] = Field(default_factory=dict)
    config: dict[str, JsonValue] = Field(default_factory=dict)


class IceServer(Model):
    """One STUN or TURN server, as RTCPeerConnection takes it."""

    urls: tuple[str, ...]
    username: str | None = None
    credential: str | None = Field(default=None, repr=False)


class Ice(Model):
    """The servers through which peers may find each other; `ttl_s` is the life of their credentials in seconds.

    With the policy "relay" peers use no way but through the TURN server (RTCIceTransportPolicy).
    """

    servers: tuple[IceServer, ...] = ()
    ttl_s: int = 3600
    policy: Literal["all", "relay"] = "all"


class AgentWish(Model):
    """An agent that somebody wants in a room, and what it shall know."""

    name: Word = ""
    """Which one; "" for any."""
    metadata: Metadata = ""
    attributes: Attributes = Field(default_factory=dict)


class Error(Message):
    """The request whose id is `re`, or the last message, was refused."""

    t: Literal["error"] = "error"
    re: RequestId | None = None
    code: str
    message: str = ""
    retry_after_ms: int | None = None


class Ok(Message):
    """The request whose id is `re` was carried out."""

    t: Literal["ok"] = "ok"
    re: RequestId


class Ping(Message):
    """Is anybody there? `ts` comes back."""

    t: Literal["ping"] = "ping"
    ts: float | None = None


class Pong(Message):
    """The answer to a ping."""

    t: Literal["pong"] = "pong"
    ts: float | None = None
    server_time: float | None = None


def error_of(refused: MessageError) -> Error:
    """The message that says why something was refused."""
    wait = refused.retry_after
    retry_after_ms = None if wait is None else round(wait * 1000)
    return Error(re=refused.re, code=refused.code, message=refused.text, retry_after_ms=retry_after_ms)


def encode(message: Message) -> str:
    """A message as JSON text; what is None is left out, except where None says something."""
    fields = message.model_dump(by_alias=True)
    kept = {"t": fields["t"]}
    kept |= {name: value for name, value in fields.items() if value is not None or name in message.nullable}
    return to_json(kept).decode()


def read_request_id(fields: Mapping[str, Any]) -> int | str | None:
    """The `id` of an envelope that may be otherwise broken, so that even its error names it."""
    request = fields.get("id")
    fits = (isinstance(request, str) and len(request) <= 128) or (
        isinstance(request, int) and not isinstance(request, bool) and 0 <= request < 2**53
    )
    return request if fits else None


def peek_request_id(text: str | bytes) -> int | str | None:
    """The `id` of a message that is not read any further."""
    try:
        fields: object = from_json(text)
    except ValueError:
        return None
    return read_request_id(cast("dict[str, Any]", fields)) if isinstance(fields, dict) else None


def parse(adapter: TypeAdapter[_M], text: str | bytes) -> _M:
    """One message of the adapter's union.

    Raises:
        MessageError: `too_large` or `bad_request`. Its text names the field, and never quotes what was sent.
    """
    try:
        fields: object = from_json(text, allow_inf_nan=False)
    except ValueError as exc:
        raise MessageError(ErrorCode.BAD_REQUEST, "the message is not valid JSON") from exc
    if not isinstance(fields, dict):
        raise MessageError(ErrorCode.BAD_REQUEST, "a message must be a JSON object")
    try:
        return adapter.validate_python(fields)
    except ValidationError as exc:
        raise _explain(exc, read_request_id(cast("dict[str, Any]", fields))) from exc


def parse_value(adapter: TypeAdapter[_M], value: str, what: str) -> _M:
    """One value that did not come as JSON, such as a name in a URL.

    Raises:
        MessageError: `too_large` or `bad_request`.
    """
    try:
        return adapter.validate_python(value)
    except ValidationError as exc:
        refused = _explain(exc, None)
        raise MessageError(refused.code, f"{what}{refused.text}") from exc


def _explain(exc: ValidationError, request: int | str | None) -> MessageError:
    first = exc.errors(include_input=False, include_url=False, include_context=False)[0]
    kind = first["type"]
    if kind in {"union_tag_invalid", "union_tag_not_found"}:
        return MessageError(ErrorCode.BAD_REQUEST, "the message's type (t) is unknown or missing", re=request)
    # Keys are the sender's own words, and this text is logged.
    parts = [str(part)[:64] for part in first["loc"]]
    where = ".".join(part if part.isprintable() else "?" for part in parts)
    too_large = kind in {"string_too_long", "too_long", "too_large"}
    code = ErrorCode.TOO_LARGE if too_large else ErrorCode.BAD_REQUEST
    return MessageError(code, f"{where}: {first['msg']}", re=request)
