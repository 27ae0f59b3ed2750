"""40 conversations over a `BreakingModel`: nothing is lost, and nothing done twice (M-4). 200: `test_chaos_of_talk`.

The model here answers by what it knows of the conversation and nothing else, so that whatever a new connection is not
told, or is told twice, shows in what it says.
"""

import asyncio
import random
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from itertools import count

import numpy as np
import pytest

from agent_worker import Agent, AgentSession, SpeechOptions, function_tool
from agent_worker.audio import MODEL_RATE, from_bytes
from agent_worker.history.items import FunctionCall, FunctionCallOutput, Item, Message, Role
from agent_worker.realtime import base as rt
from agent_worker.realtime.scripted_sound import tone
from agent_worker.session.events import ModelConnectionChanged
from agent_worker.testing import (
    BreakingModel,
    EnergyVad,
    Human,
    LoopbackRoom,
    ScriptedModel,
    ScriptedReply,
    run_in_virtual_time,
)

TURNS = 2
WORDS = 4
LATER_WORDS = 2
WORD_SECONDS = 0.15
OPTIONS = SpeechOptions(min_endpointing_delay=0.2, false_interruption_timeout=0.3)
LOUDNESS = 2000
"""Of the first turn; the second is twice as loud, and so on: how the model tells which one it hears."""


class Worker(Agent):
    instructions = "Answer."

    def __init__(self) -> None:
        self.done: Counter[int] = Counter()

    @function_tool
    async def work(self, turn: int) -> str:
        """Do some work.

        Args:
            turn: For which turn.
        """
        self.done[turn] += 1
        await asyncio.sleep(0.3)
        return f"result {turn}"


def voice(turn: int) -> np.ndarray:
    time = np.arange(round(0.6 * 48_000)) / 48_000
    return (LOUDNESS * (turn + 1) * np.sin(2 * np.pi * 300 * time)).astype(np.int16)


def words_of(turn: int) -> list[str]:
    return [f"t{turn}w{number}" for number in range(WORDS)]


def later_words_of(turn: int) -> list[str]:
    return [f"t{turn}r{number}" for number in range(LATER_WORDS)]


def spoken(items: list[Item]) -> list[str]:
    said = [item.text for item in items if isinstance(item, Message) and item.role is Role.ASSISTANT]
    return " ".join(said).split()


def answer(items: list[Item]) -> ScriptedReply:
    """What is still to be said of the last turn: four words, a tool every other time, and two words about it."""
    asked = [item for item in items if isinstance(item, Message) and item.role is Role.USER]
    turn = int(re.findall(r"turn (\d)", asked[-1].text)[0])
    calls = [item for item in items if isinstance(item, FunctionCall) and f'"turn": {turn}' in item.arguments]
    answered = {item.call_id for item in items if isinstance(item, FunctionCallOutput)}
    said = spoken(items)
    if calls and calls[0].call_id in answered:
        return reply([word for word in later_words_of(turn) if word not in said])
    wants_tool = turn % 2 == 0 and not calls
    work = (("work", f'{{"turn": {turn}}}'),) if wants_tool else ()
    return replace(reply([word for word in words_of(turn) if word not in said]), calls=work)


def reply(words: list[str]) -> ScriptedReply:
    return ScriptedReply(" ".join(words), pcm=tone(len(words) * WORD_SECONDS, MODEL_RATE))


class Chaos:
    """One conversation."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)
        breaks = [self.dice.randint(0, 30) for _ in range(self.dice.randint(1, 4))]
        away = [self.dice.choice([0.0, 0.0, 0.2, 0.7, 1.5]) for _ in breaks]
        self.scripted = ScriptedModel(heard=self._words())
        self.model = BreakingModel(self.scripted, after=breaks, away=away)
        self.agent = Worker()
        self.room = LoopbackRoom()
        self.session = AgentSession(self.agent, door=self.room, model=self.model, vad=EnergyVad(), options=OPTIONS)
        self.outages: list[ModelConnectionChanged] = []
        self.session.on(ModelConnectionChanged)(self.outages.append)

    async def _answer(self) -> None:
        """As a server does: a little later, and only over the connection by which it was asked."""
        for number in count(1):
            request = await self.scripted.wait_sent(rt.CreateResponse, count=number, seconds=3600)
            connection = self.model.connected
            await asyncio.sleep(0.1)
            if self.model.connected == connection and self.model.is_connected:
                self.scripted.reply(answer(list(self.model.items)), request_id=request.request_id)

    def _words(self) -> Iterator[str]:
        """By the loudness of what was committed last."""
        while True:
            sound = b"".join(command.pcm for command in self.scripted.sent(rt.AppendAudio)[-50:])
            loudness = int(np.abs(from_bytes(sound)).max())
            yield f"this is turn {round(loudness / LOUDNESS) - 1}"

    async def _rest(self) -> None:
        """Until the agent has had nothing to say for 0.6 s, and its model is there."""
        quiet = 0
        async with asyncio.timeout(60.0):
            while quiet < 3:
                await asyncio.sleep(0.2)
                listening = self.session.agent_state == "listening" and self.model.is_connected
                quiet = quiet + 1 if listening and not self.room.attributes.get("agent.held") else 0

    @staticmethod
    async def _speak(human: Human, sound: np.ndarray) -> None:
        """And be silent until that is noticed; a microphone that is off the rest of the time costs less."""
        human.mute(False)
        human.say(sound)
        await asyncio.sleep(len(sound) / 48_000 + 0.6)
        human.mute()

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            running = group.create_task(self.session.run())
            answering = group.create_task(self._answer())
            human = self.room.enter()
            await asyncio.sleep(0.1)
            for turn in range(TURNS):
                await self._speak(human, voice(turn))
                if self.dice.random() < 0.5:
                    # A noise over the agent's voice: it is held, and goes on.
                    await self._speak(human, voice(0)[: 48_000 // 5])
                await self._rest()
            # Two looks at the history by a connection that took over in between.
            await asyncio.sleep(1.2)
            answering.cancel()
            self.room.close("over")
            assert await running == "over"


def compared(items: list[Item]) -> list[tuple[str, str]]:
    """Item by item what both sides are to agree about."""
    # A turn that was committed twice has the model's second name there and its first one here.
    return [
        ("user", item.text)
        if isinstance(item, Message) and item.role is Role.USER
        else (item.id, item.text if isinstance(item, Message) else type(item).__name__)
        for item in items
    ]


@pytest.mark.parametrize("tens", range(4))
def test_nothing_is_lost_and_nothing_is_done_twice(tens: int):
    broken = 0
    for seed in range(tens * 10, tens * 10 + 10):
        chaos = Chaos(seed)
        run_in_virtual_time(chaos.run())
        history = list(chaos.session.history)
        # What was said: each word once, in order.
        expected = [word for turn in range(TURNS) for word in words_of(turn) + later_words_of(turn) * (turn % 2 == 0)]
        assert spoken(history) == expected, seed
        shown = " ".join(text.text for text in chaos.room.texts if text.attributes["role"] == "agent").split()
        assert shown == expected, seed
        asked = [item.text for item in history if isinstance(item, Message) and item.role is Role.USER]
        assert asked == [f"this is turn {turn}" for turn in range(TURNS)], seed
        # Tools: each done once, each result known once.
        assert chaos.agent.done == dict.fromkeys(range(0, TURNS, 2), 1), seed
        outputs = [item.output for item in history if isinstance(item, FunctionCallOutput)]
        assert outputs == [f"result {turn}" for turn in range(0, TURNS, 2)], seed
        # The model's history is ours.
        assert compared(list(chaos.model.items)) == compared(history), seed
        assert [event.connected for event in chaos.outages] == [False, True] * (len(chaos.outages) // 2), seed
        broken += chaos.model.broken
    assert broken > 10
