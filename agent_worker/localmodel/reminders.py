"""What a session will say by itself: reminders go in, the one that is due comes out. Pure."""

from typing import Final

from agent_worker.localmodel.dialogue import ForgetReminders, Remind

MOST: Final = 32
"""Reminders at once; of more the last ones are not taken."""


class Reminders:
    """The reminders of one session. Times are loop seconds."""

    def __init__(self) -> None:
        self._due: list[tuple[float, str]] = []

    @property
    def deadline(self) -> float | None:
        """When the next one is due."""
        return self._due[0][0] if self._due else None

    def left(self, now: float) -> tuple[float, ...]:
        """In how many seconds each is due."""
        return tuple(max(0.0, at - now) for at, _ in self._due)

    def take(self, steps: list[Remind | ForgetReminders], now: float) -> None:
        """Do what a plan asked for."""
        for step in steps:
            match step:
                case Remind(seconds, text) if len(self._due) < MOST:
                    self._due.append((now + seconds, text))
                case Remind():
                    pass
                case ForgetReminders():
                    self._due.clear()
        self._due.sort()

    def due(self, now: float) -> str | None:
        """What is to be said now; it is then no longer here."""
        return self._due.pop(0)[1] if self._due and self._due[0][0] <= now else None
