"""Time that jumps: an event loop on which a minute of waiting takes no time at all.

    def test_a_conversation():
        run_in_virtual_time(converse())

Whenever nothing is left to do, the clock goes to the next timer. When there is no timer either, the program would
wait for ever, and an error says so at once. Threads and sockets take real time and are not waited for: use fakes.
"""

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class DeadlockError(RuntimeError):
    """Everything waits, and nothing will ever happen."""


class _JumpingSelector(selectors.SelectSelector):
    """Instead of sleeping until the next timer, goes there."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if ready:
            return ready
        if timeout is None:
            msg = "every task waits for something that no timer and no other task will bring about"
            raise DeadlockError(msg)
        self.now += max(timeout, 0.0)
        return []


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """An event loop whose time starts at 0 and jumps."""

    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)

    def time(self) -> float:
        """Virtual seconds since the loop was made."""
        return self._jumping.now


def run_in_virtual_time(main: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end, as asyncio.run does, in virtual time.

    Raises:
        DeadlockError: It waits for what cannot happen.

    """
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        return runner.run(main)
