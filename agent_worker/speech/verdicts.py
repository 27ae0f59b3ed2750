"""Turns that were committed in doubt and wait for their words: is each an interruption?

The model names a committed turn's item a little after the commit, in the order of the commits; its transcript comes
later still, or never.
"""

from dataclasses import dataclass


@dataclass(slots=True, kw_only=True)
class CommittedTurn:
    """A turn that was committed.

    Attributes:
        in_doubt: Its words decide whether it was an interruption.
        strong: Its voice was long enough to be believed when there will be no words.
        deadline: Until when its transcript is waited for (loop seconds).
        item_id: The model's name for it, once known.

    """

    in_doubt: bool
    strong: bool
    deadline: float
    item_id: str | None = None
    unwanted: bool = False


class Verdicts:
    """The committed turns whose names or words are still to come."""

    def __init__(self) -> None:
        self._unnamed: list[CommittedTurn] = []
        self._in_doubt: list[CommittedTurn] = []

    def __len__(self) -> int:
        return len(self._in_doubt)

    @property
    def deadline(self) -> float | None:
        """When the first transcript has been waited for long enough."""
        return min((turn.deadline for turn in self._in_doubt), default=None)

    def committed(self, turn: CommittedTurn) -> None:
        """A turn was sent off."""
        self._unnamed.append(turn)
        if turn.in_doubt:
            self._in_doubt.append(turn)

    def named(self, item_id: str) -> CommittedTurn | None:
        """The model named the oldest unnamed turn; None when there is none."""
        if not self._unnamed:
            return None
        turn = self._unnamed.pop(0)
        turn.item_id = item_id
        return turn

    def find(self, item_id: str) -> CommittedTurn | None:
        """The turn in doubt with this name."""
        return next((turn for turn in self._in_doubt if turn.item_id == item_id), None)

    def overdue(self, now: float) -> CommittedTurn | None:
        """A turn whose transcript has been waited for long enough."""
        return next((turn for turn in self._in_doubt if turn.deadline <= now), None)

    def dismiss(self, turn: CommittedTurn) -> None:
        """This turn was nothing. It is deleted once it has a name."""
        turn.unwanted = True
        self._in_doubt = [other for other in self._in_doubt if other is not turn]

    def accept_all(self) -> None:
        """They wait no more: the floor was given."""
        self._in_doubt = []
