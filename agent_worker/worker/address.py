"""Addresses of a signaling server as people write them, and as sockets want them. Pure."""

import ipaddress
from urllib.parse import SplitResult, urlsplit, urlunsplit

from agent_worker.errors import ConfigError

__all__ = ["endpoint", "is_loopback"]

_SCHEMES = {"http": "ws", "https": "wss", "ws": "ws", "wss": "wss"}


def endpoint(url: str, path: str) -> str:
    """The WebSocket address of one of the server's paths; the server may itself live below a path.

    Args:
        url: http://, https://, ws:// or wss:// address of the server.
        path: Such as "/v1/worker".

    Raises:
        ConfigError: It is no such address.
    """
    parts = _split(url)
    return urlunsplit((_SCHEMES[parts.scheme], parts.netloc, parts.path.rstrip("/") + path, "", ""))


def is_loopback(url: str) -> bool:
    """Whether the server is on this machine.

    Raises:
        ConfigError: It is no address of a server.
    """
    host = _split(url).hostname or ""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url.strip())
        if parts.scheme in _SCHEMES and parts.hostname and parts.port != 0:
            return parts
    except ValueError:
        pass
    raise ConfigError(f"{url!r} is no address of a server: write it like ws://127.0.0.1:8080.")
