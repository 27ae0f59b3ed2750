"""What a model's replies cost: said by a model with each reply, added up by a session, exported by telemetry."""

from dataclasses import dataclass, fields


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What a reply or a transcription cost, in tokens; by the kinds of them as far as the model says so (M-9)."""

    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    """A part of the input tokens, which costs less."""
    input_audio_tokens: int = 0
    input_text_tokens: int = 0
    input_image_tokens: int = 0
    cached_audio_tokens: int = 0
    cached_text_tokens: int = 0
    cached_image_tokens: int = 0
    output_audio_tokens: int = 0
    output_text_tokens: int = 0
    input_audio_seconds: float = 0.0
    """For what is paid by the time of the audio."""

    def __add__(self, other: "Usage") -> "Usage":
        """What both cost together."""
        return Usage(**{field.name: getattr(self, field.name) + getattr(other, field.name) for field in fields(self)})
