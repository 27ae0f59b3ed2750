"""All 46 server events of the GA protocol, each as the service sends it, and what it means in our words."""

import base64
from typing import Any

from agent_worker.history.items import FunctionCall, FunctionCallOutput, Image, Message, Role
from agent_worker.realtime import base as rt
from agent_worker.realtime.openai_events import SessionCreated, WireEvent
from agent_worker.realtime.openai_replies import TranscriptDone

PART = {"response_id": "resp_1", "item_id": "item_1", "output_index": 0, "content_index": 0}
OURS: dict[str, Any] = {"response_id": "resp_1", "item_id": "item_1", "content_index": 0}
SESSION = {
    "type": "realtime",
    "object": "realtime.session",
    "id": "sess_1",
    "model": "gpt-realtime-2.1",
    "output_modalities": ["audio"],
    "instructions": "Be kind.",
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
            "turn_detection": None,
        },
        "output": {"format": {"type": "audio/pcm", "rate": 24000}, "voice": "alloy", "speed": 1.0},
    },
    "include": None,
}
MESSAGE = {
    "id": "item_1",
    "object": "realtime.item",
    "type": "message",
    "role": "assistant",
    "status": "in_progress",
    "content": [],
}
CALL = {
    "id": "item_2",
    "object": "realtime.item",
    "type": "function_call",
    "status": "completed",
    "call_id": "call_1",
    "name": "get_time",
    "arguments": '{"city": "Oslo"}',
}
ASKED = {
    "id": "mcpr_1",
    "type": "mcp_approval_request",
    "server_label": "files",
    "name": "remove",
    "arguments": '{"path": "/x"}',
}
USAGE = {
    "total_tokens": 100,
    "input_tokens": 60,
    "output_tokens": 40,
    "input_token_details": {
        "text_tokens": 15,
        "audio_tokens": 40,
        "image_tokens": 5,
        "cached_tokens": 10,
        "cached_tokens_details": {"text_tokens": 6, "audio_tokens": 3, "image_tokens": 1},
    },
    "output_token_details": {"text_tokens": 5, "audio_tokens": 35},
}
OUR_USAGE = rt.Usage(
    input_tokens=60,
    output_tokens=40,
    cached_tokens=10,
    input_audio_tokens=40,
    input_text_tokens=15,
    input_image_tokens=5,
    cached_audio_tokens=3,
    cached_text_tokens=6,
    cached_image_tokens=1,
    output_audio_tokens=35,
    output_text_tokens=5,
)
METADATA = {"request_id": "r7", "topic": "tea"}


def response(**fields: Any) -> dict[str, Any]:
    """A response as the GA service sends it."""
    return {
        "object": "realtime.response",
        "id": "resp_1",
        "status": "completed",
        "status_details": None,
        "output": [],
        "conversation_id": "conv_1",
        "output_modalities": ["audio"],
        "max_output_tokens": "inf",
        "audio": {"output": {"format": {"type": "audio/pcm", "rate": 24000}, "voice": "marin"}},
        "usage": None,
        "metadata": None,
        **fields,
    }


def kept(**fields: Any) -> dict[str, Any]:
    return {"type": "conversation.item.retrieved", "item": {"object": "realtime.item", **fields}}


TRANSCRIPTION = "conversation.item.input_audio_transcription"
ITEM = {"item_id": "item_1"}

SAMPLES: dict[str, tuple[dict[str, Any], WireEvent | None]] = {
    "the server is there": (
        {"type": "session.created", "session": SESSION},
        SessionCreated("sess_1", expires_at=1_800_000_000),
    ),
    "settings are taken": ({"type": "session.updated", "session": SESSION}, rt.SettingsApplied()),
    "there is a conversation": (
        {"type": "conversation.created", "conversation": {"id": "conv_1", "object": "realtime.conversation"}},
        None,
    ),
    "an item is added": (
        {"type": "conversation.item.added", "previous_item_id": "item_0", "item": MESSAGE},
        rt.ItemAdded(item_id="item_1", previous_item_id="item_0"),
    ),
    "an item is added, in the old word": (
        {"type": "conversation.item.created", "previous_item_id": None, "item": MESSAGE},
        rt.ItemAdded(item_id="item_1", previous_item_id=None),
    ),
    "an item is complete": ({"type": "conversation.item.done", "previous_item_id": None, "item": MESSAGE}, None),
    "an item is taken out": ({"type": "conversation.item.deleted", **ITEM}, rt.ItemDeleted("item_1")),
    "an item is truncated": (
        {"type": "conversation.item.truncated", **ITEM, "content_index": 0, "audio_end_ms": 700},
        rt.ItemTruncated(item_id="item_1", audio_end_ms=700),
    ),
    "a user's item is read back, with its sound": (
        kept(
            id="item_1",
            type="message",
            role="user",
            status="completed",
            content=[
                {"type": "input_text", "text": "Look: "},
                {"type": "input_audio", "audio": base64.b64encode(b"\x01\x02").decode(), "transcript": "a cat"},
                {"type": "input_image", "image_url": "data:image/jpeg;base64,/9j/", "detail": "low"},
            ],
        ),
        rt.ItemRetrieved(
            item_id="item_1",
            item=Message(
                id="item_1",
                role=Role.USER,
                text="Look: a cat",
                images=(Image(b"\xff\xd8\xff", detail="low"),),
            ),
            pcm=b"\x01\x02",
        ),
    ),
    "an agent's item is read back, cut short": (
        kept(
            id="item_1",
            type="message",
            role="assistant",
            status="incomplete",
            content=[{"type": "output_audio", "transcript": "It is"}],
        ),
        rt.ItemRetrieved(
            item_id="item_1", item=Message(id="item_1", role=Role.ASSISTANT, text="It is", interrupted=True)
        ),
    ),
    "a call is read back": (
        kept(**CALL),
        rt.ItemRetrieved(
            item_id="item_2",
            item=FunctionCall(id="item_2", call_id="call_1", name="get_time", arguments='{"city": "Oslo"}'),
        ),
    ),
    "a tool's output is read back": (
        kept(id="item_3", type="function_call_output", call_id="call_1", output="noon"),
        rt.ItemRetrieved(item_id="item_3", item=FunctionCallOutput(id="item_3", call_id="call_1", output="noon")),
    ),
    "an item of a kind that has no place here is read back": (
        kept(id="mcpl_1", type="mcp_list_tools", server_label="files", tools=[]),
        rt.ItemRetrieved(item_id="mcpl_1", item=None),
    ),
    "a piece of the user's transcript": (
        {"type": f"{TRANSCRIPTION}.delta", **ITEM, "content_index": 0, "delta": "What"},
        rt.InputTranscriptDelta("item_1", "What"),
    ),
    "the user's transcript, paid by tokens": (
        {
            "type": f"{TRANSCRIPTION}.completed",
            **ITEM,
            "content_index": 0,
            "transcript": "What time is it?",
            "usage": {
                "type": "tokens",
                "input_tokens": 9,
                "output_tokens": 5,
                "total_tokens": 14,
                "input_token_details": {"audio_tokens": 8, "text_tokens": 1},
            },
        },
        rt.InputTranscribed(
            "item_1",
            "What time is it?",
            usage=rt.Usage(input_tokens=9, output_tokens=5, input_audio_tokens=8, input_text_tokens=1),
        ),
    ),
    "the user's transcript, paid by time": (
        {
            "type": f"{TRANSCRIPTION}.completed",
            **ITEM,
            "content_index": 0,
            "transcript": "Hi",
            "usage": {"type": "duration", "seconds": 1.5},
        },
        rt.InputTranscribed("item_1", "Hi", usage=rt.Usage(input_audio_seconds=1.5)),
    ),
    "no transcript will come": (
        {
            "type": f"{TRANSCRIPTION}.failed",
            **ITEM,
            "content_index": 0,
            "error": {"type": "server_error", "code": "audio_unintelligible", "message": "Too noisy"},
        },
        rt.InputTranscriptionFailed("item_1", "audio_unintelligible: Too noisy"),
    ),
    "who said what": (
        {
            "type": f"{TRANSCRIPTION}.segment",
            **ITEM,
            "content_index": 0,
            "id": "seg_1",
            "speaker": "A",
            "text": "Hello",
            "start": 0.25,
            "end": 1.5,
        },
        rt.InputSegment(item_id="item_1", speaker="A", text="Hello", start_ms=250, end_ms=1500),
    ),
    "audio is committed": (
        {"type": "input_audio_buffer.committed", **ITEM, "previous_item_id": None},
        rt.InputCommitted("item_1"),
    ),
    "audio is forgotten": ({"type": "input_audio_buffer.cleared"}, rt.InputCleared()),
    "the user begins": (
        {"type": "input_audio_buffer.speech_started", **ITEM, "audio_start_ms": 10},
        rt.InputVoiceStarted(item_id="item_1"),
    ),
    "the user ends": (
        {"type": "input_audio_buffer.speech_stopped", **ITEM, "audio_end_ms": 10},
        rt.InputVoiceStopped(item_id="item_1"),
    ),
    "the user says nothing": (
        {"type": "input_audio_buffer.timeout_triggered", **ITEM, "audio_start_ms": 100, "audio_end_ms": 5100},
        rt.InputTimedOut(item_id="item_1", audio_start_ms=100, audio_end_ms=5100),
    ),
    "a key of the telephone": (
        {"type": "input_audio_buffer.dtmf_event_received", "event": "9", "received_at": 1_763_605_109},
        rt.KeyPressed("9"),
    ),
    "a reply begins": (
        {"type": "response.created", "response": response(status="in_progress", metadata=METADATA)},
        rt.ResponseStarted(response_id="resp_1", request_id="r7", metadata={"topic": "tea"}),
    ),
    "a reply is complete": (
        {"type": "response.done", "response": response(usage=USAGE, metadata=METADATA)},
        rt.ResponseEnded(
            response_id="resp_1",
            request_id="r7",
            status=rt.ResponseStatus.COMPLETED,
            usage=OUR_USAGE,
            metadata={"topic": "tea"},
        ),
    ),
    "a message of a reply begins": (
        {"type": "response.output_item.added", "response_id": "resp_1", "output_index": 0, "item": MESSAGE},
        rt.OutputItemStarted(response_id="resp_1", item_id="item_1"),
    ),
    "a call is complete": (
        {"type": "response.output_item.done", "response_id": "resp_1", "output_index": 1, "item": CALL},
        rt.FunctionCallReady(
            response_id="resp_1",
            item_id="item_2",
            call_id="call_1",
            name="get_time",
            arguments='{"city": "Oslo"}',
        ),
    ),
    "the provider asks whether it may call a tool": (
        {"type": "response.output_item.done", "response_id": "resp_1", "output_index": 1, "item": ASKED},
        rt.HostedToolApprovalAsked(
            response_id="resp_1", approval_id="mcpr_1", server="files", name="remove", arguments='{"path": "/x"}'
        ),
    ),
    "a spoken part begins": (
        {"type": "response.content_part.added", **PART, "part": {"type": "audio", "transcript": ""}},
        rt.OutputPartStarted(**OURS, modality=rt.Modality.AUDIO),
    ),
    "a written part begins": (
        {"type": "response.content_part.added", **PART, "part": {"type": "text", "text": ""}},
        rt.OutputPartStarted(**OURS, modality=rt.Modality.TEXT),
    ),
    "a part is complete": (
        {"type": "response.content_part.done", **PART, "part": {"type": "text", "text": "Yes."}},
        None,
    ),
    "sound": (
        {"type": "response.output_audio.delta", **PART, "delta": base64.b64encode(b"\x01\x02").decode()},
        rt.OutputAudio(**OURS, pcm=b"\x01\x02"),
    ),
    "no more sound": ({"type": "response.output_audio.done", **PART}, rt.OutputAudioDone(**OURS)),
    "words": (
        {"type": "response.output_audio_transcript.delta", **PART, "delta": "It is "},
        rt.OutputTranscript(**OURS, delta="It is "),
    ),
    "all words": (
        {"type": "response.output_audio_transcript.done", **PART, "transcript": "It is noon."},
        TranscriptDone(**OURS, text="It is noon."),
    ),
    "text": ({"type": "response.output_text.delta", **PART, "delta": "Yes"}, rt.OutputText(**OURS, delta="Yes")),
    "all text": (
        {"type": "response.output_text.done", **PART, "text": "Yes."},
        rt.OutputTextDone(**OURS, text="Yes."),
    ),
    "arguments grow": (
        {
            "type": "response.function_call_arguments.delta",
            "response_id": "resp_1",
            "item_id": "item_2",
            "output_index": 1,
            "call_id": "call_1",
            "delta": "{",
        },
        None,
    ),
    "arguments are whole": (
        {
            "type": "response.function_call_arguments.done",
            "response_id": "resp_1",
            "item_id": "item_2",
            "output_index": 1,
            "call_id": "call_1",
            "name": "get_time",
            "arguments": "{}",
        },
        None,
    ),
    "arguments of a hosted tool grow": (
        {
            "type": "response.mcp_call_arguments.delta",
            "response_id": "resp_1",
            "item_id": "item_1",
            "output_index": 0,
            "delta": "{",
        },
        None,
    ),
    "arguments of a hosted tool are whole": (
        {
            "type": "response.mcp_call_arguments.done",
            "response_id": "resp_1",
            "item_id": "item_1",
            "output_index": 0,
            "arguments": "{}",
        },
        None,
    ),
    **{
        f"a hosted tool is {state.value}": (
            {"type": f"response.mcp_call.{state.value}", **ITEM, "output_index": 0},
            rt.HostedToolCalled(item_id="item_1", state=state),
        )
        for state in rt.HostedToolState
    },
    **{
        f"the list of hosted tools is {state.value}": (
            {"type": f"mcp_list_tools.{state.value}", **ITEM},
            rt.HostedToolsListed(item_id="item_1", state=state),
        )
        for state in rt.HostedToolState
    },
    "the provider plays": (
        {"type": "output_audio_buffer.started", "response_id": "resp_1"},
        rt.PlaybackStarted(response_id="resp_1"),
    ),
    "the provider has played": (
        {"type": "output_audio_buffer.stopped", "response_id": "resp_1"},
        rt.PlaybackStopped(response_id="resp_1", cleared=False),
    ),
    "the provider was told to stop": (
        {"type": "output_audio_buffer.cleared", "response_id": "resp_1"},
        rt.PlaybackStopped(response_id="resp_1", cleared=True),
    ),
    "what may still be used": (
        {
            "type": "rate_limits.updated",
            "rate_limits": [{"name": "tokens", "limit": 1000, "remaining": 990, "reset_seconds": 0.5}],
        },
        rt.RateLimits((rt.RateLimit(name="tokens", limit=1000, remaining=990, reset_seconds=0.5),)),
    ),
    "an error": (
        {
            "type": "error",
            "error": {
                "type": "invalid_request_error",
                "code": "item_retrieve_invalid_item_id",
                "message": "Error retrieving item: the item with id 'item_9' does not exist.",
                "param": None,
                "event_id": "retrieve_item_9",
            },
        },
        rt.ModelError(
            code="item_retrieve_invalid_item_id",
            message="Error retrieving item: the item with id 'item_9' does not exist.",
            refused=rt.Refused.RETRIEVE,
            item_id="item_9",
            policy=rt.ErrorPolicy.FAIL_REQUEST,
        ),
    ),
}
"""By what happened. Each frame lacks only its event_id, as `framed` gives one."""


def framed(frame: dict[str, Any]) -> dict[str, Any]:
    return {"event_id": "event_1", **frame}
