"""200 conversations that nobody spares: interruptions, noises, tools, and connections that break at any of them.

Three judges who know nothing of each other: the listener, who reads off the sound which pieces of which words were
heard; the tools, which count; and the model, which has its own truth. The history must agree with all of them.
"""

import asyncio
import random
import re
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import pytest

from agent_worker import Agent, AgentSession, SpeechOptions, function_tool
from agent_worker.history.items import FunctionCall, FunctionCallOutput, Item, Message, Role
from agent_worker.realtime import base as rt
from agent_worker.realtime.enduring import Endurance, EnduringModel
from agent_worker.session.events import ErrorOccurred, ModelConnectionChanged
from agent_worker.speech.options import TurnMode
from agent_worker.testing import EnergyVad, Human, LoopbackRoom, run_in_virtual_time
from tests.agent_worker.session.truthful_model import (
    BACKCHANNEL,
    BLOCKS,
    NOISE,
    Break,
    TruthfulModel,
    read,
    sound,
    tools_of,
    voice,
    words_of,
)

TURNS = 3
SPOKEN_SECONDS = 0.6
"""How long the user speaks: long enough to be believed without words."""
FADED = 12
"""Steps of 5 ms that cannot be read where holds begin and end: one may follow the other at once."""
BREAKING = (
    rt.CommitAudio,
    rt.CancelResponse,
    rt.TruncateItem,
    rt.CreateResponse,
    rt.CreateItem,
    rt.ClearAudio,
    rt.AppendAudio,
    rt.InputCommitted,
    rt.InputTranscribed,
    rt.InputVoiceStarted,
    rt.InputVoiceStopped,
    rt.ResponseStarted,
    rt.OutputItemStarted,
    rt.OutputAudio,
    rt.FunctionCallReady,
    rt.ResponseEnded,
    rt.ItemAdded,
)
"""Where a connection may break, besides anywhere."""


class Worker(Agent):
    """Counts what it does."""

    instructions = "Answer."

    def __init__(self, dice: random.Random) -> None:
        self.done: Counter[tuple[str, int]] = Counter()
        self._dice = dice

    @function_tool
    async def work(self, turn: int) -> str:
        """Do some work.

        Args:
            turn: For which turn.
        """
        return await self._do("work", turn)

    @function_tool
    async def look(self, turn: int) -> str:
        """Look something up.

        Args:
            turn: For which turn.
        """
        return await self._do("look", turn)

    async def _do(self, name: str, turn: int) -> str:
        self.done[name, turn] += 1
        await asyncio.sleep(self._dice.choice([0.0, 0.3, 1.0]))
        return f"{name} {turn}"


class Talk:
    """One conversation."""

    def __init__(self, seed: int) -> None:
        self.dice = dice = random.Random(seed)
        self.model = TruthfulModel(dice, self._breaks())
        self.agent = Worker(dice)
        self.room = LoopbackRoom()
        self.mode = dice.choice([TurnMode.VAD, TurnMode.VAD, TurnMode.SERVER])
        self.answers = dice.random() < 0.5
        """In mode "server": the model answers, and stops, by itself."""
        options = SpeechOptions(
            turn_detection=self.mode,
            server_interrupts=self.answers,
            min_endpointing_delay=0.2,
            false_interruption_timeout=0.3,
        )
        # Renewed all the time, or never.
        endurance = Endurance(max_age=dice.choice([0.7, 2.0, 3000.0]))
        model = EnduringModel(self.model, endurance=endurance, jitter=dice.random)
        self.session = AgentSession(self.agent, door=self.room, model=model, vad=EnergyVad(), options=options)
        self.outages: list[bool] = []
        self.errors: list[str] = []
        self.session.on(ModelConnectionChanged)(lambda event: self.outages.append(event.connected))
        self.session.on(ErrorOccurred)(lambda event: self.errors.append(event.message))
        self.cut: set[int] = set()
        """Turns whose answers were spoken over."""
        self.human: Human | None = None

    def _breaks(self) -> Iterator[Break]:
        dice = self.dice
        for _ in range(dice.randint(1, 5)):
            away = dice.choice([0.0, 0.0, 0.2, 0.7, 1.5, 4.0])
            failing = dice.choice([0, 0, 0, 1, 2])
            carried = dice.random() < 0.5
            match dice.randint(0, 4):
                case 0:
                    yield Break(after=dice.randint(0, 60), carried=carried, away=away, failing=failing)
                case 1:
                    yield Break(seconds=dice.uniform(0.0, 8.0), away=away, failing=failing)
                case _:
                    yield Break(at=dice.choice(BREAKING), carried=carried, away=away, failing=failing)

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            running = group.create_task(self.session.run())
            self.human = self.room.enter()
            await asyncio.sleep(0.1)
            for turn in range(TURNS):
                await self._speak(turn, SPOKEN_SECONDS)
                if await self._happens_over_the_answer() and turn < TURNS - 1:
                    self.cut.add(turn)
                else:
                    await self._rest()
            # Two looks at the history by a connection that took over in between.
            await asyncio.sleep(2.5)
            await self._rest()
            self.known = list(self.model.items)
            self.at_rest = self.session.agent_state == "listening" and not self.room.attributes.get("agent.held")
            self.room.close("over")
            assert await running == "over"

    async def _happens_over_the_answer(self) -> bool:
        """Whether the user is to interrupt it in earnest."""
        chance = self.dice.random()
        if chance < 0.25 or not await self._speaking():
            return False
        await asyncio.sleep(self.dice.uniform(0.0, 0.9))
        if self.session.agent_state != "speaking":
            return False
        if self.mode is TurnMode.SERVER and self.answers:
            # Any voice stops such a model.
            return chance < 0.6
        if chance < 0.45:
            await self._speak(NOISE, 0.2)
        elif chance < 0.65:
            await self._speak(BACKCHANNEL, 0.4)
        return chance >= 0.65

    async def _speaking(self) -> bool:
        for _ in range(60):
            if self.session.agent_state == "speaking":
                return True
            await asyncio.sleep(0.1)
        return False

    async def _rest(self) -> None:
        """Until the agent has had nothing to say for a while, and its model is there."""
        quiet = 0
        async with asyncio.timeout(90.0):
            while quiet < 5:
                await asyncio.sleep(0.2)
                listening = self.session.agent_state == "listening" and self.model.is_connected
                quiet = quiet + 1 if listening and not self.room.attributes.get("agent.held") else 0

    async def _speak(self, loudness: int, seconds: float) -> None:
        """And be silent until that is noticed; a microphone that is off the rest of the time costs less."""
        assert self.human is not None
        self.human.mute(False)
        self.human.say(voice(loudness, seconds))
        await asyncio.sleep(seconds + 0.6)
        self.human.mute()


def spoken(items: list[Item]) -> list[str]:
    said = [item.text for item in items if isinstance(item, Message) and item.role is Role.ASSISTANT]
    return " ".join(said).split()


def asked(items: list[Item]) -> list[str]:
    """A noise that was heard when nobody spoke, as while the model was away, is a turn without words."""
    return [item.text for item in items if isinstance(item, Message) and item.role is Role.USER and item.text]


def doubted(talk: Talk) -> bool:
    """Whether a listening noise became a turn: its words came when the model was back, and nobody spoke any more."""
    return "mm-hm" in asked(list(talk.session.history)) and bool(talk.model.broken)


def of_turn(words: list[str], turn: int) -> list[str]:
    return [text for text in words if text.startswith(f"t{turn}w")]


def place(text: str, step: int) -> tuple[int, int]:
    """The turn that a piece is about, and how many pieces go before it."""
    turn, number = map(int, re.findall(r"\d+", text))
    return turn, number * BLOCKS + step


def heard_once_and_in_order(pieces: list[tuple[str, int]]) -> list[str]:
    """The words that were heard; each piece of them once, in order, and none left out but what is faded."""
    for before, after in pairwise(place(*piece) for piece in pieces):
        assert before < after, (before, after)
        # Another answer begins with its beginning.
        missing = after[1] - (before[1] if before[0] == after[0] else -1) - 1
        assert missing < FADED, (before, after)
    return list(dict.fromkeys(text for text, _ in pieces))


def judge(talk: Talk) -> None:
    history = list(talk.session.history)
    assert talk.model.faults == [], talk.model.faults
    assert [error for error in talk.errors if "no transcript" not in error] == []
    # The listener: whole answers, or their beginnings.
    assert talk.human is not None
    pieces = read(talk.human.heard_samples())
    # What such a turn has cut is gone on with, from the beginning of the word.
    heard = sorted({text for text, _ in pieces}) if doubted(talk) else heard_once_and_in_order(pieces)
    last = dict(pieces)
    shown = " ".join(text.text for text in talk.room.texts if text.attributes["role"] == "agent").split()
    for turn in range(TURNS):
        due, got = words_of(turn), of_turn(heard, turn)
        assert got == due[: len(got)]
        assert turn in talk.cut or (got == due and last[got[-1]] >= BLOCKS - FADED)
        assert all(last[text] >= BLOCKS - FADED for text in got[:-1])
        # What is written is what was heard; of a word that was cut it may be either.
        for written in (of_turn(spoken(history), turn), of_turn(shown, turn), of_turn(spoken(talk.known), turn)):
            assert written in (got, got[:-1]) if turn in talk.cut or doubted(talk) else written == got
    # The user: each turn heard whole, and known once.
    turns = [text for text in asked(history) if text != "mm-hm" or not doubted(talk)]
    assert turns == [f"this is turn {turn}" for turn in range(TURNS)]
    for text, seconds in talk.model.turns_heard:
        assert not text.startswith("this") or seconds == pytest.approx(SPOKEN_SECONDS, abs=0.05)
    # The tools: each done once, each result known once.
    calls = [item for item in history if isinstance(item, FunctionCall)]
    outputs = [item for item in history if isinstance(item, FunctionCallOutput)]
    assert sorted(call.call_id for call in calls) == sorted(output.call_id for output in outputs)
    for turn in range(TURNS):
        done = {name: talk.agent.done[name, turn] for name in tools_of(turn)}
        assert all(number == 1 or (turn in talk.cut and number == 0) for number in done.values()), done
    results = [output.output for output in outputs if not output.is_error]
    assert sorted(results) == sorted(f"{name} {turn}" for name, turn in talk.agent.done)
    # The model: its history is ours, in order.
    # An item of which half a word was heard is one to the model, and none to us.
    known = {item.id for item in history}
    theirs = [item for item in talk.known if item.id in known or not is_one_word(item)]
    assert compared(theirs) == compared(history)
    assert talk.outages == [False, True] * (len(talk.outages) // 2)
    assert talk.at_rest


def is_one_word(item: Item) -> bool:
    return isinstance(item, Message) and item.role is Role.ASSISTANT and len(item.text.split()) <= 1


def compared(items: list[Item]) -> list[str]:
    """What both sides are to agree about, item by item; words are compared above."""
    # A turn that was committed twice has the model's second name there and its first one here.
    return [
        item.text if isinstance(item, Message) and item.role is Role.USER else f"{item.id} {type(item).__name__}"
        for item in items
        if not isinstance(item, Message) or item.text
    ]


@pytest.mark.parametrize("tens", range(20))
def test_history_tools_and_what_was_said_are_right(tens: int):
    broken = 0
    for seed in range(tens * 10, tens * 10 + 10):
        talk = Talk(seed)
        try:
            run_in_virtual_time(talk.run())
            judge(talk)
        except Exception as error:
            error.add_note(f"seed {seed}: {talk.mode}, {talk.answers=}, cut {talk.cut}, {talk.model.broken}")
            raise
        broken += len(talk.model.broken)
    assert broken > 5


def test_the_listener_hears_what_is_missing_and_what_comes_twice():
    """The judge is not deaf: 70 ms left out, or repeated, are noticed."""
    whole = np.frombuffer(b"".join(sound(text) for text in words_of(1)), "<i2").copy()
    assert heard_once_and_in_order(read(whole)) == words_of(1)
    for spoiled in (np.delete(whole, slice(9000, 10680)), np.concatenate([whole[:10680], whole[9000:]])):
        with pytest.raises(AssertionError):
            heard_once_and_in_order(read(spoiled))
