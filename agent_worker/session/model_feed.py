"""What the model says, turned into what happens in the conversation: words to the lines, calls to the tools."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import assert_never

from agent_worker import clock
from agent_worker.history.items import FunctionCall
from agent_worker.media.ledger import Part
from agent_worker.realtime import base as rt
from agent_worker.session.asides import Asides
from agent_worker.session.cut_replies import CutReplies
from agent_worker.session.events import (
    ErrorOccurred,
    ModelConnectionChanged,
    SessionEvent,
    UsageCollected,
    UserInputTranscribed,
)
from agent_worker.session.failures import Component, Failures
from agent_worker.session.histories import Histories
from agent_worker.session.lines import AgentLines, UserLines
from agent_worker.session.reader import Reader
from agent_worker.speech import events as ev
from agent_worker.usage import Usage

log = logging.getLogger(__name__)

_UserEvent = (
    rt.InputCommitted
    | rt.InputTranscriptDelta
    | rt.InputTranscribed
    | rt.InputTranscriptionFailed
    | rt.InputVoiceStarted
    | rt.InputVoiceStopped
)
_ReplyEvent = (
    rt.ResponseStarted
    | rt.OutputItemStarted
    | rt.OutputAudio
    | rt.OutputTranscript
    | rt.OutputAudioDone
    | rt.OutputText
    | rt.OutputTextDone
    | rt.FunctionCallReady
    | rt.ResponseEnded
)


@dataclass(frozen=True, slots=True)
class MadeReply:
    """A reply that the model has made, with the tools that it asks for."""

    ended: rt.ResponseEnded
    calls: tuple[FunctionCall, ...]


class ModelFeed:
    """Takes the model's events one by one.

    Args:
        post: Posts an event to the conversation.
        histories: What the model has of the history.
        emit: Tells who follows the session.
        user_lines: The user's lines.
        agent_lines: The agent's lines.
        reader: Reads aloud what the model writes.
        named: Told the name of each turn that the model has taken.
        called: Told of each call of a tool.
        cut_replies: What comes too late.
        failures: Told of each reply that was made.
        server_turns: Whether the model finds the turns by itself now.
        capabilities: What the model can do.

    Attributes:
        usage: What the session has cost so far.
        asides: Asks the model beside the conversation.

    """

    def __init__(
        self,
        *,
        post: Callable[[ev.Event], None],
        histories: Histories,
        emit: Callable[[SessionEvent], None],
        user_lines: UserLines,
        agent_lines: AgentLines,
        reader: Reader,
        named: Callable[[str], None],
        called: Callable[[FunctionCall], None],
        cut_replies: CutReplies,
        failures: Failures,
        server_turns: Callable[[], bool],
        capabilities: rt.Capabilities,
    ) -> None:
        self.usage = Usage()
        self.asides = Asides(send=histories.send, capabilities=capabilities)
        self._post = post
        self._histories = histories
        self._emit = emit
        self._user_lines = user_lines
        self._agent_lines = agent_lines
        self._reader = reader
        self._named = named
        self._called = called
        self._cut_replies = cut_replies
        self._failures = failures
        self._server_turns = server_turns
        self._rate = capabilities.output_rate
        self._calls: dict[str, list[FunctionCall]] = {}
        self._made: dict[str, MadeReply] = {}

    def receive(self, event: rt.RealtimeEvent) -> None:
        """What an event means here."""
        if self.asides.receive(event):
            if isinstance(event, rt.ResponseEnded):
                self._count(event)
            return
        self._histories.receive(event)
        match event:
            case (
                rt.InputCommitted()
                | rt.InputTranscriptDelta()
                | rt.InputTranscribed()
                | rt.InputTranscriptionFailed()
                | rt.InputVoiceStarted()
                | rt.InputVoiceStopped()
            ):
                self._about_the_user(event)
            case (
                rt.ResponseStarted()
                | rt.OutputItemStarted()
                | rt.OutputAudio()
                | rt.OutputTranscript()
                | rt.OutputAudioDone()
                | rt.OutputText()
                | rt.OutputTextDone()
                | rt.FunctionCallReady()
                | rt.ResponseEnded()
            ):
                self._about_a_reply(event)
            case rt.ModelError(policy=rt.ErrorPolicy.IGNORE):
                log.debug("the model says that it is so already: %s", event)
            case rt.ModelError(code=code, message=message, request_id=request_id):
                log.warning("! the model refused something: %s (%s)", message, code or "no code")
                self._problem(message)
                if request_id is not None:
                    self._post(ev.ReplyEnded(response_id="", request_id=request_id, failure=message))
            case rt.ConnectionLost(message=message):
                log.warning("! the model is away, and being tried again: %s", message)
                self._emit(ModelConnectionChanged(at=clock.now(), connected=False, message=message))
                self._post(ev.ModelLost())
            case rt.ConnectionRestored(seconds=seconds):
                log.info("the model is back after %.1f s", seconds)
                self._emit(ModelConnectionChanged(at=clock.now(), connected=True, seconds=seconds))
                self._post(ev.ModelRestored())
            case (
                rt.OutputPartStarted()
                | rt.PlaybackStarted()
                | rt.PlaybackStopped()
                | rt.ItemAdded()
                | rt.ItemDeleted()
                | rt.ItemTruncated()
                | rt.ItemRetrieved()
                | rt.InputCleared()
                | rt.InputSegment()
                | rt.InputTimedOut()
                | rt.KeyPressed()
                | rt.HostedToolsListed()
                | rt.HostedToolCalled()
                | rt.HostedToolApprovalAsked()
                | rt.SettingsApplied()
                | rt.ConnectionExpires()
                | rt.RateLimits()
                | rt.UnknownEvent()
            ):
                # What happened elsewhere, and changes nothing of what is said or played here.
                log.debug("the model says: %s", event)
            case _:
                assert_never(event)

    def take(self, response_id: str) -> MadeReply | None:
        """The reply that has ended under this name, once."""
        return self._made.pop(response_id, None)

    def _about_the_user(self, event: _UserEvent) -> None:
        now = clock.now()
        match event:
            case rt.InputCommitted(item_id=item_id):
                self._user_lines.named(item_id)
                self._named(item_id)
                by_server = self._server_turns()
                self._post(ev.ServerTurnCommitted(item_id) if by_server else ev.TurnCommitted(item_id))
            case rt.InputTranscriptDelta(item_id=item_id, delta=delta):
                text = self._user_lines.grow(item_id, delta)
                self._tell_words(item_id, text, final=False)
            case rt.InputTranscribed(item_id=item_id, text=text, confidence=confidence):
                self._user_lines.finish(item_id, text)
                self._tell_words(item_id, text, final=True, confidence=confidence)
                self._post(ev.TurnTranscribed(item_id, text))
            case rt.InputTranscriptionFailed(item_id=item_id, message=message):
                log.warning("! no transcript of %s: %s", item_id, message)
                self._problem(f"no transcript of {item_id}: {message}")
                self._user_lines.finish(item_id, "")
                self._post(ev.TurnTranscribed(item_id, None))
            case rt.InputVoiceStarted():
                self._hear(voice=True, now=now)
            case rt.InputVoiceStopped():
                self._hear(voice=False, now=now)
            case _:
                assert_never(event)

    def _tell_words(self, item_id: str, text: str, *, final: bool, confidence: float | None = None) -> None:
        speaker = self._user_lines.speaker_of(item_id)
        self._emit(
            UserInputTranscribed(
                at=clock.now(),
                item_id=item_id,
                text=text,
                final=final,
                identity=speaker.identity,
                name=speaker.name,
                confidence=confidence,
            )
        )

    def _hear(self, *, voice: bool, now: float) -> None:
        """The model's own detector counts while it owns the turns."""
        if self._server_turns():
            self._post(ev.VoiceStarted(now) if voice else ev.VoiceStopped(now))

    def _about_a_reply(self, event: _ReplyEvent) -> None:
        match event:
            case rt.ResponseStarted(response_id=response_id, request_id=request_id):
                self._post(ev.ReplyStarted(response_id=response_id, request_id=request_id))
            case rt.OutputItemStarted(response_id=response_id, item_id=item_id):
                self._cut_replies.item_started(response_id, item_id)
                # In the model's order, whatever is heard first.
                self._agent_lines.place(item_id)
            case rt.OutputAudio(response_id=response_id, item_id=item_id, content_index=content_index, pcm=pcm):
                part = Part(item_id, content_index)
                self._cut_replies.audio_arrived(response_id, part, len(pcm) // 2)
                if not self._cut_replies.is_cut(response_id):
                    self._post(
                        ev.ReplyAudioArrived(
                            response_id=response_id, item_id=item_id, content_index=content_index, pcm=pcm
                        )
                    )
            case rt.OutputTranscript(item_id=item_id, content_index=content_index, delta=delta, start_ms=start_ms):
                if not self._cut_replies.is_cut(event.response_id):
                    self._agent_lines.add(Part(item_id, content_index), delta, start_ms)
            case rt.OutputAudioDone(item_id=item_id, content_index=content_index):
                if not self._cut_replies.is_cut(event.response_id):
                    self._agent_lines.complete(Part(item_id, content_index))
            case rt.OutputText(response_id=response_id, item_id=item_id, content_index=content_index, delta=delta):
                if not self._cut_replies.is_cut(response_id):
                    self._reader.wrote(response_id, Part(item_id, content_index), delta)
            case rt.OutputTextDone(response_id=response_id, item_id=item_id, content_index=content_index, text=text):
                if not self._cut_replies.is_cut(response_id):
                    self._reader.wrote_all(response_id, Part(item_id, content_index), text)
            case rt.FunctionCallReady(response_id=response_id):
                call = FunctionCall(
                    id=event.item_id, call_id=event.call_id, name=event.name, arguments=event.arguments
                )
                self._calls.setdefault(response_id, []).append(call)
                self._called(call)
            case rt.ResponseEnded():
                self._reply_ended(event)
            case _:
                assert_never(event)

    def _reply_ended(self, event: rt.ResponseEnded) -> None:
        calls = tuple(self._calls.pop(event.response_id, ()))
        completed = event.status is rt.ResponseStatus.COMPLETED
        lost = event.status is rt.ResponseStatus.LOST
        failed = event.status is rt.ResponseStatus.FAILED
        if completed:
            self._failures.worked(Component.MODEL)
        self._made[event.response_id] = MadeReply(event, calls)
        for command in self._cut_replies.ended(event.response_id, self._rate):
            self._histories.send(command)
            if isinstance(command, rt.DeleteItem):
                self._agent_lines.forget(command.item_id)
        self._count(event)
        ended = ev.ReplyEnded(
            response_id=event.response_id,
            request_id=event.request_id,
            tool_calls=len(calls) if completed or lost else 0,
            failure=event.message or "the model failed" if failed else "",
            lost=lost,
        )
        if not self._reader.ended(ended):
            self._post(ended)

    def _count(self, event: rt.ResponseEnded) -> None:
        self.usage += event.usage
        if event.usage != Usage():
            self._emit(
                UsageCollected(
                    at=clock.now(),
                    usage=event.usage,
                    total=self.usage,
                    first_output_seconds=event.first_output_seconds,
                )
            )

    def _problem(self, message: str) -> None:
        self._emit(ErrorOccurred(at=clock.now(), source="model", message=message, fatal=False))
