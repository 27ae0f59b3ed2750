"""Text as the brain reads it: lower case, no punctuation, no contractions; and numbers, said or written. Pure."""

import re
from collections.abc import Sequence
from typing import Final

MOST_CHARACTERS: Final = 2000
"""Of a text that are read: somebody who writes a book here must not make everybody else wait."""
_ALWAYS_SEVERAL: Final = frozenset({"fries"})
_CONTRACTIONS: Final = (
    (r"\b(what|where|how|who|when|that|it|there|name|here)'s\b", r"\1 is"),
    (r"\blet's\b", "let us"),
    (r"\bi'm\b", "i am"),
    (r"\b(you|we|they)'re\b", r"\1 are"),
    (r"\b(\w+)'d\b", r"\1 would"),
    (r"\b(\w+)'ll\b", r"\1 will"),
    (r"\b(\w+)'ve\b", r"\1 have"),
    (r"\bwon't\b", "will not"),
    (r"\bcan(?:'t|not)\b", "can not"),
    (r"\b(\w+)n't\b", r"\1 not"),
    (r"'s\b", ""),
)
_SIGNS: Final = (
    (r"(?<=\d),(?=\d{3}\b)", ""),
    (r"\+", " plus "),
    (r"%", " percent "),
    (r"(?<![\w.)])[-−](?=\d)", " minus "),
    (r"(?<=[\d)])\s*[*×x]\s*(?=[\d(])", " times "),
    (r"(?<=[\d)])\s*[/÷]\s*(?=[\d(])", " divided by "),
    (r"(?<=[\d)])\s*[-−–]\s*(?=[\d(])", " minus "),
    (r"[(](?=[\d(])|(?<=[\d)])[)]", " bracket "),
    (r"\bok\b", "okay"),
    (r"\bnevermind\b", "never mind"),
    (r"\bgood bye\b", "goodbye"),
)
_WORD: Final = re.compile(r"[0-9]+(?:\.[0-9]+)?|[^\W\d_]+(?:-[^\W\d_]+)*")
_DIGITS: Final = re.compile(r"[0-9]{1,12}(?:\.[0-9]{1,12})?")
"""A number that somebody could mean."""

_SMALL: Final = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen"
)
_UNITS: Final = {word: value for value, word in enumerate(_SMALL.split(" "))}
_TENS: Final = {
    word: 10 * value
    for value, word in enumerate(("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"), 2)
}
HOMOPHONES: Final = {"to": 2, "too": 2, "for": 4, "fore": 4, "won": 1, "ate": 8}
"""Words that sound like numbers: a recogniser cannot tell, only the sentence can."""


def vocabulary(text: str) -> frozenset[str]:
    """A set of words, written in one line."""
    return frozenset(text.split(" "))


def normal(text: str) -> str:
    """The text's words, joined by single spaces."""
    text = text[:MOST_CHARACTERS].lower().replace("’", "'")
    for pattern, replacement in (*_CONTRACTIONS, *_SIGNS):
        text = re.sub(pattern, replacement, text)
    words: list[str] = []
    for word in _WORD.findall(text):
        parts = word.split("-")
        # "twenty-five" is two words to whoever counts, "uh-huh" is one.
        words += parts if all(part in _UNITS or part in _TENS for part in parts) else [word]
    return " ".join(words)


def number_at(words: Sequence[str], start: int, *, homophones: bool = False) -> tuple[float, int] | None:
    """The number that begins at this word.

    Args:
        words: Normal words.
        start: Where to look.
        homophones: Whether "to" and "for" may be numbers.

    Returns:
        Its value and where the words after it begin; None when there is no number.

    """
    if start >= len(words):
        return None
    if _DIGITS.fullmatch(words[start]):
        return float(words[start]), start + 1
    if homophones and words[start] in HOMOPHONES:
        return float(HOMOPHONES[words[start]]), start + 1
    found = _hundreds(words, start)
    if found is None or not _stands(words, found[1], "thousand"):
        return found
    thousands, at = found
    rest = _hundreds(words, _behind_and(words, at + 1))
    return (thousands * 1000, at + 1) if rest is None else (thousands * 1000 + rest[0], rest[1])


def _hundreds(words: Sequence[str], at: int) -> tuple[float, int] | None:
    """A number below 1000; the "a" of "a hundred" and "a thousand" is one."""
    counted = (1.0, at + 1) if _stands(words, at, "a") else _tens(words, at)
    if counted is None:
        return None
    value, after = counted
    if _stands(words, after, "hundred"):
        rest = _tens(words, _behind_and(words, after + 1))
        return (value * 100, after + 1) if rest is None else (value * 100 + rest[0], rest[1])
    return counted if not _stands(words, at, "a") or _stands(words, after, "thousand") else None


def _tens(words: Sequence[str], at: int) -> tuple[float, int] | None:
    """A number below 100."""
    word = words[at] if at < len(words) else ""
    if word in _UNITS:
        return float(_UNITS[word]), at + 1
    if word not in _TENS:
        return None
    unit = _UNITS.get(words[at + 1], 0) if at + 1 < len(words) else 0
    return (float(_TENS[word] + unit), at + 2) if 0 < unit < 10 else (float(_TENS[word]), at + 1)


def _stands(words: Sequence[str], at: int, word: str) -> bool:
    return at < len(words) and words[at] == word


def _behind_and(words: Sequence[str], at: int) -> int:
    return at + 1 if _stands(words, at, "and") else at


def numbers(words: Sequence[str]) -> list[float]:
    """All numbers, in order."""
    found: list[float] = []
    at = 0
    while at < len(words):
        number = number_at(words, at)
        if number is None:
            at += 1
        else:
            value, at = number
            found.append(value)
    return found


def digits(words: Sequence[str]) -> str | None:
    """The longest run of numbers, read as digits: "four two seven" is "427". None without numbers."""
    runs: list[str] = [""]
    at = 0
    while at < len(words):
        if words[at] in ("oh", "o") and runs[-1]:
            runs[-1] += "0"
            at += 1
            continue
        number = number_at(words, at)
        if number is None:
            runs.append("")
            at += 1
        else:
            value, at = number
            runs[-1] += f"{value:.0f}"
    longest = max(runs, key=len)
    return longest or None


def in_words(value: int) -> str:
    """A number from 0 to 999 as one word with hyphens: "twenty-one", "one-hundred-five"."""
    small = {number: word for word, number in (_UNITS | _TENS).items()}
    if value in small:
        return small[value]
    if value < 100:
        return f"{small[value // 10 * 10]}-{small[value % 10]}"
    rest = f"-{in_words(value % 100)}" if value % 100 else ""
    return f"{small[value // 100]}-hundred{rest}"


def plural(word: str) -> str:
    """Several of them: "pizza" -> "pizzas"."""
    if word.endswith(("ch", "sh", "ss", "x")):
        return f"{word}es"
    return word if word.endswith("s") else f"{word}s"


def singular(word: str) -> str:
    """One of them: "pizzas" -> "pizza"."""
    if word in _ALWAYS_SEVERAL:
        return word
    if len(word) > 4 and word.endswith(("ches", "shes", "sses", "xes")):
        return word[:-2]
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")) else word
