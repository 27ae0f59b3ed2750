"""Commands to frames, and what a connection's codec remembers: calls handed on, half a sample, the voice in use."""

import base64
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent_worker.history.items import FunctionCall, FunctionCallOutput, Image, Message, Role
from agent_worker.realtime.base import (
    AppendAudio,
    ApproveHostedTool,
    CancelResponse,
    ClearAudio,
    ClearPlayback,
    CommitAudio,
    CreateItem,
    CreateResponse,
    DeleteItem,
    FunctionCallReady,
    ItemReference,
    Modality,
    OutputAudio,
    RealtimeCommand,
    RetrieveItem,
    SessionSettings,
    TruncateItem,
    TurnDetection,
    UpdateSession,
)
from agent_worker.realtime.openai_wire import Codec
from agent_worker.tools.spec import ToolSpec

PCM = {"type": "audio/pcm", "rate": 24000}

FRAMES: dict[str, tuple[RealtimeCommand, list[dict[str, Any]]]] = {
    "audio is appended in base64": (
        AppendAudio(b"\x01\x00\xff\x7f"),
        [{"type": "input_audio_buffer.append", "audio": "AQD/fw=="}],
    ),
    "no audio is no frame": (AppendAudio(b""), []),
    "a turn is committed": (CommitAudio(), [{"type": "input_audio_buffer.commit", "event_id": "commit"}]),
    "what was no turn is cleared": (ClearAudio(), [{"type": "input_audio_buffer.clear", "event_id": "clear"}]),
    "a reply is asked for": (
        CreateResponse(request_id="r7"),
        [
            {
                "type": "response.create",
                "event_id": "response_r7",
                "response": {"metadata": {"request_id": "r7"}},
            }
        ],
    ),
    "a reply with its own instructions and without tools": (
        CreateResponse(request_id="r7", instructions="Greet.", tool_choice="none"),
        [
            {
                "type": "response.create",
                "event_id": "response_r7",
                "response": {
                    "metadata": {"request_id": "r7"},
                    "instructions": "Greet.",
                    "tool_choice": "none",
                },
            }
        ],
    ),
    "a reply that must call one tool": (
        CreateResponse(request_id="r7", tool_choice="get_time"),
        [
            {
                "type": "response.create",
                "event_id": "response_r7",
                "response": {
                    "metadata": {"request_id": "r7"},
                    "tool_choice": {"type": "function", "name": "get_time"},
                },
            }
        ],
    ),
    "a cancellation names the reply, so that a late one cannot hit the next": (
        CancelResponse("resp_1"),
        [{"type": "response.cancel", "event_id": "cancel_resp_1", "response_id": "resp_1"}],
    ),
    "only a part was heard": (
        TruncateItem(item_id="item_1", content_index=2, audio_end_ms=1234),
        [
            {
                "type": "conversation.item.truncate",
                "event_id": "truncate_item_1",
                "item_id": "item_1",
                "content_index": 2,
                "audio_end_ms": 1234,
            }
        ],
    ),
    "an item is taken out": (
        DeleteItem("item_1"),
        [{"type": "conversation.item.delete", "event_id": "delete_item_1", "item_id": "item_1"}],
    ),
    "a typed user message at the end": (
        CreateItem(item=Message(id="m1", role=Role.USER, text="Hi")),
        [
            {
                "type": "conversation.item.create",
                "event_id": "create_m1",
                "item": {
                    "id": "m1",
                    "type": "message",
                    "role": "user",
                    "content": [{"type": "input_text", "text": "Hi"}],
                },
            }
        ],
    ),
    "what the agent said, at the head": (
        CreateItem(item=Message(id="m1", role=Role.ASSISTANT, text="Hello"), previous_item_id="root"),
        [
            {
                "type": "conversation.item.create",
                "event_id": "create_m1",
                "item": {
                    "id": "m1",
                    "type": "message",
                    "role": "assistant",
                    "content": [{"type": "output_text", "text": "Hello"}],
                },
                "previous_item_id": "root",
            }
        ],
    ),
    "a system message": (
        CreateItem(item=Message(id="m1", role=Role.SYSTEM, text="Be brief")),
        [
            {
                "type": "conversation.item.create",
                "event_id": "create_m1",
                "item": {
                    "id": "m1",
                    "type": "message",
                    "role": "system",
                    "content": [{"type": "input_text", "text": "Be brief"}],
                },
            }
        ],
    ),
    "a call of a tool": (
        CreateItem(item=FunctionCall(id="f1", call_id="c1", name="get_time", arguments="{}")),
        [
            {
                "type": "conversation.item.create",
                "event_id": "create_f1",
                "item": {
                    "id": "f1",
                    "type": "function_call",
                    "call_id": "c1",
                    "name": "get_time",
                    "arguments": "{}",
                },
            }
        ],
    ),
    "what a tool answered": (
        CreateItem(item=FunctionCallOutput(id="o1", call_id="c1", output="noon", is_error=True)),
        [
            {
                "type": "conversation.item.create",
                "event_id": "create_o1",
                "item": {"id": "o1", "type": "function_call_output", "call_id": "c1", "output": "noon"},
            }
        ],
    ),
    "what the provider plays by itself is stopped": (
        ClearPlayback(),
        [{"type": "output_audio_buffer.clear", "event_id": "clear_playback"}],
    ),
    "an item is read back": (
        RetrieveItem("item_1"),
        [{"type": "conversation.item.retrieve", "event_id": "retrieve_item_1", "item_id": "item_1"}],
    ),
    "a hosted tool may not be called": (
        ApproveHostedTool(approval_id="mcpr_1", approve=False, reason="No."),
        [
            {
                "type": "conversation.item.create",
                "event_id": "approve_mcpr_1",
                "item": {
                    "type": "mcp_approval_response",
                    "id": "answer_mcpr_1",
                    "approval_request_id": "mcpr_1",
                    "approve": False,
                    "reason": "No.",
                },
            }
        ],
    ),
    "a picture, and words about it": (
        CreateItem(
            item=Message(
                id="m1",
                role=Role.USER,
                text="Look",
                images=(Image(b"\xff\xd8\xff", detail="low"), Image(b"\x89PNG\r\n")),
            )
        ),
        [
            {
                "type": "conversation.item.create",
                "event_id": "create_m1",
                "item": {
                    "id": "m1",
                    "type": "message",
                    "role": "user",
                    "content": [
                        {"type": "input_text", "text": "Look"},
                        {"type": "input_image", "image_url": "data:image/jpeg;base64,/9j/", "detail": "low"},
                        {"type": "input_image", "image_url": "data:image/png;base64,iVBORw0K", "detail": "auto"},
                    ],
                },
            }
        ],
    ),
    "a reply beside the conversation, with everything of its own": (
        CreateResponse(
            request_id="r7",
            instructions="Sum up.",
            tools=(ToolSpec(name="f", description="does f", parameters={"type": "object", "properties": {}}),),
            tool_choice="required",
            modality=Modality.TEXT,
            voice="marin",
            max_output_tokens=50,
            in_conversation=False,
            input=(ItemReference("item_1"), Message(id="m1", role=Role.USER, text="Go on")),
            metadata={"topic": "tea"},
        ),
        [
            {
                "type": "response.create",
                "event_id": "response_r7",
                "response": {
                    "metadata": {"topic": "tea", "request_id": "r7"},
                    "instructions": "Sum up.",
                    "tools": [
                        {
                            "type": "function",
                            "name": "f",
                            "description": "does f",
                            "parameters": {"type": "object", "properties": {}},
                        }
                    ],
                    "tool_choice": "required",
                    "output_modalities": ["text"],
                    "max_output_tokens": 50,
                    "audio": {"output": {"voice": "marin"}},
                    "conversation": "none",
                    "input": [
                        {"type": "item_reference", "id": "item_1"},
                        {
                            "id": "m1",
                            "type": "message",
                            "role": "user",
                            "content": [{"type": "input_text", "text": "Go on"}],
                        },
                    ],
                },
            }
        ],
    ),
}


def encoded(codec: Codec, command: RealtimeCommand) -> list[dict[str, Any]]:
    return [json.loads(frame) for frame in codec.encode(command)]


@pytest.mark.parametrize(("command", "frames"), FRAMES.values(), ids=FRAMES.keys())
def test_a_command_is_these_frames(command: RealtimeCommand, frames: list[dict[str, Any]]) -> None:
    assert encoded(Codec(), command) == frames


def test_every_command_but_session_updates_has_a_row() -> None:
    told = {type(command) for command, _ in FRAMES.values()} | {UpdateSession}
    assert told == set(RealtimeCommand.__args__)


def test_long_audio_is_appended_in_frames_below_the_servers_limit() -> None:
    pcm = bytes(range(256)) * (9 * 2**20 // 256)
    frames = Codec().encode(AppendAudio(pcm))
    assert b"".join(base64.b64decode(json.loads(frame)["audio"]) for frame in frames) == pcm
    assert len(frames) == 3
    assert max(map(len, frames)) < 15 * 2**20


def test_text_that_has_no_utf_8_still_makes_a_frame() -> None:
    (frame,) = Codec().encode(CreateItem(item=Message(id="m", role=Role.USER, text="half a smile: \ud83d")))
    frame.encode("utf-8")
    assert json.loads(frame)["item"]["content"][0]["text"].endswith("\ud83d")


def test_a_new_session_is_configured_by_one_frame() -> None:
    settings = SessionSettings(
        instructions="Be kind.",
        tools=(ToolSpec(name="f", description="does f", parameters={"type": "object", "properties": {}}),),
        voice="marin",
        speed=1.25,
        language="en",
    )
    frame = json.loads(Codec().configure(settings))
    assert frame == {
        "type": "session.update",
        "event_id": "settings",
        "session": {
            "type": "realtime",
            "output_modalities": ["audio"],
            "instructions": "Be kind.",
            "tools": [
                {
                    "type": "function",
                    "name": "f",
                    "description": "does f",
                    "parameters": {"type": "object", "properties": {}},
                }
            ],
            "tool_choice": "auto",
            "max_output_tokens": "inf",
            "audio": {
                "input": {
                    "format": PCM,
                    "transcription": {"model": "gpt-live-transcribe", "language": "en"},
                    "noise_reduction": None,
                    "turn_detection": None,
                },
                "output": {"format": PCM, "voice": "marin", "speed": 1.25},
            },
        },
    }


@pytest.mark.parametrize(
    ("settings", "part"),
    [
        pytest.param(
            SessionSettings(transcription_model=None, language="en"),
            {"format": PCM, "transcription": None, "noise_reduction": None, "turn_detection": None},
            id="no transcription",
        ),
        pytest.param(
            SessionSettings(transcription_model="t", turn_detection=TurnDetection.SERVER),
            {
                "format": PCM,
                "transcription": {"model": "t"},
                "noise_reduction": None,
                "turn_detection": {
                    "type": "server_vad",
                    "create_response": True,
                    "interrupt_response": True,
                },
            },
            id="the server's own turn detection",
        ),
        pytest.param(
            SessionSettings(transcription_model="t", turn_detection=TurnDetection.SERVER_HEARS),
            {
                "format": PCM,
                "transcription": {"model": "t"},
                "noise_reduction": None,
                "turn_detection": {
                    "type": "server_vad",
                    "create_response": False,
                    "interrupt_response": False,
                },
            },
            id="the server only tells of voices",
        ),
    ],
)
def test_what_the_server_does_with_the_users_audio(settings: SessionSettings, part: dict[str, Any]) -> None:
    assert json.loads(Codec().configure(settings))["session"]["audio"]["input"] == part


def test_no_voice_and_no_speed_leave_those_of_the_server() -> None:
    assert json.loads(Codec().configure(SessionSettings()))["session"]["audio"]["output"] == {"format": PCM}


def test_a_changed_voice_travels_alone_so_that_its_refusal_takes_nothing_with_it() -> None:
    codec = Codec()
    codec.configure(SessionSettings(instructions="a", voice="marin"))
    same = encoded(codec, UpdateSession(SessionSettings(instructions="b", voice="marin")))
    assert [frame["session"]["audio"]["output"] for frame in same] == [{"format": PCM}]
    other = encoded(codec, UpdateSession(SessionSettings(instructions="c", voice="cedar")))
    assert [frame["event_id"] for frame in other] == ["settings", "voice"]
    assert other[0]["session"]["instructions"] == "c"
    assert other[1]["session"] == {"type": "realtime", "audio": {"output": {"voice": "cedar"}}}
    assert len(codec.encode(UpdateSession(SessionSettings(voice="cedar")))) == 1


def call_done(call_id: str) -> str:
    item = {"id": "i", "type": "function_call", "call_id": call_id, "name": "f", "arguments": "{}"}
    return json.dumps({"type": "response.output_item.done", "response_id": "r", "item": item})


def test_a_call_is_handed_on_once() -> None:
    codec = Codec()
    assert [len(codec.decode(call_done(call_id))) for call_id in ("a", "b", "a", "b", "c")] == [1, 1, 0, 0, 1]


def test_calls_are_remembered_up_to_a_bound() -> None:
    codec = Codec()
    for number in range(1025):
        codec.decode(call_done(f"call {number}"))
    assert codec.decode(call_done("call 1")) == []
    (forgotten,) = codec.decode(call_done("call 0"))
    assert isinstance(forgotten, FunctionCallReady)


def sent_call_id(codec: Codec, call_id: str) -> str:
    (frame,) = encoded(codec, CreateItem(item=FunctionCallOutput(id="o", call_id=call_id, output="")))
    return frame["item"]["call_id"]


def test_a_long_call_id_of_another_provider_is_shortened_the_same_way_for_call_and_output() -> None:
    codec = Codec()
    long = "toolu-" + "x" * 60
    (call,) = encoded(codec, CreateItem(item=FunctionCall(id="f", call_id=long, name="n", arguments="{}")))
    assert len(call["item"]["call_id"]) == 32
    assert sent_call_id(codec, long) == call["item"]["call_id"]
    assert sent_call_id(codec, long + "y") != call["item"]["call_id"]
    assert sent_call_id(codec, "x" * 32) == "x" * 32


def test_a_long_call_id_of_this_very_server_stays_as_it_is() -> None:
    codec = Codec()
    long = "y" * 40
    codec.decode(call_done(long))
    assert sent_call_id(codec, long) == long


def audio_delta(pcm: bytes, *, item_id: str = "i", content_index: int = 0) -> str:
    return json.dumps(
        {
            "type": "response.output_audio.delta",
            "response_id": "r",
            "item_id": item_id,
            "output_index": 0,
            "content_index": content_index,
            "delta": base64.b64encode(pcm).decode(),
        }
    )


@settings(deadline=None)
@given(st.lists(st.binary(max_size=9), max_size=20))
def test_deltas_cut_anywhere_still_give_whole_samples(deltas: list[bytes]) -> None:
    codec = Codec()
    heard = [event for delta in deltas for event in codec.decode(audio_delta(delta))]
    assert all(isinstance(event, OutputAudio) and event.pcm and len(event.pcm) % 2 == 0 for event in heard)
    whole = b"".join(deltas)
    assert b"".join(event.pcm for event in heard if isinstance(event, OutputAudio)) == whole[: len(whole) & ~1]


def test_half_a_sample_never_reaches_another_item() -> None:
    codec = Codec()
    codec.decode(audio_delta(b"\x01\x02\x03", item_id="first"))
    (event,) = codec.decode(audio_delta(b"\x04\x05", item_id="second"))
    assert isinstance(event, OutputAudio)
    assert event.pcm == b"\x04\x05"
