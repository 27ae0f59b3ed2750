"""What spans, their attributes and the figures are called.

`gen_ai.*` are the names of OpenTelemetry's semantic conventions for generative AI ("Spans" and "Metrics" of clients);
they stand here as text because the conventions' package (0.66b2) has them under a private path and deprecates them
there. There is no convention for voice yet: `voice.*` are ours. Every duration is in seconds.
"""

from enum import StrEnum
from typing import Final

__all__ = [
    "AGENT_NAME",
    "AGENT_SESSION",
    "AGENT_TURN",
    "CONVERSATION_ID",
    "END_OF_TURN_DELAY",
    "ERROR_TYPE",
    "FUNCTION_TOOL",
    "HOLD_SECONDS",
    "INPUT_TOKENS",
    "INTERRUPTED",
    "OPERATION",
    "OUTPUT_TOKENS",
    "OUTPUT_TYPE",
    "PROVIDER",
    "READ_FROM_CACHE_TOKENS",
    "REALTIME_REQUEST",
    "REASON",
    "REQUEST_MODEL",
    "RESPONSE_ID",
    "SERVER_ADDRESS",
    "SOURCE",
    "SPEECH_ID",
    "STATUS",
    "TEXT",
    "TOOL_ARGUMENTS",
    "TOOL_CALL_ID",
    "TOOL_NAME",
    "TOOL_RESULT",
    "TYPE_OF_TOKENS",
    "USER_TURN",
    "Figure",
]

# Spans.
AGENT_SESSION: Final = "agent_session"
USER_TURN: Final = "user_turn"
AGENT_TURN: Final = "agent_turn"
REALTIME_REQUEST: Final = "realtime_request"
FUNCTION_TOOL: Final = "function_tool"

# Attributes of the conventions.
AGENT_NAME: Final = "gen_ai.agent.name"
CONVERSATION_ID: Final = "gen_ai.conversation.id"
ERROR_TYPE: Final = "error.type"
INPUT_TOKENS: Final = "gen_ai.usage.input_tokens"
OPERATION: Final = "gen_ai.operation.name"
OUTPUT_TOKENS: Final = "gen_ai.usage.output_tokens"
OUTPUT_TYPE: Final = "gen_ai.output.type"
PROVIDER: Final = "gen_ai.provider.name"
READ_FROM_CACHE_TOKENS: Final = "gen_ai.usage.cache_read.input_tokens"
REQUEST_MODEL: Final = "gen_ai.request.model"
RESPONSE_ID: Final = "gen_ai.response.id"
SERVER_ADDRESS: Final = "server.address"
TYPE_OF_TOKENS: Final = "gen_ai.token.type"
TOOL_ARGUMENTS: Final = "gen_ai.tool.call.arguments"
TOOL_CALL_ID: Final = "gen_ai.tool.call.id"
TOOL_NAME: Final = "gen_ai.tool.name"
TOOL_RESULT: Final = "gen_ai.tool.call.result"

# Attributes of ours.
END_OF_TURN_DELAY: Final = "voice.end_of_turn_delay"
HOLD_SECONDS: Final = "voice.hold"
INTERRUPTED: Final = "voice.interrupted"
REASON: Final = "voice.reason"
SOURCE: Final = "voice.source"
USAGE: Final = "voice.usage."
"""Followed by the name of a field of `Usage` that the conventions have no word for."""
SPEECH_ID: Final = "voice.speech_id"
STATUS: Final = "voice.status"
TEXT: Final = "voice.text"
"""What was said. Only when content is to be recorded."""


class Figure(StrEnum):
    """What is measured, in histograms; seconds, but for tokens."""

    END_OF_TURN_DELAY = "voice.end_of_turn_delay"
    """From the user's last voice to the commit of the turn."""
    TIME_TO_FIRST_AUDIO = "voice.time_to_first_audio"
    """From asking the model for a reply to its first sample at the room's door."""
    END_TO_END_LATENCY = "voice.end_to_end_latency"
    """From the user's last voice to the first sample of the answer."""
    BARGE_IN = "voice.barge_in"
    """From the first voice over the agent's speech to the agent's silence: held, or cut at once."""
    DEAD_AIR = "voice.false_interruption.dead_air"
    """From the end of a voice that was nothing to the speech's next sample."""
    MODEL_OUTAGE = "voice.model_outage"
    """From the loss of the connection to the model to its restoration."""
    OPERATION_DURATION = "gen_ai.client.operation.duration"
    """From asking the model for a reply to the end of what it made."""
    TIME_TO_FIRST_CHUNK = "gen_ai.client.operation.time_to_first_chunk"
    """From asking the model, or the end of the user's turn if it answers by itself, to its first sound or text."""
    TOKENS = "gen_ai.client.token.usage"
    """Tokens of one reply."""
