"""What is a question, and when it has been heard."""

import pytest

from agent_worker.session.question import Question, is_question
from agent_worker.speech import events as ev


@pytest.mark.parametrize(
    "text", ["Ready?", 'He asked: "Ready?"', "Pr\u00eat ? ", "\u597d\u5417\uff1f", "(Ready?)", "What?**"]
)
def test_questions(text: str):
    assert is_question(text)


@pytest.mark.parametrize("text", ["", "Ready.", "Ready? Go!", "?!"])
def test_no_questions(text: str):
    assert not is_question(text)


class Told:
    def __init__(self) -> None:
        self.events: list[ev.Event] = []
        self.words = "Are you ready?"
        self.left = 5.0
        self.question = Question(
            words=lambda: self.words, left=lambda: self.left, tail=lambda: 1.0, post=self.events.append
        )


def test_it_is_told_once_when_all_of_it_has_come_and_all_but_its_tail_was_heard():
    told = Told()
    told.question.look()
    told.left = 0.5
    told.question.look()
    assert told.events == []
    told.left = 5.0
    told.question.complete("s.0")
    assert told.events == []
    told.left = 1.0
    told.question.look()
    told.question.look()
    assert told.events == [ev.QuestionHeard("s.0")]


def test_what_is_no_question_is_not_told_of_later_either():
    told = Told()
    told.words, told.left = "I am ready.", 0.0
    told.question.complete("s.0")
    told.words = "Are you?"
    told.question.look()
    assert told.events == []
