"""Has the user, who pauses, finished the sentence? The seam for judges of a turn, and what its words say (T-2).

    the turn so far -> TurnJudge -> probability that it is over -> TurnJudged -> min or max_endpointing_delay

A judge may be slow and may block: a session asks it on a thread of its own, at each pause, and goes by the ordinary
delay when it has not answered in time.
"""

from dataclasses import dataclass, field
from typing import Final, Protocol

from agent_worker.audio import Samples
from agent_worker.turns.evidence import words_of

FINISHED: Final = 0.9
UNFINISHED: Final = 0.1

_NEVER_LAST: Final = frozenset(
    {
        *("a", "an", "the", "my", "your", "our", "their", "every"),
        *("and", "or", "but", "because", "so", "if", "when", "while", "although", "unless", "than", "then"),
        *("um", "uh", "er", "well", "also"),
        *(
            "i",
            "i'm",
            "we",
            "we're",
            "they",
            "it's",
            "that's",
            "there's",
            "let's",
            "i'd",
            "i'll",
            "i've",
            "he's",
            "she's",
        ),
    }
)
"""Nobody ends a sentence with these."""
_RARELY_LAST: Final = frozenset(
    {
        *("is", "are", "was", "were", "am", "will", "would", "could", "should", "can"),
        *("to", "of", "for", "with", "from", "at", "in", "on", "by", "about", "into", "like"),
    }
)
"""These end a question or the answer to one ("who is it for", "where she is"), and else no sentence."""
_ASKING: Final = frozenset({"what", "where", "who", "whom", "whose", "which", "when", "why", "how", "yes", "no"})
_WISHING: Final = frozenset({"like", "want", "need", "love", "wish", "going", "try"})
_WANTS_AN_OBJECT: Final = frozenset(
    {
        *("order", "buy", "book", "get", "have", "make", "set", "send", "add", "change", "cancel", "ask", "find"),
        *(
            "schedule",
            "reserve",
            "transfer",
            "update",
            "remove",
            "check",
            "see",
            "use",
            "take",
            "give",
            "tell",
            "say",
        ),
    }
)
"""After "I would like to": somebody who stops there looks for a word."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnSoFar:
    """What there is of a turn at a pause.

    Attributes:
        samples: The last seconds of its sound (at most 8), the pause included: mono int16 at `rate`.
        rate: Samples per second.
        text: Its words as far as the model has told them already; "" for most models, which tell them afterwards.

    """

    samples: Samples = field(repr=False)
    rate: int
    text: str = ""


class TurnJudge(Protocol):
    """Judges turns. Its calls come from one thread, one after the other."""

    def probability(self, turn: TurnSoFar) -> float | None:
        """How probable it is, 0 to 1, that the turn is over; None: it cannot tell. What it raises is logged."""
        ...


def finished(text: str) -> float | None:
    """How probable it is that a sentence is finished, by its last words, in English; None without words."""
    words = words_of(text)
    if not words:
        return None
    last = words[-1]
    rarely = last in _RARELY_LAST and _ASKING.isdisjoint(words)
    wishes = len(words) > 2 and words[-2] == "to" and words[-3] in _WISHING and last in _WANTS_AN_OBJECT
    return UNFINISHED if last in _NEVER_LAST or rarely or wishes else FINISHED


class WordsJudge:
    """Goes by the words alone, for models that tell them while the user speaks."""

    def probability(self, turn: TurnSoFar) -> float | None:
        """See `TurnJudge.probability`."""
        return finished(turn.text)
