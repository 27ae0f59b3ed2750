"""What each dialect sends that GA does not. Whole conversations in them are in tests/contracts/test_realtime.py."""

import json
from typing import Any

import pytest

from agent_worker.errors import ConfigError
from agent_worker.history.items import Message, Role
from agent_worker.realtime import base as rt
from agent_worker.realtime.dialects import AZURE, BETA, BETA_16K, GA, Dialect, dialect_named
from agent_worker.realtime.openai_wire import Codec


def sent(command: rt.RealtimeCommand, dialect: Dialect = BETA) -> list[dict[str, Any]]:
    return [json.loads(frame) for frame in Codec(dialect).encode(command)]


def test_a_dialect_is_found_by_its_name() -> None:
    assert dialect_named("ga") is GA
    assert dialect_named("azure") is AZURE
    with pytest.raises(ConfigError, match=r"no dialect 'klingon' .* ga, local, azure, beta, azure-preview, beta-16k"):
        dialect_named("klingon")


def test_a_flat_session_has_everything_that_the_beta_protocol_knows() -> None:
    settings = rt.SessionSettings(
        instructions="Be kind.",
        voice="alloy",
        speed=1.5,
        max_output_tokens=100,
        turn_detection=rt.TurnDetection.SERVER_HEARS,
        noise_reduction=rt.NoiseReduction.NEAR_FIELD,
        tracing="auto",
        transcription_model="whisper-1",
    )
    assert json.loads(Codec(BETA).configure(settings))["session"] == {
        "modalities": ["audio", "text"],
        "instructions": "Be kind.",
        "tools": [],
        "tool_choice": "auto",
        "input_audio_format": "pcm16",
        "output_audio_format": "pcm16",
        "input_audio_transcription": {"model": "whisper-1"},
        "turn_detection": {"type": "server_vad", "create_response": False, "interrupt_response": False},
        "max_response_output_tokens": 100,
        "input_audio_noise_reduction": {"type": "near_field"},
        "voice": "alloy",
        "speed": 1.5,
        "tracing": "auto",
    }


def test_requests_voices_and_what_the_agent_said_are_in_its_words() -> None:
    (request,) = sent(rt.CreateResponse(request_id="r1", modality=rt.Modality.TEXT, voice="coral"))
    assert request["response"] == {"metadata": {"request_id": "r1"}, "modalities": ["text"], "voice": "coral"}
    (item,) = sent(rt.CreateItem(item=Message(id="m", role=Role.ASSISTANT, text="Yes")))
    assert item["item"]["content"] == [{"type": "text", "text": "Yes"}]
    _, voice = sent(rt.UpdateSession(rt.SessionSettings(voice="coral")))
    assert voice["session"] == {"voice": "coral"}


def test_the_input_rate_is_that_of_the_dialect() -> None:
    wide = Dialect(name="wide", capabilities=rt.Capabilities(input_rate=16_000))
    session = json.loads(Codec(wide).configure(rt.SessionSettings()))["session"]
    assert session["audio"]["input"]["format"] == {"type": "audio/pcm", "rate": 16_000}
    assert session["audio"]["output"]["format"] == {"type": "audio/pcm", "rate": 24_000}


def test_a_server_that_repeats_no_metadata_is_matched_by_order() -> None:
    codec = Codec(BETA_16K)
    codec.encode(rt.CreateResponse(request_id="r1"))
    body = {"id": "resp_1", "metadata": None}
    (started,) = codec.decode(json.dumps({"type": "response.created", "response": body}))
    assert started == rt.ResponseStarted(response_id="resp_1", request_id="r1")
    (ended,) = codec.decode(json.dumps({"type": "response.done", "response": body}))
    assert isinstance(ended, rt.ResponseEnded)
    assert ended.request_id == "r1"
    (other,) = codec.decode(json.dumps({"type": "response.created", "response": {"id": "resp_2"}}))
    assert other == rt.ResponseStarted(response_id="resp_2", request_id=None)


def test_a_refusal_that_names_no_request_is_that_of_the_only_one() -> None:
    codec = Codec()
    codec.encode(rt.CreateResponse(request_id="r1"))
    error = {"type": "error", "error": {"code": "conversation_already_has_active_response", "message": "Busy"}}
    (event,) = codec.decode(json.dumps(error))
    assert isinstance(event, rt.ModelError)
    assert event.request_id == "r1"


def test_a_reply_beside_the_conversation_is_told_as_such() -> None:
    codec = Codec()
    codec.encode(rt.CreateResponse(request_id="r1", in_conversation=False))
    body = {"id": "resp_1", "metadata": {"request_id": "r1"}}
    (started,) = codec.decode(json.dumps({"type": "response.created", "response": body}))
    assert started == rt.ResponseStarted(response_id="resp_1", request_id="r1", in_conversation=False)


PART = {"response_id": "resp_1", "item_id": "item_1", "content_index": 0}


@pytest.mark.parametrize("prefix", ["response.output_", "response."])
def test_words_that_come_only_as_a_whole_are_told_once(prefix: str) -> None:
    codec = Codec()
    (words,) = codec.decode(json.dumps({"type": f"{prefix}audio_transcript.done", **PART, "transcript": "Hi"}))
    assert words == rt.OutputTranscript(**PART, delta="Hi")
    text = json.dumps({"type": f"{prefix}text.done", **PART, "item_id": "item_2", "text": "Hi"})
    assert [type(event) for event in codec.decode(text)] == [rt.OutputText, rt.OutputTextDone]


def test_words_that_came_in_pieces_are_not_told_again() -> None:
    codec = Codec()
    codec.decode(json.dumps({"type": "response.output_audio_transcript.delta", **PART, "delta": "Hi"}))
    done = json.dumps({"type": "response.output_audio_transcript.done", **PART, "transcript": "Hi"})
    assert codec.decode(done) == []


def test_an_item_that_is_told_under_both_names_is_added_once() -> None:
    codec = Codec()
    frames = [
        json.dumps({"type": f"conversation.item.{name}", "item": {"id": "item_1"}}) for name in ("added", "created")
    ]
    assert [len(codec.decode(frame)) for frame in frames] == [1, 0]
    codec.decode(json.dumps({"type": "conversation.item.deleted", "item_id": "item_1"}))
    assert [len(codec.decode(frame)) for frame in frames] == [1, 0]


def test_a_refused_voice_is_not_asked_for_in_later_requests() -> None:
    codec = Codec()
    codec.decode(json.dumps({"type": "error", "error": {"code": "cannot_update_voice", "message": "No."}}))
    (frame,) = codec.encode(rt.CreateResponse(request_id="r1", voice="coral"))
    assert "audio" not in json.loads(frame)["response"]
