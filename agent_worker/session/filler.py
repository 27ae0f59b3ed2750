"""What the agent says while a slow tool is at work: at most one thing for each reply."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

from agent_worker.errors import SpeechError
from agent_worker.session.handle import SpeechHandle
from agent_worker.tools.function_tool import Filler

log = logging.getLogger(__name__)


class FillerWords:
    """The fillers of the tools that one reply called.

    Args:
        speech: The speech whose tools they are; once it is over (cut) nothing is said for it any more.
        say: Has a text said behind everything else, and kept out of the history.

    """

    def __init__(self, speech: SpeechHandle, say: Callable[[str], SpeechHandle]) -> None:
        self._speech = speech
        self._say = say
        self._said = False

    @asynccontextmanager
    async def during(self, filler: Filler | None) -> AsyncGenerator[None, None]:
        """While a tool is at work inside. What has not begun to sound when it has answered is not said any more."""
        if filler is None:
            yield
            return
        async with asyncio.TaskGroup() as group:
            waiting = group.create_task(self._say_later(filler))
            try:
                yield
            finally:
                waiting.cancel()

    async def _say_later(self, filler: Filler) -> None:
        await asyncio.sleep(filler.after)
        if self._said or self._speech.done():
            return
        self._said = True
        try:
            handle = self._say(filler.text)
        except SpeechError as error:
            log.warning("! a tool's filler is not said: %s", error)
            return
        try:
            await handle
        finally:
            if not handle.begun:
                handle.interrupt(force=True)
