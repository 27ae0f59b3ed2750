"""What an application holds of a speech: wait for it, protect it, interrupt it, ask how it went."""

import asyncio
import logging
from collections.abc import Callable, Generator, Iterable
from contextvars import ContextVar
from itertools import count
from typing import Any

from agent_worker.errors import SpeechError
from agent_worker.speech import events as ev

log = logging.getLogger(__name__)

own_speech: ContextVar[str | None] = ContextVar("own_speech", default=None)
"""Inside a function tool: the speech that asked for it, and that is not over before the tool is."""


class SpeechHandle:
    """One thing the agent says, with its tools and what it says about their results (S-1).

    `await handle` waits until it is over, one way or the other. It does not raise when the speech fails or is cut;
    `exception()` and `interrupted` tell how it went.
    """

    def __init__(
        self,
        speech_id: str,
        *,
        interruptible: bool | None,
        default: Callable[[], bool],
        post: Callable[[ev.Event], None],
    ) -> None:
        self.id = speech_id
        self._interruptible = interruptible
        self._default = default
        self._post = post
        self._begun = False
        self._words_heard = asyncio.Event()
        self._done = asyncio.Event()
        self._callbacks: list[Callable[[SpeechHandle], object]] = []
        self._asked_to_stop = False
        self._interrupted = False
        self._failure = ""

    def __repr__(self) -> str:
        state = "done" if self.done() else "under way"
        return f"<SpeechHandle {self.id} {state}{', interrupted' if self._interrupted else ''}>"

    def __await__(self) -> Generator[Any, None, "SpeechHandle"]:
        yield from self.wait_for_playout().__await__()
        return self

    @property
    def interrupted(self) -> bool:
        """Whether it was cut before its end."""
        return self._interrupted

    @property
    def allow_interruptions(self) -> bool:
        """Whether a voice, or `interrupt`, may cut it: as it was asked for, else as agent and session say.

        Setting it to False protects it from now on.

        Raises:
            SpeechError: It is to be protected, and is being cut already (S-6).

        """
        return self._default() if self._interruptible is None else self._interruptible

    @allow_interruptions.setter
    def allow_interruptions(self, allowed: bool) -> None:
        if not allowed and (self._asked_to_stop or self._interrupted):
            msg = f"{self.id} cannot be protected: it was interrupted already"
            raise SpeechError(msg)
        self._interruptible = allowed
        if not self.done():
            self._post(ev.SpeechProtected(self.id, protected=not allowed))

    @property
    def begun(self) -> bool:
        """Whether it has, or had, the floor."""
        return self._begun

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
        """Wait until everything it says was heard, or was cut. It is over within the session's deadlines.

        Raises:
            SpeechError: Called from inside a function tool of this very speech, which waits for that tool (S-9).

        """
        if not self.done() and own_speech.get() == self.id:
            msg = (
                f"{self.id} waits for this tool to end, so the tool cannot wait for {self.id}. Return first, or have "
                "something else said with generate_reply or say, and wait for that."
            )
            raise SpeechError(msg)
        await self._done.wait()

    def interrupt(self, *, force: bool = False) -> "SpeechHandle":
        """Cut it. Nothing happens when it is over. Returns at once; await the handle to wait for the silence.

        Args:
            force: Cut it even if it is protected.

        Raises:
            SpeechError: It is protected (`allow_interruptions` is False), and this is without `force` (S-6).

        """
        if self.done():
            return self
        if not force and not self.allow_interruptions:
            msg = f"{self.id} does not allow interruptions: pass force=True to cut it all the same"
            raise SpeechError(msg)
        self._asked_to_stop = True
        self._post(ev.SpeechInterruptRequested(self.id, force))
        return self

    def add_done_callback(self, function: "Callable[[SpeechHandle], object]") -> None:
        """Call a function with this handle once it is over; at once if it is already (S-10).

        What the function raises is logged. It runs on the session's loop and must not block.
        """
        if self.done():
            self._tell(function)
        else:
            self._callbacks.append(function)

    async def wait_for_words(self) -> None:
        """Wait until what it says at present was heard, or was cut. Its tools may go on after that."""
        await self._words_heard.wait()

    def words_begin(self) -> None:
        """The session calls this when it gets the floor: at first, and again to tell of its tools' results."""
        self._begun = True
        self._words_heard.clear()

    def words_end(self) -> None:
        """The session calls this when what it said on the floor was heard, or was cut."""
        self._words_heard.set()

    def told_to_stop(self) -> None:
        """The session calls this when everything is cut."""
        self._asked_to_stop = True

    def finish(self, *, interrupted: bool, failure: str) -> None:
        """The session calls this once, when the speech is over."""
        self._interrupted, self._failure = interrupted, failure
        self._words_heard.set()
        self._done.set()
        callbacks, self._callbacks = self._callbacks, []
        for function in callbacks:
            self._tell(function)

    def _tell(self, function: "Callable[[SpeechHandle], object]") -> None:
        try:
            function(self)
        except Exception:
            log.exception("! a callback of %s failed", self.id)


class Speeches:
    """The handles of all speeches that are not over, in the order in which they are heard.

    Args:
        post: Posts an event to the conversation.
        allow_interruptions: Whether a speech may be interrupted that does not say so itself.

    """

    def __init__(self, *, post: Callable[[ev.Event], None], allow_interruptions: Callable[[], bool]) -> None:
        self._post = post
        self._default = allow_interruptions
        self._numbers = count(1)
        self._handles: dict[str, SpeechHandle] = {}
        self._begun: list[str] = []

    def new(self, *, interruptible: bool | None = None) -> SpeechHandle:
        """The handle of a new speech."""
        speech_id = f"speech{next(self._numbers)}"
        handle = SpeechHandle(speech_id, interruptible=interruptible, default=self._default, post=self._post)
        self._handles[speech_id] = handle
        return handle

    def get(self, speech_id: str) -> SpeechHandle | None:
        """The handle of a speech that is not over."""
        return self._handles.get(speech_id)

    def begun(self, speech_id: str) -> None:
        """A speech has the floor."""
        if speech_id in self._begun:
            self._begun.remove(speech_id)
        self._begun.insert(0, speech_id)
        if (handle := self._handles.get(speech_id)) is not None:
            handle.words_begin()

    def heard(self, speech_id: str) -> None:
        """What a speech said on the floor was heard, or was cut."""
        if (handle := self._handles.get(speech_id)) is not None:
            handle.words_end()

    def to_interrupt(self, *, force: bool) -> list[SpeechHandle]:
        """What is cut when everything is: in playing order, up to the first that is protected (S-5).

        Raises:
            SpeechError: The one that is being spoken is protected, and this is without `force`.

        """
        order = [*self._begun, *(speech_id for speech_id in self._handles if speech_id not in self._begun)]
        cut: list[SpeechHandle] = []
        for handle in (self._handles[speech_id] for speech_id in order):
            if not force and not handle.allow_interruptions:
                if not cut and handle.id in self._begun:
                    msg = f"{handle.id} is being spoken and does not allow interruptions: pass force=True to cut it"
                    raise SpeechError(msg)
                break
            cut.append(handle)
        for handle in cut:
            handle.told_to_stop()
        return cut

    def finish(self, speech_id: str, *, interrupted: bool, failure: str = "") -> None:
        """A speech is over; whoever waits for it goes on."""
        handle = self._handles.pop(speech_id, None)
        if speech_id in self._begun:
            self._begun.remove(speech_id)
        if handle is not None:
            handle.finish(interrupted=interrupted, failure=failure)

    def open_ids(self) -> tuple[str, ...]:
        """The speeches that are not over."""
        return tuple(self._handles)


def all_done(handles: Iterable[SpeechHandle]) -> asyncio.Future[None]:
    """Resolves when all of these are over; at once if there are none."""
    future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    open_handles = {handle.id for handle in handles if not handle.done()}

    def one_done(handle: SpeechHandle) -> None:
        open_handles.discard(handle.id)
        if not open_handles and not future.done():
            future.set_result(None)

    if not open_handles:
        future.set_result(None)
    for handle in handles:
        handle.add_done_callback(one_done)
    return future
