"""Makes spans and figures of what happens in a session: events in, records out. Pure: no clock, no OpenTelemetry.

    agent_session
      user_turn              from the user's first voice to its commit
      agent_turn             from the wish to say something to its end
        realtime_request     one reply of the model
        function_tool        one call of a tool

An event may tell of the past, and its records carry the time at which it happened. What was said is recorded only
when it is asked for.
"""

from dataclasses import dataclass, fields
from itertools import count
from typing import Final, assert_never

from agent_worker.history.items import FunctionCall, FunctionCallOutput
from agent_worker.speech.actions import UserState
from agent_worker.telemetry import events as ev
from agent_worker.telemetry import names
from agent_worker.telemetry.names import Figure
from agent_worker.telemetry.records import Attributes, Measured, MomentNoted, Record, SpanClosed, SpanOpened
from agent_worker.usage import Usage

__all__ = ["SESSION", "Subject", "Tracks"]

SESSION = "session"
"""The key of the session's own span."""
AT_ONCE: Final = 0.1
"""Seconds between two events of one decision, at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What a session's records say of it. Empty values are left out.

    Attributes:
        agent: The agent's class.
        room: The room's name.
        model: The name by which the model is asked for.
        provider: Whose protocol the model speaks, in the words of the conventions ("openai").
        server: The host of the model's address.
    """

    agent: str = ""
    room: str = ""
    model: str = ""
    provider: str = ""
    server: str = ""


@dataclass(slots=True)
class _Speech:
    """An agent's turn that is not over."""

    created_at: float
    is_answer: bool
    voice_ended_at: float | None
    """The end of the user's turn that it answers, until it sounds."""
    asked_at: float | None = None
    """When the model was asked for its last reply, until that one sounds."""


@dataclass(slots=True)
class _UserTurn:
    """The user's last turn."""

    key: str
    at: float
    ended_at: float
    open: bool = True
    """Its text is waited for."""
    unanswered: bool = True
    """The next answer is the answer to it."""


class Tracks:
    """One session's spans, as far as they have come.

    Args:
        subject: What the session is.
        record_content: Whether texts, and the tools' arguments and results, are recorded.

    """

    def __init__(self, subject: Subject, *, record_content: bool = False) -> None:
        self._subject = subject
        self._record_content = record_content
        self._records: list[Record] = []
        self._open = False
        self._ids = count(1)
        self._speeches: dict[str, _Speech] = {}
        self._requests: dict[str, float] = {}
        self._user_turn: _UserTurn | None = None
        self._voice_ended_at: float | None = None
        self._usage = Usage()
        self._failure = ""

    def begin(self, at: float) -> list[Record]:
        """The session begins."""
        subject = self._subject
        attributes = {names.AGENT_NAME: subject.agent, names.CONVERSATION_ID: subject.room}
        self._open = True
        self._open_span(SESSION, None, names.AGENT_SESSION, at, _given(attributes))
        return self._take()

    def receive(self, event: ev.SessionEvent) -> list[Record]:
        """What is to be recorded of an event. Nothing is, once the session is over."""
        if not self._open:
            return []
        match event:
            case ev.UserStateChanged() | ev.UserInputTranscribed() | ev.UserTurnCommitted():
                self._follow_user(event)
            case ev.SpeechCreated() | ev.SpeechStarted() | ev.SpeechFinished():
                self._follow_speech(event)
            case ev.ReplyRequested() | ev.ReplyCompleted():
                self._follow_request(event)
            case ev.AgentFalseInterruption() | ev.AgentInterrupted():
                self._judge_interruption(event)
            case ev.FunctionToolsExecuted():
                self._record_tools(event)
            case ev.UserTurnExceeded(at=at, seconds=seconds):
                self._note(SESSION, "user_turn_exceeded", at, {"voice.seconds": seconds})
            case ev.ModelConnectionChanged():
                self._follow_connection(event)
            case ev.UsageCollected(total=total, first_output_seconds=seconds):
                self._usage = total
                if seconds is not None:
                    self._measure(Figure.TIME_TO_FIRST_CHUNK, seconds, _model(self._subject))
            case ev.ErrorOccurred(at=at, source=source, message=message, fatal=fatal):
                self._failure = message if fatal else self._failure
                self._note(SESSION, "error", at, {names.SOURCE: source, names.REASON: message, "voice.fatal": fatal})
            case ev.SessionClosed(at=at, reason=reason):
                return self.end(at, reason)
            case ev.AgentStateChanged() | ev.ConversationItemAdded():
                pass
            case ev.ParticipantJoined() | ev.ParticipantLeft() | ev.DataReceived():
                pass
            case _:
                assert_never(event)
        return self._take()

    def end(self, at: float, reason: str = "") -> list[Record]:
        """The session is over, and all that was open in it. Nothing, when it was over already."""
        if not self._open:
            return []
        self._close_user_turn()
        for request_id in self._requests:
            self._close(_request_key(request_id), at, failure="the session ended")
        for speech_id in self._speeches:
            self._close(_speech_key(speech_id), at, {names.INTERRUPTED: True})
        attributes = {**_given({names.REASON: reason}), **_usage(self._usage)}
        self._close(SESSION, at, attributes, failure=self._failure)
        self._open = False
        return self._take()

    def _follow_connection(self, event: ev.ModelConnectionChanged) -> None:
        if event.connected:
            self._note(SESSION, "model_restored", event.at, {"voice.seconds": event.seconds})
            self._measure(Figure.MODEL_OUTAGE, event.seconds, _model(self._subject))
        else:
            self._note(SESSION, "model_lost", event.at, {names.REASON: event.message})

    # The user.

    def _follow_user(self, event: ev.UserStateChanged | ev.UserInputTranscribed | ev.UserTurnCommitted) -> None:
        match event:
            case ev.UserStateChanged(at=at, old=UserState.SPEAKING):
                self._voice_ended_at = at
            case ev.UserStateChanged(new=UserState.SPEAKING):
                self._voice_ended_at = None
            case ev.UserStateChanged():
                pass
            case ev.UserInputTranscribed(text=text, final=True):
                self._close_user_turn(text)
            case ev.UserInputTranscribed():
                pass
            case ev.UserTurnCommitted():
                self._commit(event)

    def _commit(self, event: ev.UserTurnCommitted) -> None:
        self._close_user_turn()
        delay = event.at - event.ended_at
        turn = _UserTurn(f"user:{next(self._ids)}", event.at, event.ended_at)
        self._user_turn = turn
        for speech in self._speeches.values():
            # A commit and the answer to it are one decision, and may be told of in either order.
            at_once = abs(speech.created_at - event.at) < AT_ONCE
            if speech.is_answer and at_once and speech.voice_ended_at is None:
                speech.voice_ended_at = self._answered_turn()
        attributes = {names.END_OF_TURN_DELAY: delay}
        self._open_span(turn.key, SESSION, names.USER_TURN, event.started_at, attributes)
        self._note(turn.key, "voice_ended", event.ended_at, {})
        self._measure(Figure.END_OF_TURN_DELAY, delay)
        if not self._record_content:
            self._close_user_turn()

    def _close_user_turn(self, text: str = "") -> None:
        """The turn's span ends at its commit, whenever its text comes."""
        if self._user_turn is not None and self._user_turn.open:
            self._user_turn.open = False
            self._close(self._user_turn.key, self._user_turn.at, self._content(names.TEXT, text))

    # The agent.

    def _follow_speech(self, event: ev.SpeechCreated | ev.SpeechStarted | ev.SpeechFinished) -> None:
        key = _speech_key(event.speech_id)
        match event:
            case ev.SpeechCreated(at=at, speech_id=speech_id, source=source):
                if speech_id not in self._speeches:
                    is_answer = source == "turn"
                    self._speeches[speech_id] = _Speech(at, is_answer, self._answered_turn() if is_answer else None)
                    attributes = {names.SPEECH_ID: speech_id, names.SOURCE: source}
                    self._open_span(key, SESSION, names.AGENT_TURN, at, attributes)
            case ev.SpeechStarted(at=at, speech_id=speech_id):
                speech = self._speeches.get(speech_id)
                if speech is not None:
                    self._note(key, "first_audio", at, {})
                    self._first_audio(speech, at)
            case ev.SpeechFinished(at=at, speech_id=speech_id):
                if self._speeches.pop(speech_id, None) is not None:
                    attributes = {names.INTERRUPTED: event.interrupted, **self._content(names.TEXT, event.text)}
                    self._close(key, at, attributes, failure=event.failure)

    def _answered_turn(self) -> float | None:
        """When the user's turn ended to which an answer comes now; None: it is an answer to something else."""
        turn = self._user_turn
        if turn is None or not turn.unanswered:
            return None
        turn.unanswered = False
        return turn.ended_at

    def _first_audio(self, speech: _Speech, at: float) -> None:
        if speech.asked_at is not None:
            self._measure(Figure.TIME_TO_FIRST_AUDIO, at - speech.asked_at, _model(self._subject))
            speech.asked_at = None
        if speech.voice_ended_at is not None:
            self._measure(Figure.END_TO_END_LATENCY, at - speech.voice_ended_at)
            speech.voice_ended_at = None

    def _follow_request(self, event: ev.ReplyRequested | ev.ReplyCompleted) -> None:
        key = _request_key(event.request_id)
        match event:
            case ev.ReplyRequested(at=at, speech_id=speech_id, request_id=request_id):
                if request_id in self._requests:
                    return
                self._requests[request_id] = at
                if speech_id in self._speeches:
                    self._speeches[speech_id].asked_at = at
                attributes = {**_model(self._subject), names.OUTPUT_TYPE: "speech", names.SPEECH_ID: speech_id}
                attributes |= _given({names.SERVER_ADDRESS: self._subject.server})
                self._open_span(key, _speech_key(speech_id), names.REALTIME_REQUEST, at, attributes, remote=True)
            case ev.ReplyCompleted(at=at, status=status, usage=usage, request_id=request_id):
                asked_at = self._requests.pop(request_id, None)
                if asked_at is None:
                    return
                attributes = {**_given({names.RESPONSE_ID: event.response_id}), names.STATUS: status, **_usage(usage)}
                self._close(key, at, attributes, failure=status if status in {"failed", "incomplete"} else "")
                self._measure(Figure.OPERATION_DURATION, at - asked_at, _model(self._subject))
                for kind, tokens in (("input", usage.input_tokens), ("output", usage.output_tokens)):
                    if tokens:
                        self._measure(Figure.TOKENS, tokens, {**_model(self._subject), names.TYPE_OF_TOKENS: kind})

    def _judge_interruption(self, event: ev.AgentFalseInterruption | ev.AgentInterrupted) -> None:
        silent_at = event.at if event.held_at is None else event.held_at
        was_nothing = isinstance(event, ev.AgentFalseInterruption)
        outcome = "resumed" if was_nothing and event.resumed else "interrupted"
        seconds = silent_at - event.voice_at
        if seconds > 0.0:  # The application's own interrupt() has no voice before it.
            self._measure(Figure.BARGE_IN, seconds, {names.STATUS: outcome})
        if outcome == "resumed":
            if self._user_turn is not None:
                self._user_turn.unanswered = False
            voice_ended_at = silent_at if self._voice_ended_at is None else max(silent_at, self._voice_ended_at)
            self._measure(Figure.DEAD_AIR, event.at - voice_ended_at)
        if event.speech_id in self._speeches:
            key = _speech_key(event.speech_id)
            self._note(key, "voice", event.voice_at, {})
            if event.held_at is not None:
                self._note(key, "held", event.held_at, {})
            self._note(key, outcome, event.at, {names.HOLD_SECONDS: event.at - silent_at})

    def _record_tools(self, event: ev.FunctionToolsExecuted) -> None:
        outputs = {output.call_id: output for output in event.outputs}
        for call in event.calls:
            key = f"tool:{next(self._ids)}"
            attributes = {
                names.OPERATION: "execute_tool",
                names.TOOL_NAME: call.name,
                names.TOOL_CALL_ID: call.call_id,
            }
            attributes |= {names.SPEECH_ID: event.speech_id, **self._content(names.TOOL_ARGUMENTS, call.arguments)}
            parent = _speech_key(event.speech_id)
            self._open_span(key, parent, names.FUNCTION_TOOL, event.started_at, attributes)
            self._close_tool(key, event.at, call, outputs.get(call.call_id))

    def _close_tool(self, key: str, at: float, call: FunctionCall, output: FunctionCallOutput | None) -> None:
        if output is None:
            self._close(key, at, failure=f"{call.name} has not answered")
        else:
            result = self._content(names.TOOL_RESULT, output.output)
            self._close(key, at, result, failure="the tool failed" if output.is_error else "")

    # Records.

    def _content(self, name: str, text: str) -> dict[str, str]:
        return {name: text} if self._record_content and text else {}

    def _open_span(
        self, key: str, parent: str | None, name: str, at: float, attributes: Attributes, *, remote: bool = False
    ) -> None:
        self._records.append(
            SpanOpened(key=key, parent=parent, name=name, at=at, attributes=attributes, remote=remote)
        )

    def _note(self, key: str, name: str, at: float, attributes: Attributes) -> None:
        self._records.append(MomentNoted(key=key, name=name, at=at, attributes=attributes))

    def _close(self, key: str, at: float, attributes: Attributes | None = None, *, failure: str = "") -> None:
        self._records.append(SpanClosed(key=key, at=at, attributes=attributes or {}, failure=failure))

    def _measure(self, figure: Figure, value: float, attributes: Attributes | None = None) -> None:
        self._records.append(Measured(figure=figure, value=max(0.0, value), attributes=attributes or {}))

    def _take(self) -> list[Record]:
        records, self._records = self._records, []
        return records


def _speech_key(speech_id: str) -> str:
    return f"speech:{speech_id}"


def _request_key(request_id: str) -> str:
    return f"request:{request_id}"


def _given(attributes: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in attributes.items() if value}


def _model(subject: Subject) -> dict[str, str]:
    attributes = {names.PROVIDER: subject.provider, names.REQUEST_MODEL: subject.model}
    return {names.OPERATION: "generate_content", **_given(attributes)}


_OF_THE_CONVENTIONS: Final = {
    "input_tokens": names.INPUT_TOKENS,
    "output_tokens": names.OUTPUT_TOKENS,
    "cached_tokens": names.READ_FROM_CACHE_TOKENS,
}


def _usage(usage: Usage) -> dict[str, float]:
    numbers = {
        _OF_THE_CONVENTIONS.get(field.name, names.USAGE + field.name): getattr(usage, field.name)
        for field in fields(usage)
    }
    return {name: number for name, number in numbers.items() if number}
