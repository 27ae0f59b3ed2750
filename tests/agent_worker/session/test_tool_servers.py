"""A session whose agent has its tools from real MCP servers, one of which is down."""

import asyncio
import sys
from pathlib import Path

from agent_worker import Agent, AgentSession, MCPServer, function_tool
from agent_worker.history.items import FunctionCallOutput
from agent_worker.session.events import ErrorOccurred
from agent_worker.testing import EnergyVad, LoopbackRoom, ScriptedModel, ScriptedReply

PROGRAM = str(Path(__file__).parents[2] / "support" / "toolserver.py")
SECONDS = 60.0


class Clerk(Agent):
    instructions = "You calculate."

    @function_tool
    def add(self) -> str:
        """Another thing of that name."""
        return "own"


async def test_tools_of_servers_are_tools_of_the_agent() -> None:
    house = MCPServer.stdio(sys.executable, PROGRAM, name="house", connect_seconds=SECONDS)
    broken = MCPServer.stdio("/no/such/program", name="broken")
    calls = (("house_add", '{"a": 3, "b": 4}'), ("add", "{}"), ("refuse", "{}"))
    model = ScriptedModel(replies=[ScriptedReply(calls=calls), ScriptedReply("Seven")])
    room = LoopbackRoom()
    session = AgentSession(Clerk(mcp_servers=[house, broken]), door=room, model=model, vad=EnergyVad())
    errors: list[str] = []

    @session.on(ErrorOccurred)
    def note(event: ErrorOccurred) -> None:
        errors.append(event.message)

    async with asyncio.TaskGroup() as group, asyncio.timeout(SECONDS):
        run = group.create_task(session.run())
        room.enter()
        await until(lambda: any(tool.name == "house_add" for tool in model.settings.tools))
        assert [tool.name for tool in model.settings.tools][:3] == ["add", "house_add", "look_up"]
        await until(lambda: bool(errors))
        assert (len(errors), errors[0].startswith("the tool server broken is left out: ")) == (1, True)
        await session.generate_reply()
        outputs = [item for item in session.history if isinstance(item, FunctionCallOutput)]
        assert [output.output for output in outputs] == ["7", "own", "The cellar is closed."]
        assert [output.is_error for output in outputs] == [False, False, True]
        # The next agent shares no server: its tools go with the old one.
        session.update_agent(Agent("Be kind."))
        await until(lambda: model.settings.tools == ())
        # And the one after it has it again.
        session.update_agent(Clerk(mcp_servers=[house]))
        await until(lambda: any(tool.name == "house_add" for tool in model.settings.tools))
        room.close()
        await run


async def until(holds) -> None:  # pyright: ignore
    while not holds():
        await asyncio.sleep(0.02)


def test_an_agent_has_its_class_servers_and_its_own() -> None:
    one, two = MCPServer.http("http://127.0.0.1:9/mcp"), MCPServer.http("http://127.0.0.1:9/mcp", name="two")

    class Host(Agent):
        mcp_servers = (one,)

    assert Host(mcp_servers=[two]).mcp_servers == (one, two)
    assert Host().mcp_servers == (one,)
    assert (one.name, two.name) == ("127_0_0_1", "two")
