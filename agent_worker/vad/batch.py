"""Windows of several streams, judged in one run: `judge` of each stream -> `Batching` -> the model -> all of them.

It runs on the event loop: a run costs some tenths of a millisecond, which is less than a thread and back would.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from agent_worker import clock
from agent_worker.vad.base import Window
from agent_worker.vad.batching import Batching

__all__ = ["Batch", "BatchStatistics"]

S = TypeVar("S")


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchStatistics:
    """What has been judged here, since the beginning.

    Attributes:
        windows: Windows,
        runs: in so many runs of the model.
        largest: Windows of one run, at most.
    """

    windows: int = 0
    runs: int = 0
    largest: int = 0


@dataclass(frozen=True, slots=True)
class _Waiting:
    window: Window
    probability: "asyncio.Future[float]"


class Batch(Generic[S]):
    """All streams that share a model on one event loop.

    Args:
        run: Judges one window of each of these streams: (streams, windows) -> probabilities. It may raise.
    """

    def __init__(self, run: Callable[[Sequence[S], Sequence[Window]], Sequence[float]]) -> None:
        self._run = run
        self._batching = Batching[S]()
        self._waiting: dict[S, _Waiting] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._windows = self._runs = self._largest = 0

    def statistics(self) -> BatchStatistics:
        """What has happened so far."""
        return BatchStatistics(windows=self._windows, runs=self._runs, largest=self._largest)

    async def judge(self, stream: S, window: Window) -> float:
        """How likely there is a voice in this stream's next window; one at a time.

        It is known at once where no other stream can have a window soon, and else after some milliseconds.

        Raises:
            Exception: What the run raised.
        """
        ready = self._batching.receive(stream, clock.now())
        if ready == (stream,):
            return self._judged(ready, [window])[0]
        waiting = self._waiting[stream] = _Waiting(window, asyncio.get_running_loop().create_future())
        self._tell(ready)
        try:
            return await waiting.probability
        finally:
            # It was told, or who waited was cancelled.
            if self._waiting.get(stream) is waiting:
                self.withdraw(stream)

    def withdraw(self, stream: S) -> None:
        """This stream has ended, or begins anew; a window of it that waits is taken for silence."""
        self._batching.withdraw(stream)
        waiting = self._waiting.pop(stream, None)
        if waiting is not None and not waiting.probability.done():
            waiting.probability.set_result(0.0)
        self._keep_time()

    def _on_timer(self) -> None:
        self._timer = None
        self._tell(self._batching.advance(clock.now()))

    def _keep_time(self) -> None:
        deadline = self._batching.deadline
        if self._timer is not None and self._timer.when() != deadline:
            self._timer.cancel()
            self._timer = None
        if self._timer is None and deadline is not None:
            self._timer = asyncio.get_running_loop().call_at(deadline, self._on_timer)

    def _tell(self, streams: Sequence[S]) -> None:
        self._keep_time()
        waiting = [self._waiting.pop(stream) for stream in streams]
        if not waiting:
            return
        try:
            found = self._judged(streams, [one.window for one in waiting])
        except Exception as error:  # noqa: BLE001 - it comes out of each one's `judge`
            for one in waiting:
                if not one.probability.done():
                    one.probability.set_exception(error)
            return
        for one, probability in zip(waiting, found, strict=True):
            if not one.probability.done():
                one.probability.set_result(probability)

    def _judged(self, streams: Sequence[S], windows: Sequence[Window]) -> Sequence[float]:
        self._windows += len(windows)
        self._runs += 1
        self._largest = max(self._largest, len(windows))
        return self._run(streams, windows)
