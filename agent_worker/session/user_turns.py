"""The user's turns that were sent off, each until its words are known: the turn hook is shown the very turn (T-3)."""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, Final

from agent_worker import clock
from agent_worker.history.items import Message, Role
from agent_worker.history.record import History
from agent_worker.session.events import ConversationItemAdded, SessionEvent
from agent_worker.session.seat import Seat
from agent_worker.speech import events as ev

KEPT_TURNS: Final = 32
"""Turns whose words have not come are forgotten when as many newer ones have been sent off."""


@dataclass(slots=True, eq=False)
class UserTurn:
    """One turn that was committed.

    Attributes:
        deadline: Until when its words are waited for (loop seconds).
        item_id: The model's name for it, once known.
        wanted: Whether it still counts when it is named.
        known: Set when its words are known, or will never be.

    """

    deadline: float
    item_id: str | None = None
    wanted: bool = True
    known: asyncio.Event = field(default_factory=asyncio.Event)


class UserTurns:
    """Follows turns from their commit to their words. The model names them in the order of their commits.

    Args:
        history: Where the words stand, once they are known.
        seat: Who the agent is, who may want to see each turn before it is answered.
        emit: Tells who follows the session.
        post: Posts an event to the conversation.
        start: Starts a task that ends with the session.
        words_within: How many seconds the words of a turn are waited for.
        transcribes: Whether the model says what it heard.
        delete: Takes a turn out of both histories.

    """

    def __init__(
        self,
        *,
        history: History,
        seat: Seat,
        emit: Callable[[SessionEvent], None],
        post: Callable[[ev.Event], None],
        start: Callable[[Coroutine[Any, Any, None]], object],
        words_within: Callable[[], float],
        transcribes: bool,
        delete: Callable[[str], None],
    ) -> None:
        self._history = history
        self._seat = seat
        self._emit = emit
        self._post = post
        self._start = start
        self._words_within = words_within
        self._transcribes = transcribes
        self._delete = delete
        self._turns: deque[UserTurn] = deque(maxlen=KEPT_TURNS)

    def committed(self) -> UserTurn:
        """A turn was sent off."""
        turn = UserTurn(clock.now() + self._words_within())
        self._turns.append(turn)
        return turn

    def named(self, item_id: str) -> None:
        """The oldest unnamed turn has a name now; without one, the model committed a turn by itself."""
        turn = next((turn for turn in self._turns if turn.item_id is None), None) or self.committed()
        turn.item_id = item_id
        if not turn.wanted:
            turn.known.set()
            self._delete(item_id)
        elif not self._transcribes:
            # No words will come: what there is to know of this turn is known.
            self.understood(item_id)

    def forget(self) -> None:
        """Turns that were sent off and have no name yet count no more: they are deleted as soon as they have one."""
        for turn in self._turns:
            turn.wanted = turn.item_id is not None

    def understood(self, item_id: str) -> None:
        """A turn's words are known and judged: unless it was nothing, they stand in the history."""
        for turn in self._turns:
            if turn.item_id == item_id:
                turn.known.set()
        item = self._history.get(item_id)
        if item is not None:
            self._emit(ConversationItemAdded(at=clock.now(), item=item))

    def show(self, speech_id: str) -> None:
        """The turn that was committed last is the one that this speech answers (T-3)."""
        if self._seat.wants_turns:
            self._start(self._run_hook(speech_id, self._turns[-1] if self._turns else None))
        else:
            self._post(ev.TurnHookFinished(speech_id, reply=True))

    async def last_words(self, seconds: float) -> None:
        """Wait until the words of the last turn are known, for at most so long."""
        if self._turns and self._transcribes:
            turn = self._turns[-1]
            turn.deadline = min(turn.deadline, clock.now() + seconds)
            await self._words_of(turn)

    async def _run_hook(self, speech_id: str, turn: UserTurn | None) -> None:
        reply = await self._seat.show_turn(await self._words_of(turn))
        self._post(ev.TurnHookFinished(speech_id, reply))

    async def _words_of(self, turn: UserTurn | None) -> Message:
        """What the user said in a turn, once it is known; empty when it is not known by the turn's deadline."""
        if turn is not None:
            try:
                async with asyncio.timeout_at(turn.deadline):
                    await turn.known.wait()
            except TimeoutError:
                pass
            item = self._history.get(turn.item_id) if turn.item_id is not None else None
            if isinstance(item, Message):
                return item
        return Message(id=(turn.item_id if turn is not None else None) or "", role=Role.USER, text="")
