"""What the conversation reports: told to the people in the room, to who follows the session, and to the log."""

import logging
from collections.abc import Callable
from typing import assert_never

from agent_worker import clock
from agent_worker.errors import RealtimeError, SpeechError
from agent_worker.rooms.base import Room
from agent_worker.session.events import (
    AgentFalseInterruption,
    AgentInterrupted,
    AgentStateChanged,
    ErrorOccurred,
    SessionEvent,
    SpeechFinished,
    UserStateChanged,
    UserTurnExceeded,
)
from agent_worker.session.failures import TOLERATED, Component, Failures
from agent_worker.speech import actions as act

log = logging.getLogger(__name__)

Report = (
    act.ReportAgentState
    | act.ReportUserState
    | act.ReportHold
    | act.ReportInterruption
    | act.ReportTurnExceeded
    | act.ReportProblem
)


class Reports:
    """Passes reports on.

    Args:
        room: Where the agent is.
        emit: Tells who follows the session.
        failures: How often each part has failed in a row.
        listening_to: Whose turn it is, as an identity.

    Attributes:
        agent_state: What the agent is doing.
        user_state: What the user is doing.

    """

    def __init__(
        self,
        *,
        room: Room,
        emit: Callable[[SessionEvent], None],
        failures: Failures,
        listening_to: Callable[[], str],
    ) -> None:
        self.agent_state = act.AgentState.INITIALIZING
        self.user_state = act.UserState.LISTENING
        self._room = room
        self._emit = emit
        self._failures = failures
        self._listening_to = listening_to
        self._heard: dict[str, list[str]] = {}

    def tell(self, report: Report, *, held: bool) -> None:
        """Tell it to whom it may concern; `held`: the agent's voice is held now."""
        match report:
            case act.ReportAgentState(state=state, at=at):
                self._room.set_attributes({"agent.state": state, "agent.held": "true" if held else None})
                old, self.agent_state = self.agent_state, state
                if old is not state:
                    self._emit(AgentStateChanged(at=at, old=old, new=state))
            case act.ReportUserState(state=state, at=at):
                self._room.set_attributes({"user.state": state})
                previous, self.user_state = self.user_state, state
                if previous is not state:
                    self._emit(UserStateChanged(at=at, old=previous, new=state, identity=self._listening_to()))
            case act.ReportHold():
                self._room.send_data("agent.event", {"type": "held"})
            case act.ReportInterruption():
                self._interruption(report)
            case act.ReportTurnExceeded(at=at, seconds=seconds):
                self._emit(UserTurnExceeded(at=at, seconds=seconds))
            case act.ReportProblem(message=message):
                log.error("! %s", message)
                self._emit(ErrorOccurred(at=clock.now(), source="model", message=message, fatal=False))
            case _:
                assert_never(report)

    def heard(self, speech_id: str, text: str) -> None:
        """This was heard of a speech."""
        self._heard.setdefault(speech_id, []).append(text)

    def finished(self, action: act.FinishSpeech, *, scripted: bool) -> None:
        """A speech is over.

        Raises:
            RealtimeError, SpeechError: It failed, and so did too many before it (L-5).

        """
        speech_id, failure = action.speech_id, action.failure
        self._emit(
            SpeechFinished(
                at=clock.now(),
                speech_id=speech_id,
                interrupted=action.interrupted,
                failure=failure,
                text=" ".join(self._heard.pop(speech_id, ())),
            )
        )
        component = Component.SPEECH if scripted else Component.MODEL
        if failure:
            self._failed(speech_id, failure, component)
        elif scripted and not action.interrupted:
            self._failures.worked(component)

    def _failed(self, speech_id: str, failure: str, component: Component) -> None:
        log.warning("! %s failed: %s", speech_id, failure)
        message = f"The agent could not answer: {failure}"
        self._room.send_data("agent.event", {"type": "error", "message": message})
        self._emit(ErrorOccurred(at=clock.now(), source=component, message=failure, fatal=False))
        if self._failures.failed(component):
            message = f"The {component} failed {TOLERATED + 1} times in a row, the last time: {failure}"
            raise SpeechError(message) if component is Component.SPEECH else RealtimeError(message)

    def _interruption(self, report: act.ReportInterruption) -> None:
        held_at, decided_at = report.held_at, report.decided_at
        held_seconds = 0.0 if held_at is None else decided_at - held_at
        log.info("= %s %s after %.2f s of hold", report.speech_id, report.outcome, held_seconds)
        cut = report.outcome is act.Outcome.CUT
        # For people a hold that had nothing left to hold is over like any other.
        shown = act.Outcome.CUT if cut else act.Outcome.RESUMED
        told: dict[str, object] = {"type": shown, "held_seconds": round(held_seconds, 3)}
        by = self._listening_to()
        if cut and by:
            told["identity"] = by
        self._room.send_data("agent.event", told)
        match report.outcome:
            case act.Outcome.CUT:
                self._emit(
                    AgentInterrupted(
                        at=decided_at,
                        speech_id=report.speech_id,
                        voice_at=report.voice_at,
                        held_at=held_at,
                        identity=by,
                    )
                )
            case act.Outcome.RESUMED | act.Outcome.ENDED:
                self._emit(
                    AgentFalseInterruption(
                        at=decided_at,
                        speech_id=report.speech_id,
                        resumed=report.outcome is act.Outcome.RESUMED,
                        voice_at=report.voice_at,
                        held_at=decided_at if held_at is None else held_at,
                    )
                )
            case _:
                assert_never(report.outcome)
