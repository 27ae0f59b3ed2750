"""Cuts a text into the pieces that an engine is given one after another: text -> words -> sentences.

Pure. An engine plans the melody of all it is given before its first sample, so short pieces make the first sound come
early. A word is what stands between white space, with its punctuation.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

LONGEST: Final = 160
"""Characters of a sentence before it is cut at a word, wherever that is: some ten seconds of speech."""
LONG: Final = 80
"""Characters of a sentence before it is cut at the next comma."""

_END = re.compile(r"""[.!?…]["'”’)\]]*$""")
_COMMA = re.compile(r"""[,;:—–][”"'’)\]]*$""")
_ABBREVIATION = re.compile(
    r"""^["'“‘(\[]*(?:mr|mrs|ms|dr|prof|sr|jr|st|vs|etc|approx|(?:[a-z]\.)*[a-z])\.$""", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Sentence:
    """What an engine speaks in one go: at least one of the words is spoken."""

    words: tuple[str, ...]
    complete: bool
    """It ends where a sentence ends; otherwise it is the first part of a longer one."""


def is_spoken(word: str) -> bool:
    """Whether a word has a letter or a digit, so that there is something to say."""
    return any(character.isalnum() for character in word)


def printable(text: str) -> str:
    """The text without control and other invisible characters, which no engine knows how to say."""
    return "".join(
        character for character in text if character.isspace() or unicodedata.category(character)[0] != "C"
    )


def sentences(text: str) -> list[Sentence]:
    """The sentences of a text, in order. A text without a letter or a digit has none.

    Every word is in exactly one of them. A word that is not spoken, such as a dash or "...", goes with what follows,
    and at the end of the text with the last sentence.
    """
    found: list[Sentence] = []
    waiting: list[str] = []
    for word in printable(text).split():
        waiting.append(word)
        ends = _ends_sentence(word)
        if (ends or _is_too_long(waiting)) and any(map(is_spoken, waiting)):
            found.append(Sentence(tuple(waiting), ends))
            waiting = []
    if any(map(is_spoken, waiting)):
        found.append(Sentence(tuple(waiting), complete=True))
    elif found:
        last = found.pop()
        found.append(Sentence((*last.words, *waiting), complete=True))
    return found


def _ends_sentence(word: str) -> bool:
    return bool(_END.search(word)) and not _ABBREVIATION.match(word)


def _is_too_long(words: Sequence[str]) -> bool:
    length = sum(map(len, words)) + len(words) - 1
    return length >= LONGEST or (length >= LONG and bool(_COMMA.search(words[-1])))
