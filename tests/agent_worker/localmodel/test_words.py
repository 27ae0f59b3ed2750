import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_worker.localmodel.words import (
    MOST_CHARACTERS,
    digits,
    in_words,
    normal,
    number_at,
    numbers,
    plural,
    singular,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("What's the time?", "what is the time"),
        ("I’d like a coffee, please!", "i would like a coffee please"),
        ("I'm Alice.", "i am alice"),
        ("Don't stop", "do not stop"),
        ("I can't; I cannot; I won't.", "i can not i can not i will not"),
        ("today's date", "today date"),
        ("7+5", "7 plus 5"),
        ("12 * 3 / 4 - 1", "12 times 3 divided by 4 minus 1"),
        ("1,200", "1200"),
        ("twenty-five mm-hm", "twenty five mm-hm"),
        ("  OK\tnevermind ", "okay never mind"),
        ("José über alles", "josé über alles"),
        ("?!", ""),
        ("2*(3+4)", "2 times bracket 3 plus 4 bracket"),
        ("-5 + 3", "minus 5 plus 3"),
        ("10%", "10 percent"),
    ],
)
def test_text_becomes_normal_words(text: str, expected: str) -> None:
    assert normal(text) == expected


def test_of_a_book_only_the_beginning_is_read() -> None:
    assert len(normal("cancel " * 100_000)) <= MOST_CHARACTERS


@pytest.mark.parametrize(
    ("one", "several"), [("pizza", "pizzas"), ("sandwich", "sandwiches"), ("glass", "glasses"), ("fries", "fries")]
)
def test_one_and_several(one: str, several: str) -> None:
    assert plural(one) == several
    assert singular(several) == one


@given(st.text())
def test_normal_words_stay_as_they_are(text: str) -> None:
    once = normal(text)
    assert once == once.lower().strip()
    assert "  " not in once


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("zero", [0]),
        ("twenty five", [25]),
        ("a hundred and five", [105]),
        ("nine hundred ninety nine", [999]),
        ("two thousand and one", [2001]),
        ("a thousand", [1000]),
        ("four two seven", [4, 2, 7]),
        ("ten and five", [10, 5]),
        ("twenty to thirty", [20, 30]),
        ("a pizza for two", [2]),
        ("3.5 and 12", [3.5, 12]),
        ("twenty twelve", [20, 12]),
        ("nothing", []),
        ("²", []),
        ("9" * 400, []),
    ],
)
def test_numbers_are_read(text: str, expected: list[float]) -> None:
    assert numbers(text.split()) == expected
    assert numbers(tuple(text.split())) == expected


def test_to_and_for_are_numbers_only_where_asked() -> None:
    assert number_at(["to"], 0) is None
    assert number_at(["to"], 0, homophones=True) == (2, 1)
    assert number_at(["for", "coffees"], 0, homophones=True) == (4, 1)
    assert number_at([], 0) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("order number four two seven", "427"),
        ("four oh seven", "407"),
        ("forty two seven", "427"),
        ("1 2 3", "123"),
        ("two of number nine eight seven", "987"),
        ("oh my", None),
    ],
)
def test_digits_are_joined(text: str, expected: str | None) -> None:
    assert digits(text.split()) == expected


@given(st.integers(min_value=0, max_value=999))
def test_numbers_said_are_numbers_understood(value: int) -> None:
    assert numbers(normal(in_words(value)).replace("-", " ").split()) == [value]
    assert " " not in in_words(value)


@pytest.mark.parametrize(
    ("several", "one"),
    [
        ("pizzas", "pizza"),
        ("sandwiches", "sandwich"),
        ("coffee", "coffee"),
        ("glass", "glass"),
        ("boxes", "box"),
        ("is", "is"),
        ("status", "status"),
    ],
)
def test_one_of_them(several: str, one: str) -> None:
    assert singular(several) == one
