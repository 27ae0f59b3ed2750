"""The realtime protocol of one session: what happened goes in, what is to be done comes out. Pure.

    receive(happening, now) -> actions      advance(now) -> actions      deadline -> seconds

One response at a time writes into the conversation; those out of band run beside it. A response waits until the
user's utterances have been recognised, but not for ever.
"""

from collections.abc import Sequence
from dataclasses import replace
from math import inf
from typing import Final, assert_never

from agent_worker.audio import MODEL_RATE, seconds_of
from agent_worker.localmodel import client_events as client
from agent_worker.localmodel import events, settings
from agent_worker.localmodel.actions import (
    Action,
    BinaryReceived,
    Close,
    FrameReceived,
    Happening,
    Hush,
    PartialHeard,
    PlanMade,
    Send,
    SpeechFailed,
    SpeechFinished,
    SpeechMade,
    Think,
    UtteranceHeard,
    UtteranceLost,
    VoiceJudged,
)
from agent_worker.localmodel.conversation import Conversation
from agent_worker.localmodel.hearing import Hearing
from agent_worker.localmodel.idle import Idle
from agent_worker.localmodel.items import Message, from_client, wire
from agent_worker.localmodel.names import Names
from agent_worker.localmodel.refusals import EventRefusedError
from agent_worker.localmodel.reminders import Reminders
from agent_worker.localmodel.requests import order_of
from agent_worker.localmodel.responses import CancelReason, Response
from agent_worker.localmodel.settings import AnySession, Audio, Session, TranscriptionSession, TurnDetection
from agent_worker.localmodel.turns import TurnStarted, TurnStopped

MAX_RESPONSES: Final = 8
"""Responses at the same time: one in the conversation, the others out of band."""


class Protocol:
    """One session.

    Args:
        names: Where ids come from.
        session: Its settings at the beginning.
        hears: Whether there is a recogniser.
        now: Loop seconds.

    """

    def __init__(self, names: Names, *, session: AnySession, hears: bool, now: float) -> None:
        self.session = session
        self.conversation = Conversation()
        self._names = names
        self._conversation_id = names.next("conv")
        self._hears = hears
        self._ends_at = now + settings.SESSION_SECONDS
        self._hearing = Hearing(names, self.conversation, session.audio.input)
        self._idle = Idle()
        self._reminders = Reminders()
        self._responses: dict[str, Response] = {}
        self._waiting: list[str] = []
        self._voice_locked = False
        self._resting: dict[str, float] = {}

    @property
    def deadline(self) -> float:
        """When `advance` is due, unless something happens before."""
        # While somebody speaks a reminder waits for the end of that, and not for a time.
        reminder = self._reminders.deadline if self._is_quiet else None
        rest = min(self._resting.values(), default=None)
        due = (self._ends_at, self._hearing.deadline, self._idle.deadline(self._detection), reminder, rest)
        return min(moment for moment in due if moment is not None)

    def open(self) -> list[Action]:
        """The connection stands."""
        return [self._send(events.session_created(self.session.echo())), *self._hearing.open()]

    def advance(self, now: float) -> list[Action]:
        """Time has gone by."""
        if now >= self._ends_at:
            self._ends_at = inf
            expired = EventRefusedError(
                "Your session hit the maximum duration of 60 minutes.", code="session_expired"
            )
            return [self._send(events.error(expired, None)), Close(code=1000, reason="session_expired")]
        out = [*self._stop_turn(now), *self._hearing.give_up(now, tell=self._transcribes), *self._think_if_heard(now)]
        for response_id in [each for each, until in self._resting.items() if now >= until]:
            out += self._progress(SpeechFinished(response_id), now)
        idle_until = self._idle.deadline(self._detection)
        if idle_until is not None and now >= idle_until:
            self._idle.stirred()
            out += [*self._hearing.time_out(tell=self._transcribes), *self._create_response(None, now)]
        return out + self._remind(now)

    def receive(self, happening: Happening, now: float) -> list[Action]:
        """Something happened."""
        match happening:
            case FrameReceived(text):
                return self._frame(text, now)
            case BinaryReceived():
                refusal = EventRefusedError("Binary frames are not events: send JSON text.", code="invalid_event")
                return [self._send(events.error(refusal, None))]
            case VoiceJudged():
                return self._judged(happening, now)
            case UtteranceHeard():
                return [*self._hearing.heard(happening, tell=self._transcribes), *self._think_if_heard(now)]
            case PartialHeard():
                self._hearing.partial(happening, now)
                return self._stop_turn(now)
            case UtteranceLost():
                return [*self._hearing.lost(happening, tell=self._transcribes), *self._think_if_heard(now)]
            case PlanMade() | SpeechMade() | SpeechFinished() | SpeechFailed():
                return self._progress(happening, now)
            case _:
                assert_never(happening)

    # The client's events. --------------------------------------------------------------------------------------

    def _frame(self, text: str, now: float) -> list[Action]:
        event_id: str | None = None
        try:
            frame = client.Frame(text)
            event_id = frame.event_id
            return self._obey(frame.event(), now)
        except EventRefusedError as refusal:
            return [self._send(events.error(refusal, event_id))]

    def _obey(self, event: client.ClientEvent, now: float) -> list[Action]:
        match event:
            case client.AppendAudio():
                return self._hearing.append(event.data())
            case client.CommitAudio():
                return self._hearing.commit(now)
            case client.ClearAudio():
                return self._hearing.clear()
            case client.UpdateSession():
                self.session = settings.updated(self.session, event.session, voice_locked=self._voice_locked)
                updated = self._send(events.session_updated(self.session.echo()))
                return [*self._hearing.configure(self.session.audio.input), updated]
            case client.CreateResponse():
                return self._create_response(event.response, now)
            case client.CancelResponse():
                return self._cancel_response(event.response_id, now)
            case client.ClearOutput():
                raise EventRefusedError(
                    "output_audio_buffer.clear is for WebRTC and SIP, where the server plays the audio.",
                    code="invalid_value",
                    param="type",
                )
            case client.CreateItem() | client.DeleteItem() | client.RetrieveItem() | client.TruncateItem():
                return self._edit(event, now)
            case _:
                assert_never(event)

    def _edit(
        self, event: client.CreateItem | client.DeleteItem | client.RetrieveItem | client.TruncateItem, now: float
    ) -> list[Action]:
        match event:
            case client.CreateItem():
                return self._create_item(event, now)
            case client.DeleteItem():
                self.conversation.delete(event.item_id)
                self._hearing.forget(event.item_id)
                return [self._send(events.item_deleted(event.item_id)), *self._think_if_heard(now)]
            case client.RetrieveItem():
                retrieved = self.conversation.retrieve(event.item_id, self._formats)
                return [self._send(events.item_retrieved(retrieved))]
            case client.TruncateItem():
                end = self.conversation.truncate(event.item_id, event.content_index, event.audio_end_ms)
                self._idle.silenced(now)
                return [self._send(events.item_truncated(event.item_id, event.content_index, end))]

    def _create_item(self, event: client.CreateItem, now: float) -> list[Action]:
        given = client.item_of(event.item)
        item = from_client(given, given.id or self._names.next("item"))
        data = _audio_of(given)
        behind = self.conversation.add(item, event.previous_item_id)
        out = self._send_all([events.item_added(wire(item), behind), events.item_done(wire(item), behind)])
        if data is not None and isinstance(item, Message):
            out += self._hearing.hear_item(item, data, now)
        return out

    # The user's turns. -----------------------------------------------------------------------------------------

    @property
    def _transcribes(self) -> bool:
        return isinstance(self.session, TranscriptionSession) or self.session.audio.input.transcription is not None

    @property
    def _detection(self) -> TurnDetection | None:
        return self.session.audio.input.turn_detection

    @property
    def _formats(self) -> Audio:
        return self.session.audio if isinstance(self.session, Session) else Audio(input=self.session.audio.input)

    def _judged(self, judged: VoiceJudged, now: float) -> list[Action]:
        out: list[Action] = []
        detection = self._detection
        for turn in self._hearing.judge(judged):
            active = self._active()
            match turn:
                case TurnStarted():
                    self._idle.stirred()
                    if active is not None and detection is not None and detection.interrupt_response:
                        out += self._stop(active, CancelReason.TURN, now)
                    out += self._hearing.start_turn(turn)
                case TurnStopped():
                    out += self._hearing.pause_turn(turn, now)
        return [*out, *self._stop_turn(now)]

    def _stop_turn(self, now: float) -> list[Action]:
        committed = self._hearing.stop_turn(now)
        if committed and self._active() is None and self._answers:
            committed += self._create_response(None, now)
        return committed

    # What is said by itself. -----------------------------------------------------------------------------------

    @property
    def _is_quiet(self) -> bool:
        return self._active() is None and not self._hearing.speaking and not self._hearing.pending

    def _remind(self, now: float) -> list[Action]:
        text = self._reminders.due(now) if self._is_quiet else None
        if text is None:
            return []
        return self._create_response(client.ResponseParameters(instructions=f"Say exactly: {text}"), now)

    # Responses. ------------------------------------------------------------------------------------------------

    @property
    def _answers(self) -> bool:
        """Whether a turn of the user gets a reply without being asked for."""
        detection = self._detection
        return isinstance(self.session, Session) and detection is not None and detection.create_response

    def _create_response(self, given: client.ResponseParameters | None, now: float) -> list[Action]:
        if not isinstance(self.session, Session):
            raise EventRefusedError(
                "A transcription session makes no responses: connect with ?model= for a session that does.",
                code="invalid_value",
                param="type",
            )
        order = order_of(given, self.session, self.conversation, hears=self._hears)
        active = self._active()
        if order.in_conversation and active is not None:
            raise EventRefusedError(
                f"Conversation already has an active response in progress: {active.id}. "
                "Wait until the response is finished before creating a new one.",
                code="conversation_already_has_active_response",
            )
        if len(self._responses) >= MAX_RESPONSES:
            raise EventRefusedError(
                f"There are {MAX_RESPONSES} responses in progress. Wait until one is finished.",
                code="rate_limit_exceeded",
            )
        response = Response(
            self._names.next("resp"),
            order,
            conversation=self.conversation if order.in_conversation else Conversation(),
            conversation_id=self._conversation_id,
            names=self._names,
        )
        self._responses[response.id] = response
        self._waiting.append(response.id)
        if order.in_conversation:
            self._idle.stirred()
        return [self._send(response.created()), *self._think_if_heard(now)]

    def _think_if_heard(self, now: float) -> list[Action]:
        out: list[Action] = []
        for response_id in list(self._waiting):
            order = self._responses[response_id].order
            if self._hearing.pending and not order.has_own_input:
                continue
            self._waiting.remove(response_id)
            situation = order.situation
            if not order.has_own_input:
                situation = replace(situation, history=self.conversation.lines())
            situation = replace(situation, reminders=self._reminders.left(now))
            out.append(Think(response_id=response_id, situation=situation))
        return out

    def _progress(self, happening: PlanMade | SpeechMade | SpeechFinished | SpeechFailed, now: float) -> list[Action]:
        response = self._responses.get(happening.response_id)
        if response is None:  # cancelled meanwhile
            return []
        order: Action | None = None
        match happening:
            case PlanMade():
                out, order = response.follow(happening.plan)
            case SpeechMade():
                self._voice_locked = True
                self._idle.sounded(seconds_of(len(happening.pcm) // 2, MODEL_RATE), now)
                out = response.speech(happening.pcm, happening.words)
                order = Hush(response.id) if response.is_over else None
            case SpeechFinished():
                out, order = response.proceed()
            case SpeechFailed():
                out = response.fail(happening.message)
        self._resting.pop(response.id, None)
        if response.resting is not None and not response.is_over:
            self._resting[response.id] = now + response.resting
        self._reminders.take(response.reminders, now)
        response.reminders.clear()
        self._forget_if_over(response, now)
        return [*self._send_all(out), *([order] if order is not None else [])]

    def _cancel_response(self, response_id: str | None, now: float) -> list[Action]:
        response = self._responses.get(response_id) if response_id is not None else self._active()
        if response is None:
            raise EventRefusedError(
                "Cancellation failed: no active response found", code="response_cancel_not_active"
            )
        return self._stop(response, CancelReason.CLIENT, now)

    def _stop(self, response: Response, reason: CancelReason, now: float) -> list[Action]:
        out = self._send_all(response.cancel(reason))
        self._forget_if_over(response, now)
        return [Hush(response.id), *out]

    def _forget_if_over(self, response: Response, now: float) -> None:
        if response.is_over:
            if response.order.in_conversation:
                self._idle.replied(now)
            del self._responses[response.id]
            self._resting.pop(response.id, None)
            if response.id in self._waiting:
                self._waiting.remove(response.id)

    def _active(self) -> Response | None:
        """The response that writes into the conversation, if there is one."""
        return next((each for each in self._responses.values() if each.order.in_conversation), None)

    def _send(self, event: events.Json) -> Send:
        return Send.numbered(event, self._names)

    def _send_all(self, several: Sequence[events.Json]) -> list[Action]:
        return [self._send(event) for event in several]


def _audio_of(item: client.ClientItem) -> bytes | None:
    """The sound that a client puts into an item, as it came.

    Raises:
        EventRefusedError: It is not base64, or too long.

    """
    if not isinstance(item, client.MessageItem):
        return None
    parts = (part for part in item.content if isinstance(part, client.AudioPart) and part.audio is not None)
    part = next(parts, None)
    return None if part is None else client.audio_bytes(part.audio or "", "item.content.audio")
