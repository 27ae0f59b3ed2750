"""What an application sees of a session: who the agent is, what happens, what it costs. AgentSession is one."""

from collections.abc import Awaitable, Callable, Iterable
from typing import Any, TypeVar

from agent_worker.agent import Agent
from agent_worker.errors import SpeechError
from agent_worker.history.items import Item
from agent_worker.history.record import History
from agent_worker.realtime.base import SessionSettings
from agent_worker.session.events import SessionEvent
from agent_worker.session.handle import Speeches
from agent_worker.session.inputs import Inputs
from agent_worker.session.job import Job
from agent_worker.session.lifetime import Lifetime
from agent_worker.session.listeners import EventStream, Listeners
from agent_worker.session.live import Live
from agent_worker.session.mailbox import Mailbox
from agent_worker.session.procedures import Procedures
from agent_worker.session.seat import Seat
from agent_worker.session.statistics import SessionStatistics
from agent_worker.speech.actions import AgentState, UserState
from agent_worker.speech.options import OptionChanges, SpeechOptions, merged
from agent_worker.usage import Usage

_Event = TypeVar("_Event", bound=SessionEvent)
_Function = TypeVar("_Function", bound=Callable[[Any], object])


class SessionView:
    """The parts of a session, and what there is to see of them.

    Args:
        options: How the conversation behaves.
        history: What was said before.
        job: What the agent was sent for.

    Attributes:
        job: What the agent was sent for.
        resumed: The agent goes on with a conversation of before this session: a greeting would be out of place. False
            again once another agent takes over.
        history: What was said, as it was heard, and what tools were called.

    """

    _seat: Seat
    _lifetime: Lifetime

    def __init__(self, options: SpeechOptions, history: Iterable[Item], job: Job) -> None:
        self.job = job
        self.history = History(history)
        self.resumed = len(self.history) > 0
        self._options = options
        self._mailbox = Mailbox()
        self._listeners = Listeners()
        self._procedures = Procedures()
        self._inputs = Inputs()
        self._speeches = Speeches(
            post=self._mailbox.post, allow_interruptions=lambda: self.options.allow_interruptions
        )

    @property
    def agent(self) -> Agent:
        """Who the agent is at present."""
        return self._seat.agent

    @property
    def options(self) -> SpeechOptions:
        """How the conversation behaves now: the session's options with the present agent's laid over them."""
        agent = self.agent
        own: OptionChanges = (
            {} if agent.allow_interruptions is None else {"allow_interruptions": agent.allow_interruptions}
        )
        return merged(self._options, agent.options or {}, own)

    @property
    def own_options(self) -> SpeechOptions:
        """How the conversation behaves for agents that do not say otherwise themselves."""
        return self._options

    @property
    def model_settings(self) -> SessionSettings:
        """How the model is set, but for what the agents and the options say: as given, and changed since."""
        return self._seat.model_settings

    @property
    def agent_state(self) -> AgentState:
        """What the agent is doing; "initializing" until the model is ready."""
        live = self._lifetime.live
        return AgentState.INITIALIZING if live is None else live.reports.agent_state

    @property
    def user_state(self) -> UserState:
        """What the user is doing."""
        live = self._lifetime.live
        return UserState.LISTENING if live is None else live.reports.user_state

    @property
    def usage(self) -> Usage:
        """What the model's replies have cost so far, in tokens."""
        return self._lifetime.usage

    async def statistics(self) -> SessionStatistics:
        """How the sound is doing: what is played and heard, and each human's connection.

        Raises:
            SpeechError: The session is not running.
        """
        return await self._running().gauges.read()

    def events(self) -> EventStream:
        """What happens from now on, for one reader of any number: `async for event in session.events(): ...`.

        Each reader has a queue of 256 events; one that is further behind misses the oldest, and its `dropped` says
        how many. The iteration ends after SessionClosed.
        """
        return self._listeners.stream()

    def on(self, kind: type[_Event]) -> Callable[[_Function], _Function]:
        """A decorator: call a function, or run a coroutine function, with each event of this class.

            @session.on(UserInputTranscribed)
            def show(event: UserInputTranscribed) -> None: ...

        Functions are called at once and must not block; coroutine functions run as tasks of the session, which at its
        end waits 2 s for them. What they raise is logged, and told as ErrorOccurred.

        Args:
            kind: One of the classes of `agent_worker.session.events`.

        """
        return self._listeners.on(kind)

    def add_shutdown_callback(self, callback: Callable[..., Awaitable[object]], *, seconds: float = 5.0) -> None:
        """Run a coroutine function when the session is over, however it ended: to store what was said, say.

        It runs after the agent's `on_exit`, outside of the room, beside other callbacks; nothing can be said any more
        and `history` is complete. The worker reports the end of the job, and lets its process go, after it. What it
        raises is logged, and the others go on.

        Args:
            callback: Is given the reason of the end, if it takes an argument.
            seconds: After which it is cancelled. A worker that ends a session, as when it is drained, gives 10 s for
                everything, and one that was killed 4 s.

        Raises:
            SpeechError: The session is over.

        """
        self._listeners.at_end(callback, seconds)

    def _speaking(self) -> Live:
        live = self._running()
        if live.ending.draining:
            msg = "the session is about to end: nothing new is said"
            raise SpeechError(msg)
        return live

    def _running(self) -> Live:
        if self._lifetime.live is None:
            msg = "the session is not running: speak from on_enter, from a tool, or while run() goes on"
            raise SpeechError(msg)
        return self._lifetime.live
