"""`python -m signaling`: reads the command line and the environment, listens, and stops gracefully."""

import asyncio
import logging
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from pydantic_settings import BaseSettings, SettingsConfigDict
from starlette.applications import Starlette

from signaling.ice import IceSettings
from signaling.keys import KeysError, parse_keys
from signaling.limits import SocketSettings
from signaling.members import RoomSettings
from signaling.server import create_app
from signaling.serving import Server, listen, serve
from signaling.settings import Settings, SettingsError
from signaling.webhooks import WebhookSettings

logger = logging.getLogger(__name__)


class LogLevel(StrEnum):
    """How much to log."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class Environment(BaseSettings):
    """What comes from the environment or a .env file: secrets, which have no place on a command line.

    Each may lie in a file instead, as containers and systemd have it: then its variable ends in _FILE.
    """

    model_config = SettingsConfigDict(env_prefix="AGENT_WORKER_", env_file=".env", extra="ignore")

    api_key: str = ""
    api_secret: str = ""
    api_secret_file: str = ""
    api_keys: str = ""
    api_keys_file: str = ""
    turn_secret: str = ""
    turn_secret_file: str = ""

    def keys(self) -> dict[str, str]:
        """Secret by key id; the one of AGENT_WORKER_API_KEY first.

        Raises:
            SettingsError: One of the two is missing, or keys cannot be read.
        """
        secret = _secret("API_SECRET", self.api_secret, self.api_secret_file)
        if bool(self.api_key) != bool(secret):
            raise SettingsError("set both AGENT_WORKER_API_KEY and AGENT_WORKER_API_SECRET, or neither.")
        try:
            more = parse_keys(_secret("API_KEYS", self.api_keys, self.api_keys_file))
        except KeysError as exc:
            raise SettingsError(f"AGENT_WORKER_API_KEYS: {exc}") from exc
        return ({self.api_key: secret} if self.api_key else {}) | more

    def turn(self) -> str:
        """The secret of the TURN server, or "".

        Raises:
            SettingsError: Its file cannot be read.
        """
        return _secret("TURN_SECRET", self.turn_secret, self.turn_secret_file)


def _secret(name: str, value: str, file: str) -> str:
    if value and file:
        raise SettingsError(f"set AGENT_WORKER_{name} or AGENT_WORKER_{name}_FILE, not both.")
    if not file:
        return value
    try:
        return Path(file).read_text().strip()
    except (OSError, UnicodeDecodeError) as exc:
        raise SettingsError(f"AGENT_WORKER_{name}_FILE: {file} cannot be read ({type(exc).__name__}).") from exc


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
    public_url: Annotated[
        str, typer.Option(help="Where browsers reach us behind a proxy, such as https://voice.example.org.")
    ] = "",
    trusted_proxy: Annotated[
        list[str] | None,
        typer.Option(
            help="Address or network of a proxy whose X-Forwarded-For and -Proto are believed, such as 127.0.0.1."
            " Repeatable."
        ),
    ] = None,
    tls_cert: Annotated[str, typer.Option(help="File with our certificate chain: serve https and wss.")] = "",
    tls_key: Annotated[str, typer.Option(help="File with its private key.")] = "",
    joins_per_minute: Annotated[
        float | None,
        typer.Option(min=1, help="Joins from one address, agents aside. [default: 20, with --dev any number]"),
    ] = None,
    sockets_per_address: Annotated[int, typer.Option(min=1, help="Open sockets from one address.")] = 200,
    max_participants: Annotated[int, typer.Option(min=2, help="Participants in one room, agents included.")] = 16,
    max_rooms: Annotated[int, typer.Option(min=1, help="Rooms open at once.")] = 1000,
    max_rooms_per_key: Annotated[
        int | None,
        typer.Option(
            min=1, help="Rooms opened with tokens of one API key. [default: half of --max-rooms with several keys]"
        ),
    ] = None,
    metrics_host: Annotated[str, typer.Option(help="Address to serve metrics on.")] = "127.0.0.1",
    metrics_port: Annotated[
        int | None,
        typer.Option(min=0, max=65535, help="Serve /metrics (Prometheus), /healthz and /readyz on this port, too."),
    ] = None,
    webhook_url: Annotated[
        list[str] | None,
        typer.Option(help="Tell this address of rooms, participants and jobs, by signed POSTs. Repeatable."),
    ] = None,
    webhook_allow_private: Annotated[
        bool, typer.Option("--webhook-allow-private", help="Webhooks may go to private addresses, and without TLS.")
    ] = False,
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
    strict_expiry: Annotated[
        bool,
        typer.Option(
            "--strict-expiry",
            help="Let nobody stay a minute after the token expired, unless a newer one is shown; and push none.",
        ),
    ] = False,
    log_level: Annotated[LogLevel, typer.Option(help="How much to log, to standard error.")] = LogLevel.INFO,
) -> None:
    """The room server of a voice agent: browsers, other clients and workers meet here.

    Secrets come from the environment or a .env file: AGENT_WORKER_API_KEY and AGENT_WORKER_API_SECRET sign and verify
    tokens (--dev works without), AGENT_WORKER_API_KEYS holds further keys as "id: secret", one a line,
    AGENT_WORKER_TURN_SECRET is the static-auth-secret of the TURN server. With _FILE behind its name each of these
    secrets comes from a file.
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
            public_url=public_url,
            trusted_proxies=tuple(trusted_proxy or ()),
            tls_cert=tls_cert,
            tls_key=tls_key,
            metrics_host=metrics_host,
            metrics_port=metrics_port,
            webhooks=WebhookSettings(urls=tuple(webhook_url or ()), allow_private=webhook_allow_private),
            ice=IceSettings(
                stun_urls=tuple(stun_url or ()),
                turn_urls=tuple(turn_url or ()),
                turn_secret=environment.turn(),
                relay_only=relay_only,
            ),
            rooms=RoomSettings(
                empty_timeout=empty_timeout,
                departure_timeout=departure_timeout,
                reconnect_timeout=reconnect_timeout,
                max_participants=max_participants,
                max_rooms=max_rooms,
                max_rooms_per_key=max_rooms_per_key,
                strict_expiry=strict_expiry,
            ),
            sockets=SocketSettings(joins_per_minute=joins_per_minute, sockets_per_address=sockets_per_address),
        )
        application = create_app(settings)
        mode = " (development: anybody on this machine gets a token)" if dev else ""
        servers = {
            _server(application, settings, lambda url: typer.echo(f"signaling is ready on {url}{mode}")): listen(
                host, port
            )
        }
        if metrics_port is not None:
            port = metrics_port
            metrics = _server(
                application.state.metrics,
                settings.for_metrics(),
                lambda url: logger.info("metrics on %smetrics", url),
            )
            servers[metrics] = listen(metrics_host, metrics_port)
    except SettingsError as exc:
        typer.echo(f"signaling: {exc}", err=True)
        raise typer.Exit(2) from exc
    except OSError as exc:
        typer.echo(f"signaling: cannot listen on {host}:{port}: {exc.strerror}. Try another --port.", err=True)
        raise typer.Exit(1) from exc
    asyncio.run(serve(servers, application))


def _server(application: Starlette, settings: Settings, announce: Callable[[str], None]) -> Server:
    try:
        return Server(application, announce, settings)
    except OSError as exc:
        why = exc.strerror or type(exc).__name__
        raise SettingsError(f"--tls-cert and --tls-key cannot be used: {why}.") from exc


app = typer.Typer(add_completion=False)
app.command()(main)

if __name__ == "__main__":
    app(prog_name="python -m signaling")
