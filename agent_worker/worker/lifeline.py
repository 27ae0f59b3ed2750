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
"""Seconds that a process whose supervisor is gone has for leaving its rooms."""


class Lifeline:
    """Reads the pipe from the moment it is made, for as long as the process lives.

    Args:
        channel: One end of a stream socket pair; the supervisor holds the only other one.
    """

    def __init__(self, channel: socket.socket) -> None:
        self._channel = channel
        self._lock = threading.Lock()
        # Bounded by the supervisor, which sends one start and one stop for each of a process's places.
        self._inbox: queue.SimpleQueue[ToProcess] = queue.SimpleQueue()
        self._tell: Callable[[ToProcess], None] = self._inbox.put
        threading.Thread(target=self._watch, name="lifeline", daemon=True).start()

    def send(self, message: ToSupervisor) -> None:
        """Tell the supervisor. One that is gone is not told: the watching thread acts on that."""
        try:
            self._channel.sendall(encode(message))
        except OSError:
            logger.debug("nobody is left to be told of %s", message.t)

    def wait_for_job(self) -> Start | None:
        """Block until there is a first job; None when there will be none."""
        while True:
            message = self._inbox.get()
            if isinstance(message, Start):
                return message
            if isinstance(message, Stop):
                return None

    def follow(self, tell: Callable[[ToProcess], None]) -> None:
        """Call this with whatever else comes, from another thread; what has come already comes first."""
        with self._lock:
            while not self._inbox.empty():
                tell(self._inbox.get())
            self._tell = tell

    def _watch(self) -> None:
        try:
            self._read()
        except (OSError, ProtocolError) as error:
            logger.error("the pipe to the supervisor broke: %s", error)
        self._receive(Stop(reason="the worker's supervisor is gone"))
        time.sleep(LAST_GRACE)
        logger.error("did not end within %s s after its supervisor: exiting at once", LAST_GRACE)
        os._exit(1)

    def _read(self) -> None:
        lines = Lines()
        while data := self._channel.recv(4096):
            for line in lines.feed(data):
                self._receive(decode_for_process(line))

    def _receive(self, message: ToProcess) -> None:
        with self._lock:
            self._tell(message)
