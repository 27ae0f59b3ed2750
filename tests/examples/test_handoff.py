"""The example of a hand-off, in virtual time: a scripted model, a fake voice."""

import asyncio
from pathlib import Path

from agent_worker.history.items import FunctionCallOutput
from agent_worker.realtime import base as rt
from agent_worker.testing import ScriptedModel, ScriptedReply
from agent_worker.worker import loader
from tests.agent_worker.session.play import FakeSynthesiser, Stage, loud, play

EXAMPLE = Path(__file__).parents[2] / "examples" / "handoff.py"


def test_a_guest_books_a_table():
    model = ScriptedModel(
        replies=[
            ScriptedReply("How can I help?"),
            ScriptedReply(calls=(("book", "{}"),)),
            ScriptedReply("When, and for how many?"),
            ScriptedReply(calls=(("book_table", '{"day": "Friday", "guests": 4}'),)),
        ],
        heard=["I want a table", "Friday, for four"],
    )

    async def script(stage: Stage) -> None:
        await asyncio.sleep(6.0)
        stage.human.say(loud(1.0))
        await stage.model.wait_sent(rt.CreateResponse, count=3)
        assert "book tables" in stage.model.settings.instructions
        await asyncio.sleep(4.0)
        stage.human.say(loud(1.0))
        await stage.model.wait_sent(rt.CreateResponse, count=4)
        await asyncio.sleep(1.0)
        # The announcement is not to be interrupted.
        stage.human.say(loud(1.0))
        await asyncio.sleep(9.0)

    stage = play(script, model, loader.load(str(EXAMPLE)).made, synthesiser=FakeSynthesiser())
    assert [message.text for message in stage.session.history.messages()] == [
        "Welcome to the Blue Door. This call is recorded.",
        "How can I help?",
        "I want a table",
        "When, and for how many?",
        "Friday, for four",
        "Your table for 4 on Friday is booked. You can cancel until noon of that day.",
    ]
    assert not any(message.interrupted for message in stage.session.history.messages())
    assert [item.is_error for item in stage.session.history if isinstance(item, FunctionCallOutput)] == [False, False]
