"""What of a model's settings an application may change while a session runs (M-5)."""

from collections.abc import Mapping
from typing import Any, Literal, TypedDict

from agent_worker.realtime.base import (
    LoudnessDetector,
    Modality,
    NoiseReduction,
    SemanticDetector,
    StoredPrompt,
    Tracing,
)


class ModelChanges(TypedDict, total=False):
    """Some of `realtime.settings.SessionSettings`; what is not given is not changed."""

    tool_choice: str
    parallel_tools: bool | None
    modality: Modality
    voice: str | None
    """For agents that name none. Most models refuse it once they have spoken."""
    speed: float | None
    max_output_tokens: int | None
    reasoning_effort: Literal["minimal", "low", "medium", "high", "xhigh"] | None
    noise_reduction: NoiseReduction | None
    detector: LoudnessDetector | SemanticDetector
    """How the model finds turns, in mode "server"."""
    transcription_model: str | None
    language: str | None
    transcription_prompt: str | None
    transcription_confidence: bool
    truncation: Literal["auto", "disabled"] | float | None
    tracing: Literal["auto"] | Tracing | None
    prompt: StoredPrompt | None
    hosted_tools: tuple[Mapping[str, Any], ...]
