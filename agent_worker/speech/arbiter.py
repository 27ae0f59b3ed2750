"""The arbiter: what a voice, a turn and its words do to the agent's speech, by the table of interruption.

The user's side (TurnTaking) and the agent's side (Stage) meet here: a voice over a speech holds it, and what the
voice was decides whether the speech goes on or is cut and the turn answered (I-1 to I-12).
"""

from collections.abc import Callable
from dataclasses import replace
from math import inf
from typing import assert_never

from agent_worker.speech import actions as act
from agent_worker.speech import events as ev
from agent_worker.speech.floor import Floor
from agent_worker.speech.interruption import HOLDING, JUDGING, VOICE_IN, Effect, Phase, Signal
from agent_worker.speech.options import SpeechOptions, TurnMode
from agent_worker.speech.queue import Speech, SpeechState
from agent_worker.speech.stage import Stage
from agent_worker.speech.turn_taking import TurnTaking
from agent_worker.speech.verdicts import CommittedTurn, Verdicts
from agent_worker.turns.endpointing import Turn, TurnPhase
from agent_worker.turns.evidence import Verdict, judge, words_of
from agent_worker.turns.voice import VoiceStarted

SHORTEST_COMMIT_SECONDS = 0.1
"""Models refuse a shorter turn, also one that the application commits (T-5)."""
SAID_AGAIN_SECONDS = 1.0
"""What a model tells of within this, once it is back, may have been said while it was away."""
_ROUNDING = 1e-9


class Arbiter:
    """Decides, and hands what is to be done to `do`.

    Args:
        options: How it decides; the conversation lays changes in.
        transcribes: Whether the model says what it heard.
        user: The user's side.
        stage: The agent's side.
        do: Takes the actions, in their order.
        answer: Has the turn that was just decided upon answered; True: the model does so by itself.

    """

    def __init__(
        self,
        options: SpeechOptions,
        *,
        transcribes: bool,
        user: TurnTaking,
        stage: Stage,
        do: Callable[..., None],
        answer: Callable[[float, bool], None],
    ) -> None:
        self.options = options
        self.floor = Floor()
        self._transcribes = transcribes
        self._user = user
        self._stage = stage
        self._do = do
        self._answer = answer
        self._verdicts = Verdicts()
        self._said_again_until = -inf

    def __repr__(self) -> str:
        return f"<Arbiter {self.floor}, {len(self._verdicts)} in doubt>"

    @property
    def deadline(self) -> float | None:
        """When `advance` is to be called, or None."""
        due = (self._user.over_at, self._voice_confirmed_at(), self.floor.resume_at, self._verdicts.deadline)
        return min((time for time in due if time is not None), default=None)

    def advance(self, now: float) -> None:
        """What follows from the time alone."""
        turn = self._user.advance(now)
        if turn is not None:
            lost = self.options.turn_detection is TurnMode.SERVER
            self._turn_over(turn, Signal.TURN_SHORT if lost else self._kind_of(turn), now)
        while (overdue := self._verdicts.overdue(now)) is not None:
            self._overdue(overdue, now)
        if self.floor.resume_at is not None and now >= self.floor.resume_at:
            self._signal(Signal.SILENCE, now)

    # Turns.

    def follow_user(self, before: TurnPhase, now: float) -> None:
        """Tell the floor what has become of the user's voice."""
        if before is TurnPhase.NONE and self._user.is_open:
            self._do(act.OpenTurn(self._user.started_at))
        if self._user.is_voice and before is not TurnPhase.VOICE:
            self._signal(Signal.VOICE_AGAIN, now)
        elif before is TurnPhase.VOICE and not self._user.is_voice:
            if self._user.voiced(now) >= self.options.min_turn_duration:
                self.confirm_voice(now)
            self._signal(Signal.VOICE_STOPPED, now)

    def end_turn(self, at: float, now: float, *, counts: bool) -> None:
        """End the open turn at once, by somebody's word."""
        self._hush(at, now)
        turn = self._user.end()
        if turn is None:
            return
        counts = counts and turn.voiced >= SHORTEST_COMMIT_SECONDS and not self.is_protected()
        self._turn_over(turn, Signal.TURN_SURE if counts else Signal.TURN_SHORT, now)

    def server_ended(self, now: float) -> Turn | None:
        """The model ended a turn by itself (I-11); None where it was told not to."""
        if not self._user.is_open:
            # It heard what nobody told of: a voice of unknown length, but long enough to be one.
            before = self._user.phase
            at = now - self.options.min_interruption_duration
            self._user.hear(VoiceStarted(at), over_agent=False)
            self.follow_user(before, now)
        self._hush(now, now)
        turn = self._user.end()
        if turn is not None and turn.started_at <= self._said_again_until:
            # It heard all of it, or its beginning, at once: its length is unknown as well.
            turn = replace(turn, voiced=max(turn.voiced, self.options.min_interruption_duration))
        return turn

    def model_lost(self, now: float) -> None:
        """The model is away. Where it tells of voices, nobody will tell when this one ends."""
        if self.options.turn_detection is TurnMode.SERVER:
            self.end_turn(now, now, counts=False)

    def model_restored(self, now: float) -> None:
        """It is back, and hears what was said meanwhile faster than it was said."""
        self._said_again_until = now + SAID_AGAIN_SECONDS

    def _hush(self, at: float, now: float) -> None:
        before = self._user.phase
        self._user.hush(at)
        self.follow_user(before, now)

    def server_committed(self, turn: Turn, item_id: str, now: float) -> None:
        """A turn that the model ended is this item; one that the model answers by itself counts in any case."""
        kind = Signal.TURN_SURE if self.options.server_interrupts else self._kind_of(turn)
        self._turn_over(turn, kind, now, item_id=item_id)

    def _turn_over(self, turn: Turn, kind: Signal, now: float, *, item_id: str | None = None) -> None:
        self.floor.turn, self.floor.turn_item = turn, item_id
        self._signal(kind, now)

    def confirm_voice(self, now: float) -> None:
        """Hold, or cut, once a voice over an interruptible speech has lasted long enough (I-1, I-9)."""
        if self.floor.phase is not Phase.FREE or not self._user.is_open or not self.contested():
            return
        signal, seconds = self._evidence()
        if self._user.voiced(now) >= seconds - _ROUNDING:
            self._signal(signal, now)

    def _voice_confirmed_at(self) -> float | None:
        """When a voice whose going on nobody tells of will have lasted long enough."""
        if self.floor.phase is not Phase.FREE or not self._user.is_voice or not self.contested():
            return None
        return self._user.grows_to(self._evidence()[1])

    def _evidence(self) -> tuple[Signal, float]:
        """What a voice over the agent's speech does, and after how many seconds of it."""
        options = self.options
        if options.turn_detection is TurnMode.SERVER and options.server_interrupts:
            return Signal.VOICE_FINAL, 0.0
        manual = options.turn_detection is TurnMode.MANUAL
        if options.resume_false_interruption:
            return Signal.VOICE_CONFIRMED, 0.0 if manual else options.pause_after
        return Signal.VOICE_FINAL, 0.0 if manual else options.min_interruption_duration

    def _kind_of(self, turn: Turn) -> Signal:
        """What a turn that is over counts for."""
        options = self.options
        if turn.voiced < options.min_turn_duration or self.is_protected():
            return Signal.TURN_SHORT
        if not self.contested() or turn.voiced > options.sure_turn_duration:
            return Signal.TURN_SURE
        if self._transcribes:
            return Signal.TURN_DOUBTFUL
        return Signal.TURN_SURE if turn.voiced >= options.min_interruption_duration else Signal.TURN_SHORT

    def named(self, item_id: str) -> None:
        """The model named the turn that was committed first."""
        turn = self._verdicts.named(item_id)
        if turn is not None and turn.unwanted:
            self._do(act.DeleteItem(item_id))

    def read(self, event: ev.TurnTranscribed, now: float) -> None:
        """A transcript decides about a turn in doubt (I-4)."""
        turn = self._verdicts.find(event.item_id)
        if turn is None:
            return
        turn.text = event.text if event.text is not None and words_of(event.text) else ""
        if event.text is None:
            meant = turn.strong
        elif self.contested() and not self._asked():
            verdict = judge(
                self._verdicts.words_with(turn.text),
                backchannels=self.options.backchannels,
                min_words=self.options.min_interruption_words,
            )
            meant = bool(turn.text) and verdict is Verdict.MEANT
        else:
            # What is a backchannel over a speech ("yeah") is an answer after it, or at the end of its question.
            meant = bool(turn.text)
        self._decide(turn, meant=meant, now=now)

    def _overdue(self, turn: CommittedTurn, now: float) -> None:
        """The words of a turn have been waited for long enough: the length of its voice has to do."""
        if turn.strong or self._verdicts.is_late(turn):
            self._decide(turn, meant=turn.strong, now=now)
            return
        self._verdicts.wait_on(turn, now + self.options.interruption_watchdog)
        if not len(self._verdicts):
            self._signal(Signal.NO_WORDS, now)

    def _decide(self, turn: CommittedTurn, *, meant: bool, now: float) -> None:
        if meant:
            self._verdicts.accept_all()
            self._signal(Signal.WORDS, now)
            return
        late = self._verdicts.is_late(turn)
        self._verdicts.dismiss(turn)
        self._delete(self._verdicts.take_back(wordless=self.floor.phase is not Phase.FREE))
        if not late and not len(self._verdicts):
            self._signal(Signal.NO_WORDS, now)

    # What it does to the floor.

    def _signal(self, signal: Signal, now: float) -> None:
        for effect in self.floor.receive(signal, now, self.options.false_interruption_timeout):
            self._effect(effect, signal, now)
        phase = self.floor.phase
        assert (phase in JUDGING) == (len(self._verdicts) > 0), f"{phase.name} with {len(self._verdicts)} in doubt"
        assert phase is not Phase.FREE or not self.floor.is_holding, "the floor is free, and the output still held"
        # A verdict may come when the speech is gone already; that signal follows.
        sound = signal is Signal.NO_WORDS or phase not in HOLDING or self.floor.is_holding or self.contested()
        assert sound, f"{phase.name} with nothing to hold"

    def _effect(self, effect: Effect, signal: Signal, now: float) -> None:
        match effect:
            case Effect.HOLD:
                self._hold(now)
            case Effect.RESUME:
                self._resume(now)
            case Effect.RELEASE:
                self._delete(self._verdicts.take_back())
                self._let_go(now, ended=True)
            case Effect.COMMIT:
                self._commit(now, in_doubt=signal is Signal.TURN_DOUBTFUL)
            case Effect.CLEAR:
                self._clear()
            case Effect.CUT:
                voice_at = self._user.started_at
                self.cut(self._stage.begun, now, voice_at=voice_at)
                self.cut(self._stage.answers, now, force=True, voice_at=voice_at)
            case Effect.ANSWER:
                by_itself = signal is Signal.TURN_SURE and self.floor.turn_item is not None
                self._answer(now, by_itself and self.options.server_interrupts)
            case _:
                assert_never(effect)

    def _hold(self, now: float) -> None:
        voice_at = self._user.started_at
        speech = self._stage.current or self._stage.begun[0]
        self.floor.hold(speech.id, voice_at=voice_at, at=now)
        self._do(act.HoldOutput(), act.ReportHold(voice_at, now))

    def _resume(self, now: float) -> None:
        self._delete(self._verdicts.take_back())
        if self.options.false_interruption_timeout is None:
            self.cut(self._stage.begun, now)
        else:
            self._let_go(now, rewind=self.options.resume_rewind)

    def _let_go(self, now: float, *, rewind: float = 0.0, ended: bool = False) -> None:
        """Release the output, if it is held: its speech goes on, or has `ended` by itself."""
        if not self.floor.is_holding:
            return
        gone = ended and self._stage.find(self.floor.held_speech) is None
        self._report(act.Outcome.ENDED if gone else act.Outcome.RESUMED, self.floor.held_speech, now)
        self.floor.let_go()
        self._do(act.ResumeOutput(rewind))

    def _commit(self, now: float, *, in_doubt: bool) -> None:
        turn = self.floor.turn
        assert turn is not None, "a turn is noted before it is decided upon"
        if not in_doubt:
            self._verdicts.accept_all()
        self._verdicts.committed(
            CommittedTurn(
                in_doubt=in_doubt,
                strong=turn.voiced >= self.options.min_interruption_duration,
                deadline=now + self.options.verdict_timeout,
                item_id=self.floor.turn_item,
            )
        )
        if self.floor.turn_item is None:
            self._do(act.CommitTurn())
        self._do(act.ReportTurn(started_at=turn.started_at, ended_at=turn.ended_at))

    def _clear(self) -> None:
        if self.floor.turn_item is not None:
            self._do(act.DeleteItem(self.floor.turn_item))
        elif self.options.turn_detection is not TurnMode.SERVER:
            self._do(act.ClearTurn())

    def _delete(self, item_ids: list[str]) -> None:
        self._do(*(act.DeleteItem(item_id) for item_id in item_ids))

    def cut(
        self, speeches: tuple[Speech, ...], now: float, *, force: bool = False, voice_at: float | None = None
    ) -> None:
        """Cut in playing order, up to the first protected speech that is still to be heard (S-5).

        There is to be no hole in what is said: what stands behind a protected speech stays with it.
        """
        for speech in speeches:
            if force or self.interruptible(speech):
                self._cut_one(speech, now, voice_at)
            elif speech.state is not SpeechState.TOOLS:
                break
        if self.floor.is_holding and self._stage.current is None:
            self.floor.let_go()
            self._do(act.ResumeOutput())

    def _cut_one(self, speech: Speech, now: float, voice_at: float | None) -> None:
        if speech in self._stage.begun:
            self._report(act.Outcome.CUT, speech.id, now, voice_at=voice_at)
        self._do(*self._stage.cut(speech, now, give_up_at=now + self.options.interruption_watchdog))

    def _report(self, outcome: act.Outcome, speech_id: str, now: float, *, voice_at: float | None = None) -> None:
        if self.floor.is_holding:
            voice_at = self.floor.voice_at
        self._do(
            act.ReportInterruption(
                outcome=outcome,
                speech_id=speech_id,
                voice_at=now if voice_at is None else voice_at,
                held_at=self.floor.held_at,
                decided_at=now,
            )
        )

    def release_for_nobody(self, now: float) -> None:
        """The speech that was held ended another way, or became protected: nothing stays held for nobody (I-10)."""
        phase = self.floor.phase
        assert phase is Phase.FREE or VOICE_IN[phase] is self._user.phase, f"{phase.name} in a {self._user.phase}"
        if not self.contested() and (self.floor.is_holding or phase in HOLDING):
            self._signal(Signal.SPEECH_GONE, now)

    # What may be held or cut.

    def is_protected(self) -> bool:
        """Whether a speech has the floor that no voice may hold or cut (I-12)."""
        return self._stage.current is not None and not self.interruptible(self._stage.current)

    def interruptible(self, speech: Speech) -> bool:
        """Whether a voice may hold and cut it: as it says itself, else as the options say."""
        return self.options.allow_interruptions if speech.interruptible is None else speech.interruptible

    def _asked(self) -> bool:
        """Whether what is said has come to the end of a question."""
        return self._stage.current is not None and self._stage.current.asked

    def is_sounding(self) -> bool:
        """Whether the agent is heard at this moment."""
        current = self._stage.current
        return current is not None and current.state is SpeechState.PLAYING and not self.floor.is_holding

    def contested(self) -> bool:
        """Whether a voice now would be a voice over something that may be held."""
        if self._stage.current is not None:
            return self.interruptible(self._stage.current)
        return any(self.interruptible(speech) for speech in self._stage.begun)
