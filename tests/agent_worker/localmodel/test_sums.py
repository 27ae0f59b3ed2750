from fractions import Fraction

import pytest

from agent_worker.localmodel import sums
from agent_worker.localmodel.words import normal


@pytest.mark.parametrize(
    ("text", "expression", "result"),
    [
        ("what is seven plus five", "7 + 5", "12"),
        ("what's to plus to", "2 + 2", "4"),
        ("for times won", "4 * 1", "4"),
        ("7+5*2", "7 + 5 * 2", "17"),
        ("ten minus twenty five", "10 - 25", "-15"),
        ("what is ten divided by four", "10 / 4", "2.5"),
        ("one divided by three", "1 / 3", "0.33"),
        ("add three and four", "3 + 4", "7"),
        ("twenty five multiplied by four minus one", "25 * 4 - 1", "99"),
        ("what is ten percent of fifty", "10 / 100 * 50", "5"),
        ("15% of 60", "15 / 100 * 60", "9"),
        ("-5 + 3", "-5 + 3", "-2"),
        ("what is minus two times four", "-2 * 4", "-8"),
    ],
)
def test_a_sum_is_understood(text: str, expression: str, result: str) -> None:
    found = sums.find(normal(text).split())
    assert found is not None
    assert found.expression == expression
    made = found.result()
    assert made is not None
    assert sums.plain(made) == result


def test_nobody_divides_by_zero() -> None:
    found = sums.find(["four", "divided", "by", "zero"])
    assert found is not None
    assert found.result() is None


@pytest.mark.parametrize(
    "text",
    [
        "plus",
        "seven",
        "two large pizzas",
        "seven plus",
        "",
        "plus five",
        "minus two",
        "ten percent",
        "ten percent of",
    ],
)
def test_no_sum(text: str) -> None:
    assert sums.find(text.split()) is None


def test_decimals_are_short() -> None:
    assert sums.plain(Fraction(1, 3)) == "0.33"
    assert sums.plain(Fraction(7, 2)) == "3.5"
