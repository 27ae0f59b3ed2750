"""Recognisers in processes of their own: a session's calls -> a local socket -> a thread of the other process.

A decoder holds the interpreter's lock for up to 0.2 s at the end of an utterance: in the process that carries other
sessions' audio it would stop all of them. Here each session gets a recogniser on a thread of one of a few processes;
in there they may wait for each other, and nobody's audio waits for them.
"""

import contextlib
import logging
import multiprocessing
import os
import secrets
import signal
import threading
from collections.abc import Callable
from multiprocessing.connection import Client, Connection, Listener
from multiprocessing.context import ForkServerProcess
from types import TracebackType
from typing import Any, Final, Self

from agent_worker.audio import Samples, from_bytes, to_bytes
from agent_worker.cascade.base import Heard, Recogniser
from agent_worker.errors import SpeechError

log = logging.getLogger(__name__)

BEGIN_SECONDS: Final = 30.0
"""How long a process may take to begin: it imports and waits for a processor like everybody."""
ANSWER_SECONDS: Final = 20.0
"""How long an answer may take; an utterance is given up much earlier."""
END_SECONDS: Final = 2.0
_BACKLOG: Final = 64
_MOST_PROCESSES: Final = 4

Load = Callable[[], Recogniser | None]


class _GoneError(SpeechError):
    """The other process is no more."""


class RecogniserProcesses:
    """A few processes in which recognisers work; they end with the context.

    Args:
        load: Makes a recogniser; called in the other process, so it must be importable by name.
        count: How many processes; None: one for each two processors.

    """

    def __init__(self, load: Load, count: int | None = None) -> None:
        self._load = load
        wanted = (os.cpu_count() or 1) // 2 if count is None else count
        self._hosts: list[_Host | None] = [None] * max(1, min(wanted, _MOST_PROCESSES))
        self._next = 0
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        """Begin the first process, so that nobody waits for it in a conversation."""
        self._hosts[0] = _Host(self._load)
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        """End them all."""
        with self._lock:
            for host in self._hosts:
                if host is not None:
                    host.end()

    def recogniser(self) -> Recogniser:
        """A new recogniser for one session. Blocks for some 50 ms, longer when a process has to begin.

        Raises:
            SpeechError: Its process does not begin, or has no engine.

        """
        with self._lock:
            place = self._next % len(self._hosts)
            self._next += 1
            host = self._hosts[place]
            if host is None:
                host = self._hosts[place] = _Host(self._load)
        try:
            return host.recogniser()
        except _GoneError:
            return self._replaced(place, host).recogniser()

    def _replaced(self, place: int, gone: "_Host") -> "_Host":
        with self._lock:
            host = self._hosts[place]
            if host is None or host is gone:  # of several sessions that notice, one begins the new process
                log.warning("a process of recognisers ended by itself; a new one begins")
                gone.end()
                host = self._hosts[place] = _Host(self._load)
            return host


class RemoteRecogniser:
    """A recogniser in another process; see `Recogniser`.

    Args:
        connection: To the thread where it works.
        name: The engine's name.

    """

    def __init__(self, connection: "Connection[Any, Any]", name: str) -> None:
        self._connection = connection
        self.name = name

    def start(self) -> None:
        """Begin an utterance."""
        self._send("start", None)

    def feed(self, samples: Samples) -> None:
        """Hear more."""
        self._send("feed", to_bytes(samples))

    def partial(self) -> str:
        """The best hypothesis so far."""
        return str(self._ask("partial"))

    def finish(self) -> Heard:
        """End the utterance and say what was heard."""
        heard = self._ask("finish")
        assert isinstance(heard, Heard)
        return heard

    def _send(self, call: str, argument: object) -> None:
        try:
            self._connection.send((call, argument))
        except OSError as error:
            raise SpeechError(f"the process of the recogniser is gone: {error}") from error

    def _ask(self, call: str) -> object:
        self._send(call, None)
        return _received(self._connection)


class _Host:
    """One process, seen from here."""

    def __init__(self, load: Load) -> None:
        context = multiprocessing.get_context("forkserver")
        self._key = secrets.token_bytes(16)
        ours, theirs = context.Pipe()
        self._control = ours
        self._process: ForkServerProcess = context.Process(
            target=_host, args=(theirs, self._key, load), name="recognisers", daemon=True
        )
        self._process.start()
        theirs.close()
        if not ours.poll(BEGIN_SECONDS):
            self.end()
            raise SpeechError(f"a process for recognisers did not begin within {BEGIN_SECONDS:.0f} s")
        try:
            self._address: str = ours.recv()
        except (EOFError, OSError) as error:
            raise SpeechError("a process for recognisers ended at its beginning") from error

    def recogniser(self) -> Recogniser:
        try:
            connection = Client(self._address, authkey=self._key)
        except (OSError, EOFError, multiprocessing.AuthenticationError) as error:
            raise _GoneError(f"the process of the recognisers takes nobody in: {error}") from error
        name = _received(connection)
        if name is None:
            raise SpeechError("there is no recogniser in the other process")
        return RemoteRecogniser(connection, str(name))

    def end(self) -> None:
        # It ends when nobody holds the other end of its pipe.
        self._control.close()
        self._process.join(END_SECONDS)
        if self._process.is_alive():
            self._process.kill()
            self._process.join(END_SECONDS)


def _received(connection: "Connection[Any, Any]") -> object:
    try:
        if not connection.poll(ANSWER_SECONDS):
            raise SpeechError(f"the recogniser did not answer within {ANSWER_SECONDS:.0f} s")
        answer: object = connection.recv()
    except (EOFError, OSError) as error:
        raise _GoneError("the process of the recogniser is gone") from error
    if isinstance(answer, Exception):
        raise SpeechError(f"the recogniser failed: {answer}") from answer
    return answer


# In the other process. -----------------------------------------------------------------------------------------


def _host(control: "Connection[Any, Any]", key: bytes, load: Load) -> None:
    # Ctrl-C reaches the whole group of processes: the server decides when this one ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with Listener(backlog=_BACKLOG, authkey=key) as listener:
        control.send(listener.address)
        threading.Thread(target=_take_in, args=(listener, load), daemon=True).start()
        # Nothing is ever sent: this returns when the server has closed its end, or has died.
        with contextlib.suppress(EOFError, OSError):
            control.recv()


def _take_in(listener: Listener, load: Load) -> None:
    while True:
        try:
            connection = listener.accept()
        except multiprocessing.AuthenticationError:
            continue
        except (OSError, EOFError):
            return
        threading.Thread(target=_serve, args=(connection, load), daemon=True).start()


def _serve(connection: "Connection[Any, Any]", load: Load) -> None:
    """One session's recogniser, until its session is over."""
    with connection, contextlib.suppress(EOFError, OSError):
        try:
            recogniser = load()
        except Exception as error:  # noqa: BLE001 - told to the session, which is in the other process
            connection.send(RuntimeError(str(error)))
            return
        connection.send(recogniser.name if recogniser is not None else None)
        while recogniser is not None:
            call, argument = connection.recv()
            try:
                answer = _call(recogniser, call, argument)
            except Exception as error:  # noqa: BLE001 - whatever an engine raises ends its session's recogniser
                connection.send(RuntimeError(str(error)))
                return
            if answer is not None:
                connection.send(answer)


def _call(recogniser: Recogniser, call: str, argument: bytes | None) -> Heard | str | None:
    match call:
        case "start":
            recogniser.start()
        case "feed":
            recogniser.feed(from_bytes(argument or b""))
        case "partial":
            return recogniser.partial()
        case _:
            return recogniser.finish()
    return None
