"""Another agent takes over (U-4, L-1), and options that stay."""

import asyncio

import pytest

from agent_worker import Agent, ConfigError, SpeechError, function_tool
from agent_worker.history.items import FunctionCallOutput, Message
from agent_worker.realtime import base as rt
from agent_worker.session.events import ErrorOccurred
from agent_worker.session.turn_audio import AHEAD_PREFIX_SECONDS
from agent_worker.testing import ScriptedModel, ScriptedReply
from tests.agent_worker.session.play import WORDS, FakeSynthesiser, Stage, loud, play

Log = list[str]


class Billing(Agent):
    instructions = "You know the bills."
    voice = "posh"

    def __init__(self, log: Log) -> None:
        super().__init__(options={"min_endpointing_delay": 1.5})
        self.log = log

    async def on_enter(self) -> None:
        self.log.append("billing enters")
        self.session.generate_reply(instructions="Ask for the number.")

    async def on_exit(self) -> None:
        self.log.append("billing leaves")

    async def on_user_turn_completed(self, turn: Message) -> None:
        self.log.append(f"billing sees {turn.text}")

    @function_tool
    async def pay(self) -> str:
        """Pay."""
        return "paid"


class Desk(Agent):
    instructions = "You welcome guests."

    def __init__(self, log: Log) -> None:
        self.log = log

    async def on_enter(self) -> None:
        self.log.append("desk enters")

    async def on_exit(self) -> None:
        self.log.append("desk leaves")
        await self.session.say("I connect you")

    @function_tool
    async def to_billing(self) -> Agent:
        """Hand over to billing."""
        return Billing(self.log)

    @function_tool
    async def to_nobody(self) -> Agent:
        """Hand over to nobody."""
        return Agent("You are nobody.")


def test_a_tool_hands_over():
    log: Log = []
    desk = Desk(log)
    model = ScriptedModel(
        replies=[
            ScriptedReply("Certainly", calls=(("to_billing", "{}"),)),
            ScriptedReply("Your number"),
            ScriptedReply(),
        ],
        heard=["Seven"],
    )

    async def script(stage: Stage) -> None:
        handle = await stage.session.generate_reply()
        assert handle.exception() is None
        await stage.model.wait_sent(rt.CreateResponse, count=2)
        assert isinstance(stage.session.agent, Billing)
        with pytest.raises(SpeechError):
            _ = desk.session
        await asyncio.sleep(3.0)
        stage.human.say(loud(1.0))
        await stage.model.wait_sent(rt.CreateResponse, count=3)
        await asyncio.sleep(1.0)

    stage = play(script, model, desk, synthesiser=FakeSynthesiser())
    assert log == ["desk enters", "desk leaves", "billing enters", "billing sees Seven", "billing leaves"]
    (update,) = model.sent(rt.UpdateSession)
    assert (update.settings.instructions, update.settings.voice) == ("You know the bills.", "posh")
    assert [tool.name for tool in update.settings.tools] == ["pay"]
    assert [request.instructions for request in model.sent(rt.CreateResponse)] == [None, "Ask for the number.", None]
    said = [message.text for message in stage.session.history.messages()]
    assert said == ["Certainly", "I connect you", "Your number", "Seven"]
    # Billing waits longer for the end of a turn; what came before the first hint of it and the tail are sent with it.
    seconds = sum(len(command.pcm) for command in model.sent(rt.AppendAudio)) / 48_000
    assert seconds == pytest.approx(AHEAD_PREFIX_SECONDS + 1.0 + 1.5, abs=0.08)


def test_two_hand_overs_at_once_are_an_error_and_neither_is_done():
    model = ScriptedModel(
        replies=[ScriptedReply(calls=(("to_billing", "{}"), ("to_nobody", "{}"))), ScriptedReply("Which one?")]
    )
    log: Log = []

    async def script(stage: Stage) -> None:
        await stage.session.generate_reply()
        assert isinstance(stage.session.agent, Desk)

    stage = play(script, model, Desk(log), synthesiser=FakeSynthesiser())
    outputs = [item for item in stage.session.history if isinstance(item, FunctionCallOutput)]
    assert [output.is_error for output in outputs] == [True, True]
    assert "Nothing was handed over" in outputs[0].output
    assert model.sent(rt.UpdateSession) == []
    assert stage.session.history.messages()[-1].text == "Which one?"


def test_the_application_hands_over_while_something_is_being_said():
    log: Log = []
    model = ScriptedModel(replies=[ScriptedReply(WORDS), ScriptedReply("Your number")])

    async def script(stage: Stage) -> None:
        handle = stage.session.generate_reply()
        await asyncio.sleep(1.0)
        stage.session.update_agent(Billing(log))
        await asyncio.sleep(0.1)
        assert isinstance(stage.session.agent, Billing)
        # What was being said is said.
        assert not (await handle).interrupted
        await asyncio.sleep(2.0)

    stage = play(script, model)
    assert log == ["billing enters", "billing leaves"]
    assert [message.text for message in stage.session.history.messages()] == [WORDS, "Your number"]


def test_a_hand_over_during_a_hold_lets_go_of_nothing():
    log: Log = []
    model = ScriptedModel(replies=[ScriptedReply(WORDS), ScriptedReply("Your number")])

    async def script(stage: Stage) -> None:
        handle = stage.session.generate_reply()
        await asyncio.sleep(2.0)
        stage.human.say(loud(0.2))
        await asyncio.sleep(0.4)
        assert stage.room.attributes["agent.held"] == "true"
        stage.session.update_agent(Billing(log))
        assert not (await handle).interrupted

    stage = play(script, model)
    assert stage.session.history.messages()[0].text == WORDS


def test_options_given_at_runtime_stay_with_the_session():
    async def script(stage: Stage) -> None:
        session = stage.session
        session.update_options(min_endpointing_delay=0.9, pause_after=0.3)
        assert session.options.pause_after == 0.3
        session.update_agent(Billing([]))
        await asyncio.sleep(0.2)
        # The agent's own wish goes before the session's; the rest is kept.
        assert (session.options.min_endpointing_delay, session.options.pause_after) == (1.5, 0.3)
        session.update_agent(Agent("Be kind."))
        await asyncio.sleep(0.2)
        assert (session.options.min_endpointing_delay, session.options.pause_after) == (0.9, 0.3)

    play(script)


def test_an_agent_that_fails_to_leave_is_told_of_and_replaced():
    class Stuck(Agent):
        async def on_exit(self) -> None:
            await asyncio.sleep(3600)

    async def script(stage: Stage) -> None:
        stage.session.update_agent(Agent("Be quick."))
        await asyncio.sleep(16.0)
        assert stage.session.agent.instructions == "Be quick."

    stage = play(script, agent=Stuck())
    (error,) = stage.seen_of(ErrorOccurred)
    assert (error.source, "longer than 15 s" in error.message) == ("application", True)


def test_the_voice_of_each_agent_goes_with_its_replies():
    """U-4: a session's voice cannot be changed any more once it has spoken; that of a reply can."""

    async def script(stage: Stage) -> None:
        await stage.session.generate_reply()
        stage.session.update_agent(Agent("Be kind, too.", voice="posh"))
        await asyncio.sleep(0.1)
        await stage.session.generate_reply()

    model = ScriptedModel(replies=[ScriptedReply("Hi"), ScriptedReply("Good day")])
    stage = play(script, model, Agent("Be kind.", voice="plain"))
    assert [request.voice for request in stage.model.sent(rt.CreateResponse)] == ["plain", "posh"]


def test_a_reply_may_be_given_some_of_the_tools():
    """S-8."""

    class Clerk(Agent):
        instructions = "Be quick."

        @function_tool
        async def look(self) -> str:
            """Look."""
            return "seen"

        @function_tool
        async def listen(self) -> str:
            """Listen."""
            return "heard"

    clerk = Clerk()

    async def script(stage: Stage) -> None:
        stage.session.generate_reply(tools=[clerk.look])
        stage.session.generate_reply(tools=["listen"], tool_choice="listen")
        with pytest.raises(ConfigError, match="look, listen"):
            stage.session.generate_reply(tools=["fly"])
        await asyncio.sleep(4.0)

    calls = ScriptedReply(calls=(("look", "{}"),))
    stage = play(script, ScriptedModel(replies=[calls, ScriptedReply("b"), ScriptedReply("c")]), clerk)
    requests = stage.model.sent(rt.CreateResponse)
    told = [None if request.tools is None else [spec.name for spec in request.tools] for request in requests]
    assert sorted(told, key=str) == sorted([["look"], ["listen"], None], key=str)
