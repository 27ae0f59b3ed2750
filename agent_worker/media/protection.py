"""When the agent's voice carries in-band FEC: what the listeners lose in, a percentage for the encoder out. Pure.

FEC triples the encoder's work and takes a part of the bits from the sound itself, so a clean link goes without.
"""

from typing import Final

__all__ = ["Protection"]

_FROM: Final = 0.02
_UNTIL: Final = 0.01
_CALM_SECONDS: Final = 10.0
_STEPS: Final = (5, 10, 20)
"""Percentages that the encoder is told: few, since each change changes how it sounds."""


class Protection:
    """Begins at 2 % of loss, and ends after 10 s below 1 %."""

    def __init__(self) -> None:
        self._percent = 0
        self._calm_since: float | None = None

    def receive(self, loss: float, now: float) -> int:
        """What the worst listener loses now (0..1); which loss the encoder is to expect, in per cent.

        It rises at once with the loss, and never falls before it ends.
        """
        if loss >= _FROM:
            wanted = next((step for step in _STEPS if loss * 100 <= step), _STEPS[-1])
            self._percent = max(self._percent, wanted)
        if loss >= _UNTIL or not self._percent:
            self._calm_since = None
        elif self._calm_since is None:
            self._calm_since = now
        elif now - self._calm_since >= _CALM_SECONDS:
            self._percent, self._calm_since = 0, None
        return self._percent
