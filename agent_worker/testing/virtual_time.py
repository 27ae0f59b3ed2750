"""Time that jumps: an event loop on which a minute of waiting takes no time at all.

    def test_a_conversation():
        run_in_virtual_time(converse())

Whenever nothing is left to do, the clock goes to the next timer. When there is no timer either, the program would
wait for ever, and an error says so at once. What the loop would give to a thread (`asyncio.to_thread`) is done on
the spot, and takes no time; sockets and other threads take real time and are not waited for: use fakes.
"""

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from concurrent.futures import Executor
from typing import Any, TypeVar, TypeVarTuple

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


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

    def run_in_executor(self, executor: Executor | None, func: Callable[[*Ts], T], *args: *Ts) -> asyncio.Future[T]:
        """Call it now, on this thread: a thread would come back at a virtual time that nobody can foretell."""
        del executor  # Whichever it is: nothing runs beside a clock that jumps.
        future: asyncio.Future[T] = self.create_future()
        try:
            future.set_result(func(*args))
        except Exception as error:  # noqa: BLE001 - it belongs to who awaits the result
            future.set_exception(error)
        return future


def run_in_virtual_time(main: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end, as asyncio.run does, in virtual time.

    Raises:
        DeadlockError: It waits for what cannot happen.

    """
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        return runner.run(main)
