from typing import Any

import pytest

from agent_worker.localmodel.refusals import EventRefusedError
from agent_worker.localmodel.settings import Session, begun, updated

SESSION = Session(id="sess_1", model="local", expires_at=1_800_000_000)


def change(patch: dict[str, Any], session: Session = SESSION, *, voice_locked: bool = False) -> dict[str, Any]:
    return updated(session, {"type": "realtime", **patch}, voice_locked=voice_locked).echo()


def test_a_new_session_has_every_key() -> None:
    assert SESSION.echo() == {
        "type": "realtime",
        "object": "realtime.session",
        "id": "sess_1",
        "model": "local",
        "output_modalities": ["audio"],
        "instructions": SESSION.instructions,
        "tools": [],
        "tool_choice": "auto",
        "max_output_tokens": "inf",
        "tracing": None,
        "truncation": "auto",
        "prompt": None,
        "expires_at": 1_800_000_000,
        "audio": {
            "input": {
                "format": {"type": "audio/pcm", "rate": 24000},
                "transcription": None,
                "noise_reduction": None,
                "turn_detection": {
                    "type": "server_vad",
                    "threshold": 0.5,
                    "prefix_padding_ms": 300,
                    "silence_duration_ms": 200,
                    "idle_timeout_ms": None,
                    "create_response": True,
                    "interrupt_response": True,
                },
            },
            "output": {"format": {"type": "audio/pcm", "rate": 24000}, "voice": "alloy", "speed": 1.0},
        },
        "include": None,
    }


def test_what_is_not_named_stays() -> None:
    first = updated(SESSION, {"type": "realtime", "instructions": "Be Ada."}, voice_locked=False)
    second = change({"audio": {"input": {"turn_detection": None}}}, first)
    assert second["instructions"] == "Be Ada."
    assert second["audio"]["input"] == {**SESSION.echo()["audio"]["input"], "turn_detection": None}
    assert second["audio"]["output"] == SESSION.echo()["audio"]["output"]


@pytest.mark.parametrize(
    ("patch", "path", "value"),
    [
        ({"instructions": ""}, ["instructions"], ""),
        ({"instructions": None}, ["instructions"], ""),
        ({"tools": []}, ["tools"], []),
        ({"tools": None}, ["tools"], []),
        ({"output_modalities": ["text"]}, ["output_modalities"], ["text"]),
        ({"tracing": "auto"}, ["tracing"], "auto"),
        ({"max_output_tokens": 100}, ["max_output_tokens"], 100),
        ({"tool_choice": "none"}, ["tool_choice"], "none"),
        ({"tool_choice": {"type": "function", "name": "f"}}, ["tool_choice"], {"type": "function", "name": "f"}),
        ({"audio": {"output": {"voice": "nobody"}}}, ["audio", "output", "voice"], "nobody"),
        ({"audio": {"output": {"voice": None, "speed": 1.5}}}, ["audio", "output", "speed"], 1.5),
        ({"audio": {"input": {"noise_reduction": None}}}, ["audio", "input", "noise_reduction"], None),
        (
            {"audio": {"input": {"transcription": {"model": "m", "languages": ["en"], "delay": "low"}}}},
            ["audio", "input", "transcription"],
            {"model": "m", "language": None, "prompt": None},
        ),
        (
            {"audio": {"input": {"turn_detection": {"type": "semantic_vad", "eagerness": "low"}}}},
            ["audio", "input", "turn_detection"],
            {"type": "semantic_vad", "eagerness": "low", "create_response": True, "interrupt_response": True},
        ),
        ({"parallel_tool_calls": True, "reasoning": {"effort": "low"}}, ["type"], "realtime"),
        ({"id": "mine", "object": "x", "expires_at": 1}, ["id"], "sess_1"),
    ],
)
def test_a_setting_is_taken(patch: dict[str, Any], path: list[str], value: Any) -> None:
    echoed: Any = change(patch)
    for key in path:
        echoed = echoed[key]
    assert echoed == value


def test_a_tools_schema_comes_back_as_it_was() -> None:
    tool = {
        "type": "function",
        "name": "f",
        "description": "d",
        "parameters": {"$schema": "https://json-schema.org/draft", "type": "object"},
    }
    assert change({"tools": [tool]})["tools"] == [tool]


@pytest.mark.parametrize(
    ("patch", "code", "param"),
    [
        ({"type": None}, "missing_required_parameter", "session.type"),
        ({"type": "transcription"}, "invalid_value", "session.type"),
        ({"temperature": 0.8}, "unknown_parameter", "session.temperature"),
        ({"voice": "alloy"}, "unknown_parameter", "session.voice"),
        ({"output_modalities": ["text", "audio"]}, "invalid_value", "session.output_modalities"),
        ({"output_modalities": []}, "invalid_value", "session.output_modalities"),
        ({"model": "other"}, "invalid_value", "session.model"),
        ({"audio": 7}, "invalid_value", "session.audio"),
        ({"audio": {"output": {"speed": 2.0}}}, "invalid_value", "session.audio.output.speed"),
        (
            {"audio": {"input": {"format": {"type": "audio/opus"}}}},
            "invalid_value",
            "session.audio.input.format.type",
        ),
        (
            {"audio": {"input": {"format": {"type": "audio/pcm", "rate": 16000}}}},
            "invalid_value",
            "session.audio.input.format.rate",
        ),
        (
            {"audio": {"input": {"turn_detection": {"type": "server_vad", "threshold": 2}}}},
            "invalid_value",
            "session.audio.input.turn_detection.threshold",
        ),
        (
            {"audio": {"input": {"turn_detection": {"threshold": 0.5}}}},
            "missing_required_parameter",
            "session.audio.input.turn_detection",
        ),
        ({"tools": [{"type": "function"}]}, "missing_required_parameter", "session.tools[0].name"),
        ({"tools": [{"type": "mcp", "name": "m"}]}, "invalid_value", "session.tools[0].type"),
        ({"truncation": {}}, "missing_required_parameter", "session.truncation.type"),
        ({"truncation": "never"}, "invalid_value", "session.truncation"),
        ({"tracing": {"workflow": "w"}}, "unknown_parameter", "session.tracing.workflow"),
        ({"prompt": {"version": "1"}}, "missing_required_parameter", "session.prompt.id"),
        ({"include": ["everything"]}, "invalid_value", "session.include[0]"),
        ({"tool_choice": {"type": "function"}}, "missing_required_parameter", "session.tool_choice.name"),
        ({"tool_choice": "sometimes"}, "invalid_value", "session.tool_choice"),
    ],
)
def test_a_wrong_setting_is_refused_by_its_path(patch: dict[str, Any], code: str, param: str) -> None:
    with pytest.raises(EventRefusedError) as refused:
        change(patch)
    assert (refused.value.code, refused.value.param) == (code, param)


@pytest.mark.parametrize(
    "patch",
    [
        {"truncation": {"type": "retention_ratio", "retention_ratio": 0.8, "token_limits": {"post_instructions": 9}}},
        {"truncation": "disabled"},
        {"tracing": "auto"},
        {"tracing": {"workflow_name": "w", "group_id": "g", "metadata": {"a": 1}}},
        {"prompt": {"id": "pmpt_1", "variables": {"a": "b"}, "version": "2"}},
        {"include": ["item.input_audio_transcription.logprobs"]},
    ],
)
def test_what_means_nothing_here_is_kept(patch: dict[str, Any]) -> None:
    (key,) = patch
    assert change(patch)[key] == patch[key]


def test_a_voice_that_was_heard_cannot_change() -> None:
    with pytest.raises(EventRefusedError) as refused:
        change({"audio": {"output": {"voice": "ash"}}}, voice_locked=True)
    assert refused.value.code == "cannot_update_voice"
    assert change({"audio": {"output": {"voice": "alloy"}}}, voice_locked=True)["audio"]["output"]["voice"] == "alloy"


def test_what_there_is_instead_is_said() -> None:
    with pytest.raises(EventRefusedError, match="Supported values are: 'near_field', 'far_field'"):
        change({"audio": {"input": {"noise_reduction": {"type": "studio"}}}})
    with pytest.raises(EventRefusedError, match="cannot reach MCP servers: give their tools as functions") as refused:
        change({"tools": [{"type": "mcp", "server_label": "docs", "server_url": "https://docs.example"}]})
    assert (refused.value.code, refused.value.param) == ("invalid_value", "session.tools[0].type")


def test_telephone_formats_have_no_rate() -> None:
    audio = {"input": {"format": {"type": "audio/pcmu"}}, "output": {"format": {"type": "audio/pcma"}}}
    shown = change({"audio": audio})["audio"]
    assert shown["input"]["format"] == {"type": "audio/pcmu"}
    assert shown["output"]["format"] == {"type": "audio/pcma"}
    with pytest.raises(EventRefusedError) as refused:
        change({"audio": {"input": {"format": {"type": "audio/pcmu", "rate": 8000}}}})
    assert (refused.value.code, refused.value.param) == ("unknown_parameter", "session.audio.input.format.rate")


def test_a_session_that_transcribes_has_its_own_shape() -> None:
    session = begun("sess_1", intent="transcription", model="ignored", wall=1_000.5)
    assert session.echo() == {
        "type": "transcription",
        "object": "realtime.transcription_session",
        "id": "sess_1",
        "expires_at": 4600,
        "audio": {
            "input": {
                **SESSION.echo()["audio"]["input"],
                "transcription": {"model": None, "language": None, "prompt": None},
            }
        },
        "include": None,
    }
    patch = {"type": "transcription", "audio": {"input": {"turn_detection": None}}}
    assert updated(session, patch, voice_locked=False).audio.input.turn_detection is None
    for wrong, code in (
        ({"type": "transcription", "instructions": "Be Ada."}, "unknown_parameter"),
        ({"type": "transcription", "audio": {"output": {"voice": "ash"}}}, "unknown_parameter"),
        ({"type": "realtime"}, "invalid_value"),
    ):
        with pytest.raises(EventRefusedError) as refused:
            updated(session, wrong, voice_locked=False)
        assert refused.value.code == code
    with pytest.raises(EventRefusedError, match="transcription session update event to a realtime session"):
        updated(SESSION, {"type": "transcription"}, voice_locked=False)
