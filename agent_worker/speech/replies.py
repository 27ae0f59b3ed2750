"""Which replies the model still owes an end: one at a time may be asked for (M-2).

A reply that was cut counts until the model says that it has stopped: asking for the next one before that is refused
by realtime models ("conversation already has an active response").
"""


class Replies:
    """Requests that the model has not ended, each with a time after which it is given up, or None."""

    def __init__(self) -> None:
        self._open: dict[str, float | None] = {}
        self._requests: dict[str, str] = {}
        self._abandoned: set[str] = set()
        self._suspended_at: float | None = None

    def __len__(self) -> int:
        return len(self._open)

    @property
    def deadline(self) -> float | None:
        """When the first of them is given up; None while nothing can be expected of the model."""
        if self._suspended_at is not None:
            return None
        return min((time for time in self._open.values() if time is not None), default=None)

    def suspend(self, now: float) -> None:
        """The model cannot be reached: time does not count."""
        if self._suspended_at is None:
            self._suspended_at = now

    def resume(self, now: float) -> None:
        """The model can be reached again: what it owes, it owes so much later."""
        if self._suspended_at is not None:
            away, self._suspended_at = now - self._suspended_at, None
            self._open = {request: time if time is None else time + away for request, time in self._open.items()}

    def requested(self, request_id: str, deadline: float) -> None:
        """A reply was asked for; it is to start by `deadline`."""
        self._open[request_id] = deadline

    def started(self, request_id: str | None, response_id: str, deadline: float | None = None) -> None:
        """The model began a reply; more of it is to come by `deadline`. One that was abandoned keeps its deadline."""
        if request_id is None or request_id not in self._open:
            return
        self._requests[response_id] = request_id
        self.progressed(response_id, deadline)

    def progressed(self, response_id: str, deadline: float | None) -> None:
        """The model goes on with a reply; more is to come by `deadline`, or whenever it likes."""
        request_id = self._requests.get(response_id)
        if request_id in self._open and request_id not in self._abandoned:
            self._open[request_id] = deadline

    def made(self, response_id: str) -> None:
        """The model has done its part of a reply: another one may be asked for."""
        request_id = self._requests.get(response_id)
        if request_id is not None:
            self._open.pop(request_id, None)

    def abandon(self, request_id: str, deadline: float) -> None:
        """Nobody wants this reply any more; it is to end by `deadline`."""
        if request_id in self._open:
            self._open[request_id] = deadline
            self._abandoned.add(request_id)

    def ended(self, response_id: str, request_id: str | None) -> str | None:
        """A reply is over; gives back which request it was."""
        known = self._requests.pop(response_id, None) or request_id
        if known is not None:
            self._open.pop(known, None)
            self._abandoned.discard(known)
        return known

    def overdue(self, now: float) -> list[str]:
        """Requests that have waited long enough."""
        if self._suspended_at is not None:
            return []
        return [request for request, time in self._open.items() if time is not None and time <= now]
