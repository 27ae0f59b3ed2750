"""A room process's end of the pipe to its supervisor: jobs and stops come in by it, and its end ends the process.

A thread reads it, so that it works while the event loop hangs in somebody's blocking call.
"""

import logging
import os
import queue
import socket
import threading
import time
from collections.abc import Callable
from typing import Final

from agent_worker.errors import ProtocolError
from agent_worker.worker.ipc import (
    Lines,
    Start,
    Stop,
    ToProcess,
    ToSupervisor,
    decode_for_process,
    encode,
)

__all__ = ["LAST_GRACE", "Lifeline"]

logger = logging.getLogger(__name__)

LAST_GRACE: Final = 4.0
"""Seconds that a process whose supervisor is gone has for leaving its room."""


class Lifeline:
    """Reads the pipe from the moment it is made, for as long as the process lives.

    Args:
        channel: One end of a stream socket pair; the supervisor holds the only other one.
    """

    def __init__(self, channel: socket.socket) -> None:
        self._channel = channel
        self._lock = threading.Lock()
        # At most one job ever comes, and one None: the end.
        self._jobs: queue.SimpleQueue[Start | None] = queue.SimpleQueue()
        self._stop_reason: str | None = None
        self._on_stop: Callable[[str], None] | None = None
        threading.Thread(target=self._watch, name="lifeline", daemon=True).start()

    def send(self, message: ToSupervisor) -> None:
        """Tell the supervisor. One that is gone is not told: the watching thread acts on that."""
        try:
            self._channel.sendall(encode(message))
        except OSError:
            logger.debug("nobody is left to be told of %s", message.t)

    def wait_for_job(self) -> Start | None:
        """Block until there is a job; None when there will be none."""
        return self._jobs.get()

    def on_stop(self, call: Callable[[str], None]) -> None:
        """Call this with a reason, from another thread and at most once, when the process has to end."""
        with self._lock:
            self._on_stop = call
            reason = self._stop_reason
        if reason is not None:
            call(reason)

    def _watch(self) -> None:
        try:
            self._read()
        except (OSError, ProtocolError) as error:
            logger.error("the pipe to the supervisor broke: %s", error)
        self._stop("the worker's supervisor is gone")
        time.sleep(LAST_GRACE)
        logger.error("did not end within %s s after its supervisor: exiting at once", LAST_GRACE)
        os._exit(1)

    def _read(self) -> None:
        lines = Lines()
        while data := self._channel.recv(4096):
            for line in lines.feed(data):
                self._receive(decode_for_process(line))

    def _receive(self, message: ToProcess) -> None:
        match message:
            case Start():
                self._jobs.put(message)
            case Stop(reason=reason):
                self._stop(reason)

    def _stop(self, reason: str) -> None:
        with self._lock:
            if self._stop_reason is not None:
                return
            self._stop_reason = reason
            call = self._on_stop
        self._jobs.put(None)
        if call is not None:
            call(reason)
