"""`agent-worker token`: a signed token on standard output, for a client, a script or curl."""

import time
from typing import Annotated

import typer

from agent_worker.cli import tokens
from agent_worker.cli.environment import Environment
from agent_worker.cli.output import clear_errors
from agent_worker.errors import ConfigError

__all__ = ["token"]


def token(
    room: Annotated[
        str | None,
        typer.Option(metavar="ROOM", help="The room that it is for; needed but with --admin.", show_default=False),
    ] = None,
    identity: Annotated[str, typer.Option(help="Who its bearer is in the room.")] = "guest",
    name: Annotated[str, typer.Option(help="What the others in the room read.", show_default=False)] = "",
    admin: Annotated[
        bool,
        typer.Option("--admin", help="For ruling rooms over HTTP, not for joining one: all, or --room alone."),
    ] = False,
    agent: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help='The agent that the room gets with its bearer; "" for any. Repeatable, three at most.',
            show_default=False,
        ),
    ] = None,
    ttl: Annotated[str, typer.Option(metavar="DURATION", help="How long it admits: 90s, 15m, 24h at most.")] = "10m",
) -> None:
    """Print a token, signed with AGENT_WORKER_API_KEY and AGENT_WORKER_API_SECRET (a .env file is read, too).

    Without them it is signed with the development key, which servers with --dev take.
    """
    with clear_errors():
        typer.echo(_signed(room, identity, name, admin=admin, agents=tuple(agent or ()), ttl=ttl))


def _signed(room: str | None, identity: str, name: str, *, admin: bool, agents: tuple[str, ...], ttl: str) -> str:
    lifetime = tokens.parse_duration(ttl)
    now = int(time.time())
    key = Environment().key
    if admin:
        if agents or name:
            raise ConfigError("A token with --admin joins no room: leave --agent and --name out, or --admin.")
        return tokens.sign(tokens.admin_claims(identity=identity, room=room, now=now, lifetime=lifetime), key)
    if room is None:
        raise ConfigError("Which room is the token for? Add --room NAME, or --admin for one that rules all rooms.")
    if len(agents) > tokens.MAX_AGENTS:
        raise ConfigError(f"A room takes {tokens.MAX_AGENTS} agents at most: give fewer --agent.")
    claims = tokens.join_claims(room=room, identity=identity, name=name, agents=agents, now=now, lifetime=lifetime)
    return tokens.sign(claims, key)
