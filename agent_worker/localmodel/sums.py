"""Sums in words: "seven plus five" -> 12. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from agent_worker.localmodel.words import number_at

_OPERATORS: Final = {
    ("plus",): "+",
    ("minus",): "-",
    ("less",): "-",
    ("times",): "*",
    ("multiplied", "by"): "*",
    ("divided", "by"): "/",
    ("over",): "/",
}


@dataclass(frozen=True, slots=True)
class Sum:
    """A sum as it was said: numbers with operators between them."""

    numbers: tuple[Fraction, ...]
    operators: tuple[str, ...]

    @property
    def expression(self) -> str:
        """As it is written: "7 + 5"."""
        text = plain(self.numbers[0])
        for operator, number in zip(self.operators, self.numbers[1:], strict=True):
            text += f" {operator} {plain(number)}"
        return text

    def result(self) -> Fraction | None:
        """What it makes; None when it divides by zero."""
        terms = [self.numbers[0]]
        for operator, number in zip(self.operators, self.numbers[1:], strict=True):
            match operator:
                case "+":
                    terms.append(number)
                case "-":
                    terms.append(-number)
                case "*":
                    terms[-1] *= number
                case _:
                    if not number:
                        return None
                    terms[-1] /= number
        return sum(terms, Fraction(0))


def find(words: Sequence[str]) -> Sum | None:
    """The first sum in normal words, or None. Beside an operator "to" and "for" are taken for numbers."""
    if "add" in words:
        joined = ["plus" if word == "and" else word for word in words[words.index("add") + 1 :]]
        return _first(joined)
    return _first(words)


def _first(words: Sequence[str]) -> Sum | None:
    for start in range(len(words)):
        found = _at(words, start)
        if found is not None:
            return found
    return None


def _at(words: Sequence[str], start: int) -> Sum | None:
    negative = start < len(words) and words[start] == "minus"
    first = number_at(words, start + negative, homophones=True)
    if first is None:
        return None
    numbers, operators = [Fraction(-first[0] if negative else first[0])], list[str]()
    at = first[1]
    if tuple(words[at : at + 2]) == ("percent", "of"):
        of = number_at(words, at + 2)
        return None if of is None else Sum((numbers[0], Fraction(100), Fraction(of[0])), ("/", "*"))
    while (operator := _operator(words, at)) is not None:
        sign, after = operator
        number = number_at(words, after, homophones=True)
        if number is None:
            break
        operators.append(sign)
        numbers.append(Fraction(number[0]))
        at = number[1]
    return Sum(tuple(numbers), tuple(operators)) if operators else None


def _operator(words: Sequence[str], at: int) -> tuple[str, int] | None:
    for spelled, sign in _OPERATORS.items():
        if tuple(words[at : at + len(spelled)]) == spelled:
            return sign, at + len(spelled)
    return None


def plain(number: Fraction) -> str:
    """A number for people: at most two decimals."""
    if number.denominator == 1:
        return str(number.numerator)
    return f"{float(number):.2f}".rstrip("0").rstrip(".")
