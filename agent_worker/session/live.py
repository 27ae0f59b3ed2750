"""A session while it runs: the mailbox between what happens and what is decided.

One task takes an event, has the conversation decide, has every action performed, and takes the next.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Final, Never

from agent_worker import clock
from agent_worker.agent import Agent
from agent_worker.cascade.base import Synthesiser
from agent_worker.errors import SpeechError
from agent_worker.history.record import History
from agent_worker.media.playout import Playout
from agent_worker.realtime import base as rt
from agent_worker.realtime.enduring import EnduringConnection
from agent_worker.rooms.base import Room
from agent_worker.session.answers import Answers
from agent_worker.session.cut_replies import CutReplies
from agent_worker.session.delivery import Delivery
from agent_worker.session.ending import LAST_WORDS_SECONDS, Ending
from agent_worker.session.events import SessionEvent, SpeechCreated
from agent_worker.session.failures import Failures
from agent_worker.session.handle import Speeches, all_done
from agent_worker.session.histories import Histories
from agent_worker.session.humans import Humans
from agent_worker.session.images import Images
from agent_worker.session.lines import AgentLines, UserLines
from agent_worker.session.made_replies import MadeReplies
from agent_worker.session.mailbox import Mailbox
from agent_worker.session.model_feed import ModelFeed
from agent_worker.session.narrator import Narrator
from agent_worker.session.performer import Performer
from agent_worker.session.question import Question
from agent_worker.session.reader import Reader
from agent_worker.session.reports import Reports
from agent_worker.session.resumption import Resumption
from agent_worker.session.room_feed import RoomFeed
from agent_worker.session.script import Script
from agent_worker.session.script_history import ScriptHistory
from agent_worker.session.seat import Seat
from agent_worker.session.statistics import Gauges
from agent_worker.session.tool_calls import ToolCalls
from agent_worker.session.tool_servers import ToolServers
from agent_worker.session.turn_judging import TurnJudging
from agent_worker.session.user_turns import UserTurns
from agent_worker.speech import actions as act
from agent_worker.speech import events as ev
from agent_worker.speech.conversation import Conversation
from agent_worker.speech.options import SpeechOptions, TurnMode
from agent_worker.speech.queue import Priority, Speech, SpeechKind
from agent_worker.turns.judge import TurnJudge
from agent_worker.vad.base import Vad

SHOW_SECONDS: Final = 0.1
"""How often the agent's words are shown as they are heard: each time costs a message to everybody in the room."""

_ABOUT_A_SPEECH: Final = (act.RunTurnHook, act.RequestReply, act.AdoptReply, act.FinishSpeech, act.ReportAgentState)


class Live:
    """The running parts of one session, all of whose tasks belong to `group`.

    Args:
        seat: Who the agent is.
        room: Where it is.
        connection: The model.
        playout: The agent's voice.
        vad: Tells when the user speaks.
        synthesiser: Speaks what is said word for word.
        turn_judge: Tells at a pause of the user whether the turn is over.
        options: How the conversation behaves now, the agent's wishes included.
        history: What is said.
        mailbox: Where events wait.
        speeches: The handles of what the agent says.
        emit: Tells who follows the session.
        group: Owns the tasks.
        participant: Who is listened to before all others, or None.

    """

    def __init__(
        self,
        *,
        seat: Seat,
        room: Room,
        connection: EnduringConnection,
        playout: Playout,
        vad: Vad,
        synthesiser: Synthesiser | None,
        turn_judge: TurnJudge | None,
        options: Callable[[], SpeechOptions],
        history: History,
        mailbox: Mailbox,
        speeches: Speeches,
        emit: Callable[[SessionEvent], None],
        group: asyncio.TaskGroup,
        participant: str | None,
    ) -> None:
        self._seat = seat
        self.room = room
        self._connection = connection
        self.capabilities = connection.capabilities
        self._history = history
        self._mailbox = mailbox
        self._speeches = speeches
        self._emit = emit
        self._group = group
        self._options = options
        self._settings = seat.settings(options())
        self._transcribes = connection.capabilities.user_transcription
        self.ending = Ending(seat=seat, post=mailbox.post)
        self._answers = Answers(speeches=speeches, emit=emit)
        self._resumption = Resumption(history=history, enter=seat.enter, answer=self._answer)
        self._conversation = Conversation(
            options(), transcribes=self._transcribes, turn_hook=True, new_id=self._answers.new
        )
        failures, cut_replies = Failures(), CutReplies()
        self.histories = Histories(history=history, send=connection.send, emit=emit)
        self.images = Images(self.histories)
        self._turns = UserTurns(
            history=history,
            seat=seat,
            emit=emit,
            post=mailbox.post,
            start=self._own,
            words_within=lambda: options().verdict_timeout,
            transcribes=self._transcribes,
            delete=lambda item_id: self._performer.perform(act.DeleteItem(item_id)),
        )
        self.humans = Humans(
            connection=connection,
            history=history,
            histories=self.histories,
            vad=vad,
            options=options(),
            participant=participant,
            heard=mailbox.post,
            start=self._own,
        )
        self.reports = Reports(
            room=room, emit=emit, failures=failures, listening_to=lambda: self.humans.audience.speaker
        )
        self._user_lines = UserLines(room, history, self.humans.introductions)
        self._agent_lines = AgentLines(room, history, playout.ledger)
        delivery = Delivery(
            post=mailbox.post,
            lines=self._agent_lines,
            buffered=lambda: playout.buffered_seconds,
            rate=connection.capabilities.output_rate,
        )
        self._narrator = Narrator(
            synthesiser=synthesiser,
            post=mailbox.post,
            lines=self._agent_lines,
            delivery=delivery,
            patience=lambda: options().stall_timeout,
            start=self._own,
        )
        self._script_history = ScriptHistory(script=self._narrator.script, histories=self.histories, emit=emit)
        reader = Reader(
            delivery=delivery,
            synthesiser=synthesiser,
            lines=self._agent_lines,
            voice=lambda: seat.agent.voice,
            post=mailbox.post,
            start=self._own,
        )
        self.feed = ModelFeed(
            post=mailbox.post,
            histories=self.histories,
            emit=emit,
            user_lines=self._user_lines,
            agent_lines=self._agent_lines,
            reader=reader,
            named=self._turns.named,
            called=self.histories.add,
            cut_replies=cut_replies,
            failures=failures,
            server_turns=self._server_turns,
            capabilities=connection.capabilities,
        )
        self._question = Question(
            words=lambda: self._agent_lines.words,
            left=lambda: playout.buffered_seconds,
            tail=lambda: options().question_tail,
            post=mailbox.post,
        )
        self._judging = (
            None
            if turn_judge is None
            else TurnJudging(
                judge=turn_judge,
                so_far=lambda: self.humans.ears.so_far(self._user_lines.words_so_far),
                options=options,
                post=mailbox.post,
            )
        )
        self._room_feed = RoomFeed(
            room=room,
            humans=self.humans,
            post=mailbox.post,
            emit=emit,
            entered=self._enter,
            typed=self._typed,
            patience=lambda: options().departure_timeout,
            deserted=lambda: self.close("everybody has left"),
        )
        self.gauges = Gauges(
            playout=playout,
            room=room,
            hearing=self.humans.ears.statistics,
            model=connection.statistics,
            history=self.histories.statistics,
            speeches=self._conversation.statistics,
        )
        self._tool_servers = ToolServers(start=self._own, changed=self.reconfigure, emit=emit)
        seat.other_tools = self._tool_servers.tools
        self._tool_calls = ToolCalls(
            seat=seat,
            room=room,
            speeches=speeches,
            options=options,
            send=self.histories.send,
            show=self.images.of_tool if connection.capabilities.image_input else None,
            post=mailbox.post,
            reconfigure=self.reconfigure,
            start=self._own,
        )
        self._performer = Performer(
            seat=seat,
            histories=self.histories,
            emit=emit,
            playout=playout,
            ears=self.humans.ears,
            user_lines=self._user_lines,
            agent_lines=self._agent_lines,
            narrator=self._narrator,
            reader=reader,
            speeches=speeches,
            cut_replies=cut_replies,
            reports=self.reports,
            instructions=lambda: self._settings.instructions,
            listening_to=lambda: self.humans.audience.speaker,
            committed=self._turns.committed,
            said=self._script_history.said,
            run_turn_hook=self._turns.show,
            drained=self.ending.drained.set,
        )
        self._made_replies = MadeReplies(
            take=self.feed.take, request_of=self._performer.request_of, emit=emit, tool_calls=self._tool_calls
        )

    async def run(self) -> Never:
        """Run until the room closes or the session is closed (EndedError), or a needed part is lost (its error)."""
        self.reports.tell(act.ReportAgentState(act.AgentState.LISTENING, clock.now()), held=False)
        self._tool_servers.follow(self._seat.agent.mcp_servers)
        async with asyncio.TaskGroup() as group:
            group.create_task(self._room_feed.follow())
            group.create_task(self._room_feed.wait_deserted())
            group.create_task(self._follow_model())
            group.create_task(self._decide())
            group.create_task(self._show_words())
            group.create_task(self.ending.wait())
            group.create_task(self.histories.run())
            if self._judging is not None:
                group.create_task(self._judging.run())
        msg = "the session's tasks never end by themselves"
        raise AssertionError(msg)

    # What the application asks for.

    def add_user_message(self, text: str, identity: str = "") -> None:
        """Put something that a user wrote into both histories."""
        self.histories.tell(self.humans.written(text, identity))

    def request(self, speech: Speech, source: str, *, interrupts: bool = False) -> None:
        """Have something said; `source` is for those who follow the session."""
        if speech.kind is SpeechKind.REPLY:
            self._resumption.asked()
        self._emit(SpeechCreated(at=clock.now(), speech_id=speech.id, source=source))
        self._mailbox.post(ev.SpeechRequested(speech, interrupts))

    def recite(self, speech_id: str, script: Script, *, interruptible: bool | None, priority: Priority) -> None:
        """Have something said word for word."""
        self._narrator.remember(speech_id, script)
        speech = Speech(id=speech_id, kind=SpeechKind.SCRIPT, interruptible=interruptible, priority=priority)
        self.request(speech, "say")

    def reconfigure(self) -> None:
        """Options, or the agent, are others now: the model and the conversation follow."""
        options = self._options()
        self._tool_servers.follow(self._seat.agent.mcp_servers)
        settings = self._seat.settings(options)
        if settings != self._settings:
            self._settings = settings
            self._connection.send(rt.UpdateSession(settings))
        self.humans.configure(options)
        self._room_feed.look()
        self._mailbox.post(ev.OptionsChanged(options))

    async def reset(self) -> None:
        """Cut everything, and have nothing that was said known to anybody."""
        if not self.capabilities.delete_items:
            msg = "this model keeps its history: begin anew with another session"
            raise SpeechError(msg)
        self._mailbox.post(ev.TurnDropped())
        cut = self._speeches.to_interrupt(force=True)
        self._mailbox.post(ev.InterruptRequested(force=True))
        await all_done(cut)
        self._turns.forget()
        self.histories.forget_all()

    def hand_over(self, agent: Agent) -> None:
        """Another agent takes over, once the present one has left."""
        self._own(self._seat.hand_over(agent, self.reconfigure))

    def close(self, reason: str) -> None:
        """Cut what is said, keep what the user said last, let the agent leave, and end. Returns at once."""
        self._own(self._close(reason))

    def settle(self) -> None:
        """It is over: what was heard by now stands in the history, and what was not finished never will be."""
        self._script_history.settle()
        self._performer.reply_heard(interrupted=True)
        for speech_id in self._speeches.open_ids():
            self._performer.perform(act.FinishSpeech(speech_id=speech_id, interrupted=True))
        self.ending.drained.set()

    async def _close(self, reason: str) -> None:
        # Before the last turn is sent off, so that nobody answers it any more.
        self.ending.say_nothing_new()
        last = self._performer.commit_turn() if self.humans.ears.is_open else False
        self._mailbox.post(ev.InterruptRequested(force=True))
        if last:
            await self._turns.last_words(LAST_WORDS_SECONDS)
        await self.ending.leave(reason)

    # What goes on by itself.

    async def _decide(self) -> None:
        while True:
            event = await self._mailbox.take(self._conversation.deadline)
            for heard in self.humans.in_turn(event, is_open=lambda: self._conversation.is_user_in_turn):
                self._step(heard)

    def _step(self, event: ev.Event | None) -> None:
        """Have the conversation decide about an event, or about the time alone, and do what it decides."""
        now = clock.now()
        if isinstance(event, ev.PlayoutFinished) and event.speech_id == self._performer.request_id:
            # Before what follows from it: the next speech begins with an empty ledger.
            self._performer.reply_heard(interrupted=False)
        actions = self._conversation.advance(now) if event is None else self._conversation.receive(event, now)
        for action in actions:
            if isinstance(action, _ABOUT_A_SPEECH):
                self._answers.announce(now)
            self._performer.perform(action)
            if isinstance(action, act.EndAudio):
                self._question.complete(action.request_id)
        self._answers.announce(now)
        if self._judging is not None and event is not None:
            self._judging.heard(event)
        match event:
            case ev.ReplyEnded(response_id=response_id, request_id=request_id):
                self._made_replies.ended(response_id, request_id)
            case ev.TurnTranscribed(item_id=item_id):
                self._turns.understood(item_id)
            case _:
                pass

    async def _follow_model(self) -> None:
        async for event in self._connection.events():
            self.feed.receive(event)

    async def _show_words(self) -> None:
        while True:
            await asyncio.sleep(SHOW_SECONDS)
            self._agent_lines.show()
            self._question.look()

    def _typed(self, text: str, identity: str) -> None:
        """Text interrupts and is answered (M-8)."""
        self.add_user_message(text, identity)
        self._answer(interrupts=True)

    def _enter(self) -> None:
        self._own(self._resumption.enter())

    def _answer(self, *, interrupts: bool = False) -> None:
        if not self.ending.draining:
            self.request(Speech(id=self._speeches.new().id, answers_turn=True), "turn", interrupts=interrupts)

    def _server_turns(self) -> bool:
        return self._options().turn_detection is TurnMode.SERVER

    def _own(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        return self._group.create_task(work)
