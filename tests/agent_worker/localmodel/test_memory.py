from datetime import UTC, datetime

import pytest

from agent_worker.localmodel.brain import reply
from agent_worker.localmodel.dialogue import (
    AgentLine,
    CallLine,
    Line,
    Moment,
    OutputLine,
    Question,
    Say,
    Situation,
    SystemLine,
    Topic,
    UserLine,
)
from agent_worker.localmodel.memory import Memory, name_in
from agent_worker.session.introductions import NOTE


def agent(
    text: str, topic: Topic = Topic.ANSWER, heard: int | None = None, asks: Question | None = None
) -> AgentLine:
    return AgentLine(said=Say(text, topic=topic, asks=asks), heard=heard)


def memory(*lines: Line) -> Memory:
    return Memory(lines)


CALL = CallLine(call_id="1", name="get_time", arguments="{}")
OUTPUT = OutputLine(call_id="1", output="noon")


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("my name is alice", "Alice"),
        ("My name's Alice.", "Alice"),
        ("hello, I'm James", "James"),
        ("please call me bob", "Bob"),
        ("they call me anna-lena", "Anna-Lena"),
        ("I am called Zoë", "Zoë"),
        ("i am hungry", None),
        ("my name is not important", None),
        ("do not call me bob", None),
        ("what is my name", None),
    ],
)
def test_a_name_is_heard(text: str, name: str | None) -> None:
    assert name_in(UserLine(text)) == name


def test_the_last_name_counts() -> None:
    assert memory(UserLine("my name is alice"), UserLine("no, call me ann"), UserLine("hello")).user_name == "Ann"
    assert memory(UserLine("hello")).user_name is None


def test_what_was_not_answered_yet() -> None:
    assert memory().unanswered is None
    assert memory(UserLine("hello"), agent("hi")).unanswered is None
    assert memory(agent("hi"), UserLine("i would like"), UserLine("a pizza")).unanswered == UserLine("a pizza")
    assert memory(agent("hi"), UserLine("i would like"), UserLine("a pizza")).before_unanswered == "i would like"
    assert memory(UserLine("what time is it"), UserLine("")).unanswered == UserLine("what time is it")
    assert memory(UserLine("")).unanswered == UserLine("")


def test_outputs_wait_until_they_are_spoken_of() -> None:
    question = UserLine("what time is it")
    assert memory(question, CALL).outputs == []
    assert memory(question, CALL, OUTPUT).outputs == [(CALL, OUTPUT)]
    assert memory(question, OUTPUT).outputs == [(None, OUTPUT)]
    assert memory(question, CALL, OUTPUT, agent("It is noon.")).outputs == []
    assert memory(question, CALL, OUTPUT, UserLine("never mind")).outputs == []


def test_an_open_question_is_the_last_thing_said() -> None:
    asks = Question(tool="t", arguments={}, wanted="size")
    assert memory(agent("What size?", asks=asks), UserLine("large")).question == asks
    assert memory(agent("What size?", asks=asks), agent("Okay."), UserLine("large")).question is None
    assert memory().question is None


def test_misses_in_a_row_are_counted() -> None:
    missed = agent("Sorry?", Topic.NOT_UNDERSTOOD)
    assert memory(missed, UserLine("hm"), missed, UserLine("hm")).misses == 2
    assert memory(missed, agent("It is noon."), UserLine("hm")).misses == 0


def test_what_was_interrupted_can_be_continued() -> None:
    cut = agent("one two three four", Topic.COUNT, heard=2)
    okay = agent("Okay.", Topic.ACKNOWLEDGEMENT)
    assert cut.unheard == "three four"
    assert memory(cut, UserLine("stop"), okay).interrupted == cut
    assert memory(cut, agent("It is noon."), okay).interrupted is None
    assert memory(agent("one two", heard=2)).interrupted is None
    assert memory(agent("one two")).interrupted is None


def test_what_was_said_before() -> None:
    history = memory(agent("It is noon."), agent("Okay.", Topic.ACKNOWLEDGEMENT))
    assert history.last_said(Topic.ACKNOWLEDGEMENT) == agent("It is noon.")
    assert history.last_said() == agent("Okay.", Topic.ACKNOWLEDGEMENT)
    assert history.was_said("It is noon.")
    assert not history.was_said("It is one.")
    assert not history.has_user_spoken


def note(name: str) -> SystemLine:
    return SystemLine(NOTE.format(name=name))


def test_who_of_several_people_has_spoken_is_known_by_the_sessions_own_note() -> None:
    """The note is written in the session and read here: the two must agree."""
    said = (note("Ann"), UserLine("tell me a joke"), note("Bob"), UserLine("what time is it"))
    heard = memory(UserLine("hello"), agent("hi"), *said)
    assert heard.speakers == ["Ann", "Bob"]
    assert Memory(heard.as_of("Bob")).unanswered == UserLine("what time is it")
    assert Memory(heard.as_of("Ann")).unanswered == UserLine("tell me a joke")
    assert Memory(heard.as_of("Ann")).before_unanswered == ""
    assert memory(*said, agent("Both: yes.")).speakers == []
    assert memory(UserLine("hello")).speakers == []
    assert memory(note("Ann")).told is None


def test_each_of_several_people_is_answered_by_name() -> None:
    history = (note("Ann"), UserLine("what is two plus two"), note("Bob"), UserLine("what is two plus three"))
    moment = Moment(wall=datetime(2026, 1, 1, tzinfo=UTC), draw=0)
    (said,) = reply(Situation(history=history), moment)
    assert isinstance(said, Say)
    assert said.text == "Ann: That makes 4. Bob: That makes 5."
    called = (note("Ann"), UserLine("what time is it"), CALL, OUTPUT)
    (said,) = reply(Situation(history=called), moment)
    assert isinstance(said, Say)
    assert said.text.startswith("Ann: ")
