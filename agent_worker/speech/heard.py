"""How much of a reply's words was heard, from how much of its sound was played (R-3).

A model's words run ahead of its sound. Where it says at which millisecond each word begins, that is believed; else
the words are spread evenly over the sound.
"""

import re
from bisect import bisect_right
from dataclasses import dataclass, field

CHARACTERS_PER_SECOND = 15.0
"""English at an ordinary pace, for a reply whose full length is not known yet."""

_WORD_ENDS = re.compile(r"\S+")


@dataclass(slots=True)
class HeardText:
    """The words of one part of a reply.

    Attributes:
        complete: Whether all of its sound has been received, so that its full length is known.
        text: All the words so far.

    """

    complete: bool = False
    text: str = ""
    _pieces: list[tuple[str, int | None]] = field(default_factory=list[tuple[str, int | None]])
    _ends: list[int] | None = None

    def add(self, text: str, start_ms: int | None) -> None:
        """More words; `start_ms` is where they begin in the part's sound, if the model says so."""
        self._pieces.append((text, start_ms))
        self.text += text
        self._ends = None

    def heard(self, *, played_ms: int, received_ms: int) -> str:
        """The words that were heard once `played_ms` of `received_ms` milliseconds were played."""
        if played_ms <= 0:
            return ""
        if self.complete and played_ms >= received_ms:
            return self.text
        if self._pieces and all(start is not None for _, start in self._pieces):
            return self._by_times(played_ms, received_ms)
        return self._by_rate(played_ms, received_ms)

    def _by_times(self, played_ms: int, received_ms: int) -> str:
        """A word counts once half of it was played; one of which no sound has come was not heard."""
        starts = [start or 0 for _, start in self._pieces]
        ends = [*starts[1:], max(received_ms, starts[-1])]
        spans = zip(self._pieces, starts, ends, strict=True)
        heard = [text for (text, _), start, end in spans if start < played_ms and (start + end) / 2 <= played_ms]
        return "".join(heard).rstrip()

    def _by_rate(self, played_ms: int, received_ms: int) -> str:
        if self.complete and received_ms > 0:
            reach = len(self.text) * played_ms / received_ms
        else:
            reach = CHARACTERS_PER_SECOND * played_ms / 1000
        if self._ends is None:
            self._ends = [word.end() for word in _WORD_ENDS.finditer(self.text)]
        words = bisect_right(self._ends, reach)
        return self.text[: self._ends[words - 1]] if words else ""
