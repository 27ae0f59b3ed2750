"""One conversation over any number of connections (M-4). Pure: commands, events and losses in, actions out.

    session -> send -> sequencer, sound, history -> Send -> the current connection
    the current connection -> receive -> the session's ids -> Tell -> session

When the connection is lost, a new one is opened with the last settings and the history; what the user was saying, and
what the model was asked for, follows. Before a provider ends a session by itself, a new connection is opened, and is
used from the next moment on in which nobody says anything.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from agent_worker.history.diff import ROOT, Deletion, Insertion
from agent_worker.history.items import FunctionCallOutput, Item
from agent_worker.realtime import base as rt
from agent_worker.realtime.backoff import Backoff
from agent_worker.realtime.enduring_actions import Action, Fail, Leave, Open, Send, Tell, Use
from agent_worker.realtime.model_copy import ModelCopy, is_blank
from agent_worker.realtime.sequencer import Sequencer
from agent_worker.realtime.unheard import Taken, Unheard

KEPT_COMMANDS: Final = 256
"""Items and such that wait for a connection; beyond them the oldest is forgotten."""
SPARE_SECONDS: Final = 300.0
"""How long before its end a session is left, if it lasts an hour; of a shorter one it is a tenth."""
AGAIN_SECONDS: Final = 30.0
"""Until a connection that is to stand in for a living one is tried again."""
FOLLOW_SECONDS: Final = 1.0
"""Between two looks at what is still being heard of a reply whose connection is lost."""

COMMIT_REFUSED: Final = "input_audio_buffer_commit_empty"
PASSING: Final = frozenset(
    {"rate_limit_exceeded", "inference_rate_limit_exceeded", "server_error", "session_expired", "overloaded"}
)
"""Refusals of a connection that a later attempt may not meet."""

_Content = rt.OutputItemStarted | rt.OutputAudio | rt.OutputTranscript | rt.OutputAudioDone | rt.FunctionCallReady


@dataclass(frozen=True, slots=True, kw_only=True)
class Endurance:
    """How long a model is waited for, and when its connection is renewed."""

    patience: float = 60.0
    """Seconds from a loss to the last attempt to connect again."""
    first_patience: float = 10.0
    """The same before the conversation has begun: a model that is not there at all is told of soon."""
    max_age: float = 55 * 60.0
    """Seconds after which a connection is renewed in a pause, if its provider does not end it sooner."""


@dataclass(slots=True)
class _Opening:
    """A connection that was asked for: what it was told, as far as it has come."""

    number: int
    settings: rt.SessionSettings
    copy: ModelCopy
    ready: bool = False
    lifetime: float | None = None


class Continuity:
    """What the shell does is decided here.

    Args:
        settings: How the model is to behave.
        history: Gives what was said so far.
        endurance: How long to wait for what.
        input_rate: Samples per second of the user's sound.
        transcribed: Whether the model says what it heard.
        jitter: Random numbers from 0 to 1.

    Attributes:
        settings: How the model is to behave now.

    """

    def __init__(
        self,
        settings: rt.SessionSettings,
        history: Callable[[], Sequence[Item]],
        *,
        endurance: Endurance,
        input_rate: int,
        transcribed: bool,
        jitter: Callable[[], float],
    ) -> None:
        self.settings = settings
        self._history = history
        self._endurance = endurance
        self._backoff = Backoff(patience=endurance.first_patience, jitter=jitter)
        self._sequencer = Sequencer()
        self._unheard = Unheard(rate=input_rate, transcribed=transcribed)
        self._unheard.follow(settings.turn_detection)
        self._number = 0
        self._current: int | None = None
        self._copy = ModelCopy()
        self._opening: _Opening | None = None
        self._open_at: float | None = None
        self._renew_at: float | None = None
        self._follow_at: float | None = None
        self._lost_at: float | None = None
        self._begun = False
        self._waiting: list[rt.RealtimeCommand] = []
        self._unsaid: set[str] = set()

    def __repr__(self) -> str:
        return f"<Continuity on connection {self._current}, {self._sequencer}, {self._unheard}>"

    @property
    def deadline(self) -> float | None:
        """When `advance` is to be called, or None."""
        renew_at = self._renew_at if self._current is not None and self._opening is None and self._is_quiet else None
        due = (self._open_at, self._follow_at, renew_at, self._sequencer.deadline)
        return min((time for time in due if time is not None), default=None)

    def begin(self) -> list[Action]:
        """The first connection."""
        return [self._open()]

    def advance(self, now: float) -> list[Action]:
        """What follows from the time alone."""
        actions: list[Action] = []
        if self._open_at is not None and self._open_at <= now:
            self._open_at = None
            actions.append(self._open())
        if self._follow_at is not None and self._follow_at <= now:
            actions += self._follow(now)
        actions += self._sequencer.advance(now)
        return [*actions, *self._settle(now)]

    # Connections.

    def told(self, number: int) -> Sequence[Item]:
        """What a new connection is told as it is opened."""
        history = [item for item in self._history() if not is_blank(item) and not self._unheard.is_pending(item.id)]
        if self._opening is not None and self._opening.number == number:
            self._opening.copy = ModelCopy(history)
        return history

    def connected(self, number: int, now: float, *, lifetime: float | None = None) -> list[Action]:
        """A connection is ready; its provider will end it after `lifetime` seconds."""
        opening = self._opening
        if opening is None or opening.number != number:
            return [Leave(number)]
        opening.ready, opening.lifetime = True, lifetime
        if self._current is None:
            self._backoff.connected(now)
            return self._take_over(opening, now)
        return self._settle(now)

    def lost(self, number: int, why: str, now: float) -> list[Action]:
        """A connection is lost, or could not be opened."""
        if self._opening is not None and self._opening.number == number:
            self._opening = None
            if self._current is None:
                return self._try_again(why, now)
            self._renew_at = now + AGAIN_SECONDS
            return []
        if number != self._current:
            return []
        self._current, self._renew_at, self._follow_at, self._lost_at = None, None, None, now
        actions: list[Action] = [Tell(rt.ConnectionLost(why))]
        self._unsaid.clear()
        for item_id in self._unheard.lost():
            actions.append(Tell(rt.InputTranscriptionFailed(item_id, "the connection broke")))
        actions += self._sequencer.lost()
        if self._opening is None:
            return [*actions, *self._try_again(why, now)]
        if self._opening.ready:
            self._backoff.connected(now)
            actions += self._take_over(self._opening, now)
        return actions

    def refused(self, number: int, message: str, code: str, now: float) -> list[Action]:
        """A connection was refused: for good, unless it is a matter of time or another one lives."""
        living = self._current is not None and number != self._current
        if living or code in PASSING:
            return self.lost(number, message, now)
        return [Fail(message=message, code=code)]

    def _open(self) -> Open:
        self._number += 1
        self._opening = _Opening(self._number, self.settings, ModelCopy())
        return Open(self._number)

    def _try_again(self, why: str, now: float) -> list[Action]:
        self._open_at = self._backoff.lost(now)
        if self._open_at is not None:
            return self.advance(now) if self._open_at <= now else []
        if self._lost_at is None:
            return [Fail(message=why, code=None)]
        message = f"{why} It was tried {self._backoff.attempts} times in {now - self._lost_at:.0f} s."
        return [Fail(message=message, code=None)]

    def _take_over(self, opening: _Opening, now: float) -> list[Action]:
        """A connection that is ready becomes the current one."""
        self._opening, self._current, self._copy = None, opening.number, opening.copy
        actions: list[Action] = [Use(opening.number)]
        age = self._endurance.max_age
        if opening.lifetime is not None:
            age = min(age, opening.lifetime - min(SPARE_SECONDS, opening.lifetime / 10))
        self._renew_at = now + max(age, 0.0)
        if opening.settings != self.settings:
            actions.append(Send(rt.UpdateSession(self.settings)))
        if self._begun:
            actions += self._follow(now)
            self._follow_at = now + FOLLOW_SECONDS
        waiting, self._waiting = self._waiting, []
        for command in waiting:
            actions += self._send_other(command, now)
        actions += [Send(command) for command in self._unheard.replay()]
        if self._unheard.answer_due:
            actions += self._sequencer.request_answer(now)
        actions += self._sequencer.restored(now)
        if self._lost_at is not None and self._begun:
            actions.append(Tell(rt.ConnectionRestored(now - self._lost_at)))
        self._backoff.patience, self._begun, self._lost_at = self._endurance.patience, True, None
        return actions

    @property
    def _is_quiet(self) -> bool:
        return self._sequencer.is_idle and self._unheard.is_idle

    def _settle(self, now: float) -> list[Action]:
        """Between turns a connection that grows old gives way to a new one."""
        old = self._current
        if old is None or not self._is_quiet:
            return []
        if self._opening is not None and self._opening.ready:
            self._unheard.lost()
            self._sequencer.lost()
            self._backoff.connected(now)
            return [*self._take_over(self._opening, now), Leave(old)]
        if self._opening is None and self._renew_at is not None and self._renew_at <= now:
            return [self._open()]
        return []

    def _follow(self, now: float) -> list[Action]:
        """What the model was told in words is made equal to the history."""
        history = self._history()
        actions: list[Action] = []
        for change in self._copy.follow([item for item in history if not self._is_unheard(item)]):
            match change:
                case Deletion(item_id):
                    self._unsaid.add(item_id)
                    actions.append(Send(rt.DeleteItem(item_id)))
                case Insertion(item=item, after=after):
                    previous = self._unheard.taken_as(after)
                    actions.append(Send(rt.CreateItem(item=item, previous_item_id=previous)))
        being_heard = any(is_blank(item) and item.id not in self._copy for item in history)
        self._follow_at = now + FOLLOW_SECONDS if being_heard else None
        return actions

    def _is_unheard(self, item: Item) -> bool:
        return self._unheard.is_pending(item.id) and item.id not in self._copy

    @property
    def _has_moved(self) -> bool:
        """Whether the history began on another connection."""
        return self._number > 1

    # Commands.

    def send(self, command: rt.RealtimeCommand, now: float) -> list[Action]:
        """The session tells the model something."""
        online = self._current is not None
        match command:
            case rt.AppendAudio(pcm):
                self._unheard.append(pcm)
                actions: list[Action] = [Send(command)] if online else []
            case rt.CommitAudio():
                self._unheard.commit()
                actions = [Send(command)] if online else []
            case rt.ClearAudio():
                self._unheard.clear()
                actions = [Send(command)] if online else []
            case rt.CreateResponse():
                actions = self._follow(now) if online and self._has_moved else []
                actions += self._sequencer.request(command, now)
            case rt.CancelResponse(response_id):
                actions = self._sequencer.cancel(response_id, now)
            case rt.UpdateSession(settings):
                self.settings = settings
                self._unheard.follow(settings.turn_detection)
                actions = [Send(command)] if online else []
            case _ if online:
                actions = self._send_other(command, now)
            case _:
                actions = self._keep(command)
        return [*actions, *self._settle(now)]

    def _keep(self, command: rt.RealtimeCommand) -> list[Action]:
        """Nobody is there to be told; the history, which the next connection is told, has most of it anyway."""
        match command:
            case rt.TruncateItem(item_id=item_id, audio_end_ms=end):
                return [Tell(rt.ItemTruncated(item_id=item_id, audio_end_ms=end))]
            case rt.DeleteItem(item_id):
                self._unheard.delete(item_id)
                self._waiting = [
                    kept
                    for kept in self._waiting
                    if not (isinstance(kept, rt.CreateItem) and kept.item.id == item_id)
                ]
                return [Tell(rt.ItemDeleted(item_id))]
            case _:
                self._waiting = [*self._waiting[1 - KEPT_COMMANDS :], command]
                return []

    def _send_other(self, command: rt.RealtimeCommand, now: float) -> list[Action]:
        match command:
            case rt.TruncateItem(item_id=item_id, audio_end_ms=end):
                if self._has_moved and not self._copy.is_own(item_id):
                    # It is words by now: the history says how many of them were heard, as soon as it is written.
                    self._follow_at = now
                    return [Tell(rt.ItemTruncated(item_id=item_id, audio_end_ms=end))]
                return [Send(command)]
            case rt.DeleteItem(item_id):
                self._unheard.delete(item_id)
                if self._has_moved and item_id not in self._copy:
                    return [Tell(rt.ItemDeleted(item_id))]
                self._copy.removed(item_id)
                return [Send(rt.DeleteItem(self._unheard.taken_as(item_id)))]
            case rt.CreateItem():
                return self._create(command, now)
            case _:
                return [Send(command)]

    def _create(self, command: rt.CreateItem, now: float) -> list[Action]:
        item, previous = command.item, command.previous_item_id
        actions: list[Action] = []
        if self._has_moved:
            actions = self._follow(now)
            if item.id in self._copy:
                return actions
            orphan = isinstance(item, FunctionCallOutput) and not self._copy.knows_call(item.call_id, self._history())
            if orphan:
                # Its call is not in the history: no model takes an output without one.
                return actions
        known = previous if previous == ROOT or (previous is not None and previous in self._copy) else None
        self._copy.told(item, after=known)
        if self._has_moved:
            command = replace(command, previous_item_id=None if known is None else self._unheard.taken_as(known))
        return [*actions, Send(command)]

    # Events.

    def receive(self, number: int, event: rt.RealtimeEvent, now: float) -> list[Action]:
        """A connection's model says something; what one says that is not the current one is of no interest."""
        if number != self._current:
            return []
        return [*self._receive(event, now), *self._settle(now)]

    def _receive(self, event: rt.RealtimeEvent, now: float) -> Iterable[Action]:
        match event:
            case (
                rt.InputCommitted()
                | rt.InputTranscriptDelta()
                | rt.InputTranscribed()
                | rt.InputTranscriptionFailed()
                | rt.InputVoiceStarted()
                | rt.InputVoiceStopped()
            ):
                return self._about_the_user(event)
            case rt.ResponseStarted(request_id=request_id):
                if request_id is None or self._unheard.answer_due:
                    self._unheard.answered()
                return self._sequencer.started(event, now)
            case rt.OutputItemStarted() | rt.OutputAudio() | rt.OutputTranscript() | rt.OutputAudioDone():
                self._copy.made(event.item_id)
                return self._sequencer.content(event)
            case rt.FunctionCallReady():
                self._copy.made(event.item_id)
                return self._sequencer.content(event)
            case rt.ResponseEnded(status=status):
                if status is rt.ResponseStatus.COMPLETED:
                    self._unheard.reply_made()
                return self._sequencer.ended(event, now)
            case rt.ItemDeleted(item_id):
                known_as = self._unheard.known_as(item_id)
                if known_as in self._unsaid:
                    self._unsaid.discard(known_as)
                    return []
                return [Tell(rt.ItemDeleted(known_as))]
            case rt.ItemTruncated(item_id=item_id):
                return [Tell(event)]
            case rt.ModelError(code=code):
                if code == COMMIT_REFUSED:
                    self._unheard.refused()
                return self._sequencer.refused(event, now)
            case _:
                return [Tell(event)]

    def _about_the_user(
        self,
        event: rt.InputCommitted
        | rt.InputTranscriptDelta
        | rt.InputTranscribed
        | rt.InputTranscriptionFailed
        | rt.InputVoiceStarted
        | rt.InputVoiceStopped,
    ) -> Iterable[Action]:
        item_id = self._unheard.known_as(event.item_id)
        match event:
            case rt.InputCommitted():
                answers = self.settings.turn_detection is rt.TurnDetection.SERVER
                taken = self._unheard.taken(event.item_id, answers=answers)
                if taken is Taken.UNWANTED:
                    return [Send(rt.DeleteItem(event.item_id))]
                self._copy.made(self._unheard.known_as(event.item_id))
                return [Tell(event)] if taken is Taken.NEWS else []
            case rt.InputVoiceStarted():
                self._unheard.voice(on=True)
            case rt.InputVoiceStopped():
                self._unheard.voice(on=False)
            case rt.InputTranscribed() | rt.InputTranscriptionFailed():
                self._unheard.understood(item_id)
            case rt.InputTranscriptDelta():
                pass
        return [Tell(event if item_id == event.item_id else replace(event, item_id=item_id))]
