"""One set of flags says what models of quite different shapes can do."""

from dataclasses import fields

import pytest

from agent_worker.errors import ConfigError
from agent_worker.realtime.base import Capabilities
from tests.support.other_shapes import GEMINI_LIVE


def test_a_model_of_another_shape_differs_in_what_the_flags_can_say() -> None:
    ours = Capabilities()
    differs = {
        field.name for field in fields(Capabilities) if getattr(ours, field.name) != getattr(GEMINI_LIVE, field.name)
    }
    same = {field.name for field in fields(Capabilities)} - differs
    assert same == {
        "output_rate",
        "audio_output",
        "text_output",
        "image_input",
        "user_transcription",
        "agent_transcript",
        "timed_transcript",
        "manual_turns",
        "server_turns",
        "server_interrupts",
        "full_duplex",
        "create_response",
        "parallel_tools",
        "seed_history",
    }


def test_a_rate_that_the_voice_cannot_have_is_refused_with_what_to_do() -> None:
    with pytest.raises(ConfigError, match=r"22050 .* resample"):
        Capabilities(output_rate=22_050)
