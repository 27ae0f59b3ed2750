"""Does what the conversation decided: hop 3 of 3. Nothing here decides, and nothing waits for a peer."""

import logging
from collections.abc import Callable, Sequence
from typing import Final, assert_never

from agent_worker import clock
from agent_worker.audio import from_bytes
from agent_worker.history.items import Message
from agent_worker.media.ledger import NeverPlayed, Part, Progress, Truncated, truncations
from agent_worker.media.playout import Playout
from agent_worker.realtime import base as rt
from agent_worker.session.cut_replies import CutReplies
from agent_worker.session.ears import Ears
from agent_worker.session.events import ReplyRequested, SessionEvent, UserTurnCommitted
from agent_worker.session.handle import Speeches
from agent_worker.session.histories import Histories
from agent_worker.session.lines import AgentLines, UserLines
from agent_worker.session.narrator import Narrator
from agent_worker.session.reader import Reader
from agent_worker.session.reports import Report, Reports
from agent_worker.session.seat import Seat
from agent_worker.speech import actions as act
from agent_worker.tools.spec import ToolSpec

log = logging.getLogger(__name__)

CONTINUE: Final = (
    'Your last message was cut off by a broken connection after "{words}". Go on from there; repeat nothing.'
)
"""What the model is told, so that a reply that was cut off by the loss of its connection is not said twice (M-4)."""
LAST_WORDS: Final = 200
"""Characters of what was heard that are quoted there; the history has it all."""

_OnTurn = (
    act.OpenTurn
    | act.CommitTurn
    | act.ClearTurn
    | act.DeleteItem
    | act.RunTurnHook
    | act.SilenceInput
    | act.ReportTurn
)
_OnReply = act.RequestReply | act.SpeakScript | act.AdoptReply | act.CancelReply | act.CancelScript
_OnSound = act.PlayAudio | act.EndAudio | act.DropOutput | act.HoldOutput | act.ResumeOutput


class Performer:
    """Performs actions, each at once.

    Args:
        seat: Who the agent is.
        histories: What the model has of the history.
        emit: Tells who follows the session.
        playout: The agent's voice.
        ears: What of the microphones the model gets.
        user_lines: The user's lines.
        agent_lines: The agent's lines.
        narrator: Speaks scripts.
        reader: Reads aloud what the model writes.
        speeches: The handles of what the agent says.
        cut_replies: What comes too late.
        reports: Tells room and followers what the conversation reports.
        instructions: What the agent is told to be, now.
        listening_to: Whose turn it is, as an identity.
        committed: Told of each turn that is sent off.
        said: Told of each message that the agent has said.
        run_turn_hook: Shows the application the turn that a speech would answer.
        drained: Told when nothing is under way any more, and nothing new will come.

    Attributes:
        request_id: What is being said, or was last.

    """

    def __init__(
        self,
        *,
        seat: Seat,
        histories: Histories,
        emit: Callable[[SessionEvent], None],
        playout: Playout,
        ears: Ears,
        user_lines: UserLines,
        agent_lines: AgentLines,
        narrator: Narrator,
        reader: Reader,
        speeches: Speeches,
        cut_replies: CutReplies,
        reports: Reports,
        instructions: Callable[[], str],
        listening_to: Callable[[], str],
        committed: Callable[[], object],
        said: Callable[[str, Message], None],
        run_turn_hook: Callable[[str], None],
        drained: Callable[[], None],
    ) -> None:
        self.request_id = ""
        self._seat = seat
        self._histories = histories
        self._emit = emit
        self._playout = playout
        self._ears = ears
        self._user_lines = user_lines
        self._agent_lines = agent_lines
        self._narrator = narrator
        self._reader = reader
        self._speeches = speeches
        self._cut_replies = cut_replies
        self._reports = reports
        self._instructions = instructions
        self._listening_to = listening_to
        self._committed = committed
        self._said = said
        self._run_turn_hook = run_turn_hook
        self._drained = drained
        self._adopted: dict[str, str] = {}
        self._last_words: tuple[str, str] = ("", "")

    def perform(self, action: act.Action) -> None:
        """Do it."""
        match action:
            case (
                act.OpenTurn()
                | act.CommitTurn()
                | act.ClearTurn()
                | act.DeleteItem()
                | act.RunTurnHook()
                | act.SilenceInput()
                | act.ReportTurn()
            ):
                self._perform_on_turn(action)
            case act.RequestReply() | act.SpeakScript() | act.AdoptReply() | act.CancelReply() | act.CancelScript():
                self._perform_on_reply(action)
            case act.PlayAudio() | act.EndAudio() | act.DropOutput() | act.HoldOutput() | act.ResumeOutput():
                self._perform_on_sound(action)
            case act.FinishSpeech(speech_id=speech_id, interrupted=interrupted, failure=failure):
                # First the handles: who is told of the end may ask them.
                self._speeches.finish(speech_id, interrupted=interrupted, failure=failure)
                script = self._narrator.script(speech_id)
                self._narrator.forget(speech_id)
                self._reports.finished(action, scripted=script is not None)
            case act.Drained():
                self._drained()
            case (
                act.ReportAgentState()
                | act.ReportUserState()
                | act.ReportHold()
                | act.ReportInterruption()
                | act.ReportTurnExceeded()
                | act.ReportProblem()
            ):
                self._report(action)
            case _:
                assert_never(action)

    def request_of(self, response_id: str) -> str | None:
        """Which request a reply that the model began by itself was taken for, once."""
        return self._adopted.pop(response_id, None)

    def reply_heard(self, *, interrupted: bool) -> dict[str, Message]:
        """What is being said was heard to its end, or was cut: it goes into the history; gives it back by item."""
        speech_id = self.request_id.rpartition(".")[0]
        heard = self._agent_lines.finish(interrupted=interrupted)
        for message in heard:
            self._reports.heard(speech_id, message.text)
            self._last_words = (speech_id, message.text)
            self._said(speech_id, message)
        self._speeches.heard(speech_id)
        return {message.id: message for message in heard}

    def _perform_on_turn(self, action: _OnTurn) -> None:
        match action:
            case act.OpenTurn(at=at):
                self._ears.open(at)
                self._user_lines.begin(self._listening_to())
            case act.CommitTurn():
                self.commit_turn()
            case act.ClearTurn():
                self._ears.clear()
                self._user_lines.discard()
            case act.DeleteItem(item_id=item_id):
                self._histories.send(rt.DeleteItem(item_id))
                self._user_lines.delete(item_id)
            case act.RunTurnHook(speech_id=speech_id):
                self._run_turn_hook(speech_id)
            case act.SilenceInput(on=on):
                self._ears.silence(on)
            case act.ReportTurn(started_at=started_at, ended_at=ended_at):
                self._emit(
                    UserTurnCommitted(
                        at=clock.now(), started_at=started_at, ended_at=ended_at, identity=self._listening_to()
                    )
                )
            case _:
                assert_never(action)

    def commit_turn(self) -> bool:
        """Have the model take the open turn; whether there was enough of one."""
        enough = self._ears.is_enough
        if enough:
            # Before the turn itself: the model may have to be told whose it is.
            self._user_lines.commit()
        else:
            self._user_lines.discard()
        self._ears.commit()
        if enough:
            self._committed()
        return enough

    def _perform_on_reply(self, action: _OnReply) -> None:
        match action:
            case act.RequestReply(speech_id=speech_id, request_id=request_id):
                self._begin(speech_id, request_id)
                self._emit(ReplyRequested(at=clock.now(), speech_id=speech_id, request_id=request_id))
                self._histories.send(
                    rt.CreateResponse(
                        request_id=request_id,
                        instructions=self._instructions_of(action),
                        tool_choice=action.tool_choice,
                        tools=self._only(action.tool_names),
                        # With each reply: a session's voice cannot be changed any more once it has spoken.
                        voice=self._seat.agent.voice,
                    )
                )
            case act.SpeakScript(speech_id=speech_id, request_id=request_id):
                self._begin(speech_id, request_id)
                self._narrator.speak(speech_id, request_id)
            case act.AdoptReply(speech_id=speech_id, request_id=request_id, response_id=response_id):
                self._begin(speech_id, request_id)
                self._adopted[response_id] = request_id
            case act.CancelReply(response_id=response_id):
                if not self._reader.cancel(response_id):
                    self._cut_replies.cut(response_id)
                    self._histories.send(rt.CancelResponse(response_id))
            case act.CancelScript(request_id=request_id):
                self._narrator.cancel(request_id)
            case _:
                assert_never(action)

    def _instructions_of(self, action: act.RequestReply) -> str | None:
        """What the model is told for this reply: after a broken connection, where to go on."""
        speech_id, words = self._last_words
        if not action.continues or speech_id != action.speech_id:
            return action.instructions
        base = action.instructions or self._instructions()
        return f"{base}\n\n{CONTINUE.format(words=words[-LAST_WORDS:])}"

    def _only(self, names: tuple[str, ...] | None) -> tuple[ToolSpec, ...] | None:
        """What the model is told of these tools; None: of all, as it was told already."""
        if names is None:
            return None
        return tuple(spec for spec in self._seat.toolbox.specs if spec.name in names)

    def _begin(self, speech_id: str, request_id: str) -> None:
        # One utterance at a time: what was played of the last one is settled.
        self._playout.ledger.clear()
        self._speeches.begun(speech_id)
        self.request_id = request_id

    def _perform_on_sound(self, action: _OnSound) -> None:
        match action:
            case act.PlayAudio(request_id=request_id):
                part = Part(action.item_id, action.content_index)
                samples = from_bytes(action.pcm)
                taken = self._playout.write(request_id, part, samples)
                if taken < len(samples):
                    log.error("x %s: the reply is longer than the player holds; its end is not played", request_id)
            case act.EndAudio(request_id=request_id):
                self._playout.end(request_id)
            case act.DropOutput():
                self._playout.drop()
                self._tell_what_was_heard()
            case act.HoldOutput():
                self._playout.hold()
            case act.ResumeOutput(rewind=rewind):
                self._playout.resume(rewind)
            case _:
                assert_never(action)

    def _tell_what_was_heard(self) -> None:
        """The model's history, ours and the line on the page end where the sound ended (R-2, R-3)."""
        ledger = self._playout.ledger
        progress = ledger.progress()
        written = self._reader.written()
        if self._narrator.script(self.request_id.rpartition(".")[0]) is None:
            self._cut_replies.settled(progress)
            self._truncate([(part, count) for part, count in progress if part.item_id not in written])
        heard = self.reply_heard(interrupted=True)
        for item_id, text in written.items():
            # A text has no length in time: the model's copy is put in its place as it was heard.
            message = heard.get(item_id)
            if message is None or message.text != text:
                self._cut_replies.told(item_id)
                self._histories.replace(item_id, message)
        # What still comes of this reply is late: no word of it is to be shown.
        ledger.clear()

    def _truncate(self, progress: Sequence[tuple[Part, Progress]]) -> None:
        for truncation in truncations(progress, self._playout.ledger.rate):
            match truncation:
                case Truncated(item_id=item_id, content_index=content_index, audio_end_ms=audio_end_ms):
                    self._histories.send(
                        rt.TruncateItem(item_id=item_id, content_index=content_index, audio_end_ms=audio_end_ms)
                    )
                case NeverPlayed(item_id=item_id):
                    self._histories.send(rt.DeleteItem(item_id))
                case _:
                    assert_never(truncation)

    def _report(self, report: Report) -> None:
        self._reports.tell(report, held=self._playout.held)
