"""Who the agent is at present: calls its hooks at the right times, and hands the conversation over to another (U-4).

Whatever a hook raises is logged and told, and the conversation goes on. `on_exit` runs exactly once for each agent.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from agent_worker import clock
from agent_worker.agent import Agent, StopResponse
from agent_worker.errors import SpeechError
from agent_worker.history.items import Message
from agent_worker.history.record import History
from agent_worker.realtime.base import SessionSettings, TurnDetection
from agent_worker.session.events import ErrorOccurred, SessionEvent
from agent_worker.session.toolbox import OtherTools, Toolbox
from agent_worker.speech.options import SpeechOptions, TurnMode

if TYPE_CHECKING:
    from agent_worker.session.agent_session import AgentSession

log = logging.getLogger(__name__)

LEAVE_SECONDS: Final = 15.0
"""How long `on_exit` may take while the conversation goes on: long enough for a farewell."""


class Seat:
    """Holds one agent after the other.

    Args:
        agent: The first.
        session: What the agents speak in.
        history: Where the agents' tools record what they did.
        emit: Tells who follows the session.
        model_settings: How the model is set, but for what the agents say.

    Attributes:
        other_tools: Gives the tools that the agents have from servers.

    """

    def __init__(
        self,
        agent: Agent,
        *,
        session: "AgentSession",
        history: History,
        emit: Callable[[SessionEvent], None],
        model_settings: SessionSettings,
    ) -> None:
        self.model_settings = model_settings
        self._session = session
        self._history = history
        self._emit = emit
        self._entered = False
        self._left = False
        self._closing = False
        self._handing_over = asyncio.Lock()
        self.agent = agent
        self.other_tools: Callable[[], OtherTools] = tuple
        self.toolbox = self._toolbox(agent)

    def sit(self, agent: Agent) -> None:
        """This is the agent from now on, and can use the session."""
        self.agent = agent
        self.toolbox = self._toolbox(agent)
        agent.bind(self._session)

    def _toolbox(self, agent: Agent) -> Toolbox:
        return Toolbox(agent, self._session, self._history, self._emit, others=self._others)

    def _others(self) -> OtherTools:
        return self.other_tools()

    def settings(self, options: SpeechOptions) -> SessionSettings:
        """What the model is configured with for this agent."""
        detection = TurnDetection.NONE
        if options.turn_detection is TurnMode.SERVER:
            detection = TurnDetection.SERVER if options.server_interrupts else TurnDetection.SERVER_HEARS
        return replace(
            self.model_settings,
            instructions=self.agent.instructions,
            tools=self.toolbox.specs,
            voice=self.agent.voice or self.model_settings.voice,
            turn_detection=detection,
        )

    @property
    def wants_turns(self) -> bool:
        """Whether the agent wants to see each turn before it is answered."""
        return type(self.agent).on_user_turn_completed is not Agent.on_user_turn_completed

    async def enter(self) -> None:
        """Somebody is there to be talked to: `on_enter`, once."""
        if not self._entered:
            self._entered = True
            await self._call("on_enter", self.agent.on_enter)

    async def show_turn(self, turn: Message) -> bool:
        """`on_user_turn_completed`; whether the turn is to be answered."""
        try:
            await self.agent.on_user_turn_completed(turn)
        except StopResponse:
            return False
        except Exception as error:  # noqa: BLE001 - whatever it is: logged in full, and told
            self._failed("on_user_turn_completed", error)
            return False
        return True

    async def leave(self, seconds: float) -> None:
        """The agent leaves the conversation: `on_exit`, once, for at most so long."""
        if self._left:
            return
        self._left = True
        try:
            async with asyncio.timeout(seconds):
                await self._call("on_exit", self.agent.on_exit)
        except TimeoutError:
            self._failed("on_exit", TimeoutError(f"it took longer than {seconds:g} s"))

    async def leave_for_good(self, seconds: float) -> None:
        """As `leave`, and nobody takes over any more: the session ends."""
        self._closing = True
        await self.leave(seconds)

    async def hand_over(
        self, agent: Agent, seated: Callable[[], None], *, told: Callable[[], None] | None = None
    ) -> None:
        """Another agent takes over; `seated` is called when it has, before its `on_enter`.

        `told` is called then as well, and also when nobody takes over any more.
        """
        try:
            entered = await self._change(agent, seated)
        finally:
            if told is not None:
                told()
        if entered:
            await self.enter()

    async def _change(self, agent: Agent, seated: Callable[[], None]) -> bool:
        """Put another agent in this one's place; whether that one is to enter."""
        async with self._handing_over:
            if self._closing:
                return False
            entered = self._entered
            await self.leave(LEAVE_SECONDS)
            if self._closing:
                return False
            self.agent.bind(None)
            log.info("= %s hands over to %s", type(self.agent).__name__, type(agent).__name__)
            self.sit(agent)
            # Who takes over is new to the conversation, whatever was said before.
            self._session.resumed = False
            self._entered = self._left = False
            seated()
        return entered

    async def _call(self, name: str, hook: Callable[[], Awaitable[None]]) -> None:
        try:
            await hook()
        except SpeechError as error:
            if not self._closing:
                self._failed(name, error)
            else:
                log.info("= %s.%s comes too late: %s", type(self.agent).__name__, name, error)
        except Exception as error:  # noqa: BLE001 - whatever it is: logged in full, and told
            self._failed(name, error)

    def _failed(self, what: str, error: Exception) -> None:
        name = type(self.agent).__name__
        log.error("! %s.%s failed", name, what, exc_info=error)
        message = f"{name}.{what} failed: {error or type(error).__name__}"
        self._emit(ErrorOccurred(at=clock.now(), source="application", message=message, fatal=False))
