"""Commands of every kind, with all that each can say: together they are all 11 client events of the protocol."""

from agent_worker.history.items import FunctionCall, FunctionCallOutput, Image, Message, Role
from agent_worker.realtime import base as rt
from agent_worker.tools.spec import ToolSpec

TOOL = ToolSpec(name="f", description="does f", parameters={"type": "object", "properties": {}})
USER = Message(id="m1", role=Role.USER, text="Look", images=(Image(b"\xff\xd8\xff", detail="high"),))

COMMANDS: dict[str, rt.RealtimeCommand] = {
    "audio": rt.AppendAudio(bytes(960)),
    "a turn": rt.CommitAudio(),
    "no turn": rt.ClearAudio(),
    "a plain request": rt.CreateResponse(request_id="r1"),
    "a request with everything": rt.CreateResponse(
        request_id="r1",
        instructions="Sum up.",
        tool_choice="f",
        tools=(TOOL,),
        modality=rt.Modality.TEXT,
        voice="marin",
        max_output_tokens=50,
        in_conversation=False,
        input=(USER,),
        metadata={"topic": "tea"},
    ),
    "a cancellation": rt.CancelResponse("resp_1"),
    "silence at the provider": rt.ClearPlayback(),
    "a truncation": rt.TruncateItem(item_id="item_1", content_index=0, audio_end_ms=700),
    "a deletion": rt.DeleteItem("item_1"),
    "a retrieval": rt.RetrieveItem("item_1"),
    "a user's message": rt.CreateItem(item=USER, previous_item_id="root"),
    "an agent's message": rt.CreateItem(item=Message(id="m2", role=Role.ASSISTANT, text="Yes.")),
    "a system message": rt.CreateItem(item=Message(id="m3", role=Role.SYSTEM, text="Be brief.")),
    "a call": rt.CreateItem(item=FunctionCall(id="f1", call_id="c1", name="f", arguments="{}")),
    "an output": rt.CreateItem(item=FunctionCallOutput(id="o1", call_id="c1", output="noon")),
    "an approval": rt.ApproveHostedTool(approval_id="mcpr_1", approve=True, reason="Go on."),
    "plain settings": rt.UpdateSession(rt.SessionSettings()),
    "settings with everything": rt.UpdateSession(
        rt.SessionSettings(
            instructions="Be kind.",
            tools=(TOOL,),
            hosted_tools=({"type": "mcp", "server_label": "files", "server_url": "https://files.example.org"},),
            tool_choice="f",
            parallel_tools=False,
            modality=rt.Modality.TEXT,
            voice="marin",
            speed=1.25,
            max_output_tokens=500,
            reasoning_effort="low",
            turn_detection=rt.TurnDetection.SERVER,
            detector=rt.LoudnessDetector(
                threshold=0.6, prefix_padding_ms=200, silence_duration_ms=400, idle_timeout_ms=6000
            ),
            noise_reduction=rt.NoiseReduction.FAR_FIELD,
            language="en",
            transcription_prompt="Oslo, fjord",
            transcription_confidence=True,
            truncation=0.8,
            tracing=rt.Tracing(workflow_name="calls", group_id="g1", metadata={"room": "blue"}),
            prompt=rt.StoredPrompt(id="pmpt_1", version="2", variables={"city": "Oslo"}),
        )
    ),
    "settings of other kinds": rt.UpdateSession(
        rt.SessionSettings(
            turn_detection=rt.TurnDetection.SERVER_HEARS,
            detector=rt.SemanticDetector(eagerness="high"),
            noise_reduction=rt.NoiseReduction.NEAR_FIELD,
            truncation="disabled",
            tracing="auto",
            tool_choice="required",
            transcription_model=None,
        )
    ),
}
