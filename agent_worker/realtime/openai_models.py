"""The server events of OpenAI's Realtime protocol, as far as they are acted upon. Pure.

Each model names only the fields that matter: what is added to the protocol passes by, and what can be done without
and has another shape counts as not given.
"""

from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, ValidationError, ValidatorFunctionWrapHandler, WrapValidator


def _none_if_odd(value: Any, validate: ValidatorFunctionWrapHandler) -> Any:
    try:
        return validate(value)
    except ValidationError:
        return None


LENIENT: Final = WrapValidator(_none_if_odd)
"""For what can be done without: a value of another shape counts as not given, the rest of the event still counts."""

OptionalText = Annotated[str | None, LENIENT]
OptionalCount = Annotated[int | None, LENIENT]
OptionalNumber = Annotated[float | None, LENIENT]


class WireModel(BaseModel):
    """A JSON object of the protocol."""

    # Built at the first event of its kind: most conversations never see half of them.
    model_config = ConfigDict(extra="ignore", frozen=True, defer_build=True)


class WireSession(WireModel):
    """session"""

    id: OptionalText = None
    expires_at: OptionalNumber = None


class SessionEvent(WireModel):
    """session.created"""

    session: Annotated[WireSession | None, LENIENT] = None


class ItemEvent(WireModel):
    """What names an item and says nothing else."""

    item_id: str


class InputDelta(ItemEvent):
    """conversation.item.input_audio_transcription.delta"""

    delta: OptionalText = None


class TokenDetails(WireModel):
    """Tokens by kind; `cached_tokens_details` splits those that were cached."""

    audio_tokens: OptionalCount = None
    text_tokens: OptionalCount = None
    image_tokens: OptionalCount = None
    cached_tokens: OptionalCount = None
    cached_tokens_details: Annotated["TokenDetails | None", LENIENT] = None


class WireUsage(WireModel):
    """usage: tokens of a response; tokens or seconds of a transcription."""

    input_tokens: OptionalCount = None
    output_tokens: OptionalCount = None
    seconds: OptionalNumber = None
    input_token_details: Annotated[TokenDetails | None, LENIENT] = None
    output_token_details: Annotated[TokenDetails | None, LENIENT] = None


class TokenProbability(WireModel):
    """One of logprobs"""

    logprob: float


class InputTranscript(ItemEvent):
    """conversation.item.input_audio_transcription.completed"""

    transcript: OptionalText = None
    logprobs: Annotated[list[TokenProbability] | None, LENIENT] = None
    usage: Annotated[WireUsage | None, LENIENT] = None


class Segment(ItemEvent):
    """conversation.item.input_audio_transcription.segment: seconds"""

    speaker: OptionalText = None
    text: OptionalText = None
    start: OptionalNumber = None
    end: OptionalNumber = None


class WireError(WireModel):
    """error"""

    type: OptionalText = None
    code: OptionalText = None
    message: OptionalText = None
    event_id: OptionalText = None


class TranscriptionFailed(ItemEvent):
    """conversation.item.input_audio_transcription.failed"""

    error: Annotated[WireError | None, LENIENT] = None


class ErrorEvent(WireModel):
    """error"""

    error: Annotated[WireError | None, LENIENT] = None


class TimedOut(ItemEvent):
    """input_audio_buffer.timeout_triggered"""

    audio_start_ms: OptionalCount = None
    audio_end_ms: OptionalCount = None


class Dtmf(WireModel):
    """input_audio_buffer.dtmf_event_received"""

    event: str


class Truncated(ItemEvent):
    """conversation.item.truncated"""

    audio_end_ms: int


class NewItem(WireModel):
    """item, as far as its place in the history goes."""

    id: str


class ItemAddedEvent(WireModel):
    """conversation.item.added"""

    item: NewItem
    previous_item_id: OptionalText = None


class RetrievedEvent(WireModel):
    """conversation.item.retrieved"""

    item: dict[str, Any]


class Part(ItemEvent):
    """What is about one content part of a reply."""

    response_id: str
    content_index: int = 0


class PartKind(WireModel):
    """part"""

    type: OptionalText = None


class PartEvent(Part):
    """response.content_part.added"""

    part: Annotated[PartKind | None, LENIENT] = None


class PartDelta(Part):
    """response.output_audio.delta and the like"""

    delta: str
    audio_start_ms: OptionalCount = None


class PartDone(Part):
    """response.output_text.done, response.output_audio_transcript.done"""

    text: OptionalText = None
    transcript: OptionalText = None


class OutputItem(WireModel):
    """item of a reply"""

    id: str
    type: str


class OutputItemEvent(WireModel):
    """response.output_item.added and .done"""

    response_id: str
    item: OutputItem


class Call(OutputItem):
    """item of type function_call"""

    call_id: str
    name: str
    arguments: str


class CallEvent(WireModel):
    """response.output_item.done of a function_call"""

    response_id: str
    item: Call


class Approval(OutputItem):
    """item of type mcp_approval_request"""

    server_label: str
    name: str
    arguments: str


class ApprovalEvent(WireModel):
    """response.output_item.done of an mcp_approval_request"""

    response_id: str
    item: Approval


class StatusDetails(WireModel):
    """status_details"""

    reason: OptionalText = None
    error: Annotated[WireError | None, LENIENT] = None


class WireResponse(WireModel):
    """response"""

    id: str
    status: OptionalText = None
    status_details: Annotated[StatusDetails | None, LENIENT] = None
    usage: Annotated[WireUsage | None, LENIENT] = None
    metadata: Annotated[dict[str, Any] | None, LENIENT] = None


class ResponseEvent(WireModel):
    """response.created and response.done"""

    response: WireResponse


class PlaybackEvent(WireModel):
    """output_audio_buffer.started, .stopped and .cleared"""

    response_id: str


class Limit(WireModel):
    """One of rate_limits"""

    name: OptionalText = None
    limit: OptionalNumber = None
    remaining: OptionalNumber = None
    reset_seconds: OptionalNumber = None


class RateLimitsEvent(WireModel):
    """rate_limits.updated"""

    rate_limits: list[Limit]


def build() -> None:
    """Build all of them now, for whoever cannot wait at the first event of a kind."""
    models: list[type[WireModel]] = [WireModel]
    for model in models:
        model.model_rebuild()
        models += model.__subclasses__()
