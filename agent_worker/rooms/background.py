"""Tasks that live exactly as long as a block does."""

import asyncio
from collections.abc import Coroutine
from types import TracebackType
from typing import Any, Self


class Background:
    """A task group for work that goes on beside a block: the block's end cancels it and waits for it.

    An error of such a task cancels the block and comes out in an ExceptionGroup, as with any group. An error of the
    block itself comes out as it is, where a bare asyncio.TaskGroup would wrap it.
    """

    async def __aenter__(self) -> Self:
        self._group = await asyncio.TaskGroup().__aenter__()
        self._tasks: set[asyncio.Task[None]] = set()
        return self

    def start(self, work: Coroutine[Any, Any, None], *, name: str) -> None:
        """Do this until it is done or the block ends."""
        task = self._group.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for task in self._tasks:
            task.cancel()
        # A cancellation of the block may be the group's own doing: it must be told of it to take it back.
        if isinstance(error, asyncio.CancelledError):
            await self._group.__aexit__(kind, error, trace)
        else:
            await self._group.__aexit__(None, None, None)
