"""What a room's process runs for real: the application's agent in a session, between a signaled room and a model."""

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import get_args
from urllib.parse import urlsplit

from agent_worker.agent import Agent
from agent_worker.cascade.on_demand import OnDemandSynthesiser
from agent_worker.realtime.dialects import dialect_named
from agent_worker.realtime.openai import OpenAIRealtimeModel
from agent_worker.rooms.base import Door, Room, Voice
from agent_worker.rooms.ice import OfferedAddresses
from agent_worker.rooms.signaled import SignaledDoor
from agent_worker.session import AgentSession
from agent_worker.session.events import SessionEvent
from agent_worker.telemetry.exporters import Exporters
from agent_worker.telemetry.recorder import Recorder
from agent_worker.telemetry.tracks import Subject
from agent_worker.vad import silero
from agent_worker.vad.silero import SileroVad
from agent_worker.worker import loader
from agent_worker.worker.ipc import Start
from agent_worker.worker.program import VoiceProgram

__all__ = ["VoiceJob", "load"]


def load(program: VoiceProgram) -> "VoiceJob":
    """Import the agent and load the voice activity model.

    Raises:
        ConfigError: One of them cannot be, the model's address is none, or telemetry has no way out.
    """
    silero.load_session()
    settings = program.model
    model = OpenAIRealtimeModel(
        url=settings.url,
        model=settings.model,
        api_key=settings.api_key,
        dialect=dialect_named(settings.dialect),
    )
    return VoiceJob(program, loader.load(program.agent), model)


class VoiceJob:
    """A `Job`: an agent that is ready to enter a room."""

    def __init__(self, program: VoiceProgram, agent: Agent, model: OpenAIRealtimeModel) -> None:
        self._program = program
        self._agent = agent
        self._model = model
        self._exporters = Exporters(program.telemetry)

    @property
    def name(self) -> str:
        """The agent's class, for logs."""
        return type(self._agent).__name__

    async def run(self, start: Start, joined: Callable[[], None]) -> str:
        """Hold the conversation; gives back why it is over.

        Raises:
            AgentWorkerError: The room or the model is lost, or refused us.
        """
        door = SignaledDoor(start.url, start.token, addresses=OfferedAddresses(self._program.addresses))
        session = AgentSession(
            self._agent,
            door=_Announcing(door, joined),
            model=self._model,
            vad=SileroVad(),
            synthesiser=OnDemandSynthesiser(),
        )
        async with self._exporters.running():
            with self._recorder(start.room) as recorder:
                for kind in get_args(SessionEvent):
                    session.on(kind)(recorder.receive)
                return await session.run()

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
