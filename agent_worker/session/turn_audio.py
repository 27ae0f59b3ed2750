"""What of the microphone the model gets: the user's turns, each from a little before its first sound on (T-1).

microphone (24 kHz) -> ring of the last second -> model. A voice is certain only after it began; the ring has kept
its beginning. On the first hint of one it is sent ahead already, and taken back when no turn is opened. A model that
finds the turns by itself gets everything, silence included.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from agent_worker.audio import Samples, samples_in, seconds_of, silence, to_bytes
from agent_worker.realtime.base import AppendAudio, ClearAudio, CommitAudio, RealtimeCommand
from agent_worker.turns.judge import TurnSoFar

PREFIX_SECONDS = 0.3
RING_SECONDS = 1.0
AHEAD_SECONDS = 0.25
"""How long a hint of a voice is believed in: detectors are sure, or not, in half of that."""
AHEAD_PREFIX_SECONDS = PREFIX_SECONDS + 0.08
"""A turn begins with the window at whose end the hint was given, up to a window and a frame before."""
AHEAD_PAUSE_SECONDS = 1.0
"""No hint is believed for so long after one that came to nothing: noise full of them costs a quarter of a stream."""
KEPT_SECONDS = 8.0
"""Of an open turn, for who judges it."""
SHORTEST_COMMIT_SECONDS = 0.1
"""Models refuse to commit less (T-5)."""
LONGEST_WAIT_SECONDS = 60.0
"""Of a turn that waits for another human's to be over; its beginning is lost when it waits for longer."""
PIECE_SECONDS = 0.5
"""What was kept is sent in pieces this long: the way to the model takes a number of messages at a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ahead:
    """What was sent of a turn that may never be opened: all that was heard after `since`; taken back at `until`."""

    since: float
    until: float


class TurnAudio:
    """Sends open turns as they are heard.

    Attributes:
        everything: The model finds the turns by itself: it gets all that is heard (mode "server").
        silenced: It then gets silence for it, of the same length.
        kept_since: A turn that began then waits to be opened: all of it is kept (loop seconds); None without one.

    """

    def __init__(self, *, rate: int, send: Callable[[RealtimeCommand], None]) -> None:
        self.everything = False
        self.silenced = False
        self.kept_since: float | None = None
        self._rate = rate
        self._send = send
        self._ring: deque[tuple[float, Samples]] = deque()
        self._in_ring = 0
        self._sent: int | None = None
        self._ahead: _Ahead | None = None
        self._deaf_until = 0.0
        self._last: deque[Samples] = deque()
        self._in_last = 0

    @property
    def is_open(self) -> bool:
        """Whether what is heard is being sent."""
        return self._sent is not None

    @property
    def is_enough(self) -> bool:
        """Whether there is enough of the open turn to be committed."""
        return seconds_of(self._sent or 0, self._rate) >= SHORTEST_COMMIT_SECONDS

    def push(self, samples: Samples, now: float) -> None:
        """The next samples of the microphone; the last of them was heard at `now`."""
        if self.everything:
            self._send(AppendAudio(to_bytes(silence(len(samples)) if self.silenced else samples)))
            return
        if self._sent is not None:
            self._append(samples)
            return
        if self._ahead is not None:
            if now < self._ahead.until:
                self._send(AppendAudio(to_bytes(samples)))
            else:
                self._deaf_until = now + AHEAD_PAUSE_SECONDS
                self.take_back()
        self._ring.append((now, samples))
        self._in_ring += len(samples)
        while self._ring and self._is_old(*self._ring[0]):
            self._in_ring -= len(self._ring.popleft()[1])

    def hint(self, now: float) -> None:
        """A turn may soon be opened: what it would begin with is sent ahead. The model's buffer must be empty."""
        if self._ahead is not None or self._sent is not None or self.everything or now < self._deaf_until:
            return
        self._ahead = _Ahead(since=now - AHEAD_PREFIX_SECONDS, until=now + AHEAD_SECONDS)
        for heard_at, samples in self._ring:
            if heard_at > self._ahead.since:
                self._send(AppendAudio(to_bytes(samples)))

    def take_back(self) -> None:
        """Have the model forget what was sent ahead."""
        if self._ahead is not None:
            self._ahead = None
            self._send(ClearAudio())

    def open(self, at: float) -> None:
        """A turn began at `at`."""
        if self._sent is not None or self.everything:
            return
        self._sent = 0
        self._last.clear()
        self._in_last = 0
        if self._adopt(at):
            return
        pieces = [samples for heard_at, samples in self._ring if heard_at > at - PREFIX_SECONDS]
        if self.kept_since is not None and pieces:
            whole, size = np.concatenate(pieces), samples_in(PIECE_SECONDS, self._rate)
            pieces = [whole[begin : begin + size] for begin in range(0, len(whole), size)]
        self._forget()
        for samples in pieces:
            self._append(samples)

    def commit(self) -> bool:
        """The turn is over and counts; whether there was enough of it to commit."""
        enough = self.is_enough
        sent, self._sent = self._sent, None
        if enough:
            self._send(CommitAudio())
        elif sent:
            self._send(ClearAudio())
        return enough

    def clear(self) -> None:
        """The turn was nothing."""
        if self._sent:
            self._send(ClearAudio())
        self._sent = None

    def follow(self, *, everything: bool) -> None:
        """Who finds the turns may change; an open turn is then the model's to end, or was none."""
        if everything is not self.everything:
            self.take_back()
            self.clear()
            self._forget()
            self.everything = everything

    def so_far(self, text: str) -> TurnSoFar | None:
        """The last 8 s of the open turn, with its words as far as they are known; None without a turn."""
        if self._sent is None or not self._last:
            return None
        return TurnSoFar(samples=np.concatenate(self._last), rate=self._rate, text=text)

    def _is_old(self, heard_at: float, samples: Samples) -> bool:
        """Whether the oldest samples of the ring can be forgotten."""
        if self.kept_since is not None and heard_at > self.kept_since - PREFIX_SECONDS:
            return self._in_ring > samples_in(LONGEST_WAIT_SECONDS, self._rate)
        return self._in_ring - len(samples) >= samples_in(RING_SECONDS, self._rate)

    def _adopt(self, at: float) -> bool:
        """Whether what was sent ahead is the beginning of the turn that began at `at`; else it is taken back."""
        if self._ahead is None:
            return False
        if self._ahead.since > at - PREFIX_SECONDS:
            self.take_back()
            return False
        for heard_at, samples in self._ring:
            if heard_at > self._ahead.since:
                self._count(samples)
        self._ahead = None
        self._forget()
        return True

    def _forget(self) -> None:
        self._ring.clear()
        self._in_ring = 0
        self.kept_since = None

    def _append(self, samples: Samples) -> None:
        self._count(samples)
        self._send(AppendAudio(to_bytes(samples)))

    def _count(self, samples: Samples) -> None:
        self._sent = (self._sent or 0) + len(samples)
        self._last.append(samples)
        self._in_last += len(samples)
        while self._in_last - len(self._last[0]) >= samples_in(KEPT_SECONDS, self._rate):
            self._in_last -= len(self._last.popleft())
