"""Was an interruption meant? Judged by how long the voice was and by the words in it."""

import re
from collections.abc import Collection
from enum import Enum, auto

BACKCHANNELS = (
    "ah",
    "aha",
    "alright",
    "got it",
    "hm",
    "hmm",
    "i see",
    "mhm",
    "mm",
    "mm-hm",
    "mm-hmm",
    "mmm",
    "oh",
    "ok",
    "okay",
    "really",
    "right",
    "sure",
    "uh",
    "uh-huh",
    "um",
    "wow",
    "yeah",
    "yep",
    "yes",
)
"""What listeners say while they go on listening."""

_WORD = re.compile(r"[^\W_]+(?:['\u2019-][^\W_]+)*", re.UNICODE)


class Verdict(Enum):
    """What the words of an interruption say about it."""

    MEANT = auto()
    """The user wants the floor."""
    FALSE = auto()
    """Noise, or a sign of listening."""


def words_of(text: str) -> tuple[str, ...]:
    """The words of a text in lower case, without punctuation."""
    return tuple(word.lower() for word in _WORD.findall(text))


def only_backchannels(words: tuple[str, ...], backchannels: Collection[str]) -> bool:
    """Whether these words are nothing but backchannels, in any number ("yeah, yeah, okay")."""
    phrases = [words_of(phrase) for phrase in backchannels]
    rest = words
    while rest:
        fitting = [len(phrase) for phrase in phrases if phrase and rest[: len(phrase)] == phrase]
        if not fitting:
            return False
        rest = rest[max(fitting) :]
    return True


def judge(text: str, *, backchannels: Collection[str], min_words: int) -> Verdict:
    """The verdict on an interruption by its transcript (I-4)."""
    words = words_of(text)
    if len(words) < max(1, min_words) or only_backchannels(words, backchannels):
        return Verdict.FALSE
    return Verdict.MEANT
