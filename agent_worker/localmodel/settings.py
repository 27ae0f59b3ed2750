"""The session object: what a client can set, what it gets when it sets nothing, and how partial updates apply. Pure.

Field names and defaults are those of the protocol's session resource; every key is always present in the echo.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from agent_worker.localmodel.events import Json
from agent_worker.localmodel.kept_settings import Include, Prompt, RetentionRatio, Tracing
from agent_worker.localmodel.refusals import EventRefusedError
from agent_worker.tools.spec import ToolSpec

SESSION_SECONDS: Final = 3600.0
"""A session lasts this long at most, as the real service's do."""
DEFAULT_INSTRUCTIONS: Final = "You are a helpful voice assistant. Be brief, kind and honest."


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class PcmFormat(_Strict):
    """`audio/pcm`: 24 kHz, mono, signed 16 bit, little endian."""

    type: Literal["audio/pcm"] = "audio/pcm"
    rate: Literal[24000] = 24000


class UlawFormat(_Strict):
    """`audio/pcmu`: G.711 mu-law, 8 kHz, as on the telephone."""

    type: Literal["audio/pcmu"]


class AlawFormat(_Strict):
    """`audio/pcma`: G.711 A-law, 8 kHz, as on the telephone outside North America and Japan."""

    type: Literal["audio/pcma"]


AudioFormat = Annotated[PcmFormat | UlawFormat | AlawFormat, Field(discriminator="type")]


class Transcription(_Strict):
    """Whether the user's audio is transcribed for the client. The models named here are those of the cloud."""

    model: str | None = None
    language: str | None = None
    prompt: str | None = None
    languages: list[str] | None = Field(default=None, exclude=True)
    keywords: list[str] | None = Field(default=None, exclude=True)
    delay: str | None = Field(default=None, exclude=True)


class NoiseReduction(_Strict):
    """Accepted and without effect: the detector and the recogniser take the audio as it is."""

    type: Literal["near_field", "far_field"]
    strength: float | None = Field(default=None, exclude=True)


class ServerVad(_Strict):
    """The server finds the user's turns by voice and silence."""

    type: Literal["server_vad"] = "server_vad"
    threshold: float = Field(default=0.5, ge=0, le=1)
    prefix_padding_ms: int = Field(default=300, ge=0, le=5_000)
    silence_duration_ms: int = Field(default=200, ge=0, le=10_000)
    idle_timeout_ms: int | None = Field(default=None, ge=0)
    create_response: bool = True
    interrupt_response: bool = True


class SemanticVad(_Strict):
    """The server finds the user's turns; eagerness is how short a silence ends one."""

    type: Literal["semantic_vad"]
    eagerness: Literal["low", "medium", "high", "auto"] = "auto"
    create_response: bool = True
    interrupt_response: bool = True


TurnDetection = Annotated[ServerVad | SemanticVad, Field(discriminator="type")]


class AudioInput(_Strict):
    """`session.audio.input`."""

    format: AudioFormat = PcmFormat()
    transcription: Transcription | None = None
    noise_reduction: NoiseReduction | None = None
    turn_detection: TurnDetection | None = ServerVad()


class CustomVoice(_Strict):
    """A voice by its id."""

    id: str


class AudioOutput(_Strict):
    """`session.audio.output`. Voices that this machine does not have are spoken by one that it has."""

    format: AudioFormat = PcmFormat()
    voice: str | CustomVoice = "alloy"
    speed: float = Field(default=1.0, ge=0.25, le=1.5)


class Audio(_Strict):
    """`session.audio`."""

    input: AudioInput = AudioInput()
    output: AudioOutput = AudioOutput()


class FunctionTool(_Strict):
    """A function of the client that the model may call."""

    type: Literal["function"] = "function"
    name: str = Field(min_length=1, max_length=128)
    description: str = ""
    parameters: dict[str, Any] = Field(default_factory=dict[str, Any])

    def spec(self) -> ToolSpec:
        """The same for the brain."""
        return ToolSpec(name=self.name, description=self.description, parameters=self.parameters)


class ToolChoiceFunction(_Strict):
    """This function and no other."""

    type: Literal["function"]
    name: str


ToolChoice = Literal["auto", "none", "required"] | ToolChoiceFunction


class Session(_Strict):
    """The settings of a session, valid as a whole."""

    type: Literal["realtime"] = "realtime"
    object: Literal["realtime.session"] = "realtime.session"
    id: str
    model: str
    output_modalities: list[Literal["audio", "text"]] = Field(default=["audio"], min_length=1, max_length=1)
    instructions: str = DEFAULT_INSTRUCTIONS
    tools: list[FunctionTool] = Field(default_factory=list[FunctionTool])
    tool_choice: ToolChoice = "auto"
    max_output_tokens: Annotated[int, Field(ge=1, le=4096)] | Literal["inf"] = "inf"
    tracing: Literal["auto"] | Tracing | None = None
    truncation: Literal["auto", "disabled"] | RetentionRatio = "auto"
    prompt: Prompt | None = None
    expires_at: int
    audio: Audio = Audio()
    include: list[Include] | None = None
    parallel_tool_calls: bool | None = Field(default=None, exclude=True)
    reasoning: dict[str, Any] | None = Field(default=None, exclude=True)

    def echo(self) -> Json:
        """The session as `session.created` and `session.updated` show it."""
        return self.model_dump(mode="json")


class TranscriptionInput(AudioInput):
    """`session.audio.input` of a session that only transcribes."""

    transcription: Transcription | None = Transcription()


class TranscriptionAudio(_Strict):
    """`session.audio` of a session that only transcribes: nothing is said, so there is no output."""

    input: TranscriptionInput = TranscriptionInput()


class TranscriptionSession(_Strict):
    """A session that only transcribes (`?intent=transcription`): no model answers."""

    type: Literal["transcription"] = "transcription"
    object: Literal["realtime.transcription_session"] = "realtime.transcription_session"
    id: str
    expires_at: int
    audio: TranscriptionAudio = TranscriptionAudio()
    include: list[Include] | None = None

    def echo(self) -> Json:
        """The session as `session.created` and `session.updated` show it."""
        return self.model_dump(mode="json")


AnySession = Session | TranscriptionSession


def begun(session_id: str, *, intent: str | None, model: str, wall: float) -> AnySession:
    """The session of a new connection.

    Args:
        session_id: Its id.
        intent: The address's `intent`: "transcription" for a session that only transcribes.
        model: What the client calls the model.
        wall: Unix seconds.

    """
    expires_at = int(wall + SESSION_SECONDS)
    if intent == "transcription":
        return TranscriptionSession(id=session_id, expires_at=expires_at)
    return Session(id=session_id, model=model, expires_at=expires_at)


_NULL_MEANS_NONE: Final = frozenset(
    {
        "turn_detection",
        "transcription",
        "noise_reduction",
        "tracing",
        "prompt",
        "include",
        "parallel_tool_calls",
        "reasoning",
        "idle_timeout_ms",
    }
)
"""Where null is a value of its own. Elsewhere clients send it for "I say nothing about this"."""

_MERGED: Final = frozenset({"audio", "input", "output"})
"""Objects whose missing keys keep their value. Any other object replaces the one before."""

_LONGEST_KEY: Final = 80
_TAGS: Final = frozenset(
    {
        "[key]",
        "server_vad",
        "semantic_vad",
        "ServerVad",
        "SemanticVad",
        "audio/pcm",
        "audio/pcmu",
        "audio/pcma",
        "CustomVoice",
        "ToolChoiceFunction",
        "RetentionRatio",
        "Tracing",
        "input_text",
        "output_text",
        "input_image",
        "input_audio",
        "str",
        "int",
        "constrained-int",
    }
)
"""What pydantic writes into a path to say which member of a union it tried; the wire's paths do not have it."""


def updated(session: AnySession, patch: Mapping[str, Any], *, voice_locked: bool) -> AnySession:
    """The session after a `session.update`.

    Args:
        session: As it was.
        patch: The event's `session`: what is not in it stays.
        voice_locked: Audio has been made with the voice: it can no longer change.

    Raises:
        EventRefusedError: With the code and the path of the first wrong value.

    """
    _check_type(session, patch.get("type"))
    given = {key: value for key, value in patch.items() if key not in {"id", "object", "expires_at"}}
    merged = _merge(session.model_dump(mode="json", exclude_none=False), given)
    try:
        after = type(session).model_validate(merged)
    except ValidationError as invalid:
        raise refusal_of(invalid, "session") from None
    if isinstance(session, Session) and isinstance(after, Session):
        _check_locked(session, after, voice_locked=voice_locked)
    return after


def _check_type(session: AnySession, asked: object) -> None:
    """Refuse an update of the other kind of session.

    Raises:
        EventRefusedError: The update names no kind, or another one.

    """
    if asked is None:
        raise EventRefusedError(
            "Missing required parameter: 'session.type'.",
            code="missing_required_parameter",
            param="session.type",
        )
    if asked in ("realtime", "transcription") and asked != session.type:
        raise EventRefusedError(
            f"Passing a {asked} session update event to a {session.type} session is not allowed: "
            "the kind is chosen at the connect, by ?model= or ?intent=transcription.",
            code="invalid_value",
            param="session.type",
        )


def _check_locked(before: Session, after: Session, *, voice_locked: bool) -> None:
    """Refuse what cannot change any more.

    Raises:
        EventRefusedError: The model would change, or the voice after it was heard.

    """
    if after.model != before.model:
        raise EventRefusedError(
            "The model of a session cannot be changed: connect again with ?model=.",
            code="invalid_value",
            param="session.model",
        )
    if voice_locked and after.audio.output.voice != before.audio.output.voice:
        raise EventRefusedError(
            "Cannot update a conversation's voice if assistant audio is present.", code="cannot_update_voice"
        )


def _merge(base: Mapping[str, Any], patch: Mapping[str, Any]) -> Json:
    merged = dict(base)
    for key, value in patch.items():
        if value is None and key not in _NULL_MEANS_NONE:
            if key == "instructions":
                merged[key] = ""
        elif key in _MERGED and key in merged and isinstance(value, Mapping):
            merged[key] = _merge(merged[key], TypeAdapter(dict[str, Any]).validate_python(value))
        else:
            merged[key] = value
    return merged


def refusal_of(invalid: ValidationError, root: str = "") -> EventRefusedError:
    """The protocol's words for what pydantic found first.

    Args:
        invalid: What pydantic found.
        root: The path at which the validated value stands in its event, or "" for the event itself.

    """
    found = invalid.errors(include_url=False)
    # An object where a word could stand as well is wrong as an object.
    objects = (each for each in found if each["type"] != "literal_error" or not isinstance(each["input"], dict))
    first = next(objects, found[0])
    path = root
    for part in first["loc"]:
        if isinstance(part, int):
            path += f"[{part}]"
        elif part not in _TAGS and not part.startswith("literal["):
            # Of metadata the keys are the client's own, and may be of any length.
            path += f".{part[:_LONGEST_KEY]}" if path else part
    match first["type"]:
        case "missing" | "union_tag_not_found":
            return EventRefusedError(
                f"Missing required parameter: '{path}'.", code="missing_required_parameter", param=path
            )
        case "extra_forbidden":
            return EventRefusedError(f"Unknown parameter: '{path}'.", code="unknown_parameter", param=path)
        case "literal_error" | "union_tag_invalid":
            return _not_one_of(first, path)
        case _:
            return EventRefusedError(f"Invalid value for '{path}': {first['msg']}.", code="invalid_value", param=path)


def _not_one_of(found: ErrorDetails, path: str) -> EventRefusedError:
    context = found.get("ctx", {})
    given = str(context.get("tag", found["input"]))[:80]
    supported = str(context.get("expected") or context.get("expected_tags")).replace(" or ", ", ")
    hint = " This model cannot reach MCP servers: give their tools as functions." if given == "mcp" else ""
    # Of a union pydantic names the value, the protocol the key that tells its members apart.
    param = f"{path}.type" if found["type"] == "union_tag_invalid" else path
    return EventRefusedError(
        f"Invalid value: '{given}'. Supported values are: {supported}.{hint}", code="invalid_value", param=param
    )
