"""Tokens that the commands sign: who somebody is, where they may go, what they may do there. Pure but for the key.

The claims are those of docs/signaling.md; the server is the judge of them.
"""

import re
import secrets
from dataclasses import dataclass, field
from typing import Any, Final

import jwt

from agent_worker.errors import ConfigError
from signaling.messages import TOKEN_ALGORITHM, TOKEN_AUDIENCE

__all__ = [
    "MAX_AGENTS",
    "MAX_LIFETIME",
    "Key",
    "admin_claims",
    "check_name",
    "join_claims",
    "observer_claims",
    "parse_duration",
    "sign",
]

MAX_LIFETIME: Final = 24 * 3600
"""Seconds; the server refuses a token that lives longer."""
MIN_SECRET_BYTES: Final = 32
MAX_AGENTS: Final = 3
"""That a token may bring to a room."""
_NAME: Final = re.compile(r"[A-Za-z0-9._:@-]{1,128}")
_DURATION: Final = re.compile(r"(\d{1,6})([smh]?)")
_UNITS: Final = {"": 1, "s": 1, "m": 60, "h": 3600}


@dataclass(frozen=True, slots=True)
class Key:
    """An API key of the signaling server.

    Attributes:
        name: Its id, which becomes `iss`.
        secret: What signs.
    """

    name: str
    secret: str = field(repr=False)


def join_claims(
    *,
    room: str,
    identity: str,
    now: int,
    lifetime: int,
    name: str = "",
    agents: tuple[str, ...] = (),
    is_moderator: bool = False,
) -> dict[str, Any]:
    """What admits a human to a room.

    Args:
        room: The room.
        identity: Who they are there.
        now: Unix seconds.
        lifetime: Seconds.
        name: What the others read.
        agents: The agents that the room gets with them, by name; "" is any.
        is_moderator: They may mute and remove others.

    Raises:
        ConfigError: A name is none that the server takes.
    """
    check_name(room, "room")
    claims = _claims(check_name(identity, "identity"), now, lifetime) | {"room": room}
    claims["grants"] = {"join": True, "admin": True} if is_moderator else {"join": True}
    if name:
        claims["name"] = name
    if agents:
        claims["agent"] = list(agents)
    return claims


def observer_claims(*, room: str, now: int, lifetime: int) -> dict[str, Any]:
    """What admits somebody to a room of whom nobody there is told."""
    claims = _claims(f"observer-{secrets.token_hex(6)}", now, lifetime)
    return claims | {"room": check_name(room, "room"), "grants": {"join": True, "hidden": True}}


def admin_claims(*, identity: str, now: int, lifetime: int, room: str | None = None) -> dict[str, Any]:
    """What rules all rooms, or one, over HTTP.

    Raises:
        ConfigError: A name is none that the server takes.
    """
    claims = _claims(check_name(identity, "identity"), now, lifetime)
    claims["grants"] = {"admin": True, "create": True, "dispatch": [""]}
    if room is not None:
        claims["room"] = check_name(room, "room")
    return claims


def sign(claims: dict[str, Any], key: Key) -> str:
    """The token.

    Raises:
        ConfigError: The secret is too short for any server to take.
    """
    if len(key.secret.encode()) < MIN_SECRET_BYTES:
        raise ConfigError(
            f"AGENT_WORKER_API_SECRET is shorter than {MIN_SECRET_BYTES} bytes, which no signaling server takes. Make"
            " one, such as the output of: openssl rand -base64 48; and give it to both."
        )
    return jwt.encode({"iss": key.name, **claims}, key.secret, algorithm=TOKEN_ALGORITHM)


def check_name(name: str, what: str) -> str:
    """The name of a room or a participant, as the wire takes it.

    Raises:
        ConfigError: It is none.
    """
    if _NAME.fullmatch(name) is None:
        raise ConfigError(
            f"{name!r} cannot name {'an' if what[0] in 'aeiou' else 'a'} {what}: use 1 to 128 letters, digits and any"
            " of . _ : @ -"
        )
    return name


def parse_duration(text: str) -> int:
    """Seconds of "90", "90s", "15m" or "2h".

    Raises:
        ConfigError: It is no duration, or longer than a token may live.
    """
    found = _DURATION.fullmatch(text.strip())
    seconds = int(found.group(1)) * _UNITS[found.group(2)] if found else 0
    if not 0 < seconds <= MAX_LIFETIME:
        raise ConfigError(f"{text!r} is no life of a token: write it like 90s, 15m or 2h; 24h is the longest.")
    return seconds


def _claims(identity: str, now: int, lifetime: int) -> dict[str, Any]:
    return {"sub": identity, "aud": TOKEN_AUDIENCE, "iat": now, "exp": now + lifetime}
