"""The turn hook sees the very turn that is to be answered, and stands in nobody's way (T-3)."""

import asyncio

import pytest

from agent_worker import Agent, SpeechOptions, StopResponse
from agent_worker.history.items import Message
from agent_worker.realtime import base as rt
from agent_worker.session.events import ErrorOccurred
from agent_worker.testing import ScriptedModel, ScriptedReply
from tests.agent_worker.session.play import Stage, loud, play


class Watching(Agent):
    instructions = "Watch."

    def __init__(self, *, seconds: float = 0.0, failure: Exception | None = None) -> None:
        self.seconds = seconds
        self.failure = failure
        self.turns: list[tuple[float, Message]] = []
        self.finished = 0

    async def on_user_turn_completed(self, turn: Message) -> None:
        self.turns.append((asyncio.get_running_loop().time(), turn))
        await asyncio.sleep(self.seconds)
        self.finished += 1
        if self.failure is not None:
            raise self.failure


def test_it_waits_for_the_words_of_its_turn():
    agent = Watching()
    model = ScriptedModel(replies=[ScriptedReply("Noon")])

    async def script(stage: Stage) -> None:
        stage.human.say(loud(1.0))
        await stage.model.wait_sent(rt.CommitAudio)
        await asyncio.sleep(0.7)
        (item,) = stage.session.history
        stage.model.emit(rt.InputTranscribed(item.id, "What time is it?"))
        await stage.model.wait_sent(rt.CreateResponse)

    stage = play(script, model, agent)
    ((_, turn),) = agent.turns
    assert turn == stage.session.history.messages()[0]
    assert turn.text == "What time is it?"


@pytest.mark.parametrize("transcribes", [True, False])
def test_words_that_never_come_are_not_waited_for_for_ever(transcribes: bool):
    agent = Watching()
    model = ScriptedModel(
        replies=[ScriptedReply("Noon")], capabilities=rt.Capabilities(user_transcription=transcribes)
    )
    committed_at = 0.0

    async def script(stage: Stage) -> None:
        nonlocal committed_at
        stage.human.say(loud(1.0))
        await stage.model.wait_sent(rt.CommitAudio)
        committed_at = asyncio.get_running_loop().time()
        await stage.model.wait_sent(rt.CreateResponse)

    stage = play(script, model, agent, options=SpeechOptions(verdict_timeout=1.2))
    ((at, turn),) = agent.turns
    assert at - committed_at == pytest.approx(1.2 if transcribes else 0.0, abs=0.01)
    assert (turn.id, turn.text) == (stage.session.history.messages()[0].id, "")


def test_each_hook_sees_its_own_turn_and_a_newer_turn_makes_the_older_reply_obsolete():
    agent = Watching(seconds=4.0)
    model = ScriptedModel(replies=[ScriptedReply("Both")], heard=["First.", "Second."])

    async def script(stage: Stage) -> None:
        stage.human.say(loud(1.0))
        await stage.model.wait_sent(rt.CommitAudio)
        await asyncio.sleep(0.5)
        stage.human.say(loud(1.0))
        await asyncio.sleep(9.0)

    stage = play(script, model, agent)
    assert [turn.text for _, turn in agent.turns] == ["First.", "Second."]
    # The application's code was not cancelled.
    assert agent.finished == 2
    assert len(stage.model.sent(rt.CreateResponse)) == 1
    assert [message.text for message in stage.session.history.messages()] == ["First.", "Second.", "Both"]


@pytest.mark.parametrize(("failure", "told"), [(StopResponse(), False), (ValueError("oh"), True)])
def test_no_reply_is_made_when_it_says_so_or_fails(failure: Exception, told: bool):
    agent = Watching(failure=failure)

    async def script(stage: Stage) -> None:
        stage.human.say(loud(1.0))
        await asyncio.sleep(4.0)

    stage = play(script, ScriptedModel(heard=["hello"]), agent)
    assert stage.model.sent(rt.CreateResponse) == []
    assert [message.text for message in stage.session.history.messages()] == ["hello"]
    errors = stage.seen_of(ErrorOccurred)
    assert [error.source for error in errors] == ["application"] * told
