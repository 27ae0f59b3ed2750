"""A whole session in virtual time: loopback room, scripted model, loudness as the voice activity detector."""

import asyncio
import math
from collections.abc import Awaitable, Callable

import numpy as np
import pytest

from agent_worker import Agent, AgentSession, SpeechError, SpeechOptions, StopResponse, function_tool
from agent_worker.errors import RealtimeError, RealtimeLostError
from agent_worker.history.items import FunctionCallOutput, Message, Role
from agent_worker.realtime import base as rt
from agent_worker.testing import EnergyVad, Human, LoopbackRoom, ScriptedModel, ScriptedReply, run_in_virtual_time

WORDS = " ".join(f"word{number}" for number in range(40))


def loud(seconds: float) -> np.ndarray:
    time = np.arange(round(seconds * 48_000)) / 48_000
    return (12_000 * np.sin(2 * np.pi * 300 * time)).astype(np.int16)


class Greeter(Agent):
    instructions = "Be kind."

    async def on_enter(self) -> None:
        self.session.generate_reply(instructions="Greet.")

    @function_tool
    async def lookup(self, word: str) -> str:
        """Look a word up."""
        return f"{word} means hello"


Script = Callable[[AgentSession, LoopbackRoom, Human, ScriptedModel], Awaitable[None]]


def converse(
    script: Script, model: ScriptedModel, agent: Agent | None = None, options: SpeechOptions | None = None
) -> AgentSession:
    """Run a session while a script plays the human."""
    room = LoopbackRoom()
    session = AgentSession(agent or Greeter(), door=room, model=model, vad=EnergyVad(), options=options)

    async def main() -> None:
        async with asyncio.TaskGroup() as group:
            run = group.create_task(session.run())
            human = room.enter()
            try:
                async with asyncio.timeout(300):
                    await script(session, room, human, model)
            finally:
                room.close("script over")
            assert await run == "script over"

    run_in_virtual_time(main())
    return session


def events(room: LoopbackRoom) -> list[str]:
    return [data.payload["type"] for data in room.data]


def sent_kinds(model: ScriptedModel) -> list[type]:
    """What the model was told, but for the audio."""
    return [type(sent.command) for sent in model.commands if not isinstance(sent.command, rt.AppendAudio)]


def test_the_greeting_is_heard_and_written_at_its_own_pace():
    model = ScriptedModel(replies=[ScriptedReply("Hello there my friend")])

    async def script(session: AgentSession, room: LoopbackRoom, human: Human, model: ScriptedModel) -> None:
        request = await model.wait_sent(rt.CreateResponse)
        assert request.instructions == "Greet."
        await asyncio.sleep(0.7)
        assert room.texts[0].text == "Hello there"
        assert room.attributes["agent.state"] == "speaking"
        await asyncio.sleep(1.0)
        assert (room.texts[0].text, room.texts[0].closed) == ("Hello there my friend", True)
        assert room.attributes["agent.state"] == "listening"
        assert np.abs(human.heard_samples()).max() > 1000

    session = converse(script, model)
    assert session.history.messages() == (
        Message(id=session.history.messages()[0].id, role=Role.ASSISTANT, text="Hello there my friend"),
    )
    assert model.settings.instructions == "Be kind."
    assert [tool.name for tool in model.settings.tools] == ["lookup"]


def test_a_turn_is_sent_with_its_beginning_and_answered():
    """T-1."""
    model = ScriptedModel(replies=[ScriptedReply("Hi"), ScriptedReply("Noon")], heard=["What time is it?"])

    async def script(session: AgentSession, room: LoopbackRoom, human: Human, model: ScriptedModel) -> None:
        await asyncio.sleep(2.0)
        human.say(loud(1.0))
        await model.wait_sent(rt.CreateResponse, count=2)
        await asyncio.sleep(2.0)

    session = converse(script, model)
    assert sent_kinds(model) == [rt.CreateResponse, rt.CommitAudio, rt.CreateResponse]
    seconds = sum(len(command.pcm) for command in model.sent(rt.AppendAudio)) / 48_000
    assert seconds == pytest.approx(0.3 + 1.0 + 0.5, abs=0.08)
    assert [message.text for message in session.history.messages()] == ["Hi", "What time is it?", "Noon"]


def test_a_cough_loses_nothing():
    """I-1, I-3, I-7: what the human heard is what the model sent, with a silence in it."""
    model = ScriptedModel(replies=[ScriptedReply(WORDS)])

    async def script(session: AgentSession, room: LoopbackRoom, human: Human, model: ScriptedModel) -> None:
        await asyncio.sleep(3.0)
        human.say(loud(0.2))
        await asyncio.sleep(0.5)
        assert (room.attributes["agent.state"], room.attributes.get("agent.held")) == ("listening", "true")
        await asyncio.sleep(20.0)
        heard = human.heard_samples()
        assert np.count_nonzero(np.abs(heard) > 0) == pytest.approx(12.0 * 24_000, rel=0.01)
        assert room.texts[0].text == WORDS
        assert events(room) == ["held", "resumed"]

    converse(script, model)
    assert sent_kinds(model) == [rt.CreateResponse, rt.ClearAudio]


def test_an_interruption_cuts_and_tells_the_model_what_was_heard():
    """I-6, R-2, R-3."""
    model = ScriptedModel(replies=[ScriptedReply(WORDS, ends=False), ScriptedReply("Okay")], heard=["Stop!"])

    async def script(session: AgentSession, room: LoopbackRoom, human: Human, model: ScriptedModel) -> None:
        await asyncio.sleep(3.0)
        human.say(loud(0.6))
        await model.wait_sent(rt.CreateResponse, count=2)
        await asyncio.sleep(2.0)
        assert events(room) == ["held", "interrupted"]

    session = converse(script, model)
    assert sent_kinds(model) == [
        rt.CreateResponse,
        rt.CommitAudio,
        rt.CancelResponse,
        rt.TruncateItem,
        rt.CreateResponse,
    ]
    (truncated,) = model.sent(rt.TruncateItem)
    assert 3000 < truncated.audio_end_ms < 3400
    said, stop, okay = session.history.messages()
    assert (said.interrupted, stop.text, okay.text) == (True, "Stop!", "Okay")
    words = truncated.audio_end_ms / 300
    assert len(said.text.split()) == pytest.approx(words, abs=0.6)


def test_a_backchannel_is_deleted_and_the_reply_goes_on():
    """I-4."""
    model = ScriptedModel(replies=[ScriptedReply(WORDS)], heard=["mm-hm"])

    async def script(session: AgentSession, room: LoopbackRoom, human: Human, model: ScriptedModel) -> None:
        await asyncio.sleep(3.0)
        human.say(loud(0.5))
        await asyncio.sleep(20.0)
        assert room.texts[0].text == WORDS

    session = converse(script, model)
    assert sent_kinds(model) == [rt.CreateResponse, rt.CommitAudio, rt.DeleteItem]
    assert [message.role for message in session.history.messages()] == [Role.ASSISTANT]


def test_a_tool_answers_and_is_spoken_of():
    """U-2."""
    model = ScriptedModel(
        replies=[
            ScriptedReply(calls=(("lookup", '{"word": "ciao"}'), ("missing", "{}"))),
            ScriptedReply("It is hello"),
        ]
    )

    async def script(session: AgentSession, room: LoopbackRoom, human: Human, model: ScriptedModel) -> None:
        await model.wait_sent(rt.CreateResponse, count=2)
        await asyncio.sleep(3.0)

    session = converse(script, model)
    outputs = [command.item for command in model.sent(rt.CreateItem)]
    assert all(isinstance(output, FunctionCallOutput) for output in outputs)
    assert outputs[0].output == "ciao means hello"
    assert "missing" in outputs[1].output
    assert outputs[1].is_error
    assert session.history.messages()[-1].text == "It is hello"


def test_tools_do_not_go_on_for_ever():
    """U-5."""
    endless = [ScriptedReply(calls=(("lookup", '{"word": "a"}'),)) for _ in range(10)]
    model = ScriptedModel(replies=endless)

    async def script(session: AgentSession, room: LoopbackRoom, human: Human, model: ScriptedModel) -> None:
        await model.wait_sent(rt.CreateResponse, count=4)

    converse(script, model)
    assert [command.tool_choice for command in model.sent(rt.CreateResponse)] == [None, None, None, "none"]


def test_text_interrupts_and_is_answered():
    """M-8."""
    model = ScriptedModel(replies=[ScriptedReply(WORDS, ends=False), ScriptedReply("Noon")])

    async def script(session: AgentSession, room: LoopbackRoom, human: Human, model: ScriptedModel) -> None:
        await asyncio.sleep(2.0)
        human.type("What time is it?")
        await model.wait_sent(rt.CreateResponse, count=2)
        await asyncio.sleep(2.0)

    session = converse(script, model)
    assert sent_kinds(model)[1:] == [rt.CreateItem, rt.CancelResponse, rt.TruncateItem, rt.CreateResponse]
    assert [message.text for message in session.history.messages()][1:] == ["What time is it?", "Noon"]


def test_handles_tell_how_it_went():
    """S-1."""
    model = ScriptedModel(replies=[ScriptedReply("Hi"), ScriptedReply("one two three"), ScriptedReply(WORDS)])

    async def script(session: AgentSession, room: LoopbackRoom, human: Human, model: ScriptedModel) -> None:
        await asyncio.sleep(2.0)
        handle = session.generate_reply(instructions="Count.")
        with pytest.raises(SpeechError):
            handle.exception()
        assert not (await handle).interrupted
        assert handle.exception() is None
        long = session.generate_reply()
        await asyncio.sleep(1.0)
        long.interrupt()
        assert (await long).interrupted

    converse(script, model)


def test_a_hook_may_stop_the_reply():
    """T-3."""

    class Shy(Agent):
        async def on_user_turn_completed(self, turn: Message) -> None:
            raise StopResponse

    model = ScriptedModel(heard=["hello"])

    async def script(session: AgentSession, room: LoopbackRoom, human: Human, model: ScriptedModel) -> None:
        human.say(loud(1.0))
        await asyncio.sleep(5.0)

    session = converse(script, model, Shy("Say nothing."))
    assert sent_kinds(model) == [rt.CommitAudio]
    assert [message.text for message in session.history.messages()] == ["hello"]


def test_a_broken_hook_does_not_end_the_conversation():
    class Broken(Agent):
        async def on_enter(self) -> None:
            raise ValueError("oh")

    model = ScriptedModel(replies=[ScriptedReply("Hi")])

    async def script(session: AgentSession, room: LoopbackRoom, human: Human, model: ScriptedModel) -> None:
        human.say(loud(1.0))
        await model.wait_sent(rt.CreateResponse)

    converse(script, model, Broken("Be brave."))


def test_a_microphone_that_stops_in_mid_word_ends_the_turn():
    """T-5."""
    model = ScriptedModel(replies=[ScriptedReply("Hi")])

    async def script(session: AgentSession, room: LoopbackRoom, human: Human, model: ScriptedModel) -> None:
        await asyncio.sleep(2.0)
        human.say(loud(5.0))
        await asyncio.sleep(1.0)
        human.mute()
        await model.wait_sent(rt.CommitAudio)

    converse(script, model)


@pytest.mark.parametrize(
    "error", [RealtimeError("the key is wrong", code="invalid_api_key"), RealtimeLostError("nobody at ws://x")]
)
def test_a_model_that_refuses_is_told_to_the_room(error: Exception):
    room = LoopbackRoom()
    model = ScriptedModel(refuses=error)  # pyright: ignore[reportArgumentType]
    session = AgentSession(Greeter(), door=room, model=model, vad=EnergyVad())
    with pytest.raises(type(error)):
        run_in_virtual_time(session.run())
    assert room.attributes["agent.error"] == str(error)
    assert events(room) == ["error"]


def test_a_model_that_is_lost_in_mid_call_ends_the_session_clearly():
    room = LoopbackRoom()
    model = ScriptedModel(replies=[ScriptedReply(WORDS)])
    session = AgentSession(Greeter(), door=room, model=model, vad=EnergyVad())

    async def main() -> None:
        async with asyncio.TaskGroup() as group:
            run = group.create_task(session.run())
            room.enter()
            await asyncio.sleep(2.0)
            model.lose(away=math.inf)
            with pytest.raises(RealtimeLostError):
                await run

    with pytest.raises(ExceptionGroup):
        run_in_virtual_time(main())
    assert "lost" in room.attributes["agent.error"]


def test_speaking_outside_a_session_is_refused():
    session = AgentSession(Greeter(), door=LoopbackRoom(), model=ScriptedModel(), vad=EnergyVad())
    with pytest.raises(SpeechError, match="not running"):
        session.generate_reply()
