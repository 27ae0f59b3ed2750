"""What OpenAI's Realtime protocol says of costs, in our words. Pure."""

from agent_worker.realtime.openai_models import TokenDetails, WireUsage
from agent_worker.usage import Usage


def usage_of(usage: WireUsage | None) -> Usage:
    """The cost of a reply or of a transcription; what is not said counts as nothing."""
    if usage is None:
        return Usage()
    inputs = usage.input_token_details or TokenDetails()
    outputs = usage.output_token_details or TokenDetails()
    cached = inputs.cached_tokens_details or TokenDetails()
    return Usage(
        input_tokens=usage.input_tokens or 0,
        output_tokens=usage.output_tokens or 0,
        cached_tokens=inputs.cached_tokens or 0,
        input_audio_tokens=inputs.audio_tokens or 0,
        input_text_tokens=inputs.text_tokens or 0,
        input_image_tokens=inputs.image_tokens or 0,
        cached_audio_tokens=cached.audio_tokens or 0,
        cached_text_tokens=cached.text_tokens or 0,
        cached_image_tokens=cached.image_tokens or 0,
        output_audio_tokens=outputs.audio_tokens or 0,
        output_text_tokens=outputs.text_tokens or 0,
        input_audio_seconds=usage.seconds or 0.0,
    )
