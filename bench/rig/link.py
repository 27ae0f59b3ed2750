"""A bad link between a caller and the program measured: seeded loss and jitter, the same for every program."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Link:
    """What happens to packets, each way.

    Attributes:
        loss: The share of packets that never arrive, 0 to 1.
        jitter: Packets arrive up to this many seconds late, in their order.
        seed: Of the chance that picks them.
    """

    loss: float = 0.0
    jitter: float = 0.0
    seed: int = 1

    @property
    def is_clean(self) -> bool:
        return not self.loss and not self.jitter


class Way:
    """One direction of a link."""

    def __init__(self, link: Link, seed: str, group: asyncio.TaskGroup) -> None:
        self._link = link
        self._chance = random.Random(f"{link.seed} {seed}")
        self._group = group
        self._free_at = 0.0

    async def carry(self, deliver: Callable[[], Awaitable[None]]) -> None:
        """Deliver a packet now, later, or never."""
        if self._chance.random() < self._link.loss:
            return
        if not self._link.jitter:
            await deliver()
            return
        now = asyncio.get_running_loop().time()
        self._free_at = max(self._free_at, now + self._chance.random() * self._link.jitter)
        self._group.create_task(self._later(self._free_at - now, deliver))

    async def _later(self, seconds: float, deliver: Callable[[], Awaitable[None]]) -> None:
        await asyncio.sleep(seconds)
        try:
            await deliver()
        except ConnectionError:
            return
