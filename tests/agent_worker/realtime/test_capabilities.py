"""One set of flags says what models of quite different shapes can do."""

from dataclasses import fields

import pytest

from agent_worker.errors import ConfigError
from agent_worker.realtime.base import Capabilities, HistoryEdits, Resume

GEMINI_LIVE = Capabilities(
    input_rate=16_000,
    video_input=True,
    activity_marks=True,
    semantic_turns=False,
    voice_events=False,
    idle_timeout=False,
    create_response=False,
    cancel_response=False,
    response_instructions=False,
    response_tools=False,
    voice_per_response=False,
    response_metadata=False,
    out_of_band=False,
    several_items=False,
    history_edits=HistoryEdits.APPEND,
    item_ids=False,
    truncate=False,
    delete_items=False,
    retrieve_items=False,
    change_instructions=False,
    change_tools=False,
    change_voice=False,
    auto_tool_reply=True,
    async_tools=True,
    tool_cancellation=True,
    replay_calls=False,
    hosted_tools=False,
    resume=Resume.HANDLE,
    expiry_notice=True,
    max_session_seconds=900.0,
    max_connection_seconds=600.0,
)
"""A model that answers tools by itself, takes no edits, and is resumed by a handle."""


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
        "parallel_tools",
        "seed_history",
    }


def test_a_rate_that_the_voice_cannot_have_is_refused_with_what_to_do() -> None:
    with pytest.raises(ConfigError, match=r"22050 .* resample"):
        Capabilities(output_rate=22_050)
