"""The agent's side: the speech that has the floor, those whose tools are at work, and those that wait.

Follows each speech through its life (S-1, S-3): a reply is asked for, arrives, is played, may ask for tools, and goes
on with a reply about their results.
"""

from collections.abc import Iterator
from typing import assert_never

from agent_worker.speech import actions as act
from agent_worker.speech import events as ev
from agent_worker.speech.queue import ReplyState, Speech, SpeechQueue, SpeechState, ToolsState
from agent_worker.speech.replies import Replies

_BEGUN = {SpeechState.WAITING, SpeechState.PLAYING, SpeechState.TOOLS}


class Stage:
    """Every method gives back what is to be done."""

    def __init__(self) -> None:
        self.current: Speech | None = None
        """Has the floor."""
        self._aside: dict[str, Speech] = {}
        self._queue = SpeechQueue()
        self._replies = Replies()

    def __repr__(self) -> str:
        current = f"{self.current.id} {self.current.state.name.lower()}" if self.current else "nobody"
        return f"<Stage {current}, {len(self._aside)} aside, {len(self._queue)} waiting>"

    def __iter__(self) -> Iterator[Speech]:
        """Unfinished speeches in playing order."""
        if self.current is not None:
            yield self.current
        yield from tuple(self._aside.values())
        yield from self._queue

    @property
    def deadline(self) -> float | None:
        """When the model is given up on."""
        return self._replies.deadline

    @property
    def begun(self) -> tuple[Speech, ...]:
        """Speeches that have begun and are not done, in playing order: what a voice may interrupt."""
        return tuple(speech for speech in self if speech.state in _BEGUN or speech.step > 0)

    @property
    def answers(self) -> tuple[Speech, ...]:
        """Speeches that answer a turn and have not begun: a newer turn makes them obsolete (T-3)."""
        return tuple(speech for speech in self if speech.answers_turn and speech not in self.begun)

    @property
    def next(self) -> Speech | None:
        """The speech that may have the floor now, or None: one at a time, and one reply at a time."""
        return None if self.current is not None or len(self._replies) else self._queue.head()

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
        self.current = speech
        speech.state, speech.reply = SpeechState.WAITING, ReplyState.REQUESTED
        self._replies.requested(speech.request_id, deadline)
        choice = speech.tool_choice if speech.step == 0 else None
        if speech.step >= max_tool_steps:
            choice = "none"
        return [
            act.RequestReply(
                speech_id=speech.id,
                request_id=speech.request_id,
                instructions=speech.instructions if speech.step == 0 else None,
                tool_choice=choice,
            )
        ]

    def reply_started(self, event: ev.ReplyStarted) -> list[act.Action]:
        """The model began a reply."""
        self._replies.started(event.request_id, event.response_id)
        speech = self.current
        if speech is None or speech.request_id != event.request_id:
            # It was cut before it began, or nobody here asked for it.
            return [act.CancelReply(event.response_id)]
        speech.reply, speech.response_id = ReplyState.STARTED, event.response_id
        return []

    def audio_arrived(self, event: ev.ReplyAudioArrived) -> list[act.Action]:
        """Play what belongs to the speech that has the floor; what was cut is never heard."""
        speech = self.current
        if speech is None or speech.response_id != event.response_id:
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
        speech = self.current
        if speech is None or speech.request_id != request_id:
            return []
        speech.reply, speech.failure = ReplyState.ENDED, event.failure
        if event.tool_calls:
            speech.tools = ToolsState.RUNNING
        return [act.EndAudio(speech.request_id)]

    def playout_started(self, request_id: str) -> None:
        """The speech is heard."""
        if self.current is not None and self.current.request_id == request_id:
            self.current.state = SpeechState.PLAYING

    def playout_finished(self, request_id: str) -> list[act.Action]:
        """All that the model said so far was heard."""
        speech = self.current
        if speech is None or speech.request_id != request_id or speech.reply is not ReplyState.ENDED:
            return []
        self.current = None
        match speech.tools:
            case ToolsState.NONE:
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

    def cut(self, speech: Speech, give_up_at: float) -> list[act.Action]:
        """Take a speech off, wherever it stands (I-6). Its reply is to end by `give_up_at`."""
        speech.interrupted = True
        actions: list[act.Action] = []
        if speech is self.current:
            if speech.reply in {ReplyState.REQUESTED, ReplyState.STARTED}:
                self._replies.abandon(speech.request_id, give_up_at)
            if speech.reply is ReplyState.STARTED and speech.response_id is not None:
                actions.append(act.CancelReply(speech.response_id))
            actions.append(act.DropOutput(speech.request_id))
            self.current = None
        self._queue.remove(speech)
        self._aside.pop(speech.id, None)
        return [*actions, self._finished(speech)]

    def advance(self, now: float) -> list[act.Action]:
        """Give up on replies that the model owes for too long (S-7)."""
        actions: list[act.Action] = []
        for request_id in self._replies.overdue(now):
            self._replies.ended("", request_id)
            actions.append(act.ReportProblem(f"the model did not answer in time (request {request_id})"))
            if self.current is not None and self.current.request_id == request_id:
                speech, self.current = self.current, None
                speech.failure = "the model did not answer in time"
                actions.append(self._finished(speech))
        return actions

    def _next_step(self, speech: Speech) -> None:
        speech.step += 1
        speech.reply, speech.response_id, speech.tools = ReplyState.NONE, None, ToolsState.NONE
        self.enqueue(speech)

    def _finished(self, speech: Speech) -> act.FinishSpeech:
        speech.state = SpeechState.DONE
        return act.FinishSpeech(speech_id=speech.id, interrupted=speech.interrupted, failure=speech.failure)
