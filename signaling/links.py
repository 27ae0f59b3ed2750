"""The ways from the node to participants and workers, as the node sees them, and the names that it gives."""

import secrets
from importlib.metadata import PackageNotFoundError, version
from typing import Protocol

from signaling.envelope import Message


class Link(Protocol):
    """The way to one participant or worker. Neither method waits or raises, whatever has become of the other end."""

    def send(self, message: Message) -> None:
        """Queue a message."""
        ...

    def close(self, code: int, reason: str) -> None:
        """End the session after what is queued was sent. The node has forgotten the link by then."""
        ...


class WorkerLink(Link, Protocol):
    """The way to a worker."""

    @property
    def room_url(self) -> str:
        """Where agents of this worker reach `/v1/rtc`: by the same way as the worker reached us."""
        ...


def new_id(prefix: str) -> str:
    """An id that nobody can guess."""
    return f"{prefix}_{secrets.token_hex(12)}"


def package_version() -> str:
    """The version of the installed distribution, or "" when run from a bare checkout."""
    try:
        return version("agent-worker")
    except PackageNotFoundError:
        return ""
