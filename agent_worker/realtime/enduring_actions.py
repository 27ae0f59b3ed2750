"""What is to be done to keep a model connection unbroken: the orders of its core. Imperative, frozen."""

from dataclasses import dataclass

from agent_worker.realtime.base import RealtimeCommand, RealtimeEvent


@dataclass(frozen=True, slots=True)
class Send:
    """Send this over the current connection."""

    command: RealtimeCommand


@dataclass(frozen=True, slots=True)
class Tell:
    """The session gets this event."""

    event: RealtimeEvent


@dataclass(frozen=True, slots=True)
class Open:
    """Open a connection, and report under this number how it went."""

    number: int


@dataclass(frozen=True, slots=True)
class Use:
    """From here on this connection is the current one."""

    number: int


@dataclass(frozen=True, slots=True)
class Leave:
    """Close this connection; nothing of it is wanted any more."""

    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Fail:
    """It cannot go on. `code` is that of a model that refused; None: it could not be reached."""

    message: str
    code: str | None


Action = Send | Tell | Open | Use | Leave | Fail
