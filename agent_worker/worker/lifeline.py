"""A room process's end of the pipe to its supervisor: jobs and stops come in by it, and its end ends the process.

A thread reads it, so that it works while the event loop hangs in somebody's blocking call; another one writes, so
that a supervisor that takes nothing holds up no conversation.
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
    Ping,
    Pong,
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
FLUSH_SECONDS: Final = 2.0
"""For the last words to be taken, when the process ends."""
MAX_WAITING: Final = 64
"""Messages that wait for the supervisor; above it nothing is sent that can be said later."""


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
        # A few messages for each job; what may be many asks `is_crowded` first.
        self._outbox: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._asked_at: dict[int, float] = {}
        threading.Thread(target=self._watch, name="lifeline", daemon=True).start()
        self._writer = threading.Thread(target=self._write, name="lifeline writer", daemon=True)
        self._writer.start()

    @property
    def is_crowded(self) -> bool:
        """Whether the supervisor takes nothing at present."""
        return self._outbox.qsize() > MAX_WAITING

    def send(self, message: ToSupervisor) -> None:
        """Tell the supervisor. One that is gone is not told: the watching thread acts on that.

        Raises:
            ProtocolError: It is too long.
        """
        self._outbox.put(encode(message))

    def answer(self, ping: Ping) -> None:
        """We are alive. To be called by what is to be alive, and not by the thread that reads."""
        lag = time.monotonic() - self._asked_at.pop(ping.number)
        self.send(Pong(number=ping.number, lag=lag))

    def flush(self) -> None:
        """Wait until the last word is said; nothing can be said after it."""
        self._outbox.put(None)
        self._writer.join(FLUSH_SECONDS)

    def wait_for_job(self) -> Start | None:
        """Block until there is a first job; None when there will be none."""
        while True:
            message = self._inbox.get()
            if isinstance(message, Start):
                return message
            if isinstance(message, Stop):
                return None
            if isinstance(message, Ping):
                self.answer(message)

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

    def _write(self) -> None:
        while (line := self._outbox.get()) is not None:
            try:
                self._channel.sendall(line)
            except OSError:
                logger.debug("nobody is left to be told anything")
                return

    def _receive(self, message: ToProcess) -> None:
        if isinstance(message, Ping):
            self._asked_at[message.number] = time.monotonic()
        with self._lock:
            self._tell(message)
