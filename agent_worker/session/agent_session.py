"""One agent in one room: what an application holds of a conversation."""

import asyncio
from collections.abc import AsyncIterable, Callable, Iterable
from dataclasses import replace
from typing import Any, Unpack
from uuid import uuid4

from agent_worker.agent import Agent
from agent_worker.audio import Samples
from agent_worker.cascade.base import Synthesiser
from agent_worker.errors import SpeechError
from agent_worker.history.items import Item, Message, Role
from agent_worker.realtime.base import ItemRetrieved, RealtimeModel, SessionSettings
from agent_worker.rooms.base import Door
from agent_worker.session.handle import SpeechHandle, all_done
from agent_worker.session.job import Job
from agent_worker.session.lifetime import Lifetime
from agent_worker.session.model_changes import ModelChanges
from agent_worker.session.script import Script
from agent_worker.session.seat import Seat
from agent_worker.session.user_input import UserInput
from agent_worker.speech import events as ev
from agent_worker.speech.options import OptionChanges, SpeechOptions, TurnMode, merged
from agent_worker.speech.queue import Priority, Speech
from agent_worker.tools.function_tool import find_tools
from agent_worker.turns.judge import TurnJudge
from agent_worker.turns.listen import Listen
from agent_worker.vad.base import Vad


class AgentSession(UserInput):
    """A conversation between one agent and the humans of one room.

    Args:
        agent: What to be at first.
        door: The way into the room.
        model: The realtime model that listens and speaks.
        vad: Tells when the user speaks.
        synthesiser: Speaks what `say` is given; None: `say` needs audio.
        turn_judge: Tells at each pause of the user whether the sentence is finished, so that one who looks for a word
            gets `max_endpointing_delay` of silence (T-2). None: `min_endpointing_delay` is enough for anybody.
        model_settings: How the model is set (speed, language, modality, ...). Instructions, tools, voice and turn
            detection are the agent's and the options'.
        options: How the conversation behaves. An agent's `options`, and what one speech asks for, go before these.
        participant: Whom the agent listens to before all others by the policy "linked", as an identity; None: to the
            first who comes.
        history: What was said before, in a session that this one goes on with. What the user said last, if nobody has
            answered it, is answered after `on_enter`, unless that asked for a reply itself.
        job: What the agent was sent for.

    Attributes:
        job: What the agent was sent for; without such words an empty one.
        resumed: The agent goes on with a conversation of before this session: a greeting would be out of place. False
            again once another agent takes over.
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
        model_settings: SessionSettings | None = None,
        options: SpeechOptions | None = None,
        participant: str | None = None,
        history: Iterable[Item] = (),
        job: Job | None = None,
    ) -> None:
        super().__init__(options or SpeechOptions(), history, job or Job())
        self._synthesiser = synthesiser
        self._seat = Seat(
            agent,
            session=self,
            history=self.history,
            emit=self._listeners.emit,
            model_settings=model_settings or SessionSettings(),
        )
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
            procedures=self._procedures,
            inputs=self._inputs,
            participant=participant,
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
        tools: Iterable[str | Callable[..., Any]] | None = None,
        allow_interruptions: bool | None = None,
        priority: Priority = Priority.NORMAL,
    ) -> SpeechHandle:
        """Have the model say something. Returns at once; await the handle to wait until it was heard.

        Args:
            instructions: What for; they replace the agent's own for this reply.
            user_input: A message of the user to answer, added to the history first. It interrupts what the agent
                says, up to the first protected speech, as if it had been typed in the room (M-8).
            tool_choice: "auto", "none", "required" or a tool's name, for this reply.
            tools: Only these of the agent's tools can be called by this reply: names, or the functions themselves.
            allow_interruptions: Whether a voice may interrupt it; None: as the agent and the options say.
            priority: LOW, NORMAL or HIGH: what goes first of all that waits to be said. Nothing is interrupted by it.

        Raises:
            SpeechError: The session is not running or is about to end.
            ConfigError: The agent has no such tool.

        """
        live = self._speaking()
        names = None if tools is None else self._seat.toolbox.names(tools)
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
            tool_names=names,
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

    # How it goes on.

    def update_options(self, **changes: Unpack[OptionChanges]) -> None:
        """Change options of the session, from now on and for all agents that do not say otherwise themselves.

        Works before `run` as well. The changes are kept when another agent takes over.

        Raises:
            TypeError: There is no such option.
            ValueError: `turn_detection` is none of "vad", "server" and "manual", or `listen` is none of "linked",
                "active" and "all".

        """
        if "listen" in changes:
            changes["listen"] = Listen(changes["listen"])
        if "turn_detection" in changes:
            changes["turn_detection"] = TurnMode(changes["turn_detection"])
        self._options = merged(self._options, changes)
        if self._lifetime.live is not None:
            self._lifetime.live.reconfigure()

    def update_model(self, **changes: Unpack[ModelChanges]) -> None:
        """Change how the model is set, from now on (M-5). What the model refuses is told as ErrorOccurred.

        Works before `run` as well. Instructions, tools and voice are the agent's: `update_agent`.

        Raises:
            TypeError: There is no such setting.

        """
        self._seat.model_settings = replace(self._seat.model_settings, **changes)
        if self._lifetime.live is not None:
            self._lifetime.live.reconfigure()

    def add_message(self, text: str, *, role: Role = Role.SYSTEM) -> str:
        """Put a message behind all that was said, in both histories. Nobody hears it, and nothing answers it.

        Args:
            text: Such as what the application has found out meanwhile.
            role: Whose words these are.

        Returns:
            The id under which it stands in the history.

        Raises:
            SpeechError: The session is not running; what was before it is its argument `history`.

        """
        message = Message(id=f"item_{uuid4().hex[:20]}", role=role, text=text)
        self._running().histories.tell(message)
        return message.id

    async def retrieve_item(self, item_id: str) -> ItemRetrieved:
        """What the model's copy of the history has under this id, its audio included (M-6). At most 5 s.

        Raises:
            SpeechError: The session is not running.
            RealtimeError: The model has no such item, was lost, or has not answered in time.

        """
        return await self._running().histories.retrieve(item_id)

    async def ask(
        self, instructions: str, *, text: str | None = None, items: Iterable[str] = (), seconds: float = 20.0
    ) -> str:
        """Have the model write something beside the conversation, such as a summary or a classification.

        Nobody hears it, it calls no tools, and neither history knows of it. The conversation goes on meanwhile.

        Args:
            instructions: What to write; they replace the agent's own.
            text: What about. Without it and `items`: the conversation so far.
            items: The ids of items of the history to look at: of a user's turn the model has its sound.
            seconds: How long to wait.

        Raises:
            SpeechError: The session is not running, 16 such questions wait already, or the model cannot do this
                (`Capabilities.out_of_band`).
            RealtimeError: The model refused, was lost, did not finish, or has not answered in time.

        """
        return await self._running().feed.asides.ask(instructions, text=text, items=items, seconds=seconds)

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

    async def reset(self) -> None:
        """Begin anew: what is said is cut, protected or not, and both histories are emptied. Agent and options stay.

        Of what the user is saying only what follows counts. Returns when nothing is left here; the model's part is
        done when it acknowledges that.

        Raises:
            SpeechError: The session is not running; or the model keeps its history (`Capabilities.delete_items`).

        """
        await self._running().reset()

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
