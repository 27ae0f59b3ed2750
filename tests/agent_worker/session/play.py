"""A session in virtual time, with a script that plays the human: shared by the tests of this folder."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator

import numpy as np

from agent_worker import Agent, AgentSession, SpeechOptions
from agent_worker.audio import MODEL_RATE, Samples
from agent_worker.cascade.base import SpokenChunk, Synthesiser, TimedWord
from agent_worker.history.items import Item
from agent_worker.realtime import base as rt
from agent_worker.session.events import SessionEvent
from agent_worker.testing import EnergyVad, Human, LoopbackRoom, ScriptedModel, run_in_virtual_time
from agent_worker.turns.judge import TurnJudge

WORDS = " ".join(f"word{number}" for number in range(40))
WORD_SECONDS = 0.3
"""How long a word of the fake synthesiser lasts, as of the scripted model."""


def loud(seconds: float) -> np.ndarray:
    time = np.arange(round(seconds * 48_000)) / 48_000
    return (12_000 * np.sin(2 * np.pi * 300 * time)).astype(np.int16)


def tone(seconds: float) -> Samples:
    time = np.arange(round(seconds * MODEL_RATE)) / MODEL_RATE
    return (3000 * np.sin(2 * np.pi * (200 + 20 * time) * time)).astype(np.int16)


class FakeSynthesiser:
    """Speaks each word in 0.3 s, in chunks of 0.1 s. Remembers what it was asked for, and how much was taken."""

    name = "fake"
    voices = ("plain", "posh")

    def __init__(self, failure: Exception | None = None) -> None:
        self.asked: list[tuple[str, str | None]] = []
        self.chunks = 0
        self.closed = 0
        self._failure = failure

    def speak(self, text: str, *, voice: str | None = None, speed: float = 1.0) -> Iterator[SpokenChunk]:
        self.asked.append((text, voice))
        if self._failure is not None:
            raise self._failure
        words = text.split()
        sound = tone(len(words) * WORD_SECONDS)
        size = MODEL_RATE // 10
        try:
            for index in range(len(words) * 3):
                begun = (TimedWord(text=words[index // 3], start_ms=index * 100),) if index % 3 == 0 else ()
                self.chunks += 1
                yield SpokenChunk(samples=sound[index * size : (index + 1) * size], words=begun)
        finally:
            self.closed += 1


class Quiet(Agent):
    instructions = "Be kind."


class Stage:
    """What a script plays with."""

    def __init__(self, session: AgentSession, room: LoopbackRoom, human: Human, model: ScriptedModel) -> None:
        self.session = session
        self.room = room
        self.human = human
        self.model = model
        self.seen: list[SessionEvent] = []

    def seen_of(self, kind: type) -> list:
        return [event for event in self.seen if isinstance(event, kind)]


Script = Callable[[Stage], Awaitable[None]]


def play(
    script: Script,
    model: ScriptedModel | None = None,
    agent: Agent | None = None,
    *,
    synthesiser: Synthesiser | None = None,
    options: SpeechOptions | None = None,
    turn_judge: TurnJudge | None = None,
    model_settings: rt.SessionSettings | None = None,
    history: Iterable[Item] = (),
    before: Callable[[AgentSession], object] = id,
    ends: str = "script over",
) -> Stage:
    """Run a session while a script plays the human.

    `before`: called with the session that is about to run; `ends`: the reason that it is to end with.
    """
    room, model = LoopbackRoom(), model or ScriptedModel()
    session = AgentSession(
        agent or Quiet(),
        door=room,
        model=model,
        vad=EnergyVad(),
        synthesiser=synthesiser,
        turn_judge=turn_judge,
        model_settings=model_settings,
        options=options,
        history=history,
    )
    before(session)

    async def main() -> Stage:
        async with asyncio.TaskGroup() as group:
            stream = session.events()
            run = group.create_task(session.run())
            stage = Stage(session, room, room.enter(), model)
            follow = group.create_task(_follow(stream, stage))
            try:
                async with asyncio.timeout(600):
                    await asyncio.sleep(0.5)
                    await script(stage)
            finally:
                room.close("script over")
            assert await run == ends
            await follow
        return stage

    return run_in_virtual_time(main())


async def _follow(stream: object, stage: Stage) -> None:
    async for event in stream:
        stage.seen.append(event)


def run_to_error(script: Script, model: ScriptedModel, agent: Agent | None = None, **more: object) -> tuple:
    """As `play`, for a session that ends with an error: gives back that and the room."""
    room = LoopbackRoom()
    session = AgentSession(agent or Quiet(), door=room, model=model, vad=EnergyVad(), **more)
    errors: list[Exception] = []

    async def main() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(hold())
            stage = Stage(session, room, room.enter(), model)
            await asyncio.sleep(0.5)
            await script(stage)

    async def hold() -> None:
        try:
            await session.run()
        except Exception as error:
            errors.append(error)

    run_in_virtual_time(main())
    return errors[0], room


def sent_kinds(model: ScriptedModel) -> list[type]:
    """What the model was told, but for the audio."""
    return [type(sent.command) for sent in model.commands if not isinstance(sent.command, rt.AppendAudio)]
