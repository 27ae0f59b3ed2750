"""Whole conversations with the brain, as people have them: what is said, and what is answered or done."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest

from agent_worker.localmodel import brain, texts
from agent_worker.localmodel.dialogue import (
    AgentLine,
    Call,
    CallLine,
    ForgetReminders,
    Line,
    Moment,
    OutputLine,
    Pause,
    Plan,
    Remind,
    Say,
    Situation,
    UserLine,
)
from agent_worker.localmodel.lookups import ONE_MOMENT, SECONDS
from agent_worker.tools.spec import ToolSpec

MOMENT = Moment(wall=datetime(2026, 11, 20, 15, 42, tzinfo=UTC), draw=289)


@dataclass(frozen=True)
class Cut:
    """The listener cuts off what the agent said last, after so many words."""

    words: int


Turn = tuple[str | Cut, str]
"""What the user does, and the words of the answer; steps without words stand in angle brackets."""

WHAT = "What would you like to order? A pizza, a coffee or a salad?"
MARA = texts.STORY.split()

TALKS: dict[str, list[Turn]] = {
    "1 greeting, and what it can do": [
        (
            "hello",
            "Hello! I am your voice assistant. Ask me for the time, a story or a joke, or say help. "
            "What can I do for you?",
        ),
        ("what can you do", f"You can say, for example: {', or: '.join(texts.EXAMPLES)}."),
    ],
    "2 a long answer is interrupted, goes on, is repeated and slowed down": [
        ("tell me a story", texts.STORY),
        (Cut(4), ""),
        ("stop", "Okay."),
        ("continue", " ".join(MARA[4:])),
        (Cut(3), ""),
        ("slower", f"{' '.join(MARA[7:])} <0.75>"),
        ("what time is it", "It is 3:42 PM. <0.75>"),
        ("repeat that", "It is 3:42 PM. <0.75>"),
        ("normal speed please", "It is 3:42 PM. <1.0>"),
    ],
    "2 a long story is not told again because it was too fast": [
        ("tell me a story", texts.STORY),
        ("speak slower", "All right, I speak slower from now on. <0.75>"),
        ("another story", f"{texts.SECOND_STORY} <0.75>"),
    ],
    "3 a slow tool of its own": [
        (
            "when is the next train to paris",
            f"{ONE_MOMENT} <pause {SECONDS}> I make this up: the next train to Paris leaves at 4:02 PM "
            "from platform 4.",
        ),
    ],
    "3 a tool of its own that fails": [
        ("check my email", "Sorry, that did not work. Nobody has connected me to a mailbox."),
    ],
    "3 an order's status by its number, and its end": [
        ("where is my order", "There is no order yet."),
        ("cancel my order", "There is no order to cancel."),
        ("order a salad", "A salad: is that right?"),
        ("yes", "I pretend to order a salad: nobody here cooks. The number is 3 8 9."),
        ("tell me a joke", texts.JOKES[289 % len(texts.JOKES)]),
        ("what is the status of order number three eight nine", "Your order 3 8 9, a salad, is being made."),
        ("what is the status of order number four two seven", "I know no order 4 2 7. Yours is 3 8 9."),
        ("cancel order four two seven", "I know no order 4 2 7. Yours is 3 8 9."),
        ("cancel my order", "Shall I cancel your order 3 8 9?"),
        ("no", "All right, your order stays."),
        ("what did i order", "Your order 3 8 9, a salad, is being made."),
        ("cancel my order", "Shall I cancel your order 3 8 9?"),
        ("blah", "Sorry, I did not catch that. Shall I cancel your order 3 8 9?"),
        ("yes please", texts.CANCELLED),
        ("where is my order", "There is no order yet."),
    ],
    "4 two tools in one turn": [
        ("roll two dice and flip a coin", "You rolled 2 and 1. That makes 3. It is tails."),
        ("hi my name is bob and i would like to order a salad", "Nice to meet you, Bob. A salad: is that right?"),
    ],
    "4 an order: what is missing is asked for, and all of it is confirmed": [
        ("i would like to order", WHAT),
        ("two pizzas", "Two pizzas: what size would you like? Small, medium or large."),
        ("the large one", "Two large pizzas: is that right?"),
        ("with cheese and ham", "Two large pizzas with cheese and ham: is that right?"),
        (
            "and a coffee",
            "Two large pizzas with cheese and ham, and a coffee: what size would you like? Small, medium or large.",
        ),
        ("small please", "Two large pizzas with cheese and ham, and a small coffee: is that right?"),
        (
            "that's right",
            "I pretend to order two large pizzas with cheese and ham, and a small coffee: nobody here cooks. "
            "The number is 3 8 9.",
        ),
    ],
    "4 an order is corrected, before and after": [
        ("order a large pizza", "A large pizza: is that right?"),
        ("no, two pizzas", "Two large pizzas: is that right?"),
        ("no small", "Two small pizzas: is that right?"),
        ("make it three", "Three small pizzas: is that right?"),
        ("okay", "I pretend to order three small pizzas: nobody here cooks. The number is 3 8 9."),
        ("no, a salad", "A salad: is that right?"),
        ("no", f"All right, I do not order that. {WHAT}"),
        ("no", "All right, I do not order that."),
    ],
    "4 one thing of several is corrected": [
        ("two large pizzas and a small coffee", "Two large pizzas, and a small coffee: is that right?"),
        ("no, three pizzas", "Three large pizzas, and a small coffee: is that right?"),
        ("no, two teas", "Two teas: what size would you like? Small, medium or large."),
    ],
    "4 an order is dropped": [
        ("order a large pizza", "A large pizza: is that right?"),
        ("never mind", "Okay."),
        ("yes", "All right. What can I do for you?"),
        ("order a large pizza", "A large pizza: is that right?"),
        ("what time is it", "It is 3:42 PM."),
        ("yes", "All right. What can I do for you?"),
    ],
    "4 a yes that was heard badly": [
        ("order a salad", "A salad: is that right?"),
        ("know", f"All right, I do not order that. {WHAT}"),
        ("a tea", "A tea: what size would you like? Small, medium or large."),
        ("large", "A large tea: is that right?"),
        ("us", "I pretend to order a large tea: nobody here cooks. The number is 3 8 9."),
        ("us", texts.NOT_UNDERSTOOD[0]),
    ],
    "4 what cannot be ordered": [
        ("order 0 pizzas", f"I take orders of one to ninety-nine. {WHAT}"),
        ("order -1 pizzas", f"I take orders of one to ninety-nine. {WHAT}"),
        ("order 1000000 salads", f"I take orders of one to ninety-nine. {WHAT}"),
        ("my grandmother collects antique clocks", f"Sorry, I did not catch that. {WHAT}"),
    ],
    "5 what it remembers": [
        ("my name is alice", "Nice to meet you, Alice."),
        ("what is my name", "Your name is Alice."),
        ("flip a coin", "It is tails."),
        ("again", "It is tails."),
        ("roll two dice", "You rolled 2 and 1. That makes 3."),
        ("roll again", "You rolled 2 and 1. That makes 3."),
        ("three", "You rolled 2, 1 and 3. That makes 6."),
        ("what did i say", "You said: three"),
        ("goodbye", "Goodbye, Alice!"),
    ],
    "5 a joke again, and another one": [
        ("tell me a joke", texts.JOKES[1]),
        ("again", texts.JOKES[1]),
        ("another one", texts.JOKES[5]),
    ],
    "5 details are corrected and added": [
        (
            "what's the weather in paris tomorrow",
            "I have no real forecast, so I make one up: tomorrow in Paris it will be windy with 9 degrees.",
        ),
        (
            "no, in london",
            "I have no real forecast, so I make one up: tomorrow in London it will be sunny with 21 degrees.",
        ),
        (
            "and today",
            "I have no real forecast, so I make one up: today in London it is sunny with 21 degrees.",
        ),
        (
            "what about rome",
            "I have no real forecast, so I make one up: today in Rome it is sunny with 21 degrees.",
        ),
        ("what about you", texts.NOT_UNDERSTOOD[0]),
        (
            "set a timer for two minutes",
            "<remind 120> Your timer is set for 2 minutes.",
        ),
        ("no, five minutes", "<forget> <remind 300> Your timer is set for 5 minutes."),
    ],
    "6 a hand-over, and back": [
        (
            "transfer me to billing",
            "Hello, this is billing now, in the same machine. Is it about an order? Say go back for the assistant. "
            "<ash>",
        ),
        (
            "who are you",
            "I am billing, the same machine in another voice. I run on this machine, without the internet. <ash>",
        ),
        (
            "what can you do",
            "You can say, for example: what did I order, or: cancel my order, or: what is twelve times nine. <ash>",
        ),
        ("go back", "Hello, this is your assistant again. What can I do for you? <alloy>"),
        ("what time is it", "It is 3:42 PM."),
        ("go back", "You are talking to the assistant. What can I do for you?"),
    ],
    "7 a change of topic in the middle": [
        ("tell me a story", texts.STORY),
        (Cut(9), ""),
        ("actually, tell me a joke", texts.JOKES[1]),
        ("continue", "There is nothing left to tell. Shall I tell you a story?"),
        ("no thank you", "All right."),
    ],
    "8 a nod or a noise is no interruption": [
        ("tell me a story", texts.STORY),
        (Cut(5), ""),
        ("uh-huh", " ".join(MARA[5:])),
        (Cut(2), ""),
        ("", " ".join(MARA[7:])),
        ("okay", "Okay."),
    ],
    "8 after a question it is an answer": [
        ("continue", "There is nothing left to tell. Shall I tell you a story?"),
        ("okay", texts.STORY),
    ],
    "10 other languages": [
        ("say hello in french", "Bonjour ! <fr>"),
        ("and in german", "Guten Tag! <de>"),
        ("how do you say thank you in spanish", "Muchas gracias. <es>"),
        ("count to three in german", "Eins, zwei, drei. <de>"),
        ("bonjour, quelle heure est-il ?", "Il est 15 heures 42. <fr>"),
        ("¿cómo estás?", "Estoy bien, gracias. ¿Y usted? <es>"),
        ("danke schön", "Gern geschehen. <de>"),
        (
            "je voudrais une pizza",
            "Désolé, je ne comprends que quelques phrases en français. Je comprends mieux l'anglais. <fr>",
        ),
        ("what time is it", "It is 3:42 PM."),
    ],
    "11 not understood: asked again, examples, somebody else": [
        ("blah", texts.NOT_UNDERSTOOD[0]),
        ("blah", texts.NOT_UNDERSTOOD[1]),
        ("blah", texts.NOT_UNDERSTOOD[2]),
        (
            "yes",
            "Hello, this is a colleague of the assistant now, in the same machine. What can I do for you? "
            "Say go back for the assistant. <ballad>",
        ),
        ("blah", f"{texts.NOT_UNDERSTOOD[0]} <ballad>"),
        ("blah", f"{texts.NOT_UNDERSTOOD[1]} <ballad>"),
        ("blah", f"{texts.NOBODY_ELSE} <ballad>"),
    ],
}


def heard(plan: Plan) -> str:
    """A plan as a listener notices it."""
    said: list[str] = []
    for step in plan:
        match step:
            case Say(text, voice=voice, language=language, speed=speed):
                marks = [f"<{mark}>" for mark in (voice, language, speed) if mark is not None]
                said += [text, *marks]
            case Call(name):
                said.append(f"<{name}>")
            case Pause(seconds):
                said.append(f"<pause {seconds}>")
            case Remind(seconds):
                said.append(f"<remind {seconds:.0f}>")
            case ForgetReminders():
                said.append("<forget>")
    return " ".join(said)


class Talk:
    """A conversation, kept as the protocol keeps it, or as a client replays it after a lost connection: as words."""

    def __init__(self, *, replayed: bool, tools: tuple[ToolSpec, ...] = ()) -> None:
        self.lines: list[Line] = []
        self._replayed = replayed
        self._tools = tools

    def turn(self, does: str | Cut) -> str:
        if isinstance(does, Cut):
            last = self.lines[-1]
            assert isinstance(last, AgentLine)
            self.lines[-1] = AgentLine(said=last.said, heard=does.words)
            return ""
        self.lines.append(UserLine(does))
        return self.reply()

    def reply(self) -> str:
        plan = brain.reply(Situation(history=tuple(self.lines), tools=self._tools), MOMENT)
        for step in plan:
            match step:
                case Say():
                    self.lines.append(AgentLine(said=Say(step.text) if self._replayed else step))
                case Call():
                    self.lines.append(CallLine(call_id=f"call_{len(self.lines)}", name=step.name, arguments="{}"))
                case _:
                    pass
        return heard(plan)

    def output(self, text: str) -> str:
        call = next(line for line in reversed(self.lines) if isinstance(line, CallLine))
        self.lines.append(OutputLine(call_id=call.call_id, output=text))
        return self.reply()


@pytest.mark.parametrize("name", TALKS)
def test_a_conversation(name: str) -> None:
    talk = Talk(replayed=False)
    for does, answer in TALKS[name]:
        assert talk.turn(does) == answer, does


@pytest.mark.parametrize("name", [name for name in TALKS if name[0] in "346"])
def test_a_conversation_of_which_nothing_but_the_words_was_kept(name: str) -> None:
    talk = Talk(replayed=True)
    for does, answer in TALKS[name]:
        assert talk.turn(does) == answer, does


def tool(name: str, required: list[str], **properties: Any) -> ToolSpec:
    parameters = {"type": "object", "properties": properties, "required": required}
    return ToolSpec(name=name, description="", parameters=parameters)


TEXT = {"type": "string"}
CLIENTS = (
    tool("get_weather", ["city"], city=TEXT, when=TEXT),
    tool("place_order", ["item", "size"], item=TEXT, size={"enum": ["small", "large"]}),
    tool("find_train", ["destination"], destination=TEXT),
    tool("transfer_to_human", []),
)


def test_a_tool_of_the_client_goes_first() -> None:
    talk = Talk(replayed=False, tools=CLIENTS)
    assert talk.turn("order a large pizza") == "<place_order>"
    assert talk.output("427") == "Your order is placed. The number is 4 2 7."
    assert talk.turn("order a pizza") == "What size? Small or large."
    assert talk.turn("gargle") == "Sorry, I did not catch that. What size? Small or large."
    assert talk.turn("small") == "<place_order>"
    assert talk.output('{"error": "the oven is cold"}') == "Sorry, that did not work. The oven is cold."


def test_a_question_of_a_tool_is_not_answered_by_another_wish() -> None:
    talk = Talk(replayed=False, tools=CLIENTS)
    assert talk.turn("what is the weather like") == "What city?"
    assert talk.turn("what time is it") == "It is 3:42 PM."


def test_the_third_miss_hands_over_with_the_clients_tool() -> None:
    talk = Talk(replayed=False, tools=CLIENTS)
    for sentence in texts.NOT_UNDERSTOOD:
        assert talk.turn("gargle") == sentence
    assert talk.turn("yes") == "<transfer_to_human>"


def test_a_call_is_corrected() -> None:
    tools = CLIENTS
    lines: list[Line] = [UserLine("what's the weather in paris tomorrow"), AgentLine(said=Say("It is sunny."))]
    for said, arguments in (
        ("no, in london", {"city": "London", "when": "tomorrow"}),
        ("and today", {"city": "Paris", "when": "today"}),
    ):
        situation = Situation(history=(*lines, UserLine(said)), tools=tools)
        assert brain.reply(situation, MOMENT) == (Call("get_weather", arguments),)


def test_a_picture_is_not_seen_and_an_empty_message_not_answered_with_a_riddle() -> None:
    for line, answer in (
        (UserLine("", typed=True, shown=True), texts.NO_EYES),
        (UserLine("", typed=True), texts.NOTHING_TYPED),
    ):
        assert heard(brain.reply(Situation(history=(line,)), MOMENT)) == answer
    seen_beside = (UserLine("", silent=True), UserLine("", typed=True, shown=True))
    assert heard(brain.reply(Situation(history=seen_beside), MOMENT)) == texts.STILL_THERE


def test_a_voice_that_is_the_sessions_own_is_not_a_hand_over() -> None:
    line = UserLine("transfer me to billing")
    taken = brain.reply(Situation(history=(line,), voice="ash"), MOMENT)
    assert isinstance(taken[0], Say)
    assert taken[0].voice == "ballad"
