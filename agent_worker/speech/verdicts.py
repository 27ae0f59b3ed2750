"""Turns that were committed in doubt and wait for their words: is each an interruption?

The model names a committed turn's item a little after the commit, in the order of the commits; its transcript comes
later still, or never. A word that comes too late for the verdict still counts: until then the turn is kept. A turn
of too few words is kept until the hold is over: with the next one's it may have been meant ("Stop." "Okay, stop!").
"""

from dataclasses import dataclass


@dataclass(slots=True, kw_only=True, eq=False)
class CommittedTurn:
    """A turn that was committed.

    Attributes:
        in_doubt: Its words decide whether it was an interruption.
        strong: Its voice was long enough to be believed when there will be no words.
        deadline: Until when its transcript is waited for (loop seconds).
        item_id: The model's name for it, once known.
        text: Its words, once known.
        unwanted: It was nothing: its item is to be deleted.

    """

    in_doubt: bool
    strong: bool
    deadline: float
    item_id: str | None = None
    text: str = ""
    unwanted: bool = False


class Verdicts:
    """The committed turns whose names or words are still to come, and those that await the end of the hold."""

    def __init__(self) -> None:
        self._unnamed: list[CommittedTurn] = []
        self._in_doubt: list[CommittedTurn] = []
        self._late: list[CommittedTurn] = []
        self._dismissed: list[CommittedTurn] = []

    def __len__(self) -> int:
        return len(self._in_doubt)

    @property
    def deadline(self) -> float | None:
        """When the first transcript has been waited for long enough."""
        return min((turn.deadline for turn in (*self._in_doubt, *self._late)), default=None)

    def committed(self, turn: CommittedTurn) -> None:
        """A turn was sent off."""
        if turn.item_id is None:
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
        """The turn with this name whose words are awaited."""
        return next((turn for turn in (*self._in_doubt, *self._late) if turn.item_id == item_id), None)

    def words_with(self, text: str) -> str:
        """A text, after the words of the turns before it in the same hold that were too few."""
        return " ".join([*(turn.text for turn in self._dismissed), text])

    def overdue(self, now: float) -> CommittedTurn | None:
        """A turn whose transcript has been waited for long enough."""
        return next((turn for turn in (*self._in_doubt, *self._late) if turn.deadline <= now), None)

    def is_late(self, turn: CommittedTurn) -> bool:
        """Whether the verdict was given without the words of this turn."""
        return turn in self._late

    def wait_on(self, turn: CommittedTurn, deadline: float) -> None:
        """The verdict is given without the words of this turn; they may still come until `deadline`."""
        self._in_doubt = [other for other in self._in_doubt if other is not turn]
        turn.deadline = deadline
        self._late.append(turn)

    def dismiss(self, turn: CommittedTurn) -> None:
        """This turn was nothing so far."""
        self._in_doubt = [other for other in self._in_doubt if other is not turn]
        self._late = [other for other in self._late if other is not turn]
        self._dismissed.append(turn)

    def accept_all(self) -> None:
        """They wait no more: the floor was given, and all that was said counts."""
        self._in_doubt, self._late, self._dismissed = [], [], []

    def take_back(self, *, wordless: bool = False) -> list[str]:
        """The items of dismissed turns (or of the wordless among them), to be deleted; later for the unnamed ones."""
        gone = [turn for turn in self._dismissed if not (wordless and turn.text)]
        self._dismissed = [turn for turn in self._dismissed if turn not in gone]
        for turn in gone:
            turn.unwanted = True
        return [turn.item_id for turn in gone if turn.item_id is not None]
