"""One agent in one room: what an application holds of a conversation."""

import asyncio
from typing import Never, cast

from agent_worker.agent import Agent
from agent_worker.errors import AgentWorkerError, SpeechError
from agent_worker.history.record import History
from agent_worker.media.playout import Playout, PlayoutEvent, PlayoutFinished, PlayoutStarted
from agent_worker.realtime.base import RealtimeModel, SessionSettings
from agent_worker.rooms.base import Door, Room
from agent_worker.session.handle import Speeches, SpeechHandle
from agent_worker.session.live import EndedError, Live
from agent_worker.session.mailbox import Mailbox
from agent_worker.session.toolbox import Toolbox
from agent_worker.speech import events as ev
from agent_worker.speech.actions import AgentState
from agent_worker.speech.options import SpeechOptions
from agent_worker.speech.queue import Speech
from agent_worker.vad.base import Vad


class AgentSession:
    """A conversation between one agent and the humans of one room.

    Args:
        agent: What to be.
        door: The way into the room.
        model: The realtime model that listens and speaks.
        vad: Tells when the user speaks.
        options: How the conversation behaves.

    """

    def __init__(
        self,
        agent: Agent,
        *,
        door: Door,
        model: RealtimeModel,
        vad: Vad,
        options: SpeechOptions | None = None,
    ) -> None:
        self.agent = agent
        self.history = History()
        self._door = door
        self._model = model
        self._vad = vad
        self._options = options or SpeechOptions()
        self._mailbox = Mailbox()
        self._speeches = Speeches(interrupt=self.interrupt)
        self._live: Live | None = None

    async def run(self) -> str:
        """Hold the conversation until the room closes; gives back the reason for its end.

        Raises:
            RoomLostError: The room could not be entered.
            RealtimeLostError: The model could not be reached, or was lost. The people in the room were told.
            RealtimeError: The model refused to work with us. The people in the room were told.

        """
        self.agent.bind(self)
        playout = Playout(rate=self._model.capabilities.output_rate, on_event=self._played)
        try:
            async with self._door.join(playout) as room:
                return await self._be_in(room, playout)
        except BaseExceptionGroup as group:
            raise _cause(group) from None
        finally:
            self.agent.bind(None)

    def generate_reply(
        self,
        *,
        instructions: str | None = None,
        user_input: str | None = None,
        tool_choice: str | None = None,
        allow_interruptions: bool | None = None,
    ) -> SpeechHandle:
        """Have the agent say something. Returns at once; await the handle to wait until it was heard.

        Args:
            instructions: What for; they replace the agent's own for this reply.
            user_input: A message of the user to answer, added to the history first.
            tool_choice: "auto", "none", "required" or a tool's name, for this reply.
            allow_interruptions: Whether a voice may interrupt it; None: as the agent and the options say.

        Raises:
            SpeechError: The session is not running.

        """
        live = self._running()
        if user_input is not None:
            live.add_user_message(user_input)
        if allow_interruptions is None:
            allow_interruptions = self.agent.allow_interruptions
        speech = Speech(
            id=self._speeches.new_id(),
            interruptible=allow_interruptions,
            instructions=instructions,
            tool_choice=tool_choice,
            answers_turn=user_input is not None,
        )
        handle = self._speeches.handle(speech.id)
        self._mailbox.post(ev.SpeechRequested(speech))
        return handle

    def interrupt(self, *, force: bool = False) -> None:
        """Cut what the agent says and wants to say, up to the first protected speech; `force` takes all (S-5).

        Raises:
            SpeechError: The session is not running.

        """
        self._running()
        self._mailbox.post(ev.InterruptRequested(force))

    async def _be_in(self, room: Room, playout: Playout) -> str:
        room.set_attributes({"agent.state": AgentState.INITIALIZING, "agent.error": None})
        try:
            await self._converse(room, playout)
        except BaseExceptionGroup as group:
            error = _cause(group)
        except AgentWorkerError as failed:
            error = failed
        if isinstance(error, EndedError):
            return str(error)
        if isinstance(error, AgentWorkerError):
            room.set_attributes({"agent.error": str(error)})
            room.send_data("agent.event", {"type": "error", "message": str(error)})
        raise error

    async def _converse(self, room: Room, playout: Playout) -> Never:
        toolbox = Toolbox(self.agent, self, self._speeches, self.history)
        settings = SessionSettings(instructions=self.agent.instructions, tools=toolbox.specs, voice=self.agent.voice)
        try:
            async with self._model.connect(settings) as connection, asyncio.TaskGroup() as group:
                self._live = Live(
                    agent=self.agent,
                    room=room,
                    connection=connection,
                    playout=playout,
                    vad=self._vad,
                    options=self._options,
                    history=self.history,
                    toolbox=toolbox,
                    mailbox=self._mailbox,
                    speeches=self._speeches,
                    group=group,
                )
                await self._live.run()
        finally:
            self._live = None
            self._speeches.finish_all()

    def _played(self, event: PlayoutEvent) -> None:
        match event:
            case PlayoutStarted(speech_id=request_id):
                self._mailbox.post(ev.PlayoutStarted(request_id))
            case PlayoutFinished(speech_id=request_id):
                self._mailbox.post(ev.PlayoutFinished(request_id))

    def _running(self) -> Live:
        if self._live is None:
            msg = "the session is not running: speak from on_enter, from a tool, or while run() goes on"
            raise SpeechError(msg)
        return self._live


def _cause(error: BaseException) -> BaseException:
    """The one error that ended a task group, or the group itself when several did: people are told one cause."""
    if not isinstance(error, BaseExceptionGroup):
        return error
    group = cast(BaseExceptionGroup[BaseException], error)
    errors = list(group.exceptions)
    return _cause(errors[0]) if len(errors) == 1 else group
