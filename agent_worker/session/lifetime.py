"""How a session lives and ends: enters the room, connects the model, runs, lets the agent leave, tells the reason."""

import asyncio
import logging
from collections.abc import Callable
from typing import Final, Never, cast

from agent_worker import clock
from agent_worker.cascade.base import Synthesiser
from agent_worker.errors import AgentWorkerError, SpeechError
from agent_worker.history.record import History
from agent_worker.media.playout import Playout, PlayoutEvent, PlayoutFinished, PlayoutStarted
from agent_worker.realtime.base import RealtimeModel
from agent_worker.realtime.enduring import EnduringModel
from agent_worker.rooms.base import Door, Room
from agent_worker.session.ending import LAST_EXIT_SECONDS
from agent_worker.session.events import ErrorOccurred, SessionClosed, SpeechStarted
from agent_worker.session.handle import Speeches
from agent_worker.session.inputs import Inputs
from agent_worker.session.listeners import Listeners
from agent_worker.session.live import Live
from agent_worker.session.mailbox import Mailbox
from agent_worker.session.procedures import Procedures
from agent_worker.session.room_feed import EndedError
from agent_worker.session.seat import Seat
from agent_worker.speech import events as ev
from agent_worker.speech.actions import AgentState
from agent_worker.speech.options import SpeechOptions
from agent_worker.turns.judge import TurnJudge
from agent_worker.usage import Usage
from agent_worker.vad.base import Vad

_logger = logging.getLogger(__name__)

CLOSE_SECONDS: Final = 5.0
"""How long whoever closes a session waits for its end."""


class Lifetime:
    """One life of a session.

    Args:
        door: The way into the room.
        model: The realtime model.
        vad: Tells when the user speaks.
        synthesiser: Speaks what is said word for word.
        turn_judge: Tells at a pause of the user whether the turn is over.
        options: How the conversation behaves now.
        history: What is said.
        mailbox: Where events wait.
        listeners: Who follows the session.
        speeches: The handles of what the agent says.
        procedures: What people's pages may call.
        inputs: What of the user is taken.
        participant: Who is listened to before all others, or None.

    Attributes:
        live: The running parts, while there are any.

    """

    def __init__(
        self,
        *,
        door: Door,
        model: RealtimeModel,
        vad: Vad,
        synthesiser: Synthesiser | None,
        turn_judge: TurnJudge | None,
        options: Callable[[], SpeechOptions],
        history: History,
        mailbox: Mailbox,
        listeners: Listeners,
        speeches: Speeches,
        procedures: Procedures,
        inputs: Inputs,
        participant: str | None,
    ) -> None:
        self.live: Live | None = None
        self._door = door
        self._model = model if isinstance(model, EnduringModel) else EnduringModel(model)
        self._vad = vad
        self._synthesiser = synthesiser
        self._turn_judge = turn_judge
        self._options = options
        self._history = history
        self._mailbox = mailbox
        self._listeners = listeners
        self._speeches = speeches
        self._procedures = procedures
        self._inputs = inputs
        self._participant = participant
        self._usage = Usage()
        self._began = False
        self._closing: str | None = None
        self._over = asyncio.Event()

    @property
    def usage(self) -> Usage:
        """What the model's replies have cost so far."""
        return self._usage if self.live is None else self.live.feed.usage

    async def run(self, seat: Seat) -> str:
        """Live; gives back the reason for the end, or raises the error that was it."""
        self._began = True
        try:
            async with self._listeners.serving():
                return await self._be_there(seat)
        except BaseExceptionGroup as group:
            raise _cause(group) from None
        finally:
            self._over.set()
            seat.agent.bind(None)

    async def close(self, reason: str) -> None:
        """End it now, within CLOSE_SECONDS; nothing happens when it is over, or has not begun."""
        if not self._began or self._over.is_set():
            return
        if self._closing is None:
            self._closing = reason
            if self.live is not None:
                self.live.close(reason)
        await self.wait_for_the_end()

    async def wait_for_the_end(self) -> None:
        """Wait until it is over; after CLOSE_SECONDS whatever still runs is left as it is."""
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                await self._over.wait()
        except TimeoutError:
            if self.live is not None:
                self.live.ending.end(self._closing or "closed")

    async def _be_there(self, seat: Seat) -> str:
        playout = Playout(rate=self._model.capabilities.output_rate, on_event=self._played)
        reason = ""
        try:
            async with self._door.join(playout) as room:
                reason = await self._be_in(seat, room, playout)
        except BaseException as error:
            cause = _cause(error)
            reason = str(cause) or type(cause).__name__
            raise
        finally:
            self._listeners.emit(SessionClosed(at=clock.now(), reason=reason))
        return reason

    async def _be_in(self, seat: Seat, room: Room, playout: Playout) -> str:
        room.set_attributes({"agent.state": AgentState.INITIALIZING, "agent.error": None})
        self._procedures.enter(room)
        try:
            await self._converse(seat, room, playout)
        except BaseExceptionGroup as group:
            error = _cause(group)
        except AgentWorkerError as failed:
            error = failed
        if isinstance(error, EndedError):
            return str(error)
        if isinstance(error, AgentWorkerError):
            room.set_attributes({"agent.error": str(error)})
            room.send_data("agent.event", {"type": "error", "message": str(error)})
            source = "speech" if isinstance(error, SpeechError) else "model"
            self._listeners.emit(ErrorOccurred(at=clock.now(), source=source, message=str(error), fatal=True))
        raise error

    async def _converse(self, seat: Seat, room: Room, playout: Playout) -> Never:
        async with self._model.connect(seat.settings(self._options()), lambda: tuple(self._history)) as connection:
            try:
                async with asyncio.TaskGroup() as group:
                    self.live = live = Live(
                        seat=seat,
                        room=room,
                        connection=connection,
                        playout=playout,
                        vad=self._vad,
                        synthesiser=self._synthesiser,
                        turn_judge=self._turn_judge,
                        options=self._options,
                        history=self._history,
                        mailbox=self._mailbox,
                        speeches=self._speeches,
                        participant=self._participant,
                        emit=self._listeners.emit,
                        group=group,
                    )
                    live.humans.ears.hear(self._inputs.audio)
                    if self._closing is not None:
                        live.close(self._closing)
                    await live.run()
            finally:
                if self.live is not None:
                    self.live.settle()
                    _logger.info("= the call is over: %s", await self.live.gauges.read())
                self._usage, self.live = self.usage, None
                await seat.leave_for_good(LAST_EXIT_SECONDS)

    def _played(self, event: PlayoutEvent) -> None:
        match event:
            case PlayoutStarted(speech_id=request_id):
                speech_id = request_id.rpartition(".")[0]
                self._listeners.emit(SpeechStarted(at=clock.now(), speech_id=speech_id))
                self._mailbox.post(ev.PlayoutStarted(request_id))
            case PlayoutFinished(speech_id=request_id):
                self._mailbox.post(ev.PlayoutFinished(request_id))


def _cause(error: BaseException) -> BaseException:
    """The one error that ended a task group, or the group itself when several did: people are told one cause."""
    if not isinstance(error, BaseExceptionGroup):
        return error
    group = cast(BaseExceptionGroup[BaseException], error)
    errors = list(group.exceptions)
    return _cause(errors[0]) if len(errors) == 1 else group
