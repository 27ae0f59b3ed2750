"""What a session owes that goes on with a conversation of before: `on_enter`, and an answer to what was said last."""

from collections.abc import Awaitable, Callable

from agent_worker.history.items import FunctionCallOutput, Message, Role
from agent_worker.history.record import History

__all__ = ["Resumption"]


class Resumption:
    """Lets the agent enter, and has answered what the session before this one left unanswered.

    Args:
        history: What was said before.
        enter: Runs the agent's `on_enter`, once.
        answer: Asks for a reply.
    """

    def __init__(self, *, history: History, enter: Callable[[], Awaitable[None]], answer: Callable[[], None]) -> None:
        last = next(reversed(tuple(history)), None)
        by_user = isinstance(last, Message) and last.role is Role.USER
        self._owes = by_user or isinstance(last, FunctionCallOutput)
        self._enter = enter
        self._answer = answer

    def asked(self) -> None:
        """Somebody asked for a reply: it answers that, too."""
        self._owes = False

    async def enter(self) -> None:
        """Somebody is there."""
        await self._enter()
        if self._owes:
            self._answer()
