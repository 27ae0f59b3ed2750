"""Whose windows are judged together, and when: window of a stream -> `receive` -> those to judge now. Pure.

One run of the model for several streams costs far less than one each. So a window waits for those of other streams
that are about to come, but never for long, and not at all where none can come in time: a stream alone never waits.
"""

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

__all__ = ["BatchOptions", "Batching"]

S = TypeVar("S", bound=Hashable)


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchOptions:
    """What is known of streams, and how long one may be held up for the sake of the others. Seconds.

    Attributes:
        patience: The first window of a batch waits at most so long.
        spacing: No stream gives two windows within less: sound comes in frames of 20 ms, and a window is longer.
        gone: A stream that gave none for so long is not waited for: it is mute, or silent.
    """

    patience: float = 0.008
    spacing: float = 0.02
    gone: float = 0.1


class Batching(Generic[S]):
    """Gathers the windows of all streams of a process. A stream has one window at a time here.

    Attributes:
        deadline: When to call `advance`; None: nothing waits.
    """

    def __init__(self, options: BatchOptions | None = None) -> None:
        self.deadline: float | None = None
        self._options = options or BatchOptions()
        self._waiting: list[S] = []
        self._last: dict[S, float] = {}

    def receive(self, stream: S, now: float) -> tuple[S, ...]:
        """A window of this stream has come.

        Returns:
            Whose windows are to be judged now, in the order in which they came; nobody's: they wait.
        """
        options = self._options
        last = self._last.get(stream)
        # Such as after a stall: sound that is late already is held up by nothing more.
        behind = last is not None and now - last < options.spacing
        self._last = {one: at for one, at in self._last.items() if now - at < options.gone} | {stream: now}
        self._waiting.append(stream)
        if self.deadline is None:
            self.deadline = now + options.patience
        return self._taken() if behind or not self._may_come(self.deadline) else ()

    def advance(self, now: float) -> tuple[S, ...]:
        """Time has passed; gives back as `receive` does."""
        return self._taken() if self.deadline is not None and now >= self.deadline else ()

    def withdraw(self, stream: S) -> None:
        """This stream has ended, or begins anew: its window is not to be judged, and no other is waited for."""
        self._last.pop(stream, None)
        if stream in self._waiting:
            self._waiting.remove(stream)
            if not self._waiting:
                self.deadline = None

    def _may_come(self, deadline: float) -> bool:
        """Whether a window of any stream that has none here may come until then."""
        spacing = self._options.spacing
        return any(at + spacing <= deadline for stream, at in self._last.items() if stream not in self._waiting)

    def _taken(self) -> tuple[S, ...]:
        taken, self._waiting, self.deadline = tuple(self._waiting), [], None
        return taken
