"""The user's turns that were sent off, each until its words are known: the turn hook is shown the very turn (T-3)."""

import asyncio
from collections import deque
from dataclasses import dataclass, field
from typing import Final

from agent_worker.history.items import Message, Role
from agent_worker.history.record import History

KEPT_TURNS: Final = 32
"""Turns whose words have not come are forgotten when as many newer ones have been sent off."""


@dataclass(slots=True, eq=False)
class UserTurn:
    """One turn that was committed.

    Attributes:
        deadline: Until when its words are waited for (loop seconds).
        item_id: The model's name for it, once known.
        known: Set when its words are known, or will never be.

    """

    deadline: float
    item_id: str | None = None
    known: asyncio.Event = field(default_factory=asyncio.Event)


class UserTurns:
    """Follows turns from their commit to their words. The model names them in the order of their commits."""

    def __init__(self) -> None:
        self._turns: deque[UserTurn] = deque(maxlen=KEPT_TURNS)

    @property
    def latest(self) -> UserTurn | None:
        """The turn that was committed last."""
        return self._turns[-1] if self._turns else None

    def committed(self, deadline: float) -> UserTurn:
        """A turn was sent off."""
        turn = UserTurn(deadline)
        self._turns.append(turn)
        return turn

    def named(self, item_id: str, deadline: float) -> None:
        """The oldest unnamed turn has a name now; without one, the model committed a turn by itself."""
        turn = next((turn for turn in self._turns if turn.item_id is None), None) or self.committed(deadline)
        turn.item_id = item_id

    def transcribed(self, item_id: str) -> None:
        """What was said in a turn is in the history now, or will never be."""
        for turn in self._turns:
            if turn.item_id == item_id:
                turn.known.set()


async def words_of(turn: UserTurn | None, history: History) -> Message:
    """What the user said in a turn, once it is known; empty when it is not known by the turn's deadline."""
    if turn is not None:
        try:
            async with asyncio.timeout_at(turn.deadline):
                await turn.known.wait()
        except TimeoutError:
            pass
        item = history.get(turn.item_id) if turn.item_id is not None else None
        if isinstance(item, Message):
            return item
    return Message(id=(turn.item_id if turn is not None else None) or "", role=Role.USER, text="")
