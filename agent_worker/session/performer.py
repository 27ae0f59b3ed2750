"""Does what the conversation decided: hop 3 of 3. Nothing here decides, and nothing waits for a peer."""

import logging
from collections.abc import Callable
from typing import assert_never

from agent_worker.audio import from_bytes
from agent_worker.media.ledger import NeverPlayed, Part, Truncated, truncations
from agent_worker.media.playout import Playout
from agent_worker.realtime import base as rt
from agent_worker.rooms.base import Room
from agent_worker.session.handle import Speeches
from agent_worker.session.lines import AgentLines, UserLines
from agent_worker.session.turn_audio import TurnAudio
from agent_worker.speech import actions as act

log = logging.getLogger(__name__)


class Performer:
    """Performs actions, each at once.

    Args:
        room: Where the agent is.
        send: Sends the model a command.
        playout: The agent's voice.
        turn_audio: What of the microphone the model gets.
        user_lines: The user's lines.
        agent_lines: The agent's lines.
        speeches: The handles of what the agent says.
        listening_to: Who the agent listens to, as an identity.
        run_turn_hook: Shows the application the turn that a speech would answer.

    """

    def __init__(
        self,
        *,
        room: Room,
        send: Callable[[rt.RealtimeCommand], None],
        playout: Playout,
        turn_audio: TurnAudio,
        user_lines: UserLines,
        agent_lines: AgentLines,
        speeches: Speeches,
        listening_to: Callable[[], str],
        run_turn_hook: Callable[[str], None],
    ) -> None:
        self._room = room
        self._send = send
        self._playout = playout
        self._turn_audio = turn_audio
        self._user_lines = user_lines
        self._agent_lines = agent_lines
        self._speeches = speeches
        self._listening_to = listening_to
        self._run_turn_hook = run_turn_hook

    def perform(self, action: act.Action) -> None:
        """Do it."""
        match action:
            case act.OpenTurn() | act.CommitTurn() | act.ClearTurn() | act.DeleteItem() | act.RunTurnHook():
                self._perform_on_turn(action)
            case act.RequestReply() | act.CancelReply() | act.PlayAudio() | act.EndAudio() | act.DropOutput():
                self._perform_on_reply(action)
            case act.HoldOutput():
                self._playout.hold()
            case act.ResumeOutput(rewind=rewind):
                self._playout.resume(rewind)
            case act.FinishSpeech(speech_id=speech_id, interrupted=interrupted, failure=failure):
                self._finish(speech_id, interrupted=interrupted, failure=failure)
            case (
                act.ReportAgentState()
                | act.ReportUserState()
                | act.ReportHold()
                | act.ReportInterruption()
                | act.ReportProblem()
            ):
                self._report(action)
            case _:
                assert_never(action)

    def _perform_on_turn(
        self, action: act.OpenTurn | act.CommitTurn | act.ClearTurn | act.DeleteItem | act.RunTurnHook
    ) -> None:
        match action:
            case act.OpenTurn(at=at):
                self._turn_audio.open(at)
                self._user_lines.begin(self._listening_to())
            case act.CommitTurn():
                if self._turn_audio.commit():
                    self._user_lines.commit()
                else:
                    self._user_lines.discard()
            case act.ClearTurn():
                self._turn_audio.clear()
                self._user_lines.discard()
            case act.DeleteItem(item_id=item_id):
                self._send(rt.DeleteItem(item_id))
                self._user_lines.delete(item_id)
            case act.RunTurnHook(speech_id=speech_id):
                self._run_turn_hook(speech_id)
            case _:
                assert_never(action)

    def _perform_on_reply(
        self, action: act.RequestReply | act.CancelReply | act.PlayAudio | act.EndAudio | act.DropOutput
    ) -> None:
        match action:
            case act.RequestReply():
                # One utterance at a time: what was played of the last one is settled.
                self._playout.ledger.clear()
                self._send(
                    rt.CreateResponse(
                        request_id=action.request_id,
                        instructions=action.instructions,
                        tool_choice=action.tool_choice,
                    )
                )
            case act.CancelReply(response_id=response_id):
                self._send(rt.CancelResponse(response_id))
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
            case _:
                assert_never(action)

    def _tell_what_was_heard(self) -> None:
        """The model's history, ours and the line on the page end where the sound ended (R-2, R-3)."""
        ledger = self._playout.ledger
        for truncation in truncations(ledger.progress(), ledger.rate):
            match truncation:
                case Truncated(item_id=item_id, content_index=content_index, audio_end_ms=audio_end_ms):
                    self._send(
                        rt.TruncateItem(item_id=item_id, content_index=content_index, audio_end_ms=audio_end_ms)
                    )
                case NeverPlayed(item_id=item_id):
                    self._send(rt.DeleteItem(item_id))
                case _:
                    assert_never(truncation)
        self._agent_lines.finish(interrupted=True)

    def _finish(self, speech_id: str, *, interrupted: bool, failure: str) -> None:
        self._speeches.finish(speech_id, interrupted=interrupted, failure=failure)
        if failure:
            log.warning("! %s failed: %s", speech_id, failure)
            self._room.send_data(
                "agent.event", {"type": "error", "message": f"The agent could not answer: {failure}"}
            )

    def _report(
        self,
        report: act.ReportAgentState
        | act.ReportUserState
        | act.ReportHold
        | act.ReportInterruption
        | act.ReportProblem,
    ) -> None:
        match report:
            case act.ReportAgentState(state=state):
                held = "true" if self._playout.held else None
                self._room.set_attributes({"agent.state": state, "agent.held": held})
            case act.ReportUserState(state=state):
                self._room.set_attributes({"user.state": state})
            case act.ReportHold():
                self._room.send_data("agent.event", {"type": "held"})
            case act.ReportInterruption(outcome=outcome, held_at=held_at, decided_at=decided_at):
                held_seconds = 0.0 if held_at is None else decided_at - held_at
                log.info("= %s %s after %.2f s of hold", report.speech_id, outcome, held_seconds)
                self._room.send_data("agent.event", {"type": outcome, "held_seconds": round(held_seconds, 3)})
            case act.ReportProblem(message=message):
                log.error("! %s", message)
            case _:
                assert_never(report)
