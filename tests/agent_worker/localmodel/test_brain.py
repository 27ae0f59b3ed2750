"""The brain as a table: what was said -> what is done."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_worker.localmodel import brain, texts
from agent_worker.localmodel.dialogue import (
    AgentLine,
    Call,
    CallLine,
    Line,
    Moment,
    OutputLine,
    Plan,
    Say,
    Situation,
    Topic,
    UserLine,
)
from agent_worker.tools.spec import ToolSpec

MOMENT = Moment(wall=datetime(2026, 11, 20, 15, 42, tzinfo=UTC), draw=123456789123456789)


def tool(name: str, required: list[str] | None = None, description: str = "", **properties: Any) -> ToolSpec:
    parameters = {"type": "object", "properties": properties, "required": required or []}
    return ToolSpec(name=name, description=description, parameters=parameters)


TEXT = {"type": "string"}
TOOLS = (
    tool("get_time", description="The current local time."),
    tool(
        "place_order",
        ["item", "size", "quantity"],
        item=TEXT,
        size={"enum": ["small", "medium", "large"]},
        quantity={"type": "integer"},
    ),
    tool("order_status", ["number"], number=TEXT),
    tool("get_weather", ["city"], city=TEXT, when=TEXT),
    tool("set_timer", ["seconds"], seconds={"type": "integer"}),
    tool("transfer_to", ["department"], department={"enum": ["billing", "sales"]}),
    tool("open_garage_door"),
)


class Talk:
    """A conversation with the brain, as the protocol would keep it."""

    def __init__(self, tools: tuple[ToolSpec, ...] = (), instructions: str = "", **settings: Any) -> None:
        self.lines: list[Line] = []
        self._situation: Callable[..., Situation] = lambda **more: Situation(
            tools=tools, instructions=instructions, **{**settings, **more}
        )

    def hear(self, text: str, *, typed: bool = False, **more: Any) -> Plan:
        self.lines.append(UserLine(text, typed))
        return self.reply(**more)

    def output(self, text: str) -> Plan:
        calls = [line for line in self.lines if isinstance(line, CallLine)]
        answered = sum(isinstance(line, OutputLine) for line in self.lines)
        self.lines.append(OutputLine(call_id=calls[answered].call_id, output=text))
        return self.reply()

    def reply(self, **more: Any) -> Plan:
        plan = brain.reply(self._situation(history=tuple(self.lines), **more), MOMENT)
        for number, step in enumerate(plan):
            match step:
                case Say():
                    self.lines.append(AgentLine(said=step))
                case Call():
                    call_id = f"call_{len(self.lines)}_{number}"
                    self.lines.append(CallLine(call_id=call_id, name=step.name, arguments="{}"))
        return plan

    def cut(self, words: int) -> None:
        """The listener interrupts what was said last after so many words."""
        last = self.lines[-1]
        assert isinstance(last, AgentLine)
        self.lines[-1] = AgentLine(said=last.said, heard=words)


def words_of(plan: Plan) -> str:
    assert len(plan) == 1
    assert isinstance(plan[0], Say)
    return plan[0].text


OWN: list[tuple[str, str]] = [
    ("what time is it", "It is 3:42 PM."),
    ("um so what time is it", "It is 3:42 PM."),
    ("could you tell me the time please", "It is 3:42 PM."),
    ("what is the time in tokyo", "I know only the time here. It is 3:42 PM."),
    ("what's the date today", "Today is Friday, November 20, 2026."),
    ("which day is it", "Today is Friday, November 20, 2026."),
    ("tell me a story", texts.STORY),
    ("i'd like to hear a story please", texts.STORY),
    ("count to five", "One, two, three, four, five."),
    ("count up to three", "One, two, three."),
    ("count from nine to eleven", "Nine, ten, eleven."),
    ("count down from three", "Three, two, one."),
    ("count backwards from 4 to 2", "Four, three, two."),
    ("what is seven plus five", "That makes 12."),
    ("how much is 7+5*2", "That makes 17."),
    ("what's to plus to", "That makes 4."),
    ("what is four divided by zero", "Nobody can divide by zero."),
    ("add three and four", "That makes 7."),
    ("roll a die", "You rolled a 4."),
    ("roll to dice", "You rolled 4 and 2. That makes 6."),
    ("roll a pair of dice", "You rolled 4 and 2. That makes 6."),
    ("flip a coin", "It is tails."),
    ("heads or tails", "It is tails."),
    ("roll two dice and flip a coin", "You rolled 4 and 2. That makes 6. It is tails."),
    ("my name is alice", "Nice to meet you, Alice."),
    ("hi i'm james", "Nice to meet you, James."),
    ("what is my name", "I do not know your name yet. Tell me: my name is, and then your name."),
    ("stop", "Okay."),
    ("wait", "Okay."),
    ("hold on a second", "Okay."),
    ("never mind", "Okay."),
    ("no stop", "Okay."),
    ("continue", "There is nothing left to tell. Shall I tell you a story?"),
    ("repeat that", "I have not said anything yet."),
    ("thank you very much", "You are welcome."),
    ("thank you goodbye", "Goodbye!"),
    ("yes", "All right. What can I do for you?"),
    ("no thank you", "All right."),
    ("mm-hm", "Okay."),
    ("how are you today", "I am fine, thank you. What can I do for you?"),
    ("can you hear me", "Yes, I am here, and I hear you."),
    ("do you speak french", "Oui, un peu. Mais je comprends surtout l'anglais."),
    ("my grandmother collects antique clocks", texts.NOT_UNDERSTOOD[0]),
    ("", texts.NOT_UNDERSTOOD[0]),
]


@pytest.mark.parametrize(("said", "words"), OWN)
def test_what_it_says_by_itself(said: str, words: str) -> None:
    assert words_of(Talk().hear(said)) == words


CALLED: list[tuple[str, str, dict[str, Any]]] = [
    ("what time is it", "get_time", {}),
    ("do you know what time it is", "get_time", {}),
    ("I would like to order a large pizza.", "place_order", {"item": "pizza", "size": "large", "quantity": 1}),
    ("order to small coffees please", "place_order", {"item": "coffee", "size": "small", "quantity": 2}),
    ("can i get four big burgers", "place_order", {"item": "burger", "size": "large", "quantity": 4}),
    ("what is the status of order number four two seven", "order_status", {"number": "427"}),
    ("what's the weather like in paris tomorrow", "get_weather", {"city": "Paris", "when": "tomorrow"}),
    ("set a timer for two minutes", "set_timer", {"seconds": 120}),
    ("i want to talk to sales", "transfer_to", {"department": "sales"}),
    ("please open the garage door", "open_garage_door", {}),
]


@pytest.mark.parametrize(("said", "name", "arguments"), CALLED)
def test_a_fitting_tool_is_called(said: str, name: str, arguments: dict[str, Any]) -> None:
    assert Talk(TOOLS).hear(said) == (Call(name, arguments),)
    assert not any(isinstance(step, Call) for step in Talk(TOOLS, tool_choice="none").hear(said))


@pytest.mark.parametrize(
    "said", ["what is seven times five", "stop", "tell me a story", "count to twenty", "my name is alice", "hello"]
)
def test_other_tools_are_left_alone(said: str) -> None:
    assert not any(isinstance(step, Call) for step in Talk(TOOLS).hear(said))


def test_a_tool_of_the_client_goes_before_what_it_can_itself() -> None:
    assert Talk((tool("tell_joke"),)).hear("tell me a joke") == (Call("tell_joke", {}),)
    assert Talk((tool("roll_dice", count={"type": "integer"}),)).hear("roll two dice") == (
        Call("roll_dice", {"count": 2}),
    )


def test_a_tool_that_wants_to_know_more_than_was_said_is_not_needed_for_the_time() -> None:
    assert (
        words_of(Talk((tool("get_time", ["timezone"], timezone=TEXT),)).hear("what time is it")) == "It is 3:42 PM."
    )


def test_two_wishes_are_two_calls_and_their_outputs_one_answer() -> None:
    talk = Talk((tool("roll_dice", count={"type": "integer"}), tool("flip_coin")))
    assert talk.hear("roll two dice and flip a coin") == (Call("roll_dice", {"count": 2}), Call("flip_coin", {}))
    talk.lines.append(OutputLine(call_id="call_1_0", output="9"))
    talk.lines.append(OutputLine(call_id="call_2_1", output="tails"))
    assert words_of(talk.reply()) == "You rolled 9. It is tails."


def test_what_a_tool_answered_is_spoken() -> None:
    talk = Talk(TOOLS)
    talk.hear("what time is it")
    assert words_of(talk.output("3:42 PM")) == "It is 3:42 PM."
    talk.hear("what time is it")
    assert words_of(talk.output("It is a quarter to four.")) == "It is a quarter to four."


def test_an_order_asks_for_what_is_missing() -> None:
    talk = Talk(TOOLS)
    assert words_of(talk.hear("i would like to order")) == "What item?"
    assert words_of(talk.hear("a pizza please")) == "What size? Small, medium or large."
    assert talk.hear("the large one") == (Call("place_order", {"item": "pizza", "size": "large", "quantity": 1}),)
    assert words_of(talk.output("4711")) == "Your order is placed. The number is 4 7 1 1."


def test_a_question_can_be_left_unanswered() -> None:
    talk = Talk(TOOLS)
    talk.hear("order a pizza")
    assert words_of(talk.hear("never mind")) == "Okay."
    assert words_of(talk.hear("large")) == texts.NOT_UNDERSTOOD[0]
    talk.hear("order a pizza")
    assert talk.hear("what time is it") == (Call("get_time", {}),)


def test_a_city_is_asked_for() -> None:
    talk = Talk(TOOLS)
    assert words_of(talk.hear("what is the weather like")) == "What city?"
    assert talk.hear("san francisco") == (Call("get_weather", {"city": "San Francisco"}),)


def test_half_a_sentence_is_put_together_with_the_other_half() -> None:
    talk = Talk(TOOLS)
    talk.lines = [UserLine("i would like to order")]
    assert talk.hear("a large pizza with") == (
        Call("place_order", {"item": "pizza", "size": "large", "quantity": 1}),
    )


def test_a_name_is_remembered() -> None:
    talk = Talk()
    talk.hear("my name is alice")
    talk.hear("tell me a joke")
    assert words_of(talk.hear("do you remember my name")) == "Your name is Alice."
    assert words_of(talk.hear("hello")) == "Hello, Alice! What can I do for you?"
    assert words_of(talk.hear("bye")) == "Goodbye, Alice!"


def test_the_first_words_are_a_greeting() -> None:
    assert words_of(Talk().reply()).startswith("Hello! I am your voice assistant.")
    assert words_of(Talk(instructions="You are Ada, a kind assistant.").reply()).startswith("Hello! I am Ada.")
    assert words_of(Talk(instructions="You are a kind assistant.").reply()).startswith("Hello! I am your voice")
    assert words_of(Talk(instructions="Your name is Max.").hear("hello")).startswith("Hello! I am Max.")


def test_the_instructions_of_one_reply_are_followed() -> None:
    talk = Talk()
    talk.hear("what time is it")
    assert words_of(talk.reply(request="Greet the user and offer your help.")).startswith("Hello!")
    assert words_of(talk.reply(request='Say "One moment, please."')) == "One moment, please."
    assert words_of(talk.hear("what time is it", request="Answer briefly.")) == "It is 3:42 PM."
    assert words_of(talk.reply(request="Go on.")) == "What would you like me to do?"


def test_jokes_are_not_told_twice_before_all_were_told() -> None:
    talk = Talk()
    told = [words_of(talk.hear("tell me a joke")), *(words_of(talk.hear("another one")) for _ in texts.JOKES[1:])]
    assert sorted(told) == sorted(texts.JOKES)
    assert words_of(talk.hear("another one")) in texts.JOKES


def test_after_an_interruption_it_goes_on_where_it_was_heard_last() -> None:
    talk = Talk()
    talk.hear("count to six")
    talk.cut(3)
    assert words_of(talk.hear("stop")) == "Okay."
    assert words_of(talk.hear("go on")) == "four, five, six."
    talk.cut(1)
    assert words_of(talk.hear("continue please")) == "five, six."
    assert words_of(talk.hear("continue")).startswith("There is nothing left")


def test_it_repeats_and_slows_down() -> None:
    talk = Talk()
    talk.hear("what time is it")
    talk.hear("okay")
    assert words_of(talk.hear("can you repeat that")) == "It is 3:42 PM."
    slow = talk.hear("slower please")
    assert slow == (Say("It is 3:42 PM.", speed=0.75),)
    assert words_of(talk.hear("i didn't hear that")) == "It is 3:42 PM."


def test_yes_is_an_answer_to_what_was_asked() -> None:
    talk = Talk()
    talk.hear("continue")
    assert words_of(talk.hear("yes please")) == texts.STORY


def test_not_understanding_is_said_in_three_steps() -> None:
    talk = Talk()
    assert [words_of(talk.hear("blah")) for _ in range(4)] == [*texts.NOT_UNDERSTOOD, texts.NOT_UNDERSTOOD[-1]]
    talk.hear("what time is it")
    assert words_of(talk.hear("blah")) == texts.NOT_UNDERSTOOD[0]


def test_what_was_typed_was_not_misheard() -> None:
    assert words_of(Talk().hear("blah", typed=True)) == texts.NOT_KNOWN[0]


def test_without_a_recogniser_it_says_so() -> None:
    talk = Talk(hears=False)
    assert words_of(talk.hear("")) == texts.NO_EARS
    assert words_of(talk.hear("what time is it", typed=True)) == "It is 3:42 PM."


def test_a_forced_tool_is_called() -> None:
    assert Talk(TOOLS).hear("hello", tool_choice="get_time") == (Call("get_time", {}),)
    assert words_of(Talk(TOOLS).hear("hello", tool_choice="get_weather")) == "What city?"
    assert Talk(TOOLS).hear("hello", tool_choice="required") == (Call("get_time", {}),)
    assert isinstance(Talk((TOOLS[3],)).hear("hello", tool_choice="required")[0], Say)
    assert isinstance(Talk(TOOLS).hear("hello", tool_choice="gone")[0], Say)


def test_coins_and_dice_are_fair() -> None:
    moments = [Moment(wall=MOMENT.wall, draw=number * 0x9E3779B97F4A7C15 % 2**64) for number in range(1, 1201)]
    for said, faces in (("flip a coin", 2), ("roll a die", 6)):
        situation = Situation(history=(UserLine(said),))
        thrown = [words_of(brain.reply(situation, moment)) for moment in moments]
        shares = [thrown.count(face) / len(thrown) for face in set(thrown)]
        assert len(shares) == faces
        assert max(shares) < 1.3 / faces


def test_help_names_the_clients_tools() -> None:
    said = words_of(Talk(TOOLS).hear("what can you do"))
    assert "what time is it" in said
    assert "open garage door" in said


@given(
    st.lists(
        st.one_of(
            st.builds(UserLine, st.text() | st.sampled_from([said for said, _ in OWN]), st.booleans()),
            st.builds(OutputLine, call_id=st.just("c"), output=st.text()),
            st.builds(CallLine, call_id=st.just("c"), name=st.text(), arguments=st.text()),
            st.builds(
                AgentLine,
                said=st.builds(Say, st.text(), topic=st.sampled_from(Topic)),
                heard=st.none() | st.integers(min_value=0, max_value=9),
            ),
        )
    ),
    st.none() | st.text(),
)
def test_there_is_always_an_answer(lines: list[Line], request: str | None) -> None:
    plan = brain.reply(Situation(history=tuple(lines), request=request, tools=TOOLS), MOMENT)
    assert plan
    assert all(isinstance(step, Call) or step.text.strip() for step in plan)
