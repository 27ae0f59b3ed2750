"""Conversations from a script: what they show, and how they fail."""

from itertools import pairwise

import pytest

from agent_worker import Agent, Job, function_tool
from agent_worker.errors import ToolError
from agent_worker.history.items import FunctionCall, FunctionCallOutput, Message, Role
from agent_worker.realtime import base as rt
from agent_worker.testing import (
    Breaks,
    Connects,
    Emits,
    Expects,
    Hears,
    Refuses,
    Replies,
    ScriptError,
    ScriptFollower,
    Stalls,
    ToneVoice,
    ToolAnswers,
    Types,
    Waits,
    call,
    containing,
    rehearse,
    run_in_virtual_time,
)


class Clerk(Agent):
    instructions = "You count guests."

    async def on_enter(self) -> None:
        self.session.say("Welcome to the Blue Door.")
        self.session.generate_reply(instructions="Ask how many come.")

    @function_tool
    async def count(self, guests: int) -> str:
        """Count."""
        if guests > 9:
            raise ToolError("Too many.")
        return f"{guests} guests"


def test_a_whole_conversation():
    voice = ToneVoice()
    rehearsed = rehearse(
        Clerk(),
        [
            Expects(rt.CreateItem, item=lambda item: item.text == "Welcome to the Blue Door."),
            Replies("How many are you?", instructions=containing("how many")),
            Hears("Seven"),
            Replies("Well", calls=[call("count", guests=7), call("count", guests=70)]),
            ToolAnswers("count", "7 guests"),
            ToolAnswers("count", "Too many.", is_error=True),
            Replies("All right"),
            Types("Make it eight"),
            Replies("Eight it is"),
        ],
        synthesiser=voice,
    )
    assert rehearsed.said == ["Welcome to the Blue Door.", "How many are you?", "Well", "All right", "Eight it is"]
    assert voice.spoken == ["Welcome to the Blue Door."]
    kinds = [type(item) for item in rehearsed.items]
    assert (kinds.count(FunctionCall), kinds.count(FunctionCallOutput)) == (2, 2)
    assert rehearsed.human.heard_samples().any()
    assert rehearsed.model.model.sent(rt.CreateResponse)


def test_a_session_that_does_something_else_fails_the_test_where_it_does():
    with pytest.raises(ScriptError, match=r"(?s)>>>>  4\. ToolAnswers.*not it: .*'7 guests' is not '8 guests'"):
        rehearse(
            Clerk(),
            [
                Replies("How many are you?"),
                Types("seven"),
                Replies(calls=[call("count", guests=7)]),
                ToolAnswers("count", "8 guests"),
                Replies("Eight"),
            ],
        )


def test_a_session_that_does_nothing_fails_the_test_too():
    with pytest.raises(ScriptError, match=r"(?s)>>>>  2\. ToolAnswers.*instead came: nothing any more"):
        rehearse(Clerk(), [Replies("How many are you?"), ToolAnswers("count"), Replies("Well")], seconds=30.0)


def test_the_model_refuses_and_says_what_nobody_asked_for():
    unknown = rt.UnknownEvent(type="weather", raw={})
    rehearsed = rehearse(
        Clerk(),
        [Refuses("rate_limit_exceeded", "Slow down."), Emits(unknown), Types("Hello?"), Replies("Hello")],
    )
    assert rehearsed.said == ["Welcome to the Blue Door.", "Hello"]


def test_a_stalled_model_is_waited_for():
    rehearsed = rehearse(Clerk(), [Replies("How many are you?"), Types("Hi"), Stalls(3.0), Replies("Hello")])
    assert rehearsed.said[-1] == "Hello"
    heard = rehearsed.human.heard
    sounding = [frame.at for frame in heard if frame.samples.any()]
    assert max(b - a for a, b in pairwise(sounding)) > 3.0


def test_a_reply_that_breaks_off_goes_on_over_the_next_connection():
    told = rehearse(Clerk(), [Replies("How many", ends=False), Waits(1.0), Breaks(), Connects(), Replies("come?")])
    assert told.said[-2:] == ["How many", "come?"]


async def test_a_connection_after_another_is_told_what_was_said():
    model = ScriptFollower([Hears("Hi"), Connects([]), Replies("Hello")])
    async with model.connect(rt.SessionSettings()) as connection:
        connection.send(rt.AppendAudio(bytes(4800)))
        connection.send(rt.CommitAudio())
    async with model.connect(rt.SessionSettings()) as connection:
        connection.send(rt.CreateResponse(request_id="r"))
        async for event in connection.events():
            if isinstance(event, rt.OutputTranscript):
                assert event.delta == "Hello"
                break
    assert model.over
    model.check()


def test_a_follower_says_what_its_model_can_do():
    async def story() -> None:
        model = ScriptFollower([], capabilities=rt.Capabilities(input_rate=16_000))
        async with model.connect(rt.SessionSettings()) as connection:
            assert connection.capabilities == model.capabilities == rt.Capabilities(input_rate=16_000)

    run_in_virtual_time(story())


class Caller(Agent):
    async def on_enter(self) -> None:
        whom = self.session.job.attributes["name"]
        self.session.say(f"Back to you, {whom}." if self.session.resumed else f"Hello, {whom}.")


def test_an_agent_is_sent_for_something_and_goes_on_where_another_ended():
    job = Job(attributes={"name": "Ann"})
    assert rehearse(Caller(), [], job=job).said == ["Hello, Ann."]
    before = Message(id="a1", role=Role.ASSISTANT, text="Hello.")
    assert rehearse(Caller(), [Connects(["Hello."])], job=job, history=[before]).said == [
        "Hello.",
        "Back to you, Ann.",
    ]
