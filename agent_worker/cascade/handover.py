"""Hands what a blocking engine makes in its callbacks to an iterator: its thread -> bounded queue -> generator."""

import queue
import threading
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Final, TypeVar

from agent_worker.errors import SpeechError

DEPTH: Final = 2048
"""Items that may wait. When that many do, the engine waits for the listener."""
SILENT_SECONDS: Final = 15.0
"""An engine that makes nothing for this long has failed."""
STOP_SECONDS: Final = 2.0
"""How long a stopped engine may take to come back from its call."""
_POLL_SECONDS: Final = 0.05

T = TypeVar("T")
Emit = Callable[[T], bool]
"""Hands over one item. False: nobody wants more, return from the engine's call."""


@dataclass(frozen=True, slots=True)
class _End:
    failure: BaseException | None


def made_by(work: Callable[[Emit[T]], None], name: str) -> Generator[T, None, None]:
    """Run `work` on a thread of its own, and give what it emits; once this is closed the next emit returns False.

    The thread is never left behind: it ends before the generator does, unless the engine hangs.

    Args:
        work: Makes one blocking call, and emits items from within it.
        name: The thread's name, and the engine's in errors.

    Raises:
        SpeechError: The engine made nothing for SILENT_SECONDS.
        Exception: Whatever `work` raised.
    """
    items: queue.Queue[T | _End] = queue.Queue(DEPTH)
    unwanted = threading.Event()

    def put(item: T | _End) -> bool:
        while not unwanted.is_set():
            try:
                items.put(item, timeout=_POLL_SECONDS)
            except queue.Full:
                continue
            return True
        return False

    def run() -> None:
        failure: BaseException | None = None
        try:
            work(put)
        except BaseException as error:  # noqa: BLE001 - raised again where the generator is iterated
            failure = error
        put(_End(failure))

    thread = threading.Thread(target=run, name=name, daemon=True)
    thread.start()
    try:
        while True:
            try:
                item = items.get(timeout=SILENT_SECONDS)
            except queue.Empty:
                raise SpeechError(f"{name} made no sound for {SILENT_SECONDS:.0f} s; restart the server") from None
            if isinstance(item, _End):
                if item.failure is not None:
                    raise item.failure
                return
            yield item
    finally:
        unwanted.set()
        thread.join(STOP_SECONDS)
