"""One agent in one room: what an application holds of a conversation."""

import asyncio
from collections.abc import AsyncIterable, Callable
from typing import Any, TypeVar, Unpack
from uuid import uuid4

from agent_worker import clock
from agent_worker.agent import Agent
from agent_worker.audio import Samples
from agent_worker.cascade.base import Synthesiser
from agent_worker.errors import SpeechError
from agent_worker.history.record import History
from agent_worker.realtime.base import RealtimeModel
from agent_worker.rooms.base import Door
from agent_worker.session.events import SessionEvent
from agent_worker.session.handle import Speeches, SpeechHandle, all_done
from agent_worker.session.lifetime import Lifetime
from agent_worker.session.listeners import EventStream, Listeners
from agent_worker.session.live import Live
from agent_worker.session.mailbox import Mailbox
from agent_worker.session.script import Script
from agent_worker.session.seat import Seat
from agent_worker.speech import events as ev
from agent_worker.speech.actions import AgentState, UserState
from agent_worker.speech.options import OptionChanges, SpeechOptions, TurnMode, merged
from agent_worker.speech.queue import Priority, Speech
from agent_worker.tools.function_tool import find_tools
from agent_worker.turns.judge import TurnJudge
from agent_worker.usage import Usage
from agent_worker.vad.base import Vad

_Event = TypeVar("_Event", bound=SessionEvent)
_Function = TypeVar("_Function", bound=Callable[[Any], object])


class AgentSession:
    """A conversation between one agent and the humans of one room.

    Args:
        agent: What to be at first.
        door: The way into the room.
        model: The realtime model that listens and speaks.
        vad: Tells when the user speaks.
        synthesiser: Speaks what `say` is given; None: `say` needs audio.
        turn_judge: Tells at each pause of the user whether the sentence is finished, so that one who looks for a word
            gets `max_endpointing_delay` of silence (T-2). None: `min_endpointing_delay` is enough for anybody.
        options: How the conversation behaves. An agent's `options`, and what one speech asks for, go before these.

    Attributes:
        history: What was said, as it was heard, and what tools were called; the model's own copy is kept equal to it.

    """

    def __init__(
        self,
        agent: Agent,
        *,
        door: Door,
        model: RealtimeModel,
        vad: Vad,
        synthesiser: Synthesiser | None = None,
        turn_judge: TurnJudge | None = None,
        options: SpeechOptions | None = None,
    ) -> None:
        self.history = History()
        self._synthesiser = synthesiser
        self._options = options or SpeechOptions()
        self._mailbox = Mailbox()
        self._listeners = Listeners()
        self._speeches = Speeches(
            post=self._mailbox.post, allow_interruptions=lambda: self.options.allow_interruptions
        )
        self._seat = Seat(agent, session=self, history=self.history, emit=self._listeners.emit)
        self._lifetime = Lifetime(
            door=door,
            model=model,
            vad=vad,
            synthesiser=synthesiser,
            turn_judge=turn_judge,
            options=lambda: self.options,
            history=self.history,
            mailbox=self._mailbox,
            listeners=self._listeners,
            speeches=self._speeches,
        )

    async def run(self) -> str:
        """Hold the conversation until the room or the session is closed; gives back the reason for its end. Once.

        Raises:
            RoomLostError: The room could not be entered.
            RealtimeLostError: The model could not be reached, or was lost. The people in the room were told.
            RealtimeError: The model refused to work with us, or failed four times in a row. They were told, too.
            SpeechError: `say` failed four times in a row. They were told, too.

        """
        self._seat.sit(self._seat.agent)
        return await self._lifetime.run(self._seat)

    # What there is to see.

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

    # What the agent says.

    def say(
        self,
        text: str | AsyncIterable[str],
        *,
        audio: Samples | AsyncIterable[Samples] | None = None,
        allow_interruptions: bool | None = None,
        add_to_history: bool = True,
        priority: Priority = Priority.NORMAL,
    ) -> SpeechHandle:
        """Have the agent say something word for word. Returns at once; await the handle to wait until it was heard.

        What was heard of it is shown at the pace of the sound, and becomes a message of the agent in both histories.

        Args:
            text: What to say. A text that is still being written begins to sound with its first complete sentence.
            audio: Play this for it: mono int16 at 24 kHz, whole or in pieces. The text is then only shown.
            allow_interruptions: Whether a voice may interrupt it; None: as the agent and the options say.
            add_to_history: Whether the history and the model get to know of it.
            priority: LOW, NORMAL or HIGH: what goes first of all that waits to be said. Nothing is interrupted by it.

        Raises:
            SpeechError: The session is not running or is about to end; or there is neither audio nor a synthesiser.

        """
        live = self._speaking()
        if audio is None and self._synthesiser is None:
            msg = (
                "say has nothing to speak with: give the session a synthesiser, as in "
                "AgentSession(..., synthesiser=cascade.engines.synthesiser()), or pass audio=..."
            )
            raise SpeechError(msg)
        if allow_interruptions is None:
            allow_interruptions = self.agent.allow_interruptions
        handle = self._speeches.new(interruptible=allow_interruptions)
        script = Script(
            item_id=f"say_{uuid4().hex[:20]}",
            text=text,
            audio=audio,
            voice=self.agent.voice,
            add_to_history=add_to_history,
        )
        live.recite(handle.id, script, interruptible=allow_interruptions, priority=priority)
        return handle

    def generate_reply(
        self,
        *,
        instructions: str | None = None,
        user_input: str | None = None,
        tool_choice: str | None = None,
        allow_interruptions: bool | None = None,
        priority: Priority = Priority.NORMAL,
    ) -> SpeechHandle:
        """Have the model say something. Returns at once; await the handle to wait until it was heard.

        Args:
            instructions: What for; they replace the agent's own for this reply.
            user_input: A message of the user to answer, added to the history first. It interrupts what the agent
                says, up to the first protected speech, as if it had been typed in the room (M-8).
            tool_choice: "auto", "none", "required" or a tool's name, for this reply.
            allow_interruptions: Whether a voice may interrupt it; None: as the agent and the options say.
            priority: LOW, NORMAL or HIGH: what goes first of all that waits to be said. Nothing is interrupted by it.

        Raises:
            SpeechError: The session is not running or is about to end.

        """
        live = self._speaking()
        if user_input is not None:
            live.add_user_message(user_input)
        if allow_interruptions is None:
            allow_interruptions = self.agent.allow_interruptions
        handle = self._speeches.new(interruptible=allow_interruptions)
        speech = Speech(
            id=handle.id,
            priority=priority,
            interruptible=allow_interruptions,
            instructions=instructions,
            tool_choice=tool_choice,
            answers_turn=user_input is not None,
        )
        live.request(speech, "generate_reply", interrupts=user_input is not None)
        return handle

    def interrupt(self, *, force: bool = False) -> asyncio.Future[None]:
        """Cut what the agent says and wants to say, in playing order, up to the first protected speech (S-5).

        Args:
            force: Cut protected speeches as well.

        Returns:
            Resolves when all that is cut is over; it need not be awaited.

        Raises:
            SpeechError: The session is not running; or what is being said is protected, and this is without `force`.

        """
        self._running()
        cut = self._speeches.to_interrupt(force=force)
        self._mailbox.post(ev.InterruptRequested(force))
        return all_done(cut)

    # What the user says, in mode "manual" (T-4).

    def start_turn(self) -> None:
        """The user begins to speak, as when a button is pressed. What the agent says is held until the turn is over.

        Raises:
            SpeechError: The session is not running, or its option `turn_detection` is not "manual".

        """
        self._turn(ev.TurnOpened(clock.now()))

    def commit_turn(self) -> None:
        """The user has said what was to be said: the agent answers. Nothing happens without an open turn.

        Less than 0.1 s of sound is forgotten, as by `clear_turn`.

        Raises:
            SpeechError: As `start_turn`.

        """
        self._turn(ev.TurnCommitRequested(clock.now()))

    def clear_turn(self) -> None:
        """Forget what was said since `start_turn`; what the agent said goes on.

        Raises:
            SpeechError: As `start_turn`.

        """
        self._turn(ev.TurnDropped())

    # How it goes on.

    def update_options(self, **changes: Unpack[OptionChanges]) -> None:
        """Change options of the session, from now on and for all agents that do not say otherwise themselves.

        Works before `run` as well. The changes are kept when another agent takes over.

        Raises:
            TypeError: There is no such option.
            ValueError: `turn_detection` is none of "vad", "server" and "manual".

        """
        if "turn_detection" in changes:
            changes["turn_detection"] = TurnMode(changes["turn_detection"])
        self._options = merged(self._options, changes)
        if self._lifetime.live is not None:
            self._lifetime.live.reconfigure()

    def update_agent(self, agent: Agent) -> None:
        """Hand the conversation over to another agent. Returns at once.

        The present agent's `on_exit` runs; then instructions, tools, voice and options are the new one's, and its
        `on_enter` runs. The history stays, and what is being said or waits to be said is said. A function tool does
        the same by returning an Agent.

        Raises:
            SpeechError: The session is not running or is about to end.
            ConfigError: The agent's tools cannot be offered to a model, as when two have one name.

        """
        live = self._speaking()
        find_tools(agent)
        live.hand_over(agent)

    def refresh_tools(self) -> None:
        """The agent's tools are others now: the model is told. `Agent.update_tools` calls this.

        Raises:
            ConfigError: As `function_tool`, or two have one name; the model's tools stay as they were.

        """
        self._seat.toolbox.refresh()
        if self._lifetime.live is not None:
            self._lifetime.live.reconfigure()

    async def drain(self, *, seconds: float = 60.0) -> None:
        """End the session in peace: `on_exit` runs, what is being said and its tools finish, then the session closes.

        A function tool must not wait for this, as this waits for it.

        Args:
            seconds: How long that may take; what is not finished then is cut.

        Raises:
            SpeechError: The session is not running.

        """
        await self._running().ending.drain(seconds)
        await self._lifetime.wait_for_the_end()

    async def aclose(self, reason: str = "closed by the application") -> None:
        """End the session now: what is said is cut, what the user is saying is kept, `on_exit` runs, all within 5 s.

        Nothing happens when it is over. In a function tool or hook of this session the end cancels the caller.

        Args:
            reason: What `run` gives back.

        """
        await self._lifetime.close(reason)

    def _turn(self, event: ev.TurnOpened | ev.TurnCommitRequested | ev.TurnDropped) -> None:
        self._running()
        if self.options.turn_detection is not TurnMode.MANUAL:
            msg = (
                f'turns are found by "{self.options.turn_detection}" here: '
                'update_options(turn_detection="manual") gives them to the application'
            )
            raise SpeechError(msg)
        self._mailbox.post(event)

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
