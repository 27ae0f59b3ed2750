"""What an application holds of a speech: wait for it, interrupt it, ask how it went."""

import asyncio
from collections.abc import Callable, Generator
from itertools import count
from typing import Any

from agent_worker.errors import SpeechError


class SpeechHandle:
    """One thing the agent says, with its tools and what it says about their results (S-1).

    `await handle` waits until it is over, one way or the other, and never raises; `exception()` tells how it went.
    """

    def __init__(self, speech_id: str, *, interrupt: Callable[[], None]) -> None:
        self.id = speech_id
        self._interrupt = interrupt
        self._done = asyncio.Event()
        self._interrupted = False
        self._failure = ""

    def __repr__(self) -> str:
        state = "done" if self.done() else "under way"
        return f"<SpeechHandle {self.id} {state}{', interrupted' if self._interrupted else ''}>"

    def __await__(self) -> Generator[Any, None, "SpeechHandle"]:
        yield from self._done.wait().__await__()
        return self

    @property
    def interrupted(self) -> bool:
        """Whether it was cut before its end."""
        return self._interrupted

    def done(self) -> bool:
        """Whether it is over."""
        return self._done.is_set()

    def exception(self) -> SpeechError | None:
        """Why it could not be made, or None.

        Raises:
            SpeechError: It is not over yet.

        """
        if not self.done():
            msg = f"{self.id} is not over yet: await it before asking how it went"
            raise SpeechError(msg)
        return SpeechError(self._failure) if self._failure else None

    async def wait_for_playout(self) -> None:
        """Wait until everything it says was heard, or was cut."""
        await self._done.wait()

    def interrupt(self) -> "SpeechHandle":
        """Cut it. Nothing happens when it is over."""
        if not self.done():
            self._interrupt()
        return self

    def finish(self, *, interrupted: bool, failure: str) -> None:
        """The session calls this once, when the speech is over."""
        self._interrupted, self._failure = interrupted, failure
        self._done.set()


class Speeches:
    """The handles of all speeches that are not over."""

    def __init__(self, *, interrupt: Callable[[], None]) -> None:
        self._interrupt = interrupt
        self._numbers = count(1)
        self._handles: dict[str, SpeechHandle] = {}

    def new_id(self) -> str:
        """An id for the next speech."""
        return f"speech{next(self._numbers)}"

    def handle(self, speech_id: str) -> SpeechHandle:
        """The handle of a speech, made when first asked for."""
        if speech_id not in self._handles:
            self._handles[speech_id] = SpeechHandle(speech_id, interrupt=self._interrupt)
        return self._handles[speech_id]

    def finish(self, speech_id: str, *, interrupted: bool, failure: str = "") -> None:
        """A speech is over; whoever waits for it goes on."""
        self.handle(speech_id).finish(interrupted=interrupted, failure=failure)
        del self._handles[speech_id]

    def finish_all(self) -> None:
        """The session is over."""
        for speech_id in tuple(self._handles):
            self.finish(speech_id, interrupted=True)
