"""Every example is loaded as the worker loads it, and holds a short conversation in virtual time."""

import asyncio
from pathlib import Path

import pytest

from agent_worker import Agent, AgentSession
from agent_worker.realtime.base import CreateResponse
from agent_worker.testing import EnergyVad, LoopbackRoom, ScriptedModel, ScriptedReply, run_in_virtual_time
from agent_worker.worker import loader

# Those with real servers cannot live in virtual time: test_tools_of_examples has them.
OTHERS = {"test_my_agent", "stock_server", "mcp_tools"}
EXAMPLES = sorted(path for path in (Path(__file__).parents[2] / "examples").glob("*.py") if path.stem not in OTHERS)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_holds_a_conversation(path: Path):
    agent = loader.load(str(path)).made
    assert isinstance(agent, Agent)
    assert agent.instructions
    room, model = LoopbackRoom(), ScriptedModel(replies=[ScriptedReply("Hello there"), ScriptedReply("Bye")])

    async def main() -> None:
        session = AgentSession(agent, door=room, model=model, vad=EnergyVad())
        async with asyncio.TaskGroup() as group:
            group.create_task(session.run())
            human = room.enter()
            await asyncio.sleep(3.0)
            human.type("Goodbye")
            await asyncio.sleep(3.0)
            room.close()
        assert "Goodbye" in [message.text for message in session.history.messages()]

    run_in_virtual_time(main())
    assert model.sent(CreateResponse)


def test_the_assistant_takes_orders_and_tells_the_time():
    agent = loader.load(str(EXAMPLES[0].with_name("assistant.py"))).made

    async def main() -> tuple[str, str]:
        order = await agent.place_order("pizza", "large", 2)  # pyright: ignore
        return order, await agent.get_time()  # pyright: ignore

    order, time = asyncio.run(main())
    assert "2 large pizza" in order
    assert time.startswith("It is ")
