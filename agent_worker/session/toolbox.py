"""The agent's tools at work: the calls of a reply in, their outputs out, each call answered (U-2)."""

import asyncio
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from agent_worker import clock
from agent_worker.agent import Agent
from agent_worker.errors import ConfigError
from agent_worker.history.items import FunctionCall, FunctionCallOutput, Image
from agent_worker.history.record import History
from agent_worker.realtime.base import CreateItem
from agent_worker.rooms.base import Room
from agent_worker.session.events import ConversationItemAdded, ErrorOccurred, FunctionToolsExecuted, SessionEvent
from agent_worker.session.filler import FillerWords
from agent_worker.session.handle import SpeechHandle, own_speech
from agent_worker.speech.queue import Priority
from agent_worker.tools.context import RunContext
from agent_worker.tools.function_tool import FunctionTool, find_tools
from agent_worker.tools.mcp_words import with_others
from agent_worker.tools.run import INTERNAL_ERROR, ToolResult, run_tool
from agent_worker.tools.spec import ToolSpec

if TYPE_CHECKING:
    from agent_worker.session.agent_session import AgentSession

log = logging.getLogger(__name__)

OtherTools = Iterable[tuple[str, tuple[FunctionTool, ...]]]

_ONE_AT_A_TIME: Final = "Nothing was handed over: two tools at once named an agent to go on. Call only one of them."
_NO_EYES: Final = "[There are pictures, which you cannot look at.]"
_INTERRUPTED: Final = "Nothing was handed over: the user interrupted. Call it again if it is still wanted."


@dataclass(frozen=True, slots=True)
class Answered:
    """What the calls of one reply came to.

    Attributes:
        reply: Whether their results are to be spoken of.
        agent: Who the conversation is handed over to.

    """

    reply: bool
    agent: Agent | None


class Toolbox:
    """Runs tools for one session.

    Args:
        agent: Whose methods and functions they are.
        session: What the tools' `RunContext` gives them.
        history: Where outputs are kept.
        emit: Tells who follows the session.
        others: Gives tools that come from elsewhere, each server's name with its tools.

    Raises:
        ConfigError: The agent's tools cannot be offered to a model.

    """

    def __init__(
        self,
        agent: Agent,
        session: "AgentSession",
        history: History,
        emit: Callable[[SessionEvent], None],
        *,
        others: Callable[[], OtherTools],
    ) -> None:
        self._agent = agent
        self._own = find_tools(agent)
        self._others = others
        self._session = session
        self._history = history
        self._emit = emit

    @property
    def specs(self) -> tuple[ToolSpec, ...]:
        """What the model is told about them."""
        return tuple(tool.spec for tool in self._tools.values())

    def refresh(self) -> None:
        """The agent has other tools now; as they were, when they cannot be offered (ConfigError)."""
        self._own = find_tools(self._agent)

    @property
    def _tools(self) -> dict[str, FunctionTool]:
        return with_others(self._own, self._others())

    def names(self, wanted: Iterable[str | Callable[..., Any]]) -> tuple[str, ...]:
        """The names of some tools, given by name or as functions.

        Raises:
            ConfigError: There is no such tool.

        """
        names: list[str] = []
        for tool in wanted:
            names += [tool] if isinstance(tool, str) else find_tools([tool])
        for name in names:
            if name not in self._tools:
                msg = f"the agent has no tool {name!r}; it has: {', '.join(self._tools) or 'none'}"
                raise ConfigError(msg)
        return tuple(names)

    async def answer(
        self,
        speech: SpeechHandle,
        calls: tuple[FunctionCall, ...],
        *,
        room: Room,
        send: Callable[[CreateItem], None],
        show: Callable[[str, tuple[Image, ...]], None] | None,
    ) -> Answered:
        """Run the calls of one reply of a speech side by side, and give the model all their outputs.

        `show`: has the model look at what a tool of this name brought; None: it has no eyes.
        """
        started_at = clock.now()
        fillers = FillerWords(speech, self._say_filler)
        async with asyncio.TaskGroup() as group:
            running = [group.create_task(self._run(speech, call, fillers)) for call in calls]
        results = _one_hand_over([task.result() for task in running], interrupted=speech.interrupted)
        if show is None:
            results = [_without_eyes(result) for result in results]
        outputs: list[FunctionCallOutput] = []
        for call, result in zip(calls, results, strict=True):
            outputs.append(self._record(call, result, send=send))
            room.send_data(
                "agent.event",
                {"type": "tool", "name": call.name, "arguments": call.arguments, "output": result.output},
            )
        # Behind all outputs: providers want these together.
        for call, result in zip(calls, results, strict=True):
            if result.images and show is not None:
                show(call.name, result.images)
        self._emit(
            FunctionToolsExecuted(
                at=clock.now(), started_at=started_at, speech_id=speech.id, calls=calls, outputs=tuple(outputs)
            )
        )
        return Answered(
            any(result.reply for result in results),
            next((result.agent for result in results if result.agent is not None), None),
        )

    def refuse(self, calls: tuple[FunctionCall, ...], why: str, *, send: Callable[[CreateItem], None]) -> None:
        """Answer calls that are not run."""
        for call in calls:
            self._record(call, ToolResult(output=f"Not done: {why}.", is_error=True), send=send)

    async def _run(self, speech: SpeechHandle, call: FunctionCall, fillers: FillerWords) -> ToolResult:
        log.info("> tool %s", call.name)
        # Each call is a task, so this is seen by the tool alone.
        own_speech.set(speech.id)
        tools = self._tools
        tool = tools.get(call.name)
        async with fillers.during(None if tool is None else tool.filler):
            context = RunContext(session=self._session, speech=speech, call_id=call.call_id)
            result = _seatable(call, await run_tool(tools, call, context))
        if result.is_error:
            message = f"{call.name}: {result.output}"
            self._emit(ErrorOccurred(at=clock.now(), source="tool", message=message, fatal=False))
        return result

    def _say_filler(self, text: str) -> SpeechHandle:
        return self._session.say(text, add_to_history=False, priority=Priority.LOW)

    def _record(
        self, call: FunctionCall, result: ToolResult, *, send: Callable[[CreateItem], None]
    ) -> FunctionCallOutput:
        answer = FunctionCallOutput(
            id=f"out_{call.call_id}"[:32], call_id=call.call_id, output=result.output, is_error=result.is_error
        )
        self._history.add(answer)
        self._emit(ConversationItemAdded(at=clock.now(), item=answer))
        send(CreateItem(item=answer))
        return answer


def _one_hand_over(results: list[ToolResult], *, interrupted: bool) -> list[ToolResult]:
    """Two agents cannot both go on, and who interrupted has something else in mind (U-3, U-4)."""
    named = sum(result.agent is not None for result in results)
    if named < 2 and not interrupted:
        return results
    refused = ToolResult(output=_ONE_AT_A_TIME if named > 1 else _INTERRUPTED, is_error=True)
    return [refused if result.agent is not None else result for result in results]


def _without_eyes(result: ToolResult) -> ToolResult:
    return replace(result, output=f"{result.output} {_NO_EYES}", images=()) if result.images else result


def _seatable(call: FunctionCall, result: ToolResult) -> ToolResult:
    """An agent whose tools no model could be told of cannot take over."""
    if result.agent is None:
        return result
    try:
        find_tools(result.agent)
    except ConfigError:
        log.exception("! tool %s hands over to an agent that cannot take over", call.name)
        return replace(result, output=INTERNAL_ERROR, is_error=True, agent=None, reply=True)
    return result
