"""The agent's tools at work: the calls of a reply in, their outputs out, each call answered (U-2)."""

import asyncio
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

from agent_worker.agent import Agent
from agent_worker.history.items import FunctionCall, FunctionCallOutput
from agent_worker.history.record import History
from agent_worker.realtime.base import CreateItem
from agent_worker.rooms.base import Room
from agent_worker.session.handle import Speeches
from agent_worker.tools.context import RunContext
from agent_worker.tools.function_tool import find_tools
from agent_worker.tools.run import ToolResult, run_tool
from agent_worker.tools.spec import ToolSpec

if TYPE_CHECKING:
    from agent_worker.session.agent_session import AgentSession

log = logging.getLogger(__name__)


class Toolbox:
    """Runs tools for one session.

    Args:
        agent: Whose methods and functions they are.
        session: What the tools' `RunContext` gives them.
        speeches: The handles that the tools' `RunContext` gives them.
        history: Where calls and outputs are kept.

    """

    def __init__(self, agent: Agent, session: "AgentSession", speeches: Speeches, history: History) -> None:
        self._tools = find_tools(agent)
        self._session = session
        self._speeches = speeches
        self._history = history

    @property
    def specs(self) -> tuple[ToolSpec, ...]:
        """What the model is told about them."""
        return tuple(tool.spec for tool in self._tools.values())

    async def answer(
        self, speech_id: str, calls: tuple[FunctionCall, ...], *, room: Room, send: Callable[[CreateItem], None]
    ) -> bool:
        """Run the calls of one reply side by side, and give the model all their outputs.

        Returns:
            Whether their results are to be spoken of.

        """
        async with asyncio.TaskGroup() as group:
            running = [group.create_task(self._run(speech_id, call)) for call in calls]
        results = [task.result() for task in running]
        for call, result in zip(calls, results, strict=True):
            self._record(call, result.output, is_error=result.is_error, send=send)
            room.send_data(
                "agent.event",
                {"type": "tool", "name": call.name, "arguments": call.arguments, "output": result.output},
            )
        return any(result.reply for result in results)

    def refuse(self, calls: tuple[FunctionCall, ...], *, send: Callable[[CreateItem], None]) -> None:
        """Answer calls of a reply that was cut before they could run."""
        for call in calls:
            self._record(call, "Not done: the user interrupted before it ran.", is_error=True, send=send)

    async def _run(self, speech_id: str, call: FunctionCall) -> ToolResult:
        log.info("> tool %s", call.name)
        context = RunContext(session=self._session, speech=self._speeches.handle(speech_id), call_id=call.call_id)
        return await run_tool(self._tools, call, context)

    def _record(self, call: FunctionCall, output: str, *, is_error: bool, send: Callable[[CreateItem], None]) -> None:
        answer = FunctionCallOutput(
            id=f"out_{call.call_id}"[:32], call_id=call.call_id, output=output, is_error=is_error
        )
        self._history.add(call)
        self._history.add(answer)
        send(CreateItem(item=answer))
