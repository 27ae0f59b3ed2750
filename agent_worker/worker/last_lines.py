"""What a room's process wrote last, where its supervisor can read it however the process ended.

its log lines, and the traceback of a crash -> a small file in memory that both have open -> the report of its death

A file and no pipe: nobody has to read it meanwhile, writing it never waits, and what was written before a SIGKILL is
there after it.
"""

import fcntl
import logging
import os
import socket
import tempfile
from types import TracebackType
from typing import Final, Self

__all__ = ["KEPT_BYTES", "MAX_BYTES", "LastLines", "Remembering"]

MAX_BYTES: Final = 4096
"""More than this is cut; a crash's traceback comes on top."""
KEPT_BYTES: Final = 2048
"""At least so much is left by a cut, but for the rest of a line."""


class LastLines:
    """The supervisor's side."""

    def __init__(self) -> None:
        if hasattr(os, "memfd_create"):
            self._fd = os.memfd_create("last-lines")
        else:
            with tempfile.TemporaryFile() as file:
                self._fd = os.dup(file.fileno())
        # The native code that writes tracebacks knows nothing of our cuts: it appends, wherever the end is.
        fcntl.fcntl(self._fd, fcntl.F_SETFL, fcntl.fcntl(self._fd, fcntl.F_GETFL) | os.O_APPEND)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._fd)

    def send_to(self, channel: socket.socket) -> None:
        """Give it to the process at the other end, as the first that comes there."""
        socket.send_fds(channel, [b"\n"], [self._fd])

    def read(self) -> list[str]:
        """What stands there now."""
        size = os.fstat(self._fd).st_size
        return os.pread(self._fd, size, 0).decode(errors="replace").splitlines()


class Remembering(logging.Handler):
    """The process's side: a handler that keeps what it was given last.

    Attributes:
        fd: Of the file, for those who write into it without us.
    """

    def __init__(self, fd: int) -> None:
        super().__init__()
        self.fd = fd

    @classmethod
    def received(cls, channel: socket.socket) -> Self:
        """The one whose file the supervisor has sent."""
        _, (fd,), _, _ = socket.recv_fds(channel, 1, 1)
        return cls(fd)

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record."""
        try:
            os.write(self.fd, (self.format(record) + "\n").encode(errors="replace"))
            size = os.fstat(self.fd).st_size
            if size > MAX_BYTES:
                self._cut(size)
        except Exception:  # noqa: BLE001 - as the library's own handlers do: a log line must break nothing
            self.handleError(record)

    def _cut(self, size: int) -> None:
        last = os.pread(self.fd, KEPT_BYTES, size - KEPT_BYTES)
        _, newline, whole = last.partition(b"\n")
        os.ftruncate(self.fd, 0)
        os.write(self.fd, whole if newline and whole else last)
