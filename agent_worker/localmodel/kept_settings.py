"""Settings of the cloud's models that mean nothing here: checked, kept and echoed for the client. Pure."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field


class _Kept(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Tracing(_Kept):
    """Where the provider's traces of a session are filed."""

    workflow_name: str | None = None
    group_id: str | None = None
    metadata: dict[str, Any] | None = None


class TokenLimits(_Kept):
    """How much of a conversation is kept, when some of it is to be forgotten."""

    post_instructions: Annotated[int, Field(ge=0)] | None = None


class RetentionRatio(_Kept):
    """How a conversation that has become too long is shortened. Here it has 60 minutes at most, and is kept whole."""

    type: Literal["retention_ratio"]
    retention_ratio: float = Field(ge=0, le=1)
    token_limits: TokenLimits | None = None


class Prompt(_Kept):
    """Instructions that are stored at the provider."""

    id: str
    variables: dict[str, Any] | None = None
    version: str | None = None


Include = Literal["item.input_audio_transcription.logprobs"]
"""What else a client wants to be told. The recogniser has no log probabilities to tell."""
