"""The agent's side: the speech that has the floor, those whose tools are at work, and those that wait.

Follows each speech through its life (S-1, S-3): a reply is asked for, arrives, is played, may ask for tools, and goes
on with a reply about their results.
"""

from collections.abc import Iterator
from typing import Final, assert_never

from agent_worker.speech import actions as act
from agent_worker.speech import events as ev
from agent_worker.speech.queue import (
    ReplyState,
    Speech,
    SpeechKind,
    SpeechQueue,
    SpeechState,
    SpeechStatistics,
    ToolsState,
)
from agent_worker.speech.replies import Replies

_BEGUN = {SpeechState.WAITING, SpeechState.PLAYING, SpeechState.TOOLS}
MAX_CONTINUATIONS: Final = 3
"""Times that one speech goes on after a broken connection."""
_HEARD_OUT = {ReplyState.ENDED, ReplyState.STALLED}
"""Nothing more is to come."""


class Stage:
    """Every method gives back what is to be done."""

    def __init__(self) -> None:
        self.current: Speech | None = None
        """Has the floor."""
        self.heard_at: float | None = None
        """When the last sound of the last speech was heard; None before the first."""
        self._aside: dict[str, Speech] = {}
        self._queue = SpeechQueue()
        self._replies = Replies()
        self._scripts = Replies()
        self._expected: str | None = None
        """A request that nobody made: the model was heard to end a turn, and answers it by itself."""

    def __repr__(self) -> str:
        current = f"{self.current.id} {self.current.state.name.lower()}" if self.current else "nobody"
        return f"<Stage {current}, {len(self._aside)} aside, {len(self._queue)} waiting>"

    def __iter__(self) -> Iterator[Speech]:
        """Unfinished speeches in playing order: those whose tools are at work have been heard already."""
        aside = tuple(self._aside.values())
        yield from (speech for speech in aside if speech.state is SpeechState.TOOLS)
        if self.current is not None:
            yield self.current
        yield from (speech for speech in aside if speech.state is not SpeechState.TOOLS)
        yield from self._queue

    @property
    def deadline(self) -> float | None:
        """When the model, or the voice of a script, is given up on."""
        due = [time for time in (self._replies.deadline, self._scripts.deadline) if time is not None]
        return min(due, default=None)

    @property
    def is_empty(self) -> bool:
        """Whether nothing is under way and nothing waits."""
        return self.current is None and not self._aside and not len(self._queue)

    @property
    def is_idle(self) -> bool:
        """Whether nobody has the floor and the model owes no reply."""
        return self.current is None and not len(self._replies)

    @property
    def begun(self) -> tuple[Speech, ...]:
        """Speeches that have begun and are not done, in playing order: what a voice may interrupt."""
        return tuple(speech for speech in self if speech.state in _BEGUN or speech.has_spoken)

    @property
    def answers(self) -> tuple[Speech, ...]:
        """Speeches that answer a turn and have not begun: a newer turn makes them obsolete (T-3)."""
        return tuple(speech for speech in self if speech.answers_turn and speech not in self.begun)

    @property
    def next(self) -> Speech | None:
        """The speech that may have the floor now, or None: one at a time, and one reply of the model at a time."""
        head = self._queue.head() if self.current is None else None
        if head is None or head.kind is SpeechKind.SCRIPT or not len(self._replies):
            return head
        return None

    def find(self, speech_id: str) -> Speech | None:
        """The unfinished speech of that id."""
        return next((speech for speech in self if speech.id == speech_id), None)

    def statistics(self) -> SpeechStatistics:
        """How many speeches there are."""
        begun = len(self.begun)
        return SpeechStatistics(waiting=sum(1 for _ in self) - begun, begun=begun)

    def enqueue(self, speech: Speech) -> None:
        """A speech waits for the floor."""
        speech.state = SpeechState.QUEUED
        self._queue.push(speech)

    def hold_back(self, speech: Speech) -> None:
        """A speech waits for the application's word (T-3)."""
        speech.state = SpeechState.HELD_BACK
        self._aside[speech.id] = speech

    def hook_finished(self, event: ev.TurnHookFinished) -> list[act.Action]:
        """The application has seen the turn that a speech answers."""
        speech = self._aside.get(event.speech_id)
        if speech is None or speech.state is not SpeechState.HELD_BACK:
            return []
        del self._aside[speech.id]
        if not event.reply:
            return [self._finished(speech)]
        self.enqueue(speech)
        return []

    def begin(self, speech: Speech, *, deadline: float, max_tool_steps: int) -> list[act.Action]:
        """Give the floor to a waiting speech; its reply is to begin by `deadline`.

        The first reply is made as the speech was asked for, those about tools' results as the model likes; after
        `max_tool_steps` of them without tools, so that no model talks to its tools for ever (U-5).
        """
        self._queue.remove(speech)
        self._take_floor(speech)
        if speech.kind is SpeechKind.SCRIPT:
            self._scripts.requested(speech.request_id, deadline)
            return [act.SpeakScript(speech_id=speech.id, request_id=speech.request_id)]
        self._replies.requested(speech.request_id, deadline)
        choice = speech.tool_choice if speech.step == 0 else None
        if speech.step >= max_tool_steps:
            choice = "none"
        continues, speech.lost = speech.lost, False
        return [
            act.RequestReply(
                speech_id=speech.id,
                request_id=speech.request_id,
                instructions=speech.instructions if speech.step == 0 else None,
                tool_choice=choice,
                continues=continues,
                tool_names=speech.tool_names if speech.step == 0 else None,
            )
        ]

    def expect(self, speech: Speech, *, deadline: float) -> None:
        """Give the floor to a speech whose reply the model begins by itself (I-11)."""
        self._take_floor(speech)
        self._expected = speech.request_id
        self._replies.requested(speech.request_id, deadline)

    def reply_started(self, event: ev.ReplyStarted, deadline: float) -> list[act.Action]:
        """The model, or the voice of a script, began a reply; a model is to go on with it by `deadline`."""
        if event.request_id == event.response_id:
            return self._script_started(event.response_id)
        request_id, by_itself = event.request_id, event.request_id is None
        if by_itself:
            request_id, self._expected = self._expected, None
        self._replies.started(request_id, event.response_id, deadline)
        speech = self.current
        waits = speech is not None and speech.reply is ReplyState.REQUESTED
        if speech is None or request_id is None or speech.request_id != request_id or not waits:
            # It was cut before it began, or nobody here asked for it, or another one has answered already.
            return [act.CancelReply(event.response_id)]
        speech.reply, speech.response_id = ReplyState.STARTED, event.response_id
        if by_itself:
            return [act.AdoptReply(speech_id=speech.id, request_id=request_id, response_id=event.response_id)]
        return []

    def _script_started(self, request_id: str) -> list[act.Action]:
        self._scripts.started(request_id, request_id)
        if self.current is not None and self.current.request_id == request_id:
            self.current.reply, self.current.response_id = ReplyState.STARTED, request_id
        return []

    def _take_floor(self, speech: Speech) -> None:
        self.current = speech
        speech.state, speech.reply = SpeechState.WAITING, ReplyState.REQUESTED

    def reply_progressed(self, event: ev.ReplyProgressed, deadline: float) -> None:
        """The model goes on with a reply, or has made all of it."""
        if event.made:
            self._replies.made(event.response_id)
        else:
            self._replies.progressed(event.response_id, deadline)

    def audio_arrived(self, event: ev.ReplyAudioArrived, deadline: float) -> list[act.Action]:
        """Play what belongs to the speech that has the floor; what was cut is never heard."""
        self._replies.progressed(event.response_id, deadline)
        speech = self.current
        if speech is None or speech.response_id != event.response_id or speech.reply is not ReplyState.STARTED:
            return []
        return [
            act.PlayAudio(
                request_id=speech.request_id,
                item_id=event.item_id,
                content_index=event.content_index,
                pcm=event.pcm,
            )
        ]

    def reply_ended(self, event: ev.ReplyEnded) -> list[act.Action]:
        """No more of a reply will come."""
        request_id = self._replies.ended(event.response_id, event.request_id)
        self._scripts.ended(event.response_id, event.request_id)
        speech = self.current
        if speech is None or speech.request_id != request_id:
            return []
        speech.reply, speech.failure = ReplyState.ENDED, event.failure or speech.failure
        if event.tool_calls:
            speech.tools = ToolsState.RUNNING
        elif event.lost:
            speech.lost = True
        return [act.EndAudio(speech.request_id)]

    def model_lost(self, now: float) -> None:
        """The model cannot be reached."""
        self._replies.suspend(now)

    def model_restored(self, now: float) -> None:
        """The model can be reached again."""
        self._replies.resume(now)

    def playout_started(self, request_id: str) -> None:
        """The speech is heard."""
        if self.current is not None and self.current.request_id == request_id:
            self.current.state = SpeechState.PLAYING

    def question_heard(self, request_id: str) -> None:
        """What the speech says ends with a question, and that was heard."""
        if self.current is not None and self.current.request_id == request_id:
            self.current.asked = True

    def playout_finished(self, request_id: str, now: float, *, give_up_at: float) -> list[act.Action]:
        """All that was said so far was heard. A reply that had stalled is to end by `give_up_at`."""
        speech = self.current
        if speech is None or speech.request_id != request_id or speech.reply not in _HEARD_OUT:
            return []
        self.current = None
        self._was_heard(speech, now)
        if speech.reply is ReplyState.STALLED:
            # Not earlier: a model that is told to stop forgets what was not heard by then.
            return [*self._stop_reply(speech, give_up_at), act.DropOutput(request_id), self._finished(speech)]
        match speech.tools:
            case ToolsState.NONE if speech.lost and speech.continuations < MAX_CONTINUATIONS:
                speech.continuations += 1
                self._next_reply(speech)
                self._queue.put_back(speech)
            case ToolsState.NONE:
                if speech.lost:
                    speech.failure = f"the connection to the model broke {MAX_CONTINUATIONS + 1} times in one reply"
                return [self._finished(speech)]
            case ToolsState.RUNNING:
                speech.state = SpeechState.TOOLS
                self._aside[speech.id] = speech
            case ToolsState.WANT_REPLY:
                self._next_step(speech)
            case _:
                assert_never(speech.tools)
        return []

    def tools_finished(self, event: ev.ToolsFinished) -> list[act.Action]:
        """The tools of a speech have answered."""
        aside = self._aside.get(event.speech_id)
        if aside is not None and aside.state is SpeechState.TOOLS:
            del self._aside[aside.id]
            if not event.reply:
                return [self._finished(aside)]
            self._next_step(aside)
        elif self.current is not None and self.current.id == event.speech_id:
            # The tools were faster than the voice.
            self.current.tools = ToolsState.WANT_REPLY if event.reply else ToolsState.NONE
        return []

    def cut(self, speech: Speech, now: float, *, give_up_at: float) -> list[act.Action]:
        """Take a speech off, wherever it stands (I-6). Its reply is to end by `give_up_at`."""
        speech.interrupted = True
        actions: list[act.Action] = []
        if speech is self.current:
            actions = [*self._stop_reply(speech, give_up_at), act.DropOutput(speech.request_id)]
            self._was_heard(speech, now)
            self.current = None
        self._queue.remove(speech)
        self._aside.pop(speech.id, None)
        return [*actions, self._finished(speech)]

    def advance(self, now: float) -> list[act.Action]:
        """Give up on replies that are owed for too long (S-7)."""
        actions: list[act.Action] = []
        for owed, who in ((self._replies, "the model"), (self._scripts, "the synthesiser")):
            for request_id in owed.overdue(now):
                speech = self.current
                if speech is not None and speech.request_id == request_id and speech.reply is ReplyState.STARTED:
                    actions += self._stalled(speech)
                    continue
                owed.ended("", request_id)
                actions += self._give_up(request_id, f"{who} did not answer in time")
        return actions

    def _stalled(self, speech: Speech) -> list[act.Action]:
        """The model fell silent in the middle of a reply: what came of it is all that is heard."""
        speech.reply, speech.failure = ReplyState.STALLED, "the model stopped in the middle of its reply"
        if speech.response_id is not None:
            self._replies.progressed(speech.response_id, None)
        return [
            act.ReportProblem(f"{speech.failure} (request {speech.request_id})"),
            act.EndAudio(speech.request_id),
        ]

    def _give_up(self, request_id: str, reason: str) -> list[act.Action]:
        actions: list[act.Action] = [act.ReportProblem(f"{reason} (request {request_id})")]
        if request_id == self._expected:
            self._expected = None
        if self.current is not None and self.current.request_id == request_id:
            speech, self.current = self.current, None
            speech.failure = reason
            if speech.kind is SpeechKind.SCRIPT:
                actions.append(act.CancelScript(request_id))
            actions.append(self._finished(speech))
        return actions

    def _stop_reply(self, speech: Speech, give_up_at: float) -> list[act.Action]:
        if speech.reply in {ReplyState.NONE, ReplyState.ENDED}:
            return []
        if speech.kind is SpeechKind.SCRIPT:
            self._scripts.ended(speech.request_id, speech.request_id)
            return [act.CancelScript(speech.request_id)]
        self._replies.abandon(speech.request_id, give_up_at)
        if speech.reply is not ReplyState.REQUESTED and speech.response_id is not None:
            return [act.CancelReply(speech.response_id)]
        return []

    def _was_heard(self, speech: Speech, now: float) -> None:
        if speech.state is SpeechState.PLAYING:
            self.heard_at = now

    def _next_step(self, speech: Speech) -> None:
        speech.step += 1
        self._next_reply(speech)
        self.enqueue(speech)

    def _next_reply(self, speech: Speech) -> None:
        speech.state = SpeechState.QUEUED
        speech.reply, speech.response_id, speech.tools = ReplyState.NONE, None, ToolsState.NONE
        speech.asked = False

    def _finished(self, speech: Speech) -> act.FinishSpeech:
        speech.state = SpeechState.DONE
        return act.FinishSpeech(speech_id=speech.id, interrupted=speech.interrupted, failure=speech.failure)
