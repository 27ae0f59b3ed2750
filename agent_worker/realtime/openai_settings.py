"""What a session's settings, and a request's, are called in OpenAI's Realtime protocol. Pure.

Null clears a setting, a key left out leaves it as it is. So what we can clear is always said, as null if need be;
what only some models know (reasoning, tracing, a stored prompt) is said when it is asked for.
"""

from typing import Any, Final, assert_never

from agent_worker.realtime.dialects import Dialect, SessionShape
from agent_worker.realtime.settings import (
    LoudnessDetector,
    Modality,
    SemanticDetector,
    SessionSettings,
    Tracing,
    TurnDetection,
)
from agent_worker.tools.spec import ToolSpec

LOGPROBS: Final = "item.input_audio_transcription.logprobs"
"""What `include` calls the log probabilities of a transcript's tokens."""

Wire = dict[str, Any]
"""A JSON object of the protocol."""


def session_object(settings: SessionSettings, *, dialect: Dialect, voice: str | None) -> Wire:
    """The session of a session.update. `voice` None: not a word about it."""
    match dialect.session_shape:
        case SessionShape.NESTED:
            return _nested(settings, dialect=dialect, voice=voice)
        case SessionShape.FLAT:
            return _flat(settings, voice=voice)
        case _:
            assert_never(dialect.session_shape)


def voice_object(voice: str, *, dialect: Dialect) -> Wire:
    """The session of a session.update that changes the voice alone."""
    if dialect.session_shape is SessionShape.FLAT:
        return {"voice": voice}
    return {"type": "realtime", "audio": {"output": {"voice": voice}}}


def modalities(modality: Modality, *, dialect: Dialect) -> Wire:
    """The key of the modalities, and its value."""
    if dialect.session_shape is SessionShape.NESTED:
        return {"output_modalities": [modality.value]}
    # The beta protocol has sound only together with text.
    return {"modalities": ["audio", "text"] if modality is Modality.AUDIO else ["text"]}


def function_tools(tools: tuple[ToolSpec, ...]) -> list[Wire]:
    """Our tools, for a session or for one request."""
    return [
        {
            "type": "function",
            "name": tool.name,
            "description": tool.description,
            "parameters": dict(tool.parameters),
        }
        for tool in tools
    ]


def tool_choice(choice: str) -> str | Wire:
    """One of the three words, or a tool by its name."""
    return choice if choice in ("auto", "none", "required") else {"type": "function", "name": choice}


def _nested(settings: SessionSettings, *, dialect: Dialect, voice: str | None) -> Wire:
    output: Wire = {"format": _pcm(dialect.capabilities.output_rate)}
    if voice is not None:
        output["voice"] = voice
    if settings.speed is not None:
        output["speed"] = settings.speed
    session: Wire = {
        "type": "realtime",
        **modalities(settings.modality, dialect=dialect),
        **_common(settings),
        "max_output_tokens": settings.max_output_tokens or "inf",
        "audio": {
            "input": {
                "format": _pcm(dialect.capabilities.input_rate),
                "transcription": _transcription(settings),
                "noise_reduction": _noise_reduction(settings),
                "turn_detection": _turn_detection(settings),
            },
            "output": output,
        },
    }
    if settings.transcription_confidence:
        session["include"] = [LOGPROBS]
    if settings.parallel_tools is not None:
        session["parallel_tool_calls"] = settings.parallel_tools
    if settings.reasoning_effort is not None:
        session["reasoning"] = {"effort": settings.reasoning_effort}
    if settings.truncation is not None:
        session["truncation"] = _truncation(settings.truncation)
    if settings.tracing is not None:
        session["tracing"] = _tracing(settings.tracing)
    if settings.prompt is not None:
        prompt: Wire = {"id": settings.prompt.id}
        if settings.prompt.version is not None:
            prompt["version"] = settings.prompt.version
        if settings.prompt.variables:
            prompt["variables"] = dict(settings.prompt.variables)
        session["prompt"] = prompt
    return session


def _flat(settings: SessionSettings, *, voice: str | None) -> Wire:
    session: Wire = {
        **modalities(settings.modality, dialect=_FLAT),
        **_common(settings),
        "input_audio_format": "pcm16",
        "output_audio_format": "pcm16",
        "input_audio_transcription": _transcription(settings),
        "turn_detection": _turn_detection(settings),
        "max_response_output_tokens": settings.max_output_tokens or "inf",
    }
    if settings.noise_reduction is not None:
        session["input_audio_noise_reduction"] = _noise_reduction(settings)
    if voice is not None:
        session["voice"] = voice
    if settings.speed is not None:
        session["speed"] = settings.speed
    if settings.tracing is not None:
        session["tracing"] = _tracing(settings.tracing)
    return session


_FLAT = Dialect(name="flat", session_shape=SessionShape.FLAT)


def _common(settings: SessionSettings) -> Wire:
    return {
        "instructions": settings.instructions,
        "tools": [*function_tools(settings.tools), *map(dict, settings.hosted_tools)],
        "tool_choice": tool_choice(settings.tool_choice),
    }


def _pcm(rate: int) -> Wire:
    return {"type": "audio/pcm", "rate": rate}


def _transcription(settings: SessionSettings) -> Wire | None:
    if settings.transcription_model is None:
        return None
    transcription: Wire = {"model": settings.transcription_model}
    if settings.language is not None:
        transcription["language"] = settings.language
    if settings.transcription_prompt is not None:
        transcription["prompt"] = settings.transcription_prompt
    return transcription


def _noise_reduction(settings: SessionSettings) -> Wire | None:
    return {"type": settings.noise_reduction.value} if settings.noise_reduction is not None else None


def _turn_detection(settings: SessionSettings) -> Wire | None:
    if settings.turn_detection is TurnDetection.NONE:
        return None
    answers = settings.turn_detection is TurnDetection.SERVER
    owner = {"create_response": answers, "interrupt_response": answers}
    match settings.detector:
        case SemanticDetector(eagerness=eagerness):
            return {"type": "semantic_vad", "eagerness": eagerness, **owner}
        case LoudnessDetector() as detector:
            values = {
                "threshold": detector.threshold,
                "prefix_padding_ms": detector.prefix_padding_ms,
                "silence_duration_ms": detector.silence_duration_ms,
                "idle_timeout_ms": detector.idle_timeout_ms,
            }
            chosen = {key: value for key, value in values.items() if value is not None}
            return {"type": "server_vad", **chosen, **owner}
        case _:
            assert_never(settings.detector)


def _truncation(truncation: str | float) -> str | Wire:
    return truncation if isinstance(truncation, str) else {"type": "retention_ratio", "retention_ratio": truncation}


def _tracing(tracing: str | Tracing) -> str | Wire:
    if isinstance(tracing, str):
        return tracing
    names: Wire = {}
    if tracing.workflow_name is not None:
        names["workflow_name"] = tracing.workflow_name
    if tracing.group_id is not None:
        names["group_id"] = tracing.group_id
    if tracing.metadata:
        names["metadata"] = dict(tracing.metadata)
    return names
