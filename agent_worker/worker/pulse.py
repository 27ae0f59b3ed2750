"""Whether a room process is alive: it is asked now and then, and one that does not answer hangs. Pure.

Questions are counted and not seconds: a supervisor that was itself asleep asks once when it wakes up, and so does not
take for dead what was asleep together with it.
"""

from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

__all__ = ["PING_SECONDS", "Beat", "Pulse"]

PING_SECONDS: Final = 2.5
MISSED: Final = 4
"""So many questions without an answer, each with its time, and the process hangs: it is found within about 10 s."""


class Beat(Enum):
    """What is to be done when the time has come."""

    ASK = auto()
    HUNG = auto()


@dataclass(slots=True)
class Pulse:
    """One process's pulse.

    Attributes:
        interval: Seconds from question to question.
        number: Of the last question.
        deadline: When `advance` is to be called; None before `begin`, and once it hangs.
        lag: Seconds that its event loop took to hear of the last question.
    """

    interval: float = PING_SECONDS
    number: int = 0
    deadline: float | None = None
    lag: float = 0.0
    _answered: int = 0

    def begin(self, now: float) -> None:
        """It can answer from now on."""
        self.deadline = now + self.interval

    def answer(self, number: int, lag: float) -> None:
        """It answered a question; whatever was asked before it is answered with that."""
        if self._answered < number <= self.number:
            self._answered = number
            self.lag = lag

    def advance(self, now: float) -> Beat | None:
        """The time may have come."""
        if self.deadline is None or now < self.deadline:
            return None
        if self.number - self._answered >= MISSED:
            self.deadline = None
            return Beat.HUNG
        self.number += 1
        self.deadline = now + self.interval
        return Beat.ASK
