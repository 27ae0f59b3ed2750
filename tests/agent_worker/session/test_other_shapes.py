"""A whole session with a model of Gemini Live's shape: it is never sent what it has no words for."""

import asyncio
from typing import Any, cast

import pytest

from agent_worker import Agent, RealtimeError, SpeechError, SpeechOptions, TurnMode, function_tool
from agent_worker.history.items import FunctionCallOutput, Role
from agent_worker.realtime import base as rt
from agent_worker.session.events import ErrorOccurred
from agent_worker.testing import ScriptedModel, ScriptedReply
from tests.agent_worker.session.play import WORDS, Stage, loud, play, run_to_error
from tests.support.other_shapes import OtherModel


class Clerk(Agent):
    instructions = "You tell the time."

    @function_tool
    async def get_time(self) -> str:
        """Tell the time."""
        return "noon"


class Night(Agent):
    instructions = "You say good night."
    voice = "sage"

    async def on_enter(self) -> None:
        self.session.generate_reply(instructions="Say good night.")


def heard(stage: Stage) -> list[tuple[str, bool]]:
    return [(item.text, item.interrupted) for item in stage.session.history.messages() if item.role is Role.ASSISTANT]


def test_tools_interruptions_and_another_agent():
    model = OtherModel(
        [
            ScriptedReply(calls=(("get_time", "{}"),)),
            ScriptedReply("It is noon."),
            ScriptedReply(WORDS, ends=False),
            ScriptedReply("Yes?"),
            ScriptedReply("Good night."),
        ],
        heard=["What time is it", "Tell me a story", "Stop that now please"],
    )

    async def script(stage: Stage) -> None:
        for _ in range(2):
            stage.human.say(loud(1.0))
            await asyncio.sleep(5.0)
        stage.human.say(loud(2.0))
        await asyncio.sleep(6.0)
        with pytest.raises(RealtimeError, match="give items back"):
            await stage.session.retrieve_item("x")
        with pytest.raises(SpeechError, match="out_of_band"):
            await stage.session.ask("Which language?")
        stage.session.update_agent(Night())
        await asyncio.sleep(5.0)

    stage = play(script, cast("Any", model), Clerk())
    texts = heard(stage)
    assert [text for text, _ in texts[:1] + texts[2:]] == ["It is noon.", "Yes?", "Good night."]
    assert texts[1][1]
    assert WORDS.startswith(texts[1][0])
    # One answer to the tool, which nobody asked for twice; and the other agent is another connection.
    outputs = [sent.item for sent in model.inner.sent(rt.CreateItem) if isinstance(sent.item, FunctionCallOutput)]
    assert [output.output for output in outputs][:1] == ["noon"]
    assert [settings.instructions for settings in model.settings] == [Clerk.instructions, Night.instructions]
    assert [(settings.voice, len(settings.tools)) for settings in model.settings] == [(None, 1), ("sage", 0)]
    assert [event.message for event in stage.seen_of(ErrorOccurred)] == ["This model does not give items back."]


def test_a_way_of_finding_turns_that_the_model_does_not_have_is_said_before_anybody_speaks():
    async def nothing(_: Stage) -> None:
        await asyncio.sleep(1.0)

    model = ScriptedModel(capabilities=rt.Capabilities(server_turns=False))
    error, room = run_to_error(nothing, model, options=SpeechOptions(turn_detection=TurnMode.SERVER))
    assert isinstance(error, RealtimeError)
    assert '"vad" or "manual"' in str(error)
    assert room.attributes["agent.error"] == str(error)


def test_a_change_to_one_is_told_and_changes_nothing():
    async def script(stage: Stage) -> None:
        stage.session.update_options(turn_detection="server")
        await asyncio.sleep(1.0)

    stage = play(script, ScriptedModel(capabilities=rt.Capabilities(server_turns=False)))
    (error,) = stage.seen_of(ErrorOccurred)
    assert '"vad" or "manual"' in error.message
    assert stage.model.sent(rt.UpdateSession) == []
