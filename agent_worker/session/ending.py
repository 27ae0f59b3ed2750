"""How a session that runs comes to its end: drained in peace, closed at once, or left as it is (L-2).

Every step has a deadline; `on_exit` of the agent runs once, however it ends.
"""

import asyncio
from collections.abc import Callable
from typing import Final, Never

from agent_worker.session.room_feed import EndedError
from agent_worker.session.seat import LEAVE_SECONDS, Seat
from agent_worker.speech import events as ev

LAST_WORDS_SECONDS: Final = 1.5
"""How long the end waits for what the user said last, and for the agent to be silent."""
LAST_EXIT_SECONDS: Final = 2.0
"""How long `on_exit` may take when the session is closed at once."""


class Ending:
    """Brings a session to its end.

    Args:
        seat: Who the agent is.
        post: Posts an event to the conversation.

    Attributes:
        draining: Nothing new is said any more.
        drained: Set when nothing is under way either.

    """

    def __init__(self, *, seat: Seat, post: Callable[[ev.Event], None]) -> None:
        self.draining = False
        self.drained = asyncio.Event()
        self._seat = seat
        self._post = post
        self._reason = ""
        self._now = asyncio.Event()

    async def drain(self, seconds: float) -> None:
        """The agent says goodbye; what is under way finishes, for at most so long; then the session ends."""
        await self._seat.leave_for_good(LEAVE_SECONDS)
        self.say_nothing_new()
        await self._silence(seconds)
        self.end("drained")

    def say_nothing_new(self) -> None:
        """No new turns and speeches from now on."""
        self.draining = True
        self._post(ev.DrainRequested())

    async def leave(self, reason: str) -> None:
        """Wait until what was cut is silent, let the agent leave, and end."""
        await self._silence(LAST_WORDS_SECONDS)
        await self._seat.leave_for_good(LAST_EXIT_SECONDS)
        self.end(reason)

    def end(self, reason: str) -> None:
        """Leave everything as it is."""
        if not self._now.is_set():
            self._reason = reason
            self._now.set()

    async def wait(self) -> Never:
        """Wait for the end.

        Raises:
            EndedError: It has come.

        """
        await self._now.wait()
        raise EndedError(self._reason)

    async def _silence(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self.drained.wait()
        except TimeoutError:
            pass
