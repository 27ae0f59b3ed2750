"""`python -m signaling`: reads the command line and the environment, listens, and stops gracefully."""

import asyncio
import contextlib
import logging
import signal
import socket
from collections.abc import Callable, Generator
from enum import StrEnum
from typing import Annotated, Final

import typer
import uvicorn
from fastapi import FastAPI
from pydantic_settings import BaseSettings, SettingsConfigDict

from signaling.ice import IceSettings
from signaling.members import RoomSettings
from signaling.messages import MAX_FRAME_BYTES
from signaling.server import create_app, say_goodbye
from signaling.settings import Settings, SettingsError

PING_INTERVAL: Final = 5.0
PING_TIMEOUT: Final = 10.0
GOODBYE_TIMEOUT: Final = 2.0
# Where the system has it, TCP gives up on a peer that takes nothing; else its socket would stay for many minutes.
UNACKNOWLEDGED_MS: Final = 30_000


class LogLevel(StrEnum):
    """How much to log."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class Environment(BaseSettings):
    """What comes from the environment or a .env file: secrets, which have no place on a command line."""

    model_config = SettingsConfigDict(env_prefix="AGENT_WORKER_", env_file=".env", extra="ignore")

    api_key: str = ""
    api_secret: str = ""
    turn_secret: str = ""

    def keys(self) -> dict[str, str]:
        """Secret by key id.

        Raises:
            SettingsError: One of the two is missing.
        """
        if bool(self.api_key) != bool(self.api_secret):
            raise SettingsError("set both AGENT_WORKER_API_KEY and AGENT_WORKER_API_SECRET, or neither.")
        return {self.api_key: self.api_secret} if self.api_key else {}


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


class Server(uvicorn.Server):
    """uvicorn that says when it listens, and whose signals are ours: participants hear a good-bye first.

    Args:
        app: What is served.
        announce: Called with the address once requests are answered.
    """

    def __init__(self, app: FastAPI, announce: Callable[[str], None]) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                http="h11",
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
        self._app = app
        self._announce = announce

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        """Leave signals alone: `run_until_stopped` has them."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to listen."""
        await super().startup(sockets)
        host, port = self.servers[0].sockets[0].getsockname()[:2]
        self._announce(f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/")

    async def run_until_stopped(self, listener: socket.socket) -> None:
        """Serve until SIGTERM or SIGINT; a second one does not wait for anybody."""
        loop = asyncio.get_running_loop()
        stopping = asyncio.Event()

        def stop() -> None:
            self.force_exit = stopping.is_set()
            stopping.set()

        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop)
        async with asyncio.TaskGroup() as group:
            group.create_task(self.serve(sockets=[listener]))
            await stopping.wait()
            await say_goodbye(self._app, GOODBYE_TIMEOUT)
            self.should_exit = True


def main(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on; 0 takes a free one.")] = 8080,
    dev: Annotated[
        bool, typer.Option("--dev", help="Give tokens to anybody on this machine, and every room the agent.")
    ] = False,
    insecure_dev_on_network: Annotated[
        bool, typer.Option("--insecure-dev-on-network", help="Allow --dev on an address that others reach.")
    ] = False,
    auto_dispatch: Annotated[
        bool | None,
        typer.Option(help="Give each room an agent with its first human, whose token names none. [default: --dev]"),
    ] = None,
    lan: Annotated[
        bool, typer.Option("--lan", help="Let agents connect to private addresses, as within one company.")
    ] = False,
    allow_origin: Annotated[
        list[str] | None,
        typer.Option(help="Another web origin that may talk to us, such as https://www.example.org. Repeatable."),
    ] = None,
    stun_url: Annotated[
        list[str] | None, typer.Option(help="STUN server for participants, such as stun:host:3478. Repeatable.")
    ] = None,
    turn_url: Annotated[
        list[str] | None,
        typer.Option(help="TURN server, such as turn:host:3478?transport=udp; the UDP one first. Repeatable."),
    ] = None,
    relay_only: Annotated[
        bool, typer.Option("--relay-only", help="All sound goes through the TURN server, and no other way.")
    ] = False,
    empty_timeout: Annotated[
        float, typer.Option(min=0, help="Seconds until a room closes that no human ever joined.")
    ] = 300.0,
    departure_timeout: Annotated[
        float, typer.Option(min=0, help="Seconds until a room closes after its last human left.")
    ] = 20.0,
    reconnect_timeout: Annotated[
        float, typer.Option(min=0, help="Seconds that a participant whose connection was lost stays in the room.")
    ] = 20.0,
    log_level: Annotated[LogLevel, typer.Option(help="How much to log, to standard error.")] = LogLevel.INFO,
) -> None:
    """The room server of a voice agent: browsers, other clients and workers meet here.

    Secrets come from the environment or a .env file: AGENT_WORKER_API_KEY and AGENT_WORKER_API_SECRET sign and verify
    tokens (--dev works without), AGENT_WORKER_TURN_SECRET is the static-auth-secret of the TURN server.
    """
    logging.basicConfig(level=log_level.value.upper(), format="%(asctime)s %(levelname)-7s %(name)s %(message)s")
    try:
        environment = Environment()
        settings = Settings(
            host=host,
            port=port,
            dev=dev,
            insecure_dev_on_network=insecure_dev_on_network,
            lan=lan,
            automatic_dispatch=auto_dispatch,
            keys=environment.keys(),
            allowed_origins=tuple(allow_origin or ()),
            ice=IceSettings(
                stun_urls=tuple(stun_url or ()),
                turn_urls=tuple(turn_url or ()),
                turn_secret=environment.turn_secret,
                relay_only=relay_only,
            ),
            rooms=RoomSettings(
                empty_timeout=empty_timeout, departure_timeout=departure_timeout, reconnect_timeout=reconnect_timeout
            ),
        )
        application = create_app(settings)
        listener = listen(host, port)
    except SettingsError as exc:
        typer.echo(f"signaling: {exc}", err=True)
        raise typer.Exit(2) from exc
    except OSError as exc:
        typer.echo(f"signaling: cannot listen on {host}:{port}: {exc.strerror}. Try another --port.", err=True)
        raise typer.Exit(1) from exc
    mode = " (development: anybody on this machine gets a token)" if dev else ""
    server = Server(application, lambda url: typer.echo(f"signaling is ready on {url}{mode}"))
    asyncio.run(server.run_until_stopped(listener))


app = typer.Typer(add_completion=False)
app.command()(main)

if __name__ == "__main__":
    app(prog_name="python -m signaling")
