"""What a room's process runs for real: the application's agent in a session, between a signaled room and a model."""

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

from agent_worker.agent import Agent
from agent_worker.realtime.openai import OpenAIRealtimeModel
from agent_worker.rooms.base import Door, Room, Voice
from agent_worker.rooms.ice import OfferedAddresses
from agent_worker.rooms.signaled import SignaledDoor
from agent_worker.session import AgentSession
from agent_worker.vad import silero
from agent_worker.vad.silero import SileroVad
from agent_worker.worker import loader
from agent_worker.worker.ipc import Start
from agent_worker.worker.program import VoiceProgram

__all__ = ["VoiceJob", "load"]


def load(program: VoiceProgram) -> "VoiceJob":
    """Import the agent and load the voice activity model.

    Raises:
        ConfigError: One of them cannot be, or the model's address is none.
    """
    silero.load_session()
    settings = program.model
    model = OpenAIRealtimeModel(url=settings.url, model=settings.model, api_key=settings.api_key)
    return VoiceJob(loader.load(program.agent), model, OfferedAddresses(program.addresses))


class VoiceJob:
    """A `Job`: an agent that is ready to enter a room."""

    def __init__(self, agent: Agent, model: OpenAIRealtimeModel, addresses: OfferedAddresses) -> None:
        self._agent = agent
        self._model = model
        self._addresses = addresses

    @property
    def name(self) -> str:
        """The agent's class, for logs."""
        return type(self._agent).__name__

    async def run(self, start: Start, joined: Callable[[], None]) -> str:
        """Hold the conversation; gives back why it is over.

        Raises:
            AgentWorkerError: The room or the model is lost, or refused us.
        """
        door = SignaledDoor(start.url, start.token, addresses=self._addresses)
        session = AgentSession(self._agent, door=_Announcing(door, joined), model=self._model, vad=SileroVad())
        return await session.run()


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
