"""A session while it runs: the mailbox between what happens and what is decided.

One task takes an event, has the conversation decide, has every action performed, and takes the next.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Coroutine
from typing import Final, Never, assert_never
from uuid import uuid4

from agent_worker import clock
from agent_worker.agent import Agent, StopResponse
from agent_worker.audio import Samples
from agent_worker.history.items import FunctionCall, Message, Role
from agent_worker.history.record import History
from agent_worker.media.playout import Playout
from agent_worker.realtime import base as rt
from agent_worker.rooms import base as rooms
from agent_worker.session.ear import Ear
from agent_worker.session.handle import Speeches
from agent_worker.session.lines import AgentLines, UserLines
from agent_worker.session.mailbox import Mailbox
from agent_worker.session.model_feed import ModelFeed
from agent_worker.session.performer import Performer
from agent_worker.session.toolbox import Toolbox
from agent_worker.session.turn_audio import TurnAudio
from agent_worker.speech import events as ev
from agent_worker.speech.actions import AgentState
from agent_worker.speech.conversation import Conversation
from agent_worker.speech.options import SpeechOptions
from agent_worker.speech.queue import Speech
from agent_worker.vad.base import Vad
from agent_worker.vad.detector import Detector
from agent_worker.vad.gate import Gate

log = logging.getLogger(__name__)

SHOW_SECONDS: Final = 0.06
"""How often the agent's words are shown as they are heard."""


class EndedError(Exception):
    """Leaves the session's task group; its text is the reason for the session's end."""


class Live:
    """The running parts of one session, all of whose tasks belong to `group`."""

    def __init__(
        self,
        *,
        agent: Agent,
        room: rooms.Room,
        connection: rt.RealtimeConnection,
        playout: Playout,
        vad: Vad,
        options: SpeechOptions,
        history: History,
        toolbox: Toolbox,
        mailbox: Mailbox,
        speeches: Speeches,
        group: asyncio.TaskGroup,
    ) -> None:
        self._agent = agent
        self._room = room
        self._connection = connection
        self._history = history
        self._toolbox = toolbox
        self._mailbox = mailbox
        self._speeches = speeches
        self._group = group
        self._linked: str | None = None
        self._entered = False
        self._conversation = Conversation(
            options,
            transcribes=connection.capabilities.user_transcription,
            turn_hook=type(agent).on_user_turn_completed is not Agent.on_user_turn_completed,
            new_id=speeches.new_id,
        )
        turn_audio = TurnAudio(rate=connection.capabilities.input_rate, send=connection.send)
        user_lines = UserLines(room, history)
        self._agent_lines = AgentLines(room, history, playout.ledger)
        self._ear = Ear(
            detector=Detector(vad, Gate()),
            turn_audio=turn_audio,
            rate=connection.capabilities.input_rate,
            heard=mailbox.post,
        )
        self._feed = ModelFeed(
            post=mailbox.post,
            user_lines=user_lines,
            agent_lines=self._agent_lines,
            run_tools=lambda speech_id, calls: self._own(self._run_tools(speech_id, calls)),
            refuse_tools=lambda calls: toolbox.refuse(calls, send=connection.send),
        )
        self._performer = Performer(
            room=room,
            send=connection.send,
            playout=playout,
            turn_audio=turn_audio,
            user_lines=user_lines,
            agent_lines=self._agent_lines,
            speeches=speeches,
            listening_to=lambda: self._linked or "",
            run_turn_hook=lambda speech_id: self._own(self._run_turn_hook(speech_id)),
        )

    async def run(self) -> Never:
        """Run until the room closes (EndedError) or a needed part is lost (its error)."""
        self._room.set_attributes({"agent.state": AgentState.LISTENING})
        async with asyncio.TaskGroup() as group:
            group.create_task(self._follow_room())
            group.create_task(self._follow_model())
            group.create_task(self._decide())
            group.create_task(self._show_words())
        msg = "the session's tasks never end by themselves"
        raise AssertionError(msg)

    def add_user_message(self, text: str) -> None:
        """Put something that the user wrote into both histories."""
        message = Message(id=f"item_{uuid4().hex[:20]}", role=Role.USER, text=text)
        self._history.add(message)
        self._connection.send(rt.CreateItem(item=message))

    async def _decide(self) -> None:
        while True:
            event = await self._mailbox.take(self._conversation.deadline)
            now = clock.now()
            actions = self._conversation.advance(now) if event is None else self._conversation.receive(event, now)
            for action in actions:
                self._performer.perform(action)
            if isinstance(event, ev.PlayoutFinished):
                self._agent_lines.finish(interrupted=False)

    async def _follow_model(self) -> None:
        async for event in self._connection.events():
            self._feed.receive(event)

    async def _show_words(self) -> None:
        while True:
            await asyncio.sleep(SHOW_SECONDS)
            self._agent_lines.show()

    async def _follow_room(self) -> None:
        async for event in self._room.events():
            match event:
                case rooms.HumanJoined(identity=identity):
                    log.info("< %s joined", identity)
                case rooms.HumanConnected(identity=identity, microphone=microphone):
                    self._connected(identity, microphone)
                case rooms.HumanDisconnected(identity=identity, reason=reason):
                    log.info("< %s lost the connection: %s", identity, reason)
                case rooms.HumanLeft(identity=identity, reason=reason):
                    log.info("< %s left: %s", identity, reason)
                    if identity == self._linked:
                        self._linked = None
                case rooms.TextReceived(text=text):
                    self._typed(text)
                case rooms.RoomClosed(reason=reason):
                    raise EndedError(reason)
                case _:
                    assert_never(event)
        msg = "the room is gone"
        raise EndedError(msg)

    def _connected(self, identity: str, microphone: AsyncIterator[Samples]) -> None:
        """The agent listens to the first human whose connection stands, until they leave (policy "linked")."""
        if self._linked is None:
            self._linked = identity
        if identity == self._linked:
            self._own(self._ear.listen(microphone))
        else:
            log.info("= %s is heard by the room, not by the agent, who listens to %s", identity, self._linked)
            self._own(_ignore(microphone))
        if not self._entered:
            self._entered = True
            self._own(self._enter())

    def _typed(self, text: str) -> None:
        """Text interrupts and is answered (M-8)."""
        self.add_user_message(text)
        self._mailbox.post(ev.InterruptRequested())
        self._mailbox.post(ev.SpeechRequested(Speech(id=self._speeches.new_id(), answers_turn=True)))

    async def _enter(self) -> None:
        try:
            await self._agent.on_enter()
        except Exception:
            log.exception("! %s.on_enter failed", type(self._agent).__name__)

    async def _run_tools(self, speech_id: str, calls: tuple[FunctionCall, ...]) -> None:
        reply = await self._toolbox.answer(speech_id, calls, room=self._room, send=self._connection.send)
        self._mailbox.post(ev.ToolsFinished(speech_id, reply))

    async def _run_turn_hook(self, speech_id: str) -> None:
        turn = next((item for item in reversed(self._history.messages()) if item.role is Role.USER), None)
        reply = True
        try:
            await self._agent.on_user_turn_completed(turn or Message(id="", role=Role.USER, text=""))
        except StopResponse:
            reply = False
        except Exception:
            log.exception("! %s.on_user_turn_completed failed", type(self._agent).__name__)
            reply = False
        self._mailbox.post(ev.TurnHookFinished(speech_id, reply))

    def _own(self, work: Coroutine[None, None, None]) -> None:
        self._group.create_task(work)


async def _ignore(microphone: AsyncIterator[Samples]) -> None:
    async for _ in microphone:
        pass
