"""What the last words say about a sentence."""

import numpy as np
import pytest

from agent_worker.turns.judge import FINISHED, UNFINISHED, TurnSoFar, WordsJudge, finished

UNFINISHED_ONES = (
    "I would like to order",
    "Um, so ...",
    "My number is",
    "And then I",
    "The meeting is at",
    "I want a",
    "Because",
    "I need to book",
)
FINISHED_ONES = (
    "What time is it?",
    "Where is my order",
    "Who is it for?",
    "I know where she is",
    "Yes, I can",
    "What would you like?",
    "I want to talk to a human.",
    "Cancel the timer.",
    "It is noon, and that is that",
    "No.",
)


@pytest.mark.parametrize("text", UNFINISHED_ONES)
def test_sentences_that_go_on(text: str):
    assert finished(text) == UNFINISHED


@pytest.mark.parametrize("text", FINISHED_ONES)
def test_sentences_that_are_over(text: str):
    assert finished(text) == FINISHED


@pytest.mark.parametrize("text", ["", "...", " "])
def test_no_words_say_nothing(text: str):
    assert finished(text) is None


def test_a_judge_by_words():
    nothing = np.zeros(0, dtype=np.int16)
    assert WordsJudge().probability(TurnSoFar(samples=nothing, rate=24_000, text="My name is")) == UNFINISHED
    assert WordsJudge().probability(TurnSoFar(samples=nothing, rate=24_000)) is None
