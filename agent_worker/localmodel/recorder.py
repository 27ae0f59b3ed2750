"""Writes the tapes of all sessions into one folder: pages -> bounded queue -> files, off the loop."""

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Final

from agent_worker.localmodel.tape import Page

log = logging.getLogger(__name__)

DEPTH: Final = 4096
"""Pages that may wait. Beyond that pages are lost and counted: a recording never slows a conversation down."""
_BATCH: Final = 64


class Recorder:
    """Writes what sessions recorded.

    Args:
        folder: Where to; it is made if it does not exist.

    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._pages: asyncio.Queue[Page] = asyncio.Queue(DEPTH)
        self.lost = 0

    def put(self, pages: list[Page]) -> None:
        """Queue pages."""
        for page in pages:
            try:
                self._pages.put_nowait(page)
            except asyncio.QueueFull:
                self.lost += 1
                log.warning("the disk is too slow for the recording: %d pages lost", self.lost)

    async def run(self) -> None:
        """Write until cancelled; what waits then is written before this ends."""
        loop = asyncio.get_running_loop()
        # One thread: the last pages are not overtaken by the batch that was being written at the end.
        with ThreadPoolExecutor(1, thread_name_prefix="recorder") as thread:
            try:
                await loop.run_in_executor(thread, partial(self._folder.mkdir, parents=True, exist_ok=True))
                while True:
                    batch = self._batch([await self._pages.get()])
                    # Shielded: a batch that still waits for the thread would be cancelled, and lost.
                    await asyncio.shield(loop.run_in_executor(thread, self._write, batch))
            finally:
                thread.submit(self._write, self._batch([], self._pages.qsize()))

    def _batch(self, pages: list[Page], limit: int = _BATCH) -> list[Page]:
        while len(pages) < limit and not self._pages.empty():
            pages.append(self._pages.get_nowait())
        return pages

    def _write(self, pages: list[Page]) -> None:
        for page in pages:
            path = self._folder / page.name
            try:
                if page.append:
                    with path.open("ab") as file:
                        file.write(page.data)
                else:
                    # Whoever reads it meanwhile finds the old one or the new one, never a half.
                    new = path.with_name(f"{path.name}.new")
                    new.write_bytes(page.data)
                    new.replace(path)
            except OSError as failure:
                log.warning("cannot record %s: %s", page.name, failure)
