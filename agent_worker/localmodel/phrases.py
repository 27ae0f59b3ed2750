"""What is named in a sentence: the thing that is ordered, lengths of time, places, days. Pure, on normal words."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from agent_worker.localmodel.words import HOMOPHONES, number_at, numbers, singular, vocabulary

FOOD: Final = (
    r"pizzas?|coffees?|teas?|sandwich(?:es)?|salads?|burgers?|soups?|cakes?|waters?|espressos?|cappuccinos?|lattes?"
    r"|pastas?|fries|juices?|colas?|sodas?|beers?|wines?|ice creams?"
)
"""What is understood to be ordered without the word "order"."""
_FOOD: Final = re.compile(rf"(?:.* )?(?:{FOOD})")
SIZES: Final = {
    "small": "small",
    "little": "small",
    "medium": "medium",
    "regular": "medium",
    "large": "large",
    "big": "large",
    "huge": "large",
}
"""Words for sizes, and which of the three they mean."""
_LEAD: Final = vocabulary(
    "um uh so well okay hello hi hey i we would like want to order can could may you get have give me us "
    "take will need please actually make place and then bring buy let just now too also for yes no plus add it that "
    "them rather instead said mean meant sorry wait"
)
"""What stands in front of the thing that is ordered."""
_END: Final = vocabulary("with please and for to thanks thank that in at by from")
"""What stands behind it."""
_NOTHING: Final = (
    ["one"],
    ["ones"],
    ["it"],
    ["something"],
    ["anything"],
    ["food"],
    ["order"],
    ["of", "them"],
    ["of", "those"],
)
"""What stands for a thing that was named before."""
_UNITS: Final = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}
_PLACE: Final = re.compile(r"\b(?:in|at|for|from|near) ((?!the\b|a\b|an\b|my\b|our\b|this\b|me\b|\d)\w+(?: \w+)?)")
_TO: Final = re.compile(r"\bto ((?!the\b|a\b|my\b)[a-z]+(?: (?:york|francisco|angeles))?)")
_WHEN: Final = re.compile(
    r"\b(?:today|tomorrow|tonight|now|this (?:morning|afternoon|evening|weekend)|next week|"
    r"(?:mon|tues|wednes|thurs|fri|satur|sun)day)\b"
)
_WHOM: Final = re.compile(r"\b(?:to|with|me) (?:(?:the|a|an) )?(?!you\b|to\b)([a-z]+(?: [a-z]+)?)$")
_LENGTH: Final = re.compile(r"((?:\w+ ){1,3})((?:second|minute|hour|day)s?)\b")


@dataclass(frozen=True, slots=True)
class Ordered:
    """What an order says: "two large pizzas with cheese"."""

    item: str | None = None
    quantity: int | None = None
    size: str | None = None
    extras: tuple[str, ...] = ()


def ordered(words: Sequence[str]) -> Ordered:
    """What is ordered. "Order to coffees" means two of them: a recogniser cannot hear the difference."""
    at = 0
    while at < len(words) and words[at] in _LEAD:
        at += 1
    sounds_like = HOMOPHONES.get(words[at - 1]) if at else None
    quantity: int | None = None
    negative = at + 1 < len(words) and words[at] == "minus"
    number = number_at(words, at + negative)
    if number is not None:
        quantity, at = int(-number[0] if negative else number[0]), number[1]
    elif at < len(words) and words[at] in ("a", "an", "another"):
        quantity, at = 1, at + 1
    elif at < len(words) and words[at] in ("some", "the"):
        at += 1
    size = SIZES.get(words[at]) if at < len(words) else None
    if size is not None:
        at += 1
    until = next((place for place in range(at, len(words)) if words[place] in _END), len(words))
    item, extras = list(words[at:until]), _extras(words[until:])
    if not item or item in _NOTHING:
        return Ordered(None, quantity, size, extras)
    one = singular(item[-1])
    if quantity is None and item[-1] != one:
        quantity = sounds_like
    item[-1] = one
    return Ordered(" ".join(item), 1 if quantity is None else quantity, size, extras)


def orders(words: Sequence[str]) -> tuple[Ordered, ...]:
    """All that is ordered: "a large pizza with ham and cheese and two coffees" is two things."""
    parts: list[list[str]] = [[]]
    for at, word in enumerate(words):
        if word in ("and", "plus") and _begins_thing(words[at + 1 :]):
            parts.append([])
        elif parts[-1] and is_food(parts[-1][-1]) and _begins_thing(words[at:]):  # there was a comma
            parts.append([word])
        else:
            parts[-1].append(word)
    return tuple(ordered(part) for part in parts if part)


def is_food(thing: str) -> bool:
    """Whether it is something that people order."""
    return _FOOD.fullmatch(thing) is not None


def _begins_thing(words: Sequence[str]) -> bool:
    """Whether another thing follows, and not another ingredient of the same."""
    end = next((at for at, word in enumerate(words) if word in _END), len(words))
    thing = words[:end]
    if not thing or not is_food(" ".join(thing)):
        return False
    return (
        len(thing) == 1
        or thing[0] in ("a", "an", "another", "some")
        or number_at(thing, 0) is not None
        or (thing[0] in SIZES)
    )


def duration(words: Sequence[str]) -> float | None:
    """A length of time in seconds: "two minutes and thirty seconds" is 150. None when none is named."""
    total, found, at = 0.0, False, 0
    while at < len(words):
        if tuple(words[at : at + 3]) == ("half", "an", "hour"):
            total, found, at = total + 1800, True, at + 3
            continue
        number = number_at(words, at) or ((1.0, at + 1) if words[at] in ("a", "an") else None)
        if number is None:
            at += 1
            continue
        value, at = number
        if at < len(words) and singular(words[at]) in _UNITS:
            total, found = total + value * _UNITS[singular(words[at])], True
    return total if found else None


def duration_text(words: Sequence[str]) -> str | None:
    """A length of time as it would be written: "10 minutes"."""
    found = _LENGTH.search(" ".join(words))
    values = numbers(found[1].split()) if found is not None else []
    return f"{values[-1]:g} {found[2]}" if found is not None and values else None


def place(words: Sequence[str]) -> str | None:
    """A place: "weather in san francisco today" names "San Francisco"."""
    found = _PLACE.search(" ".join(_WHEN.sub("", " ".join(words)).split()))
    if found is None:
        return None
    return " ".join(word.capitalize() for word in found[1].split() if word not in _END) or None


def destination(words: Sequence[str]) -> str | None:
    """Where somebody wants to go: "the next train to paris" names "Paris"."""
    found = _TO.search(_WHEN.sub("", " ".join(words)))
    return found[1].title() if found is not None else place(words)


def when(words: Sequence[str]) -> str | None:
    """A day: "tomorrow", "monday"."""
    found = _WHEN.search(" ".join(words))
    return found[0] if found is not None else None


def whom(words: Sequence[str]) -> str | None:
    """Somebody to be connected to: "talk to the billing department" names "billing department"."""
    found = _WHOM.search(" ".join(words))
    return found[1] if found is not None else None


def _extras(words: Sequence[str]) -> tuple[str, ...]:
    if "with" not in words:
        return ()
    listed = " ".join(words[list(words).index("with") + 1 :]).removesuffix(" please")
    return tuple(part.strip() for part in re.split(r"\band\b", listed) if part.strip())
