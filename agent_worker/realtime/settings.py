"""What a model session is configured with: by whom a turn ends, how the model sounds, what it may call."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal

from agent_worker.tools.spec import ToolSpec


class Modality(StrEnum):
    """In what a reply is made."""

    AUDIO = "audio"
    """Sound, and its words beside it."""
    TEXT = "text"


class TurnDetection(StrEnum):
    """Who decides that a user's turn is over, from the model's point of view."""

    NONE = "none"
    """We do: the model waits for commits and requests."""
    SERVER = "server"
    """The model does, and answers by itself."""
    SERVER_HEARS = "server_hears"
    """The model does, but it neither answers nor stops what it says: that is asked for by us."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoudnessDetector:
    """The model's turn detection goes by voice and silence (server_vad). None: the provider's own value."""

    threshold: float | None = None
    """0 to 1; a higher one asks for a louder voice."""
    prefix_padding_ms: int | None = None
    """How much before the voice belongs to the turn."""
    silence_duration_ms: int | None = None
    """How much silence ends a turn."""
    idle_timeout_ms: int | None = None
    """After so long a silence behind a reply the model speaks up by itself (`InputTimedOut`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SemanticDetector:
    """The model's turn detection goes by what is said (semantic_vad)."""

    eagerness: Literal["low", "medium", "high", "auto"] = "auto"
    """How soon it answers: it waits for 8, 4 or 2 s at most; auto is medium."""


class NoiseReduction(StrEnum):
    """What the provider does with the user's audio first, by where the microphone is."""

    NEAR_FIELD = "near_field"
    FAR_FIELD = "far_field"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tracing:
    """The provider keeps a trace of the session under these names. Once on it stays as it is."""

    workflow_name: str | None = None
    group_id: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredPrompt:
    """Instructions that lie with the provider."""

    id: str
    version: str | None = None
    variables: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionSettings:
    """What a model session is configured with, at its start and again at each change.

    None leaves the choice to the provider, unless it is said otherwise.
    """

    instructions: str = ""
    tools: tuple[ToolSpec, ...] = ()
    hosted_tools: tuple[Mapping[str, Any], ...] = ()
    """Tools that the provider runs by itself, in its own words (MCP servers: {"type": "mcp", ...})."""
    tool_choice: str = "auto"
    """"auto", "none", "required" or a tool's name."""
    parallel_tools: bool | None = None
    modality: Modality = Modality.AUDIO
    voice: str | None = None
    speed: float | None = None
    """0.25 to 1.5."""
    max_output_tokens: int | None = None
    """1 to 4096 for each reply. None: no limit."""
    reasoning_effort: Literal["minimal", "low", "medium", "high", "xhigh"] | None = None
    """For models that reason; others refuse it."""
    turn_detection: TurnDetection = TurnDetection.NONE
    detector: LoudnessDetector | SemanticDetector = LoudnessDetector()
    """How the model finds turns, if it is to find them."""
    noise_reduction: NoiseReduction | None = None
    """None: the audio is taken as it is."""
    transcription_model: str | None = "gpt-live-transcribe"
    """None: the user's audio is not transcribed."""
    language: str | None = None
    """ISO 639-1 hint for the transcription."""
    transcription_prompt: str | None = None
    """Words and names that the transcription may meet."""
    transcription_confidence: bool = False
    """Whether to be told how sure each transcript is (`InputTranscribed.confidence`), by models that can tell. Once
    on it stays on."""
    truncation: Literal["auto", "disabled"] | float | None = None
    """What happens when the conversation outgrows the model: old items are dropped, the session fails, or, for a
    number from 0 to 1, so much of the history is kept."""
    tracing: Literal["auto"] | Tracing | None = None
    prompt: StoredPrompt | None = None
