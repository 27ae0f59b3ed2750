"""What a room process runs for real: the application's agent in a session, between a signaled room and a model.

Rooms of one process share its 20 ms slots and the runs of its voice activity model, and nothing of their
conversations.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Final, get_args
from urllib.parse import urlsplit

from agent_worker.agent import Agent
from agent_worker.cascade.on_demand import OnDemandSynthesiser
from agent_worker.errors import ConfigError
from agent_worker.media import libopus
from agent_worker.media.ticker import Ticker
from agent_worker.realtime.dialects import dialect_named
from agent_worker.realtime.openai import OpenAIRealtimeModel
from agent_worker.rooms.background import Background
from agent_worker.rooms.base import Door, Room, Voice
from agent_worker.rooms.ice import OfferedAddresses
from agent_worker.rooms.signaled import SignaledDoor
from agent_worker.session import AgentSession, Job, SpeechOptions
from agent_worker.session.events import SessionEvent
from agent_worker.telemetry.exporters import Exporters
from agent_worker.telemetry.recorder import Recorder
from agent_worker.telemetry.tracks import Subject
from agent_worker.vad import silero
from agent_worker.vad.silero import SileroVad
from agent_worker.worker import loader
from agent_worker.worker.checkpoint import Character, Checkpoint, to_go_on_with
from agent_worker.worker.checkpoint import Recorder as CheckpointRecorder
from agent_worker.worker.ipc import Start
from agent_worker.worker.loader import AgentSource
from agent_worker.worker.program import VoiceProgram
from agent_worker.worker.room_process import Keep

__all__ = ["VoiceJob", "load"]

KEEP_SECONDS: Final = 0.5
"""How often what was said is sent ahead: what is newer dies with the process."""


def load(program: VoiceProgram) -> "VoiceJob":
    """Import the agent and load the voice activity model.

    Raises:
        ConfigError: One of them cannot be, the model's address is none, or telemetry has no way out.
    """
    silero.load_session()
    libopus.load()
    settings = program.model
    model = OpenAIRealtimeModel(
        url=settings.url,
        model=settings.model,
        api_key=settings.api_key,
        dialect=dialect_named(settings.dialect),
    )
    source = loader.load(program.agent)
    if program.rooms > 1 and source.make is None:
        raise ConfigError(
            f"{program.agent} makes one agent, and {program.rooms} rooms that share a process need one each: "
            f"name the class instead ({program.agent.partition(':')[0]}:{source.name}), or use one process per room."
        )
    return VoiceJob(program, source, model)


class VoiceJob:
    """A `Job`: an agent that is ready to enter rooms."""

    def __init__(self, program: VoiceProgram, source: AgentSource, model: OpenAIRealtimeModel) -> None:
        self._program = program
        self._source = source
        self._fresh: Agent | None = source.made
        self._model = model
        self._exporters = Exporters(program.telemetry)
        self._ticker = Ticker()
        self._vad = SileroVad()

    @property
    def name(self) -> str:
        """The agent's class, for logs."""
        return self._source.name

    @asynccontextmanager
    async def serving(self) -> AsyncGenerator[None]:
        """See `Job.serving`."""
        async with self._exporters.running(), Background() as background:
            background.start(self._ticker.run(), name="ticker")
            yield

    async def run(self, start: Start, joined: Callable[[], None], keep: Keep) -> str:
        """Hold the conversation, or go on with it; gives back why it is over.

        Raises:
            AgentWorkerError: The room or the model is lost, or refused us.
        """
        door = SignaledDoor(
            start.url,
            start.token,
            addresses=OfferedAddresses(self._program.addresses),
            opus=self._program.opus,
            ticker=self._ticker,
        )
        checkpoint = start.checkpoint or Checkpoint()
        session = AgentSession(
            loader.named_again(checkpoint.character.agent) or self._next_agent(),
            door=_Announcing(door, joined),
            model=self._model,
            vad=self._vad.another(),
            synthesiser=OnDemandSynthesiser(),
            options=checkpoint.character.options or SpeechOptions(listen=self._program.listen),
            model_settings=checkpoint.character.model,
            participant=start.participant,
            history=to_go_on_with(checkpoint.items),
            job=Job(
                id=start.job,
                room=start.room,
                participant=start.participant,
                metadata=start.metadata,
                attributes=start.attributes,
            ),
        )
        with self._recorder(start.room) as recorder:
            for kind in get_args(SessionEvent):
                session.on(kind)(recorder.receive)
            async with Background() as background:
                background.start(_keep(session, CheckpointRecorder(checkpoint), keep), name="checkpoint")
                return await session.run()

    def _next_agent(self) -> Agent:
        """One that nobody has used: the first was made when the process was warmed."""
        agent, self._fresh = self._fresh, None
        if agent is not None:
            return agent
        if self._source.make is None:
            raise ConfigError(f"{self._program.agent} makes one agent, and it is in a room already.")
        return self._source.make()

    def _recorder(self, room: str) -> Recorder:
        model = self._program.model
        subject = Subject(
            agent=self.name,
            room=room,
            model=model.model,
            provider="openai",  # Whose protocol it is, also where another server speaks it.
            server=urlsplit(model.url).hostname or "",
        )
        return Recorder(subject, record_content=self._program.telemetry.record_content)


async def _keep(session: AgentSession, recorder: CheckpointRecorder, keep: Keep) -> None:
    while True:
        await asyncio.sleep(KEEP_SECONDS)
        character = Character(
            agent=loader.name_of(session.agent), options=session.own_options, model=session.model_settings
        )
        changes = recorder.changes(session.history, character)
        if changes and keep(changes):
            recorder.confirm()


class _Announcing:
    """A door that says when somebody went in by it."""

    def __init__(self, door: Door, joined: Callable[[], None]) -> None:
        self._door = door
        self._joined = joined

    @asynccontextmanager
    async def join(self, voice: Voice) -> AsyncGenerator[Room]:
        async with self._door.join(voice) as room:
            self._joined()
            yield room
