"""One conversation over any number of connections (M-4). Pure: commands, events and losses in, actions out.

    session -> send -> sequencer, sound, history -> Send -> the current connection
    the current connection -> receive -> the session's ids -> Tell -> session

When the connection is lost, a new one is opened with the last settings and the history; what the user was saying, and
what the model was asked for, follows. Before a provider ends a session by itself, a new connection is opened, and is
used from the next moment on in which nobody says anything.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from agent_worker.history.items import Item
from agent_worker.history.window import Window
from agent_worker.realtime import base as rt
from agent_worker.realtime.backoff import Backoff
from agent_worker.realtime.enduring_actions import Action, Fail, Leave, Open, Send, Tell, Use
from agent_worker.realtime.model_copy import ModelCopy
from agent_worker.realtime.reach import taken_in_place
from agent_worker.realtime.retelling import Retelling
from agent_worker.realtime.sequencer import Sequencer
from agent_worker.realtime.unheard import Taken, Unheard

SPARE_SECONDS: Final = 300.0
"""How long before its end a session is left, if it lasts an hour; of a shorter one it is a tenth."""
SHORTEST_LIFE: Final = 60.0
"""A provider that gives a session less than this has another idea of the time, and is not believed."""
AGAIN_SECONDS: Final = 30.0
"""Until a connection that is to stand in for a living one is tried again."""
REVOICE_SECONDS: Final = 5.0
"""How long a reply waits for a connection with another voice, or with what else is fixed for the life of one; then it
is made as things were."""

PASSING: Final = frozenset(
    {"rate_limit_exceeded", "inference_rate_limit_exceeded", "server_error", "session_expired", "overloaded"}
)
"""Refusals of a connection that a later attempt may not meet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Endurance:
    """How long a model is waited for, when its connection is renewed, and what the next one is told."""

    patience: float = 60.0
    """Seconds from a loss to the last attempt to connect again."""
    first_patience: float = 10.0
    """The same before the conversation has begun: a model that is not there at all is told of soon."""
    max_age: float = 55 * 60.0
    """Seconds after which a connection is renewed in a pause, if its provider does not end it sooner."""
    told: Window = field(default_factory=Window)
    """How much of the history a connection is told as it is opened; of more, the model is told that it is missing."""


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
        capabilities: What the model can do.
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
        capabilities: rt.Capabilities,
        transcribed: bool,
        jitter: Callable[[], float],
    ) -> None:
        self.settings = settings
        self._endurance = endurance
        self._backoff = Backoff(patience=endurance.first_patience, jitter=jitter)
        self._sequencer = Sequencer()
        self._unheard = Unheard(rate=capabilities.input_rate, transcribed=transcribed)
        self._unheard.follow(settings.turn_detection)
        self._number = 0
        self._current: int | None = None
        self._retelling = Retelling(history, endurance.told, self._unheard)
        self._opening: _Opening | None = None
        self._open_at: float | None = None
        self._renew_at: float | None = None
        self._lost_at: float | None = None
        self._begun = False
        self._can = capabilities
        self._applied = settings
        self._has_spoken = False
        self._revoice_by: float | None = None

    def __repr__(self) -> str:
        return f"<Continuity on connection {self._current}, {self._sequencer}, {self._unheard}>"

    @property
    def deadline(self) -> float | None:
        """When `advance` is to be called, or None."""
        renew_at = self._renew_at if self._current is not None and self._opening is None and self._is_quiet else None
        due = (self._open_at, self._retelling.follow_at, renew_at, self._revoice_by, self._sequencer.deadline)
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
        follow_at = self._retelling.follow_at
        if follow_at is not None and follow_at <= now:
            actions += self._retelling.follow(now)
        if self._revoice_by is not None and self._revoice_by <= now:
            self._renew_at = now
            actions += self._keep_voice(now)
        actions += self._sequencer.advance(now)
        return [*actions, *self._settle(now)]

    # Connections.

    def told(self, number: int) -> Sequence[Item]:
        """What a new connection is told as it is opened."""
        items, copy = self._retelling.known()
        if self._opening is not None and self._opening.number == number:
            self._opening.copy = copy
        return items

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
            return self._keep_voice(now)
        if number != self._current:
            return []
        self._current, self._renew_at, self._lost_at = None, None, now
        actions: list[Action] = [Tell(rt.ConnectionLost(why))]
        actions += self._retelling.lost()
        actions += [
            Tell(rt.InputTranscriptionFailed(item_id, "the connection broke")) for item_id in self._unheard.lost()
        ]
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
        tried = f"It was tried {self._backoff.attempts} times in {now - self._lost_at:.0f} s."
        message = f"The model was lost, and could not be reached again: {why} {tried}"
        return [Fail(message=message, code=None)]

    def _take_over(self, opening: _Opening, now: float) -> list[Action]:
        """A connection that is ready becomes the current one."""
        self._opening, self._current = None, opening.number
        self._applied, self._has_spoken = opening.settings, False
        self._keep_voice(now)
        actions: list[Action] = [Use(opening.number)]
        age = self._endurance.max_age
        if opening.lifetime is not None and opening.lifetime >= SHORTEST_LIFE:
            age = min(age, opening.lifetime - min(SPARE_SECONDS, opening.lifetime / 10))
        self._renew_at = now + age
        if opening.settings != self.settings:
            actions += self._follow_settings(self.settings, now)
        actions += self._retelling.move(opening.copy, now, again=self._begun)
        actions += self._retelling.say_again(self.settings)
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
        revoicing = self._revoice_by is not None and self._sequencer.is_between and self._unheard.is_idle
        if old is None or not (self._is_quiet or revoicing):
            return []
        if self._opening is not None and self._opening.ready:
            self._unheard.lost()
            self._sequencer.lost()
            self._backoff.connected(now)
            return [*self._take_over(self._opening, now), Leave(old)]
        if self._opening is None and self._renew_at is not None and self._renew_at <= now:
            return [self._open()]
        return []

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
            case rt.CreateResponse(in_conversation=False):
                actions = self._sequencer.request_beside(command)
            case rt.CreateResponse():
                actions = self._retelling.follow_moved(now) if online else []
                actions += self._sequencer.request(command, now)
            case rt.CancelResponse(response_id):
                actions = self._sequencer.cancel(response_id, now)
            case rt.UpdateSession(settings):
                actions = self._follow_settings(settings, now)
            case _ if online:
                actions = self._retelling.send(command, now)
            case _:
                actions = self._retelling.keep(command)
        return [*actions, *self._settle(now)]

    def _follow_settings(self, settings: rt.SessionSettings, now: float) -> list[Action]:
        self.settings = settings
        self._unheard.follow(settings.turn_detection)
        if self._current is None:
            return []
        taken = taken_in_place(settings, self._applied, self._can, has_spoken=self._has_spoken)
        actions: list[Action] = [Send(rt.UpdateSession(taken))] if taken != self._applied else []
        self._applied = replace(taken, voice=taken.voice or self._applied.voice) if self._has_spoken else taken
        if taken == settings:
            return [*actions, *self._keep_voice(now)]
        # Another agent, as a rule, which is to be heard as another: what it says first waits for a new connection.
        self._revoice_by = now + REVOICE_SECONDS
        self._sequencer.hold()
        return actions if self._opening is not None else [*actions, self._open()]

    def _keep_voice(self, now: float) -> list[Action]:
        """Replies wait no more for another voice."""
        if self._revoice_by is None:
            return []
        self._revoice_by = None
        return self._sequencer.release(now)

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
            case rt.OutputAudio() | rt.OutputTranscript() | rt.OutputAudioDone() | rt.OutputPartStarted():
                self._has_spoken = True
                return self._sequencer.content(event)
            case rt.OutputText() | rt.OutputTextDone():
                return self._sequencer.content(event)
            case rt.OutputItemStarted() | rt.FunctionCallReady():
                self._retelling.made(event.item_id)
                return self._sequencer.content(event)
            case rt.ResponseEnded(status=status):
                if status is rt.ResponseStatus.COMPLETED:
                    self._unheard.reply_made()
                actions = self._sequencer.ended(event, now)
                if event.policy is rt.ErrorPolicy.FATAL and status is rt.ResponseStatus.FAILED:
                    actions.append(Fail(message=event.message, code=event.code))
                return actions
            case rt.ItemDeleted(item_id):
                return self._retelling.deleted(item_id)
            case rt.ItemAdded(item_id=item_id, previous_item_id=previous):
                previous = self._unheard.known_as(previous) if previous is not None else None
                return [Tell(rt.ItemAdded(item_id=self._unheard.known_as(item_id), previous_item_id=previous))]
            case rt.ItemRetrieved():
                return self._retelling.retrieved(event)
            case rt.ConnectionExpires():
                # In the next pause, however far away its end is: another one may come too late.
                self._renew_at = now
                return []
            case rt.ModelError():
                return self._failed(event, now)
            case _:
                return [Tell(event)]

    def _failed(self, event: rt.ModelError, now: float) -> list[Action]:
        """The model refused something, or is itself unwell (M-3)."""
        if event.refused is rt.Refused.COMMIT:
            self._unheard.refused()
        if event.refused is rt.Refused.RETRIEVE and event.item_id is not None:
            event = self._retelling.not_retrieved(event, event.item_id)
        actions = self._sequencer.refused(event, now)
        match event.policy:
            case rt.ErrorPolicy.FATAL:
                return [*actions, Fail(message=event.message, code=event.code)]
            case rt.ErrorPolicy.RECONNECT if self._current is not None:
                return [*actions, Leave(self._current), *self.lost(self._current, event.message, now)]
            case _:
                return actions

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
                self._retelling.made(self._unheard.known_as(event.item_id))
                return [Tell(event)] if taken is Taken.NEWS else []
            case rt.InputVoiceStarted():
                self._unheard.voice(on=True)
            case rt.InputVoiceStopped():
                self._unheard.voice(on=False)
            case rt.InputTranscribed(text=text):
                self._unheard.understood(item_id)
                self._retelling.understood(item_id, text)
            case rt.InputTranscriptionFailed():
                self._unheard.understood(item_id)
            case rt.InputTranscriptDelta():
                pass
        return [Tell(event if item_id == event.item_id else replace(event, item_id=item_id))]
