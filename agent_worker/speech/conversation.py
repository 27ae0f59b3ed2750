"""The conversation: who holds the floor, and what follows from everything that happens.

Hop 2 of 3: the VAD, the model, the player and the application post events; this decides; the session performs. Audio
passes through here because each piece needs a decision: play it, or drop it because its reply was cut.
"""

from collections.abc import Callable
from typing import assert_never

from agent_worker.speech import actions as act
from agent_worker.speech import events as ev
from agent_worker.speech.arbiter import Arbiter
from agent_worker.speech.interruption import Phase
from agent_worker.speech.options import SpeechOptions, TurnMode
from agent_worker.speech.queue import Speech, SpeechState, SpeechStatistics
from agent_worker.speech.stage import Stage
from agent_worker.speech.states import States
from agent_worker.speech.turn_taking import TurnTaking


class Conversation:
    """Events and the time in, actions out.

    Args:
        options: How it behaves; changed by `OptionsChanged`.
        transcribes: Whether the model says what it heard (Capabilities.user_transcription).
        turn_hook: Whether the application wants to see each turn before it is answered (T-3).
        new_id: Makes the ids of speeches that answer turns.

    """

    def __init__(
        self, options: SpeechOptions, *, transcribes: bool, turn_hook: bool, new_id: Callable[[], str]
    ) -> None:
        self.options = options
        self._turn_hook = turn_hook
        self._new_id = new_id
        self._user = TurnTaking(options)
        self._stage = Stage()
        self._arbiter = Arbiter(
            options, transcribes=transcribes, user=self._user, stage=self._stage, do=self._do, answer=self._answer
        )
        self._states = States()
        self._draining = False
        self._drained = False
        self._silenced = False
        self._gap_ends_at: float | None = None
        self._actions: list[act.Action] = []

    def __repr__(self) -> str:
        return f"<Conversation {self._arbiter} {self._user} {self._stage}>"

    @property
    def is_user_in_turn(self) -> bool:
        """Whether a turn of the user is open."""
        return self._user.is_open

    @property
    def deadline(self) -> float | None:
        """When `advance` is to be called, or None."""
        due = (
            self._arbiter.deadline,
            self._user.exceeds_at,
            self._stage.deadline,
            self._gap_ends_at,
            self._states.away_at(self.options.user_away_timeout),
        )
        return min((time for time in due if time is not None), default=None)

    def statistics(self) -> SpeechStatistics:
        """How many speeches there are now."""
        return self._stage.statistics()

    def receive(self, event: ev.Event, now: float) -> list[act.Action]:
        """What follows from an event."""
        match event:
            case ev.VoiceStarted() | ev.VoiceContinued() | ev.VoiceStopped():
                before = self._user.phase
                self._user.hear(event, over_agent=self._arbiter.is_sounding())
                self._arbiter.follow_user(before, now)
            case ev.ReplyAudioArrived():
                self._do(*self._stage.audio_arrived(event, now + self.options.stall_timeout))
            case (
                ev.TurnOpened()
                | ev.TurnCommitRequested()
                | ev.TurnDropped()
                | ev.TurnJudged()
                | ev.TurnCommitted()
                | ev.ServerTurnCommitted()
                | ev.TurnTranscribed()
            ):
                self._about_a_turn(event, now)
            case ev.PlayoutStarted() | ev.PlayoutFinished() | ev.QuestionHeard():
                self._about_the_sound(event, now)
            case ev.UserLost():
                if self._states.user_gone():
                    self._do(act.ReportUserState(act.UserState.AWAY, now))
            case ev.UserFound():
                if self._states.user_back(now):
                    self._do(act.ReportUserState(act.UserState.LISTENING, now))
            case ev.ModelLost():
                self._arbiter.model_lost(now)
                self._stage.model_lost(now)
            case ev.ModelRestored():
                self._arbiter.model_restored(now)
                self._stage.model_restored(now)
            case ev.OptionsChanged(options=options):
                self._change_options(options, now)
            case _:
                self._about_a_speech(event, now)
        return self._settle(now)

    def advance(self, now: float) -> list[act.Action]:
        """What follows from the time alone."""
        self._arbiter.advance(now)
        self._do(*self._stage.advance(now))
        seconds = self._user.exceeded(now)
        if seconds is not None and not self._draining:
            self._do(act.ReportTurnExceeded(at=now, seconds=seconds))
        if self._states.is_away(now, self.options.user_away_timeout):
            self._do(act.ReportUserState(act.UserState.AWAY, now))
        return self._settle(now)

    # What the user does.

    def _about_a_turn(
        self,
        event: ev.TurnOpened
        | ev.TurnCommitRequested
        | ev.TurnDropped
        | ev.TurnJudged
        | ev.TurnCommitted
        | ev.ServerTurnCommitted
        | ev.TurnTranscribed,
        now: float,
    ) -> None:
        match event:
            case ev.TurnOpened(at=at):
                before = self._user.phase
                self._user.open(at)
                self._arbiter.follow_user(before, now)
            case ev.TurnCommitRequested(at=at):
                if self.options.turn_detection is not TurnMode.SERVER:
                    self._arbiter.end_turn(at, now, counts=True)
            case ev.TurnDropped():
                self._arbiter.end_turn(now, now, counts=False)
            case ev.TurnJudged(probability=probability):
                self._user.judged(probability)
            case ev.TurnCommitted(item_id=item_id):
                self._arbiter.named(item_id)
            case ev.ServerTurnCommitted(item_id=item_id):
                self._server_committed(item_id, now)
            case ev.TurnTranscribed():
                self._arbiter.read(event, now)
            case _:
                assert_never(event)

    def _server_committed(self, item_id: str, now: float) -> None:
        turn = self._arbiter.server_ended(now) if self.options.turn_detection is TurnMode.SERVER else None
        if turn is None:
            self._do(act.ReportProblem(f"the model committed {item_id}, though it was told to leave turns alone"))
        else:
            self._arbiter.server_committed(turn, item_id, now)

    # What the agent does.

    def _about_a_speech(
        self,
        event: ev.TurnHookFinished
        | ev.SpeechRequested
        | ev.InterruptRequested
        | ev.SpeechInterruptRequested
        | ev.SpeechProtected
        | ev.DrainRequested
        | ev.ReplyStarted
        | ev.ReplyProgressed
        | ev.ReplyEnded
        | ev.ToolsFinished,
        now: float,
    ) -> None:
        match event:
            case ev.TurnHookFinished():
                self._do(*self._stage.hook_finished(event))
            case ev.SpeechRequested(speech=speech, interrupts=interrupts):
                self._request(speech, now, interrupts=interrupts)
            case ev.InterruptRequested(force=force):
                self._arbiter.cut(tuple(self._stage), now, force=force)
            case ev.SpeechInterruptRequested(speech_id=speech_id, force=force):
                wanted = self._stage.find(speech_id)
                if wanted is not None:
                    self._arbiter.cut((wanted,), now, force=force)
            case ev.SpeechProtected(speech_id=speech_id, protected=protected):
                changed = self._stage.find(speech_id)
                if changed is not None:
                    changed.interruptible = not protected
            case ev.DrainRequested():
                self._draining = True
            case ev.ReplyStarted(request_id=request_id):
                if request_id is None and self._server_answers() and self._stage.is_idle:
                    self._answer(now, by_itself=True)
                self._do(*self._stage.reply_started(event, now + self.options.stall_timeout))
            case ev.ReplyProgressed():
                self._stage.reply_progressed(event, now + self.options.stall_timeout)
            case ev.ReplyEnded():
                self._do(*self._stage.reply_ended(event))
            case ev.ToolsFinished():
                self._do(*self._stage.tools_finished(event))
            case _:
                assert_never(event)

    def _about_the_sound(self, event: ev.PlayoutStarted | ev.PlayoutFinished | ev.QuestionHeard, now: float) -> None:
        match event:
            case ev.PlayoutStarted(speech_id=request_id):
                self._stage.playout_started(request_id)
                self._user.agent_sounds(now)
            case ev.PlayoutFinished(speech_id=request_id):
                give_up_at = now + self.options.interruption_watchdog
                self._do(*self._stage.playout_finished(request_id, now, give_up_at=give_up_at))
            case ev.QuestionHeard(request_id=request_id):
                self._stage.question_heard(request_id)
            case _:
                assert_never(event)

    def _request(self, speech: Speech, now: float, *, interrupts: bool) -> None:
        if self._draining:
            self._do(
                act.FinishSpeech(
                    speech_id=speech.id, interrupted=False, failure="the session is draining: it says nothing new"
                )
            )
            return
        if interrupts:
            self._arbiter.cut(tuple(self._stage), now)
        self._stage.enqueue(speech)

    def _server_answers(self) -> bool:
        return self.options.turn_detection is TurnMode.SERVER and self.options.server_interrupts

    def _change_options(self, options: SpeechOptions, now: float) -> None:
        before, self.options = self.options, options
        if before.turn_detection is not options.turn_detection:
            self._arbiter.end_turn(now, now, counts=False)
        self._user.configure(options)
        self._arbiter.options = options

    # What follows after every event.

    def _settle(self, now: float) -> list[act.Action]:
        if self._user.is_voice:
            self._arbiter.confirm_voice(now)
        self._arbiter.release_for_nobody(now)
        if self._give_the_floor(now):
            self._arbiter.release_for_nobody(now)
        self._silence_input()
        self._states_changed(now)
        if self._draining and not self._drained and self._stage.is_empty:
            self._drained = True
            self._do(act.Drained())
        actions, self._actions = self._actions, []
        return actions

    def _give_the_floor(self, now: float) -> bool:
        """Start the next speech when nobody else has the floor (S-4); a protected one does not wait for silence."""
        self._gap_ends_at = None
        speech = self._stage.next
        if speech is None:
            return False
        if self._arbiter.interruptible(speech) and (
            self._arbiter.floor.phase is not Phase.FREE or self._user.is_open
        ):
            return False
        if not speech.has_spoken and self._stage.heard_at is not None:
            gap_ends_at = self._stage.heard_at + self.options.min_consecutive_speech_delay
            if now < gap_ends_at:
                self._gap_ends_at = gap_ends_at
                return False
        deadline = now + self.options.reply_timeout
        self._do(*self._stage.begin(speech, deadline=deadline, max_tool_steps=self.options.max_tool_steps))
        return True

    def _silence_input(self) -> None:
        """A model that detects voices itself is not to hear any over a protected speech (I-12)."""
        options = self.options
        silenced = options.turn_detection is TurnMode.SERVER and options.discard_audio_if_uninterruptible
        silenced = silenced and self._arbiter.is_protected()
        if silenced is not self._silenced:
            self._silenced = silenced
            self._do(act.SilenceInput(silenced))

    def _states_changed(self, now: float) -> None:
        speaking = self._user.is_voice
        if self._states.user_is(speaking=speaking, now=now):
            state = act.UserState.SPEAKING if speaking else act.UserState.LISTENING
            self._do(act.ReportUserState(state, self._user.changed_at))
        agent = self._agent_state()
        if self._states.agent_is(agent, now):
            self._do(act.ReportAgentState(agent, now))

    def _agent_state(self) -> act.AgentState:
        if self._arbiter.floor.is_holding:
            return act.AgentState.LISTENING
        current = self._stage.current
        if current is not None and current.state is SpeechState.PLAYING:
            return act.AgentState.SPEAKING
        return act.AgentState.LISTENING if self._stage.is_empty else act.AgentState.THINKING

    def _answer(self, now: float, by_itself: bool) -> None:
        """Have a turn answered; the model's own reply is refused and asked for later where the floor is taken."""
        if self._draining:
            return
        speech = Speech(id=self._new_id(), answers_turn=True)
        if by_itself and self._stage.is_idle:
            self._stage.expect(speech, deadline=now + self.options.reply_timeout)
        elif self._turn_hook and not by_itself:
            self._stage.hold_back(speech)
            self._do(act.RunTurnHook(speech.id))
        else:
            self._stage.enqueue(speech)

    def _do(self, *actions: act.Action) -> None:
        self._actions.extend(actions)
