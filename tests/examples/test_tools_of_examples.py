"""The examples of tools at work: the slow one in virtual time, the MCP server for real."""

import asyncio
from pathlib import Path

from agent_worker import AgentSession
from agent_worker.history.items import FunctionCallOutput
from agent_worker.testing import (
    EnergyVad,
    Hears,
    LoopbackRoom,
    Replies,
    ScriptedModel,
    ScriptedReply,
    ToneVoice,
    ToolAnswers,
    call,
    containing,
    rehearse,
)
from agent_worker.worker import loader

EXAMPLES = Path(__file__).parents[2] / "examples"
SECONDS = 60.0


def test_a_slow_tool_is_bridged():
    voice = ToneVoice()
    rehearsed = rehearse(
        loader.load(str(EXAMPLES / "slow_tool.py")).made,
        [
            Replies("Good morning. Which number?"),
            Hears("Twelve"),
            Replies(calls=[call("find_parcel", number=12)]),
            ToolAnswers("find_parcel", containing("no parcel"), is_error=True),
            Replies("It should have three digits."),
            Hears("Then it is one two three. Send it back."),
            Replies(calls=[call("cancel_delivery", number=123)]),
            ToolAnswers("cancel_delivery", containing("123")),
            Replies("It goes back."),
        ],
        synthesiser=voice,
    )
    assert voice.spoken == ["One moment, I am looking that up."]
    assert rehearsed.said == ["Good morning. Which number?", "It should have three digits.", "It goes back."]


async def test_a_server_has_the_tool():
    model = ScriptedModel(
        replies=[ScriptedReply("Hi"), ScriptedReply(calls=(("in_stock", '{"item": "tea"}'),)), ScriptedReply("Three")]
    )
    room = LoopbackRoom()
    session = AgentSession(loader.load(str(EXAMPLES / "mcp_tools.py")).made, door=room, model=model, vad=EnergyVad())
    async with asyncio.TaskGroup() as group, asyncio.timeout(SECONDS):
        group.create_task(session.run())
        room.enter()
        while [tool.name for tool in model.settings.tools] != ["in_stock"]:
            await asyncio.sleep(0.02)
        await session.generate_reply()
        room.close()
    outputs = [item for item in session.history if isinstance(item, FunctionCallOutput)]
    assert [output.output for output in outputs] == ["There are 3 of tea."]
