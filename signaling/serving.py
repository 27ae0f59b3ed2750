"""The sockets that we listen on, and uvicorn the way we want it: patient for a while, and polite at the end."""

import asyncio
import contextlib
import signal
import socket
from collections.abc import Callable, Generator, Mapping
from typing import ClassVar, Final

import h11
import uvicorn
from fastapi import FastAPI
from starlette.applications import Starlette
from uvicorn.protocols.http.h11_impl import H11Protocol

from signaling.messages import MAX_FRAME_BYTES
from signaling.server import say_goodbye
from signaling.settings import Settings

PING_INTERVAL: Final = 5.0
PING_TIMEOUT: Final = 10.0
GOODBYE_TIMEOUT: Final = 2.0
# Where the system has it, TCP gives up on a peer that takes nothing; else its socket would stay for many minutes.
UNACKNOWLEDGED_MS: Final = 30_000


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 takes a free one.

    Raises:
        OSError: The address is taken, or not ours.
    """
    family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNACKNOWLEDGED_MS)
        listener.bind(address)
    except OSError:
        listener.close()
        raise
    return listener


class PatientProtocol(H11Protocol):
    """HTTP of a peer that must say what it wants in time.

    uvicorn waits for ever for the first request, and for a head that comes byte by byte (Slowloris).
    """

    request_timeout: ClassVar[float] = 10.0
    """Seconds for the head of a request to be complete."""
    _alarm: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:
        """Begin to wait for a request."""
        super().connection_made(transport)
        self._watch()

    def data_received(self, data: bytes) -> None:
        """Go on waiting, unless the request is complete by this."""
        super().data_received(data)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no more."""
        super().connection_lost(exc)
        self._unwatch()

    def _watch(self) -> None:
        is_waiting = self.conn.their_state is h11.IDLE
        if not is_waiting:
            self._unwatch()
        elif self._alarm is None:
            self._alarm = self.loop.call_later(self.request_timeout, self._give_up)

    def _unwatch(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None

    def _give_up(self) -> None:
        self._alarm = None
        if self.conn.their_state is h11.IDLE and not self.transport.is_closing():
            self.transport.close()


class Server(uvicorn.Server):
    """uvicorn that says when it listens, and whose signals are ours: participants hear a good-bye first.

    Args:
        app: What is served.
        announce: Called with the address once requests are answered.
        settings: Whether we end TLS, and with which certificate.

    Raises:
        OSError: The certificate or its key cannot be read, or do not belong together (ssl.SSLError).
    """

    def __init__(self, app: Starlette, announce: Callable[[str], None], settings: Settings) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                http=PatientProtocol,
                ssl_certfile=settings.tls_cert or None,
                ssl_keyfile=settings.tls_key or None,
                loop="asyncio",
                lifespan="on",
                ws="websockets-sansio",
                ws_max_size=MAX_FRAME_BYTES,
                ws_per_message_deflate=False,
                ws_ping_interval=PING_INTERVAL,
                ws_ping_timeout=PING_TIMEOUT,
                access_log=False,
                log_config=None,
                log_level="warning",
                server_header=False,
                proxy_headers=False,
                timeout_graceful_shutdown=3,
            )
        )
        self._announce = announce
        self._scheme = "https" if settings.tls_cert else "http"
        self.config.load()

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        """Leave signals alone: `run_until_stopped` has them."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to listen."""
        await super().startup(sockets)
        host, port = self.servers[0].sockets[0].getsockname()[:2]
        self._announce(f"{self._scheme}://[{host}]:{port}/" if ":" in host else f"{self._scheme}://{host}:{port}/")


async def serve(servers: Mapping[Server, socket.socket], app: FastAPI) -> None:
    """Serve until SIGTERM or SIGINT; a second one does not wait for anybody.

    Args:
        servers: Each with the socket that it listens on.
        app: The one whose participants hear a good-bye.
    """
    loop = asyncio.get_running_loop()
    stopping = asyncio.Event()

    def stop() -> None:
        for server in servers:
            server.force_exit = stopping.is_set()
        stopping.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop)
    async with asyncio.TaskGroup() as group:
        for server, listener in servers.items():
            group.create_task(server.serve(sockets=[listener]))
        await stopping.wait()
        await say_goodbye(app, GOODBYE_TIMEOUT)
        for server in servers:
            server.should_exit = True
