"""The 20 ms slots of a process: one timer runs on a fixed grid and serves every voice of every room in it.

clock -> Ticker -> VoicePump, one call in each slot. One wake-up for all rooms costs less than one each, and what they
send leaves together.
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from contextvars import Context, copy_context
from dataclasses import dataclass
from typing import Final

from agent_worker.audio import FRAME_SECONDS

__all__ = ["Ticker", "TickerStatistics"]

_STALL_SLOTS: Final = 2  # less is caught up: a receiver hides one late packet better than a hole in the time line
_LATE_SECONDS: Final = 0.005

Serve = Callable[[int], None]
"""Called with the number of the slot. Never waits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TickerStatistics:
    """Counters since the beginning.

    Attributes:
        slots: Slots served.
        late: Those that began more than 5 ms after their time.
        skipped: Slots that passed while the process was stalled: nobody was served in them.
        worst: Seconds by which the latest slot was late, or a stall lasted.
    """

    slots: int = 0
    late: int = 0
    skipped: int = 0
    worst: float = 0.0


class Ticker:
    """Slots for all who are in `serve`, as long as `run` runs."""

    def __init__(self) -> None:
        # Each with the context of who asked, so that what it logs is said to be its.
        self._served: dict[asyncio.Future[None], tuple[Context, Serve]] = {}
        self._began = 0.0
        self._slot = 0
        self._timer: asyncio.TimerHandle | None = None
        self._counts: Counter[str] = Counter()
        self._worst = 0.0

    def statistics(self) -> TickerStatistics:
        """What has happened so far."""
        return TickerStatistics(**self._counts, worst=self._worst)

    async def serve(self, call: Serve) -> None:
        """Have this called in each slot until cancelled.

        Raises:
            Exception: What the call raised; nobody else is touched by that.
        """
        served = asyncio.get_running_loop().create_future()
        self._served[served] = (copy_context(), call)
        try:
            await served
        finally:
            del self._served[served]

    async def run(self) -> None:
        """Keep the slots until cancelled."""
        loop = asyncio.get_running_loop()
        self._began, self._slot = loop.time(), 0
        # A chain of timers: a task that sleeps would cost each slot one more turn of the loop.
        self._on_slot(loop)
        try:
            await loop.create_future()
        finally:
            if self._timer is not None:
                self._timer.cancel()

    def _on_slot(self, loop: asyncio.AbstractEventLoop) -> None:
        late = loop.time() - (self._began + self._slot * FRAME_SECONDS)
        self._worst = max(self._worst, late)
        behind = int(late / FRAME_SECONDS)
        if behind >= _STALL_SLOTS:
            self._counts["skipped"] += behind
            self._slot += behind
        elif late > _LATE_SECONDS:
            self._counts["late"] += 1
        self._counts["slots"] += 1
        for served, (context, call) in list(self._served.items()):
            if not served.done():
                _call(served, context, call, self._slot)
        self._slot += 1
        self._timer = loop.call_at(self._began + self._slot * FRAME_SECONDS, self._on_slot, loop)


def _call(served: "asyncio.Future[None]", context: Context, call: Serve, slot: int) -> None:
    try:
        context.run(call, slot)
    except Exception as error:  # noqa: BLE001 - it comes out of this one's `serve`
        served.set_exception(error)
