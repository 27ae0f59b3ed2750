"""Who follows a session: session -> Listeners.emit -> functions at once, readers when they get to it."""

import asyncio
import functools
import inspect
import logging
from collections import Counter, deque
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, Final, TypeVar
from weakref import WeakSet

from agent_worker import clock
from agent_worker.errors import SpeechError
from agent_worker.rooms.background import Background
from agent_worker.session.events import ErrorOccurred, SessionClosed, SessionEvent

log = logging.getLogger(__name__)

KEPT_EVENTS: Final = 256
"""What a reader may be behind. The oldest event is dropped when one more comes."""
LAST_SECONDS: Final = 2.0
"""How long functions that still run when the session is over may go on, unless they said how long they need."""

_Event = TypeVar("_Event", bound=SessionEvent)
_Function = TypeVar("_Function", bound=Callable[[Any], object])


class EventStream(AsyncIterator[SessionEvent]):
    """The events of a session from the moment on at which it was made, for one reader.

    Attributes:
        dropped: How many events the reader has missed, because it was more than 256 behind.

    """

    def __init__(self) -> None:
        self.dropped = 0
        self._events: deque[SessionEvent] = deque()
        self._changed = asyncio.Event()
        self._ended = False

    def put(self, event: SessionEvent) -> None:
        """The session calls this with each event."""
        if len(self._events) == KEPT_EVENTS:
            self._events.popleft()
            self.dropped += 1
            if self.dropped == 1:
                log.warning("! a reader of the session's events is %d behind; it misses some", KEPT_EVENTS)
        self._events.append(event)
        self._changed.set()

    def end(self) -> None:
        """Nothing follows what was put."""
        self._ended = True
        self._changed.set()

    async def __anext__(self) -> SessionEvent:
        while not self._events:
            if self._ended:
                raise StopAsyncIteration
            self._changed.clear()
            await self._changed.wait()
        return self._events.popleft()


class Listeners:
    """Tells functions and readers what happens. Whatever they do, the session goes on."""

    def __init__(self) -> None:
        self._functions: list[tuple[type[SessionEvent], Callable[[Any], object]]] = []
        self._patience: dict[Callable[[Any], object], float] = {}
        self._streams: WeakSet[EventStream] = WeakSet()
        self._background: Background | None = None
        self._running: Counter[Callable[[Any], object]] = Counter()
        self._one_less = asyncio.Event()
        self._ended = False

    def on(self, kind: type[_Event]) -> Callable[[_Function], _Function]:
        """A decorator for a function that is to be called with each event of this class."""

        def remember(function: _Function) -> _Function:
            self._functions.append((kind, function))
            return function

        return remember

    def at_end(self, function: Callable[..., Awaitable[object]], seconds: float) -> None:
        """Run a coroutine function when the session is over, and wait for it for so long.

        Args:
            function: Is given the reason, if it takes an argument.
            seconds: After which it is cancelled.

        Raises:
            SpeechError: The session is over.
        """
        if self._ended:
            msg = "the session is over: a shutdown callback that is added now would never run"
            raise SpeechError(msg)
        wants_reason = bool(inspect.signature(function).parameters)

        @functools.wraps(function)
        def close(event: SessionClosed) -> Awaitable[object]:
            return function(event.reason) if wants_reason else function()

        self._patience[close] = seconds
        self._functions.append((SessionClosed, close))

    def stream(self) -> EventStream:
        """A new reader, of what happens from now on."""
        stream = EventStream()
        if self._ended:
            stream.end()
        else:
            self._streams.add(stream)
        return stream

    def emit(self, event: SessionEvent) -> None:
        """Something happened. Functions run now, coroutine functions begin now; readers find it when they look."""
        for stream in tuple(self._streams):
            stream.put(event)
        for kind, function in tuple(self._functions):
            if isinstance(event, kind):
                self._call(function, event)

    @asynccontextmanager
    async def serving(self) -> AsyncGenerator[None, None]:
        """While the block runs coroutine functions can; at its end they have some seconds, and readers an end."""
        async with Background() as background:
            self._background = background
            try:
                yield
            finally:
                self._background = None
                self._ended = True
                for stream in tuple(self._streams):
                    stream.end()
                await self._finish()

    async def _finish(self) -> None:
        ended = clock.now()
        try:
            while self._running:
                async with asyncio.timeout_at(ended + max(self._patience_with(each) for each in self._running)):
                    self._one_less.clear()
                    await self._one_less.wait()
        except TimeoutError:
            names = ", ".join(sorted(map(_name, self._running)))
            log.warning("! functions that follow the session are cancelled, as they go on after it: %s", names)

    def _patience_with(self, function: Callable[[Any], object]) -> float:
        return self._patience.get(function, LAST_SECONDS)

    def _call(self, function: Callable[[Any], object], event: SessionEvent) -> None:
        try:
            result = function(event)
        except Exception as error:  # noqa: BLE001 - whatever it is: logged in full, and told
            self._failed(function, event, error)
            return
        if not inspect.isawaitable(result):
            return
        if self._background is None:
            log.warning("! %s is not run: the session is over", _name(function))
            if inspect.iscoroutine(result):
                result.close()
            return
        self._running[function] += 1
        self._background.start(self._await(function, result, event), name=f"on {type(event).__name__}")

    async def _await(self, function: Callable[[Any], object], result: Awaitable[object], event: SessionEvent) -> None:
        try:
            await result
        except Exception as error:  # noqa: BLE001 - whatever it is: logged in full, and told
            self._failed(function, event, error)
        finally:
            self._running[function] -= 1
            self._running += Counter()  # leaves out those at none
            self._one_less.set()

    def _failed(self, function: Callable[[Any], object], event: SessionEvent, error: Exception) -> None:
        log.error("! %s failed at %s", _name(function), type(event).__name__, exc_info=error)
        if not isinstance(event, ErrorOccurred):
            message = f"{_name(function)} failed at {type(event).__name__}: {error}"
            self.emit(ErrorOccurred(at=clock.now(), source="application", message=message, fatal=False))


def _name(function: Callable[[Any], object]) -> str:
    return getattr(function, "__qualname__", repr(function))
