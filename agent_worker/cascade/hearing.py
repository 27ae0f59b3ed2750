"""Decides whether what a recogniser found in the sound was understood: words with their evidence -> Heard. Pure.

A decoder always finds words: in a hum, in a knock on the table. What tells them from speech is their posterior
probability, and how long they last.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from agent_worker.cascade.base import Heard

LEAST_CONFIDENCE: Final = 0.25
"""Mean posterior below which nothing was understood. Of commands 5 % lie below 0.67, the weakest ("wait") at 0.30."""
LONGEST_PHONE: Final = 0.2
LONGEST_EXTRA: Final = 0.2
"""Seconds that a word may last: this much for each of its phones, and this much beside. Steady noise and knocks come
out as one short word drawn out over all of it, at a posterior of 1 since nothing competes."""
HESITATIONS: Final = frozenset({"uh", "um", "er", "ah", "oh"})
"""Words that alone say nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundWord:
    """One word of a decoder's best hypothesis."""

    text: str
    posterior: float
    """Probability of this word at this place, 0 to 1."""
    seconds: float
    phones: int


def judge(words: Sequence[FoundWord]) -> Heard:
    """What was heard, given a hypothesis without its silences and noises."""
    if not words:
        return Heard(text="", raw="", confidence=0.0)
    raw = " ".join(word.text for word in words)
    confidence = sum(map(_weight, words)) / len(words)
    understood = confidence >= LEAST_CONFIDENCE and not all(word.text in HESITATIONS for word in words)
    return Heard(text=raw if understood else "", raw=raw, confidence=confidence)


def _weight(word: FoundWord) -> float:
    """The word's posterior; none when no mouth would say it that slowly."""
    longest = LONGEST_EXTRA + LONGEST_PHONE * word.phones
    return min(max(word.posterior, 0.0), 1.0) if word.seconds <= longest else 0.0
