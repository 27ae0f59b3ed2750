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
    moderator: Annotated[
        bool,
        typer.Option("--moderator", help="Its bearer may mute and remove others in the room, on the page too."),
    ] = False,
    agent: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help='The agent that the room gets with its bearer; "" for any. Repeatable, three at most.',
            show_default=False,
        ),
    ] = None,
    link: Annotated[
        str | None,
        typer.Option(metavar="URL", help="Print a link to the page at this address that joins.", show_default=False),
    ] = None,
    ttl: Annotated[str, typer.Option(metavar="DURATION", help="How long it admits: 90s, 15m, 24h at most.")] = "10m",
) -> None:
    """Print a token, signed with AGENT_WORKER_API_KEY and AGENT_WORKER_API_SECRET (a .env file is read, too).

    Without them it is signed with the development key, which servers with --dev take.
    """
    with clear_errors():
        if admin:
            if agent or name or moderator or link:
                raise ConfigError(
                    "A token with --admin joins no room: it has no --agent, --name, --moderator or --link."
                )
            typer.echo(_ruling(room, identity, tokens.parse_duration(ttl)))
            return
        signed = _joining(
            room,
            identity,
            name,
            agents=tuple(agent or ()),
            lifetime=tokens.parse_duration(ttl),
            is_moderator=moderator,
        )
        typer.echo(signed if link is None else _page_of(link, signed))


def _ruling(room: str | None, identity: str, lifetime: int) -> str:
    claims = tokens.admin_claims(identity=identity, room=room, now=int(time.time()), lifetime=lifetime)
    return tokens.sign(claims, Environment().key)


def _joining(
    room: str | None, identity: str, name: str, *, agents: tuple[str, ...], lifetime: int, is_moderator: bool
) -> str:
    if room is None:
        raise ConfigError("Which room is the token for? Add --room NAME, or --admin for one that rules all rooms.")
    if len(agents) > tokens.MAX_AGENTS:
        raise ConfigError(f"A room takes {tokens.MAX_AGENTS} agents at most: give fewer --agent.")
    claims = tokens.join_claims(
        room=room,
        identity=identity,
        name=name,
        agents=agents,
        now=int(time.time()),
        lifetime=lifetime,
        is_moderator=is_moderator,
    )
    return tokens.sign(claims, Environment().key)


def _page_of(address: str, signed: str) -> str:
    """The page with the token behind the #, which browsers keep to themselves."""
    if not address.startswith(("http://", "https://")):
        raise ConfigError(f"--link {address!r} is no page's address: write it like https://voice.example.org/.")
    return f"{address.partition('#')[0].rstrip('/')}/?autojoin=1#token={signed}"
