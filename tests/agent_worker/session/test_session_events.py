"""Each event of a session, in its place and with its time."""

import asyncio

import pytest

from agent_worker import Agent, SpeechOptions, function_tool
from agent_worker.history.items import FunctionCall, FunctionCallOutput, Message
from agent_worker.realtime import base as rt
from agent_worker.session import events as seen
from agent_worker.speech.actions import AgentState, UserState
from agent_worker.testing import ScriptedModel, ScriptedReply
from agent_worker.usage import Usage
from tests.agent_worker.session.play import WORDS, FakeSynthesiser, Quiet, Stage, loud, play


class Clerk(Agent):
    instructions = "Be quick."

    @function_tool
    async def lookup(self, word: str) -> str:
        """Look a word up."""
        await asyncio.sleep(0.5)
        return f"{word} means hello"


def kinds(stage: Stage) -> list[str]:
    return [type(event).__name__ for event in stage.seen]


def test_a_turn_and_its_answer_in_order():
    model = ScriptedModel(replies=[ScriptedReply("It is noon")], heard=["What time is it?"])

    async def script(stage: Stage) -> None:
        stage.human.say(loud(1.0))
        await stage.model.wait_sent(rt.CreateResponse)
        await asyncio.sleep(2.0)

    stage = play(script, model)
    assert kinds(stage) == [
        "AgentStateChanged",  # listening
        "ParticipantJoined",
        "UserStateChanged",  # speaking
        "UserStateChanged",  # listening
        "UserTurnCommitted",
        "SpeechCreated",
        "AgentStateChanged",  # thinking
        "ReplyRequested",
        "UserInputTranscribed",
        "ConversationItemAdded",
        "ReplyCompleted",
        "SpeechStarted",
        "AgentStateChanged",  # speaking
        "ConversationItemAdded",
        "SpeechFinished",
        "AgentStateChanged",  # listening
        "ParticipantLeft",
        "UserStateChanged",  # away
        "SessionClosed",
    ]
    speaking, silent, *_ = stage.seen_of(seen.UserStateChanged)
    # The voice began at 0.5 s, whenever somebody became sure of it (T-6).
    assert speaking.at == pytest.approx(0.5, abs=0.07)
    assert (speaking.old, speaking.new) == (UserState.LISTENING, UserState.SPEAKING)
    assert silent.at == pytest.approx(1.5, abs=0.07)
    (turn,) = stage.seen_of(seen.UserTurnCommitted)
    assert (turn.started_at, turn.ended_at) == (speaking.at, silent.at)
    assert turn.at == pytest.approx(turn.ended_at + 0.5, abs=0.03)
    (created,) = stage.seen_of(seen.SpeechCreated)
    (finished,) = stage.seen_of(seen.SpeechFinished)
    (requested,) = stage.seen_of(seen.ReplyRequested)
    (completed,) = stage.seen_of(seen.ReplyCompleted)
    assert created.source == "turn"
    assert {created.speech_id} == {finished.speech_id, requested.speech_id, completed.speech_id}
    assert (requested.request_id, completed.status) == (completed.request_id, "completed")
    assert (finished.text, finished.interrupted, finished.failure) == ("It is noon", False, "")
    assert [event.new for event in stage.seen_of(seen.AgentStateChanged)] == [
        AgentState.LISTENING,
        AgentState.THINKING,
        AgentState.SPEAKING,
        AgentState.LISTENING,
    ]
    items = [event.item for event in stage.seen_of(seen.ConversationItemAdded)]
    assert items == list(stage.session.history)
    assert stage.seen[-1] == seen.SessionClosed(at=stage.seen[-1].at, reason="script over")


@pytest.mark.parametrize("how", ["typed", "user_input"])
def test_a_written_line_interrupts_and_nobody_listens_in_between(how: str):
    """M-8, oracle T9."""
    model = ScriptedModel(replies=[ScriptedReply(WORDS), ScriptedReply("Fine")])

    async def script(stage: Stage) -> None:
        first = stage.session.generate_reply()
        await asyncio.sleep(2.0)
        if how == "typed":
            stage.human.type("And you?")
        else:
            stage.session.generate_reply(user_input="And you?")
        await asyncio.sleep(2.0)
        assert first.interrupted

    stage = play(script, model)
    states = [event.new for event in stage.seen_of(seen.AgentStateChanged)]
    assert states == ["listening", "thinking", "speaking", "thinking", "speaking", "listening"]
    assert [message.text for message in stage.session.history.messages()][1:] == ["And you?", "Fine"]


def test_a_hold_whose_speech_ends_did_not_go_on():
    """I-10: a tool ends the speech while a cough holds it."""

    class Slow(Agent):
        instructions = "Be slow."

        @function_tool
        async def look(self) -> None:
            """Look."""
            await asyncio.sleep(2.0)

    model = ScriptedModel(replies=[ScriptedReply("Wait", calls=(("look", "{}"),))])

    async def script(stage: Stage) -> None:
        handle = stage.session.generate_reply()
        await asyncio.sleep(1.75)
        stage.human.say(loud(0.2))
        await handle
        await asyncio.sleep(2.0)

    stage = play(script, model, Slow())
    (false,) = stage.seen_of(seen.AgentFalseInterruption)
    assert (false.resumed, false.speech_id) == (False, "speech1")
    assert [data.payload["type"] for data in stage.room.data] == ["held", "tool", "resumed"]


@pytest.mark.parametrize(("text", "answered"), [("word " * 8 + "ready?", True), ("word " * 8 + "ready.", False)])
@pytest.mark.parametrize("scripted", [True, False])
def test_yeah_at_the_end_of_a_question_is_an_answer(text: str, answered: bool, scripted: bool):
    model = ScriptedModel(
        replies=[ScriptedReply("Good")] if scripted else [ScriptedReply(text), ScriptedReply("Good")], heard=["Yeah."]
    )

    async def script(stage: Stage) -> None:
        asked = stage.session.say(text) if scripted else stage.session.generate_reply()
        await asyncio.sleep(2.3)
        stage.human.say(loud(0.3))
        await asked
        await asyncio.sleep(2.0)
        assert asked.interrupted is answered

    stage = play(script, model, synthesiser=FakeSynthesiser())
    assert [message.text for message in stage.session.history.messages()][-1] == (
        "Good" if answered else text.strip()
    )


def test_words_are_told_as_they_are_understood():
    async def script(stage: Stage) -> None:
        stage.human.say(loud(1.0))
        await stage.model.wait_sent(rt.CommitAudio)
        await asyncio.sleep(0.1)
        (item_id,) = [item.id for item in stage.session.history]
        stage.model.emit(rt.InputTranscriptDelta(item_id, "What"), rt.InputTranscriptDelta(item_id, " time"))
        stage.model.emit(rt.InputTranscribed(item_id, "What time?"))
        await asyncio.sleep(0.1)

    told = play(script).seen_of(seen.UserInputTranscribed)
    assert [(event.text, event.final) for event in told] == [
        ("What", False),
        ("What time", False),
        ("What time?", True),
    ]


def test_false_and_real_interruptions_have_their_times():
    """I-13."""
    model = ScriptedModel(replies=[ScriptedReply(WORDS), ScriptedReply("Okay")], heard=["Stop it!"])

    async def script(stage: Stage) -> None:
        stage.session.generate_reply()
        await asyncio.sleep(2.0)
        stage.human.say(loud(0.2))
        await asyncio.sleep(3.0)
        stage.human.say(loud(0.6))
        await stage.model.wait_sent(rt.CreateResponse, count=2)
        await asyncio.sleep(1.0)

    stage = play(script, model)
    (false,) = stage.seen_of(seen.AgentFalseInterruption)
    (real,) = stage.seen_of(seen.AgentInterrupted)
    assert false.resumed
    assert false.speech_id == real.speech_id
    assert false.voice_at == pytest.approx(2.5, abs=0.07)
    assert false.voice_at + 0.15 <= false.held_at <= false.voice_at + 0.25
    assert false.at == pytest.approx(false.voice_at + 0.2 + 1.0, abs=0.1)
    assert real.held_at is not None
    assert real.voice_at < real.held_at < real.at
    cut, okay = stage.seen_of(seen.SpeechFinished)
    assert (cut.interrupted, okay.interrupted) == (True, False)
    assert WORDS.startswith(cut.text)
    assert cut.text


def test_a_backchannel_is_understood_and_never_part_of_the_conversation():
    model = ScriptedModel(replies=[ScriptedReply(WORDS)], heard=["mm-hm"])

    async def script(stage: Stage) -> None:
        handle = stage.session.generate_reply()
        await asyncio.sleep(2.0)
        stage.human.say(loud(0.5))
        await handle

    stage = play(script, model)
    assert [event.text for event in stage.seen_of(seen.UserInputTranscribed)] == ["mm-hm"]
    assert [event.item.text for event in stage.seen_of(seen.ConversationItemAdded)] == [WORDS]


def test_tools_and_usage():
    usage = Usage(input_tokens=10, output_tokens=5)
    model = ScriptedModel(
        replies=[ScriptedReply(calls=(("lookup", '{"word": "ciao"}'), ("missing", "{}"))), ScriptedReply("Hello")]
    )

    async def script(stage: Stage) -> None:
        await stage.session.generate_reply()
        for response_id in ("resp_x", "resp_y"):
            stage.model.emit(
                rt.ResponseEnded(
                    response_id=response_id, request_id=None, status=rt.ResponseStatus.COMPLETED, usage=usage
                )
            )
        await asyncio.sleep(0.1)

    stage = play(script, model, Clerk())
    (executed,) = stage.seen_of(seen.FunctionToolsExecuted)
    assert executed.at - executed.started_at == pytest.approx(0.5)
    assert [call.name for call in executed.calls] == ["lookup", "missing"]
    assert executed.outputs[0].output == "ciao means hello"
    (error,) = stage.seen_of(seen.ErrorOccurred)
    assert (error.source, error.fatal) == ("tool", False)
    assert "missing" in error.message
    added = [event.item for event in stage.seen_of(seen.ConversationItemAdded)]
    assert [type(item) for item in added] == [FunctionCall] * 2 + [FunctionCallOutput] * 2 + [Message]
    assert [event.total.input_tokens for event in stage.seen_of(seen.UsageCollected)] == [10, 20]
    assert stage.session.usage == usage + usage
    steps = [event.request_id for event in stage.seen_of(seen.ReplyRequested)]
    assert [event.request_id for event in stage.seen_of(seen.ReplyCompleted)] == [*steps, "", ""]


def test_a_turn_that_is_too_long_is_told_once():
    async def script(stage: Stage) -> None:
        stage.human.say(loud(4.0))
        await asyncio.sleep(6.0)

    (exceeded,) = play(script, options=SpeechOptions(user_turn_limit=2.0)).seen_of(seen.UserTurnExceeded)
    assert exceeded.seconds == pytest.approx(2.0, abs=0.05)
    assert exceeded.at == pytest.approx(2.5, abs=0.1)


def test_states_can_be_asked_for():
    model = ScriptedModel(replies=[ScriptedReply(WORDS)])
    states: list[tuple[AgentState, UserState]] = []

    async def script(stage: Stage) -> None:
        session = stage.session
        states.append((session.agent_state, session.user_state))
        session.generate_reply()
        await asyncio.sleep(1.0)
        states.append((session.agent_state, session.user_state))
        stage.human.say(loud(1.0))
        await asyncio.sleep(0.5)
        states.append((session.agent_state, session.user_state))

    stage = play(script, model)
    assert states == [("listening", "listening"), ("speaking", "listening"), ("listening", "speaking")]
    assert stage.session.agent_state is AgentState.INITIALIZING


def test_a_refusal_of_the_model_is_told():
    async def script(stage: Stage) -> None:
        stage.model.emit(rt.ModelError(code="bad", message="no such thing"))
        await asyncio.sleep(0.1)

    (error,) = play(script, agent=Quiet()).seen_of(seen.ErrorOccurred)
    assert (error.source, error.message, error.fatal) == ("model", "no such thing", False)
