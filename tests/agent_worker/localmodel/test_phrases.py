import pytest

from agent_worker.localmodel import phrases
from agent_worker.localmodel.phrases import Ordered
from agent_worker.localmodel.words import normal


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("I would like to order a large pizza.", Ordered("pizza", 1, "large")),
        ("order to coffees", Ordered("coffee", 2)),
        ("order for sandwiches please", Ordered("sandwich", 4)),
        ("i want to order a coffee", Ordered("coffee", 1)),
        (
            "two big pepperoni pizzas with cheese and ham please",
            Ordered("pepperoni pizza", 2, "large", ("cheese", "ham")),
        ),
        ("some water", Ordered("water", 1)),
        ("a large one", Ordered(None, 1, "large")),
        ("large", Ordered(None, None, "large")),
        ("i would like to order", Ordered()),
        ("", Ordered()),
    ],
)
def test_what_is_ordered(said: str, expected: Ordered) -> None:
    assert phrases.ordered(normal(said).split()) == expected


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ("set a timer for ten seconds", 10),
        ("two minutes and thirty seconds", 150),
        ("half an hour", 1800),
        ("an hour", 3600),
        ("an hour and a half", 3600),
        ("ten", None),
        ("set a timer", None),
    ],
)
def test_how_long(said: str, seconds: float | None) -> None:
    assert phrases.duration(normal(said).split()) == seconds


def test_a_length_of_time_in_text() -> None:
    assert phrases.duration_text(["set", "a", "timer", "for", "ten", "minutes"]) == "10 minutes"
    assert phrases.duration_text(["set", "a", "timer"]) is None


@pytest.mark.parametrize(
    ("said", "where", "when"),
    [
        ("weather in san francisco today", "San Francisco", "today"),
        ("what is the weather like in paris tomorrow", "Paris", "tomorrow"),
        ("will it rain on monday", None, "monday"),
        ("weather for the weekend", None, None),
        ("set a timer for 10 minutes", None, None),
    ],
)
def test_where_and_when(said: str, where: str | None, when: str | None) -> None:
    assert phrases.place(said.split()) == where
    assert phrases.when(said.split()) == when


@pytest.mark.parametrize(
    ("said", "whom"),
    [
        ("transfer me to billing", "billing"),
        ("talk to the billing department", "billing department"),
        ("i want to speak to a human", "human"),
        ("hello", None),
    ],
)
def test_to_whom(said: str, whom: str | None) -> None:
    assert phrases.whom(said.split()) == whom
