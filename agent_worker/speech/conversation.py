"""The conversation: who holds the floor, and what follows from everything that happens.

Hop 2 of 3: the VAD, the model, the player and the application post events; this decides; the session performs. Audio
passes through here because each piece needs a decision: play it, or drop it because its reply was cut.
"""

from collections.abc import Callable
from typing import assert_never

from agent_worker.speech import actions as act
from agent_worker.speech import events as ev
from agent_worker.speech.floor import Floor
from agent_worker.speech.interruption import Effect, Phase, Signal
from agent_worker.speech.options import SpeechOptions
from agent_worker.speech.queue import Speech, SpeechState
from agent_worker.speech.stage import Stage
from agent_worker.speech.states import States
from agent_worker.speech.verdicts import CommittedTurn, Verdicts
from agent_worker.turns.endpointing import Endpointing, Turn, TurnPhase
from agent_worker.turns.evidence import Verdict, judge, words_of


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
        self._transcribes = transcribes
        self._turn_hook = turn_hook
        self._new_id = new_id
        self._endpointing = Endpointing(delay=options.min_endpointing_delay)
        self._floor = Floor()
        self._verdicts = Verdicts()
        self._stage = Stage()
        self._states = States()
        self._actions: list[act.Action] = []

    def __repr__(self) -> str:
        return f"<Conversation {self._floor} {self._endpointing} {self._stage}>"

    @property
    def deadline(self) -> float | None:
        """When `advance` is to be called, or None."""
        due = (
            self._endpointing.deadline,
            self._floor.resume_at,
            self._verdicts.deadline,
            self._stage.deadline,
            self._states.away_at(self.options.user_away_timeout),
        )
        return min((time for time in due if time is not None), default=None)

    def receive(self, event: ev.Event, now: float) -> list[act.Action]:
        """What follows from an event."""
        match event:
            case ev.VoiceStarted() | ev.VoiceContinued() | ev.VoiceStopped():
                self._hear(event, now)
            case ev.TurnCommitted(item_id=item_id):
                turn = self._verdicts.named(item_id)
                if turn is not None and turn.unwanted:
                    self._do(act.DeleteItem(item_id))
            case ev.TurnTranscribed():
                self._read(event, now)
            case ev.TurnHookFinished():
                self._do(*self._stage.hook_finished(event))
            case ev.SpeechRequested(speech=speech):
                self._stage.enqueue(speech)
            case ev.InterruptRequested(force=force):
                self._cut(tuple(self._stage), now, force=force)
            case ev.ReplyStarted():
                self._do(*self._stage.reply_started(event))
            case ev.ReplyAudioArrived():
                self._do(*self._stage.audio_arrived(event))
            case ev.ReplyEnded():
                self._do(*self._stage.reply_ended(event))
            case ev.ToolsFinished():
                self._do(*self._stage.tools_finished(event))
            case ev.PlayoutStarted(speech_id=request_id):
                self._stage.playout_started(request_id)
            case ev.PlayoutFinished(speech_id=request_id):
                self._do(*self._stage.playout_finished(request_id))
            case ev.OptionsChanged(options=options):
                self.options = options
                self._endpointing.delay = options.min_endpointing_delay
            case _:
                assert_never(event)
        return self._settle(now)

    def advance(self, now: float) -> list[act.Action]:
        """What follows from the time alone."""
        turn = self._endpointing.advance(now)
        if turn is not None:
            self._floor.turn = turn
            self._signal(self._kind_of(turn), now)
        while (overdue := self._verdicts.overdue(now)) is not None:
            self._decide(overdue, meant=overdue.strong, now=now)
        if self._floor.resume_at is not None and now >= self._floor.resume_at:
            self._signal(Signal.SILENCE, now)
        self._do(*self._stage.advance(now))
        if self._states.is_away(now, self.options.user_away_timeout):
            self._do(act.ReportUserState(act.UserState.AWAY, now))
        return self._settle(now)

    # What the user does.

    def _hear(self, event: ev.VoiceEvent, now: float) -> None:
        opens = isinstance(event, ev.VoiceStarted) and self._endpointing.phase is TurnPhase.NONE
        was_voice = self._endpointing.phase is TurnPhase.VOICE
        self._endpointing.receive(event)
        is_voice = self._endpointing.phase is TurnPhase.VOICE
        if opens:
            self._do(act.OpenTurn(event.at))
        if is_voice and not was_voice:
            self._signal(Signal.VOICE_AGAIN, now)
        elif was_voice and not is_voice:
            self._confirm_voice(now)
            self._signal(Signal.VOICE_STOPPED, now)

    def _confirm_voice(self, now: float) -> None:
        """Hold, or cut, once a voice over an interruptible speech has lasted long enough (I-1, I-9)."""
        if self._floor.phase is not Phase.FREE or not self._contested():
            return
        voiced, options = self._endpointing.voiced, self.options
        if options.resume_false_interruption:
            if voiced >= options.pause_after:
                self._signal(Signal.VOICE_CONFIRMED, now)
        elif voiced >= options.min_interruption_duration:
            self._signal(Signal.VOICE_FINAL, now)

    def _kind_of(self, turn: Turn) -> Signal:
        """What a turn that is over counts for."""
        options, current = self.options, self._stage.current
        protected = current is not None and not self._interruptible(current)
        if turn.voiced < options.min_turn_duration or protected:
            return Signal.TURN_SHORT
        if not self._contested() or turn.voiced > options.sure_turn_duration:
            return Signal.TURN_SURE
        if self._transcribes:
            return Signal.TURN_DOUBTFUL
        return Signal.TURN_SURE if turn.voiced >= options.min_interruption_duration else Signal.TURN_SHORT

    def _read(self, event: ev.TurnTranscribed, now: float) -> None:
        """A transcript decides about a turn in doubt (I-4)."""
        turn = self._verdicts.find(event.item_id)
        if turn is None:
            return
        if event.text is None:
            meant = turn.strong
        elif self._contested():
            verdict = judge(
                event.text, backchannels=self.options.backchannels, min_words=self.options.min_interruption_words
            )
            meant = verdict is Verdict.MEANT
        else:
            # The speech ended meanwhile: what was a backchannel over it ("yeah") is an answer after it.
            meant = bool(words_of(event.text))
        self._decide(turn, meant=meant, now=now)

    def _decide(self, turn: CommittedTurn, *, meant: bool, now: float) -> None:
        if meant:
            self._verdicts.accept_all()
            self._signal(Signal.WORDS, now)
            return
        self._verdicts.dismiss(turn)
        if turn.item_id is not None:
            self._do(act.DeleteItem(turn.item_id))
        if not len(self._verdicts):
            self._signal(Signal.NO_WORDS, now)

    # What it does to the floor.

    def _signal(self, signal: Signal, now: float) -> None:
        for effect in self._floor.receive(signal, now, self.options.false_interruption_timeout):
            self._effect(effect, signal, now)

    def _effect(self, effect: Effect, signal: Signal, now: float) -> None:
        match effect:
            case Effect.HOLD:
                self._floor.hold(voice_at=self._endpointing.started_at, at=now)
                self._do(act.HoldOutput(), act.ReportHold(self._endpointing.started_at, now))
            case Effect.RESUME:
                self._resume(now)
            case Effect.RELEASE:
                self._floor.let_go()
                self._do(act.ResumeOutput())
            case Effect.COMMIT:
                self._commit(now, in_doubt=signal is Signal.TURN_DOUBTFUL)
            case Effect.CLEAR:
                self._do(act.ClearTurn())
            case Effect.CUT:
                self._cut((*self._stage.begun, *self._stage.answers), now)
            case Effect.ANSWER:
                self._answer()
            case _:
                assert_never(effect)

    def _resume(self, now: float) -> None:
        if self.options.false_interruption_timeout is None:
            self._cut(self._stage.begun, now)
        elif self._floor.is_holding:
            self._report(act.Outcome.RESUMED, now)
            self._floor.let_go()
            self._do(act.ResumeOutput(self.options.resume_rewind))

    def _commit(self, now: float, *, in_doubt: bool) -> None:
        turn = self._floor.turn
        strong = turn is not None and turn.voiced >= self.options.min_interruption_duration
        if not in_doubt:
            self._verdicts.accept_all()
        self._verdicts.committed(
            CommittedTurn(in_doubt=in_doubt, strong=strong, deadline=now + self.options.verdict_timeout)
        )
        self._do(act.CommitTurn())

    def _answer(self) -> None:
        speech = Speech(id=self._new_id(), answers_turn=True)
        if self._turn_hook:
            self._stage.hold_back(speech)
            self._do(act.RunTurnHook(speech.id))
        else:
            self._stage.enqueue(speech)

    def _interruptible(self, speech: Speech) -> bool:
        return self.options.allow_interruptions if speech.interruptible is None else speech.interruptible

    def _contested(self) -> bool:
        """Whether a voice now would be a voice over something that may be held."""
        return any(self._interruptible(speech) for speech in self._stage.begun)

    def _cut(self, speeches: tuple[Speech, ...], now: float, *, force: bool = False) -> None:
        """Cut in playing order, up to the first protected speech (S-5): no hole in what is said."""
        if self._stage.begun:
            self._report(act.Outcome.CUT, now)
        for speech in speeches:
            if not force and not self._interruptible(speech):
                break
            self._do(*self._stage.cut(speech, now + self.options.interruption_watchdog))
        if self._floor.is_holding:
            self._floor.let_go()
            self._do(act.ResumeOutput())

    def _report(self, outcome: act.Outcome, now: float) -> None:
        for speech in self._stage.begun[:1]:
            self._do(
                act.ReportInterruption(
                    outcome=outcome,
                    speech_id=speech.id,
                    voice_at=self._floor.voice_at if self._floor.is_holding else now,
                    held_at=self._floor.held_at,
                    decided_at=now,
                )
            )

    # What follows after every event.

    def _settle(self, now: float) -> list[act.Action]:
        self._give_the_floor(now)
        self._confirm_voice(now)
        if self._floor.phase is not Phase.FREE and not self._contested():
            self._signal_gone(now)
        self._states_changed(now)
        actions, self._actions = self._actions, []
        return actions

    def _signal_gone(self, now: float) -> None:
        """The speech that was held ended another way: nothing stays held for nobody (I-10)."""
        if self._floor.is_holding or self._floor.phase in {Phase.HELD, Phase.UNDECIDED, Phase.DISMISSED}:
            self._signal(Signal.SPEECH_GONE, now)

    def _give_the_floor(self, now: float) -> None:
        """Start the next speech when nobody else has the floor (S-4)."""
        speech = self._stage.next
        if speech is None or self._floor.phase is not Phase.FREE:
            return
        if self._interruptible(speech) and self._endpointing.phase is not TurnPhase.NONE:
            return
        deadline = now + self.options.reply_timeout
        self._do(*self._stage.begin(speech, deadline=deadline, max_tool_steps=self.options.max_tool_steps))

    def _states_changed(self, now: float) -> None:
        speaking = self._endpointing.phase is TurnPhase.VOICE
        if self._states.user_is(speaking=speaking, now=now):
            state = act.UserState.SPEAKING if speaking else act.UserState.LISTENING
            at = self._endpointing.burst_at if speaking else self._endpointing.last_voice_at
            self._do(act.ReportUserState(state, at))
        agent = self._agent_state()
        if self._states.agent_is(agent, now):
            self._do(act.ReportAgentState(agent, now))

    def _agent_state(self) -> act.AgentState:
        current = self._stage.current
        if self._floor.is_holding:
            return act.AgentState.LISTENING
        if current is not None and current.state is SpeechState.PLAYING:
            return act.AgentState.SPEAKING
        begun = current is not None or any(True for _ in self._stage)
        return act.AgentState.THINKING if begun else act.AgentState.LISTENING

    def _do(self, *actions: act.Action) -> None:
        self._actions.extend(actions)
