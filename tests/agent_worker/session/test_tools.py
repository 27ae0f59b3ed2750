"""Tools in a conversation: fillers, waiting, protection, hand-offs with a result, other tools at runtime."""

import asyncio
import logging

import pytest

from agent_worker import Agent, ConfigError, RunContext, SpeechError, function_tool
from agent_worker.history.items import FunctionCallOutput
from agent_worker.realtime import base as rt
from agent_worker.testing import ScriptedModel, ScriptedReply
from tests.agent_worker.session.play import FakeSynthesiser, Stage, loud, play

LOOK_UP = ScriptedReply("Well", calls=(("look_up", "{}"),))


class Clerk(Agent):
    instructions = "Be kind."

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self.seconds = seconds

    @function_tool(filler="Let me look that up.", filler_after=0.5)
    async def look_up(self) -> str:
        """Look it up."""
        await asyncio.sleep(self.seconds)
        return "seven"


def outputs(stage: Stage) -> list[FunctionCallOutput]:
    return [item for item in stage.session.history if isinstance(item, FunctionCallOutput)]


def texts(stage: Stage) -> list[str]:
    return [message.text for message in stage.session.history.messages()]


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0.2, 0), (5.0, 1)],
    ids=["a quick tool needs none", "a slow one has it said"],
)
def test_a_filler(seconds: float, said: int):
    model = ScriptedModel(replies=[LOOK_UP, ScriptedReply("It is seven")])
    synthesiser = FakeSynthesiser()

    async def script(stage: Stage) -> None:
        handle = await stage.session.generate_reply()
        assert not handle.interrupted

    stage = play(script, model, Clerk(seconds), synthesiser=synthesiser)
    assert [text for text, _ in synthesiser.asked] == ["Let me look that up."] * said
    # Neither history knows of it: it is not what the tool answered, and nothing to refer to.
    assert texts(stage) == ["Well", "It is seven"]
    assert [type(command.item).__name__ for command in model.sent(rt.CreateItem)] == ["FunctionCallOutput"]


def test_a_filler_that_found_no_time_to_be_said_is_dropped():
    """The tool answers while the words that it was called with are still heard."""
    model = ScriptedModel(
        replies=[ScriptedReply("one two three four five", calls=LOOK_UP.calls), ScriptedReply("It is seven")]
    )
    synthesiser = FakeSynthesiser()

    async def script(stage: Stage) -> None:
        await stage.session.generate_reply()

    stage = play(script, model, Clerk(1.0), synthesiser=synthesiser)
    assert synthesiser.asked == []
    assert texts(stage) == ["one two three four five", "It is seven"]


def test_two_slow_tools_have_one_filler():
    model = ScriptedModel(
        replies=[ScriptedReply(calls=(("look_up", "{}"), ("look_up", "{}"))), ScriptedReply("Seven")]
    )
    synthesiser = FakeSynthesiser()

    async def script(stage: Stage) -> None:
        await stage.session.generate_reply()

    stage = play(script, model, Clerk(4.0), synthesiser=synthesiser)
    assert len(synthesiser.asked) == 1
    assert [output.output for output in outputs(stage)] == ["seven", "seven"]


def test_a_filler_is_cut_with_its_speech():
    model = ScriptedModel(
        replies=[ScriptedReply(calls=LOOK_UP.calls), ScriptedReply("Never mind then")], heard=["stop"]
    )
    synthesiser = FakeSynthesiser()

    async def script(stage: Stage) -> None:
        handle = stage.session.generate_reply()
        await asyncio.sleep(1.0)
        assert len(synthesiser.asked) == 1
        stage.human.say(loud(1.0))
        assert (await handle).interrupted
        await asyncio.sleep(8.0)

    stage = play(script, model, Clerk(6.0), synthesiser=synthesiser)
    # U-3: the tool has finished, and is recorded and not spoken of; the user's word was answered.
    assert [output.output for output in outputs(stage)] == ["seven"]
    assert texts(stage) == ["stop", "Never mind then"]


def test_without_a_voice_there_is_no_filler_and_the_log_says_why(caplog: pytest.LogCaptureFixture):
    model = ScriptedModel(replies=[LOOK_UP, ScriptedReply("It is seven")])

    async def script(stage: Stage) -> None:
        await stage.session.generate_reply()

    with caplog.at_level(logging.WARNING):
        stage = play(script, model, Clerk(4.0))
    assert texts(stage) == ["Well", "It is seven"]
    assert "a tool's filler is not said: say has nothing to speak with" in caplog.text


def test_a_tool_waits_for_the_words_that_it_was_called_with():
    heard: list[str] = []

    class Operator(Agent):
        @function_tool
        async def hang_up(self, context: RunContext) -> None:
            """End the call."""
            assert texts_now(context) != ["Good bye then"]
            await context.wait_for_playout()
            heard.extend(texts_now(context))
            await context.wait_for_playout()

    def texts_now(context: RunContext) -> list[str]:
        return [message.text for message in context.session.history.messages()]

    model = ScriptedModel(replies=[ScriptedReply("Good bye then", calls=(("hang_up", "{}"),))])

    async def script(stage: Stage) -> None:
        await stage.session.generate_reply()
        assert heard == ["Good bye then"]

    play(script, model, Operator())


def test_a_tool_protects_its_speech_or_learns_that_it_is_too_late():
    outcomes: list[str] = []

    class Bank(Agent):
        @function_tool
        async def pay(self, context: RunContext) -> str:
            """Pay."""
            await asyncio.sleep(4.0)
            try:
                context.disallow_interruptions()
            except SpeechError as error:
                outcomes.append(str(error))
                raise
            outcomes.append("protected")
            await asyncio.sleep(3.0)
            return "paid"

    calls = (("pay", "{}"),)
    model = ScriptedModel(
        replies=[
            ScriptedReply("One two", calls=calls),
            ScriptedReply("It is paid"),
            ScriptedReply("One two three four five six seven eight", calls=calls),
            ScriptedReply("All right"),
        ],
        heard=["stop", "stop"],
    )

    async def script(stage: Stage) -> None:
        handle = stage.session.generate_reply()
        await asyncio.sleep(4.5)
        with pytest.raises(SpeechError):
            handle.interrupt()
        assert not (await handle).interrupted
        handle = stage.session.generate_reply()
        await asyncio.sleep(1.0)
        stage.human.say(loud(1.0))
        assert (await handle).interrupted
        await asyncio.sleep(6.0)

    stage = play(script, model, Bank())
    assert outcomes == ["protected", "speech2 cannot be protected: it was interrupted already"]
    assert [output.output for output in outputs(stage)] == ["paid", "An internal error occurred"]


class Billing(Agent):
    instructions = "You know the bills."

    async def on_enter(self) -> None:
        entered.append(self.session.agent is self)

    @function_tool
    async def pay(self) -> str:
        """Pay."""
        return "paid"


entered: list[bool] = []


class Desk(Agent):
    instructions = "You connect."

    @function_tool
    async def to_billing(self) -> tuple[Agent, str]:
        """Hand over, and say what was found."""
        await asyncio.sleep(4.0)
        return Billing(), "The customer's number is seven."

    @function_tool
    async def to_a_broken_one(self) -> Agent:
        """Hand over to one that cannot be."""
        return Agent("Broken", tools=[twin, twin])


@function_tool
def twin() -> None:
    """One of two."""


def test_who_takes_over_speaks_of_the_result():
    model = ScriptedModel(replies=[ScriptedReply(calls=(("to_billing", "{}"),)), ScriptedReply("Hello seven")])

    async def script(stage: Stage) -> None:
        await stage.session.generate_reply()
        assert isinstance(stage.session.agent, Billing)

    entered.clear()
    stage = play(script, model, Desk())
    assert [output.output for output in outputs(stage)] == ["The customer's number is seven."]
    kinds = [type(sent.command) for sent in model.commands if not isinstance(sent.command, rt.AppendAudio)]
    assert kinds == [rt.CreateResponse, rt.CreateItem, rt.UpdateSession, rt.CreateResponse]
    assert texts(stage) == ["Hello seven"]
    assert entered == [True]


def test_nobody_takes_over_after_an_interruption():
    model = ScriptedModel(
        replies=[
            ScriptedReply("one two three four five six", calls=(("to_billing", "{}"),)),
            ScriptedReply("What else?"),
        ],
        heard=["no wait"],
    )

    async def script(stage: Stage) -> None:
        handle = stage.session.generate_reply()
        stage.human.say(loud(1.5))
        assert (await handle).interrupted
        await asyncio.sleep(6.0)
        assert isinstance(stage.session.agent, Desk)

    stage = play(script, model, Desk())
    (output,) = outputs(stage)
    assert (output.is_error, "the user interrupted" in output.output) == (True, True)
    assert model.sent(rt.UpdateSession) == []


def test_an_agent_that_cannot_be_seated_takes_nothing_over(caplog: pytest.LogCaptureFixture):
    model = ScriptedModel(replies=[ScriptedReply(calls=(("to_a_broken_one", "{}"),)), ScriptedReply("Sorry")])

    async def script(stage: Stage) -> None:
        await stage.session.generate_reply()
        with pytest.raises(ConfigError, match="Two tools have the name twin"):
            stage.session.update_agent(Agent("Broken", tools=[twin, twin]))
        assert isinstance(stage.session.agent, Desk)

    stage = play(script, model, Desk())
    assert [output.output for output in outputs(stage)] == ["An internal error occurred"]
    assert texts(stage) == ["Sorry"]
    assert "hands over to an agent that cannot take over" in caplog.text


def test_tools_change_while_the_session_runs():
    @function_tool
    def late() -> str:
        """Came later."""
        return "here"

    agent = Clerk(0.0)
    agent.update_tools([twin])
    model = ScriptedModel(replies=[ScriptedReply(calls=(("late", "{}"), ("twin", "{}"))), ScriptedReply("It works")])

    async def script(stage: Stage) -> None:
        assert [tool.name for tool in model.settings.tools] == ["look_up", "twin"]
        agent.update_tools([late])
        assert [tool.name for tool in model.settings.tools] == ["look_up", "late"]
        with pytest.raises(ConfigError, match="Two tools have the name twin"):
            agent.update_tools([twin, twin])
        assert agent.tools == (late,)
        assert [tool.name for tool in model.settings.tools] == ["look_up", "late"]
        await stage.session.generate_reply()

    stage = play(script, model, agent)
    known, unknown = outputs(stage)
    assert (known.output, unknown.output) == ("here", "There is no tool 'twin'. There are: late, look_up.")
    assert texts(stage) == ["It works"]


def test_a_model_that_calls_tools_though_it_was_told_not_to_is_not_asked_again():
    model = ScriptedModel(replies=[ScriptedReply(calls=LOOK_UP.calls) for _ in range(9)])

    async def script(stage: Stage) -> None:
        assert (await stage.session.generate_reply()).exception() is None

    stage = play(script, model, Clerk(0.0))
    assert [command.tool_choice for command in model.sent(rt.CreateResponse)] == [None, None, None, "none"]
    assert [output.is_error for output in outputs(stage)] == [False, False, False, True]
    assert outputs(stage)[-1].output.startswith("Not done: too many tools")


@pytest.mark.parametrize("status", [rt.ResponseStatus.FAILED, rt.ResponseStatus.INCOMPLETE])
def test_calls_of_a_reply_that_was_not_finished_are_answered(status: rt.ResponseStatus):
    model = ScriptedModel(replies=[ScriptedReply(calls=LOOK_UP.calls, ends=False)])

    async def script(stage: Stage) -> None:
        handle = stage.session.generate_reply()
        await stage.model.wait_sent(rt.CreateResponse)
        stage.model.finish(status, message="it broke")
        await handle

    stage = play(script, model, Clerk(0.0))
    assert [output.output for output in outputs(stage)] == ["Not done: the reply that called it was not finished."]
