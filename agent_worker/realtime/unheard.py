"""What the user said and the model has not put into words yet: kept to be sent again over a new connection. Pure.

append, commit, clear (session) -> kept sound -> the same again, once the connection was lost. A turn that was taken
by a lost connection is taken again by the next; the session goes on seeing the one item that it knows.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Final

from agent_worker.realtime import base as rt

KEPT_SECONDS: Final = 30.0
"""Of an open turn, and of all turns whose words are not known yet."""
SILENCE_SECONDS: Final = 2.0
"""Of what is streamed to a model that finds the turns by itself, while it listens and hears no voice."""

_BYTES_PER_SAMPLE: Final = 2


class Taken(Enum):
    """What it means to the session that the model took a turn."""

    NEWS = auto()
    KNOWN = auto()
    """It was taken by an earlier connection, and the session knows it."""
    UNWANTED = auto()
    """Likewise, and the session has deleted it since."""


@dataclass(slots=True, eq=False)
class Turn:
    """Sound that is, or is to become, one item.

    Attributes:
        item_id: The id by which the session knows it; None as long as no model has taken it.
        answer_due: A model that answers by itself has not yet begun to.
        deleted: The session wants no more of it.

    """

    chunks: deque[bytes] = field(default_factory=deque[bytes])
    size: int = 0
    item_id: str | None = None
    answer_due: bool = False
    deleted: bool = False

    def append(self, pcm: bytes) -> None:
        """More of it."""
        self.chunks.append(pcm)
        self.size += len(pcm)

    def keep_last(self, size: int) -> None:
        """Forget the beginning of what is longer than `size` bytes."""
        while self.size > size:
            self.size -= len(self.chunks.popleft())


class Unheard:
    """Keeps the user's sound until its words are known.

    Args:
        rate: Samples per second.
        transcribed: Whether the model says what it heard; of one that does not, a turn is done with when it was
            answered.

    """

    def __init__(self, *, rate: int, transcribed: bool) -> None:
        self.transcribed = transcribed
        self._bytes_per_second = rate * _BYTES_PER_SAMPLE
        self._open = Turn()
        self._turns: list[Turn] = []
        self._taken_next: deque[Turn] = deque()
        self._known_as: dict[str, str] = {}
        self._taken_as: dict[str, str] = {}
        self._streamed = False
        self._voice = False
        self._away = False

    def __repr__(self) -> str:
        return f"<Unheard {self._open.size} bytes open, {len(self._turns)} turns>"

    @property
    def is_idle(self) -> bool:
        """Whether nothing would be lost with the connection."""
        return (
            not self._turns and not self._taken_next and not self._voice and (self._streamed or not self._open.size)
        )

    @property
    def answer_due(self) -> bool:
        """Whether a turn waits for a model that answers by itself."""
        return any(turn.answer_due for turn in self._turns)

    def follow(self, turns: rt.TurnDetection) -> None:
        """Who finds the turns."""
        self._streamed = turns is not rt.TurnDetection.NONE
        if not self._streamed:
            self._voice = False

    # What the session sends.

    def append(self, pcm: bytes) -> None:
        """More sound."""
        self._open.append(pcm)
        # While the model is away nobody can tell silence from what it must hear.
        silent = self._streamed and not self._voice and not self._away
        seconds = SILENCE_SECONDS if silent else KEPT_SECONDS
        self._open.keep_last(round(seconds * self._bytes_per_second))

    def commit(self) -> None:
        """What was sent is a turn."""
        self._close()

    def clear(self) -> None:
        """What was sent is nothing."""
        self._open = Turn()

    def delete(self, item_id: str) -> None:
        """A turn was none after all."""
        for turn in self._taken_next:
            turn.deleted |= turn.item_id == item_id
        self._turns = [turn for turn in self._turns if turn.item_id != item_id]

    # What the model says.

    def voice(self, *, on: bool) -> None:
        """The model itself hears the user begin or end."""
        self._voice = on

    def taken(self, item_id: str, *, answers: bool) -> Taken:
        """The model made an item of a turn. `answers`: it will answer it by itself."""
        if self._taken_next:
            turn = self._taken_next.popleft()
        else:
            turn = self._close()
            self._taken_next.pop()
            self._voice = False
        if turn.item_id is not None:
            self._known_as[item_id], self._taken_as[turn.item_id] = turn.item_id, item_id
            return Taken.UNWANTED if turn.deleted else Taken.KNOWN
        turn.item_id, turn.answer_due = item_id, answers
        return Taken.NEWS

    def refused(self) -> None:
        """The model did not take the turn that was committed first."""
        if self._taken_next:
            turn = self._taken_next.popleft()
            self._turns = [other for other in self._turns if other is not turn]

    def understood(self, item_id: str) -> None:
        """The words of a turn are known, or never will be (an id as the session knows it)."""
        turn = next((turn for turn in self._turns if turn.item_id == item_id), None)
        if turn is not None and not turn.answer_due:
            self._turns.remove(turn)
        elif turn is not None:
            turn.chunks.clear()
            turn.size = 0

    def answered(self) -> None:
        """A model that answers by itself has begun to."""
        for turn in self._turns:
            turn.answer_due = False
        self._turns = [turn for turn in self._turns if turn.size]

    def reply_made(self) -> None:
        """A reply is complete: what it answers was heard, said or not."""
        if not self.transcribed:
            self._turns = [turn for turn in self._turns if turn in self._taken_next]

    def known_as(self, item_id: str) -> str:
        """The session's id for a model's."""
        return self._known_as.get(item_id, item_id)

    def taken_as(self, item_id: str) -> str:
        """This connection's id for a session's."""
        return self._taken_as.get(item_id, item_id)

    def is_pending(self, item_id: str) -> bool:
        """Whether the sound of this item is kept, so that it need not be told in words."""
        return any(turn.item_id == item_id and turn.size for turn in self._turns)

    # What becomes of it.

    def lost(self) -> list[str]:
        """The connection is gone, and with it what it called things; the items whose words will never be known."""
        self._away = True
        self._known_as.clear()
        self._taken_as.clear()
        self._taken_next.clear()
        lost = [turn for turn in self._turns if not turn.size and not turn.answer_due]
        self._turns = [turn for turn in self._turns if turn not in lost]
        return [turn.item_id for turn in lost if turn.item_id is not None]

    def replay(self) -> Iterator[rt.RealtimeCommand]:
        """The turns that a new connection must hear."""
        # What was committed in between is among them: it is taken when its turn comes, and once.
        self._taken_next.clear()
        for turn in self._turns:
            if turn.size:
                yield rt.AppendAudio(b"".join(turn.chunks))
                yield rt.CommitAudio()
                self._taken_next.append(turn)

    def replay_open(self) -> Iterator[rt.RealtimeCommand]:
        """And behind them what the user is saying. The model listens again."""
        self._away = False
        if self._open.size:
            yield rt.AppendAudio(b"".join(self._open.chunks))

    def _close(self) -> Turn:
        turn, self._open = self._open, Turn()
        self._turns.append(turn)
        self._taken_next.append(turn)
        spare = round(KEPT_SECONDS * self._bytes_per_second)
        for kept in reversed(self._turns):
            # The oldest go first; their words are waited for, but not told again.
            kept.keep_last(max(spare, 0))
            spare -= kept.size
        return turn
