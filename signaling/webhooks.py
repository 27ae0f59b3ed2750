"""What other programs are told of rooms, participants and jobs, and when a delivery that failed is tried again.

Pure: reports become notices, notices wait in a bounded queue, one at a time is on its way, so that a receiver hears
them in their order. `webhook_post` is the shell that posts them.
"""

import ipaddress
from collections import deque
from dataclasses import dataclass
from enum import Enum
from typing import Any

from pydantic_core import to_json

from signaling.envelope import Model
from signaling.reports import (
    JobChanged,
    ParticipantJoined,
    ParticipantLeft,
    Report,
    RoomFinished,
    RoomStarted,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookSettings:
    """Who is told, and how patiently. Times are seconds.

    Attributes:
        urls: Each is told everything, on its own.
        allow_private: Post to addresses of private networks, and without TLS.
        timeout: For the receiver to answer.
        backoff: The pause before each further attempt; their number is the number of retries.
        max_waiting: Notices for one receiver; the oldest is dropped for one more.
    """

    urls: tuple[str, ...] = ()
    allow_private: bool = False
    timeout: float = 5.0
    backoff: tuple[float, ...] = (0.5, 1.0, 2.0, 4.0, 8.0)
    max_waiting: int = 1000


@dataclass(frozen=True, slots=True)
class Notice:
    """What is posted: a JSON object, and the name of its event."""

    event: str
    body: bytes


def notice_of(report: Report, *, name: str, wall: float) -> Notice | None:
    """What the world is told of a report; None for what is ours alone.

    Args:
        report: What has happened.
        name: An id that no other notice has; it stays the same when the notice is posted again.
        wall: Unix seconds.
    """
    match report:
        case RoomStarted(room=room):
            event, fields = "room_started", {"room": _json(room)}
        case RoomFinished(room=room):
            event, fields = "room_finished", {"room": _json(room)}
        case ParticipantJoined(room=room, participant=one):
            event, fields = "participant_joined", {"room": _json(room), "participant": _json(one)}
        case ParticipantLeft(room=room, participant=one, reason=reason):
            fields = {"room": _json(room), "participant": _json(one), "reason": reason}
            event = "participant_left"
        case JobChanged(room=room, agent=agent, job=job, op=op, reason=reason):
            event = f"job_{op}"
            fields = {"room": {"name": room}, "job": {"id": job, "agent": agent}, "reason": reason}
        case _:
            return None
    return Notice(event, to_json({"event": event, "id": name, "created_at": int(wall), **fields}))


def _json(model: Model) -> dict[str, Any]:
    return model.model_dump(mode="json", by_alias=True)


class Verdict(Enum):
    """What became of an attempt."""

    DELIVERED = "delivered"
    RETRY = "retry"
    """It is tried again."""
    FAILED = "failed"
    """It is not."""


class Deliveries:
    """The notices for one receiver.

    Args:
        settings: How patiently.

    Attributes:
        delivered: How many were taken.
        failed: How many were given up.
        dropped: How many did not fit into the queue.
    """

    def __init__(self, settings: WebhookSettings) -> None:
        self._settings = settings
        self._waiting: deque[Notice] = deque()
        self._attempts = 0
        self._is_posting = False
        self._next_at = 0.0
        self.delivered = 0
        self.failed = 0
        self.dropped = 0

    @property
    def is_idle(self) -> bool:
        """Whether everything was delivered or given up."""
        return not self._waiting

    @property
    def deadline(self) -> float | None:
        """When `advance` has something to post; None while it has not."""
        return self._next_at if self._waiting and not self._is_posting else None

    def note(self, notice: Notice) -> None:
        """One more to be delivered."""
        if len(self._waiting) >= self._settings.max_waiting:
            # The first one is on its way, or about to be tried again.
            del self._waiting[min(1, len(self._waiting) - 1)]
            self.dropped += 1
        self._waiting.append(notice)

    def advance(self, now: float) -> Notice | None:
        """What to post now; then `settle` must say what became of it."""
        if self.deadline is None or self.deadline > now:
            return None
        self._is_posting = True
        self._attempts += 1
        return self._waiting[0]

    def settle(self, status: int | None, now: float) -> Verdict:
        """The receiver has answered, or has not (None).

        Success is 2xx. What a receiver will never take (a redirect, most of 4xx) is not tried again.
        """
        self._is_posting = False
        if status is not None and 200 <= status < 300:
            verdict = Verdict.DELIVERED
            self.delivered += 1
        elif _is_temporary(status) and self._attempts <= len(self._settings.backoff):
            self._next_at = now + self._settings.backoff[self._attempts - 1]
            return Verdict.RETRY
        else:
            verdict = Verdict.FAILED
            self.failed += 1
        self._waiting.popleft()
        self._attempts, self._next_at = 0, now
        return verdict


def _is_temporary(status: int | None) -> bool:
    return status is None or status >= 500 or status in {408, 425, 429}


def is_public(address: str) -> bool:
    """Whether an IP address is one of the internet, and not of our own network or machine."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped is not None:
        parsed = parsed.ipv4_mapped
    return parsed.is_global and not parsed.is_multicast
