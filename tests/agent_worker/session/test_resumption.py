"""A session that goes on with a conversation: it greets nobody twice, and answers what was asked last."""

import asyncio

import pytest

from agent_worker import Agent
from agent_worker.history.items import FunctionCall, FunctionCallOutput, Message, Role
from agent_worker.realtime import base as rt
from agent_worker.session.events import SpeechCreated
from agent_worker.testing import ScriptedModel, ScriptedReply
from tests.agent_worker.session.play import WORDS, FakeSynthesiser, Stage, play

HELLO = Message(id="a1", role=Role.ASSISTANT, text="Hello!")
QUESTION = Message(id="u1", role=Role.USER, text="What time is it?")
CALL = FunctionCall(id="c1", call_id="call1", name="look", arguments="{}")
OUTPUT = FunctionCallOutput(id="o1", call_id="call1", output="unknown")


class Polite(Agent):
    instructions = "Be kind."

    async def on_enter(self) -> None:
        if self.session.resumed:
            self.session.say("Sorry, I was away.")
        else:
            self.session.generate_reply(instructions="Greet.")


class Forward(Agent):
    async def on_enter(self) -> None:
        self.session.generate_reply(instructions="Apologise, and answer.")


async def wait(_: Stage) -> None:
    await asyncio.sleep(20.0)


def replies(stage: Stage) -> list[str]:
    return [event.source for event in stage.seen_of(SpeechCreated)]


@pytest.mark.parametrize(
    ("agent", "history", "sources"),
    [
        (Polite, (), ["generate_reply"]),
        (Polite, (QUESTION, HELLO), ["say"]),
        (Polite, (HELLO, QUESTION), ["say", "turn"]),
        (Polite, (HELLO, CALL, OUTPUT), ["say", "turn"]),
        (Agent, (HELLO, QUESTION), ["turn"]),
        (Agent, (QUESTION, HELLO), []),
        (Forward, (HELLO, QUESTION), ["generate_reply"]),
    ],
)
def test_what_is_said_first(agent, history, sources):
    stage = play(
        wait,
        ScriptedModel(replies=[ScriptedReply(WORDS)]),
        agent(),
        synthesiser=FakeSynthesiser(),
        history=history,
    )
    assert stage.session.resumed is bool(history)
    assert replies(stage) == sources
    assert len(stage.model.sent(rt.CreateResponse)) == len([source for source in sources if source != "say"])


def test_the_model_is_told_what_was_said_and_so_is_the_history():
    stage = play(wait, ScriptedModel(), history=(QUESTION, HELLO))
    assert [command.item for command in stage.model.sent(rt.CreateItem)] == [QUESTION, HELLO]
    assert list(stage.session.history) == [QUESTION, HELLO]


def test_who_takes_over_is_new_to_the_conversation():
    async def script(stage: Stage) -> None:
        await asyncio.sleep(3.0)
        stage.session.update_agent(Polite())
        await asyncio.sleep(3.0)

    stage = play(script, agent=Polite(), synthesiser=FakeSynthesiser(), history=(QUESTION, HELLO))
    assert replies(stage) == ["say", "generate_reply"]
