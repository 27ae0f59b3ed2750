"""What the brain does without a tool of the client: timers, orders, the weather, other people, silence."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from agent_worker.localmodel import brain, texts
from agent_worker.localmodel.dialogue import (
    AgentLine,
    Call,
    ForgetReminders,
    Line,
    Moment,
    Plan,
    Remind,
    Say,
    Situation,
    SystemLine,
    UserLine,
)
from agent_worker.tools.spec import ToolSpec

MOMENT = Moment(wall=datetime(2026, 11, 20, 15, 42, tzinfo=UTC), draw=289)
HANG_UP = ToolSpec(name="end_call", description="Hangs up.", parameters={})


class Talk:
    """A conversation with the brain."""

    def __init__(self, situation: Situation = Situation()) -> None:  # noqa: B008 - it is frozen
        self.situation = situation
        self.lines: list[Line] = []

    def hear(self, line: str | Line) -> Plan:
        self.lines.append(UserLine(line) if isinstance(line, str) else line)
        plan = brain.reply(replace(self.situation, history=tuple(self.lines)), MOMENT)
        self.lines += [AgentLine(said=step) for step in plan if isinstance(step, Say)]
        return plan

    def words(self, line: str | Line) -> str:
        return " ".join(step.text for step in self.hear(line) if isinstance(step, Say))


def test_a_timer_is_set_and_will_be_spoken() -> None:
    plan = Talk().hear("set a timer for two minutes and five seconds")
    assert plan == (
        Remind(125.0, f"{texts.TIMER_OVER} It was set for 2 minutes and 5 seconds."),
        Say("Your timer is set for 2 minutes and 5 seconds."),
    )


@pytest.mark.parametrize(
    ("said", "words"), [("set a timer", "For how long"), ("set a timer for three hours", "an hour at most")]
)
def test_a_timer_that_cannot_be_set_is_not(said: str, words: str) -> None:
    (step,) = Talk().hear(said)
    assert isinstance(step, Say)
    assert words in step.text


def test_timers_are_known_and_cancelled() -> None:
    running, none = Talk(Situation(reminders=(61.0, 90.0))), Talk()
    assert running.words("how much time is left") == "There is 1 minute and 1 second left."
    assert none.words("how much time is left") == "There is no timer."
    assert running.hear("cancel the timer") == (ForgetReminders(), Say("Your 2 timers are cancelled."))
    assert none.words("cancel the timer") == "There is no timer to cancel."


def test_the_weather_is_made_up_and_said_to_be() -> None:
    first = Talk().words("what will the weather be in paris tomorrow")
    assert first.startswith("I have no real forecast, so I make one up: tomorrow in Paris it will be ")
    assert first == Talk().words("what will the weather be in paris tomorrow")
    assert "today it is " in Talk().words("what is the weather")


@pytest.mark.parametrize("tools", [(), (HANG_UP,)])
def test_a_silence_is_asked_into_once_and_then_the_call_ends(tools: tuple[ToolSpec, ...]) -> None:
    talk = Talk(Situation(tools=tools))
    silence = UserLine("", silent=True)
    talk.hear("hello")
    assert talk.words(silence) == texts.STILL_THERE
    talk.hear("what time is it")
    assert talk.words(silence) == texts.STILL_THERE
    plan = talk.hear(silence)
    assert isinstance(plan[0], Say)
    assert plan[0].text == texts.NOBODY_THERE
    assert plan[1:] == ((Call("end_call", {}),) if tools else ())


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ("greet the user", "Hello!"),
        ('Say: "the shop closes now"', "the shop closes now"),
        ("what is seven plus five", "That makes 12."),
    ],
)
def test_what_the_application_puts_in_is_obeyed(told: str, words: str) -> None:
    talk = Talk()
    talk.hear("hello")
    assert words in talk.words(SystemLine(told))


def test_what_the_application_merely_tells_is_not_answered() -> None:
    assert Talk().words(SystemLine("The user is on a phone.")).startswith("Hello!")
