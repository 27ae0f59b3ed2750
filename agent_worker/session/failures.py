"""How often each part of a session has failed in a row: one that only fails ends it (L-5). Pure counting."""

from collections import Counter
from enum import StrEnum
from typing import Final

TOLERATED: Final = 3
"""Failures in a row that a session lives with."""


class Component(StrEnum):
    """What can fail."""

    MODEL = "model"
    SPEECH = "speech"
    """The synthesiser, or the application's own sound."""


class Failures:
    """Counts failures since the last success, for each component apart."""

    def __init__(self) -> None:
        self._in_a_row: Counter[Component] = Counter()

    def worked(self, component: Component) -> None:
        """It did what was asked of it."""
        self._in_a_row[component] = 0

    def failed(self, component: Component) -> bool:
        """It did not; whether that was once too often."""
        self._in_a_row[component] += 1
        return self._in_a_row[component] > TOLERATED
