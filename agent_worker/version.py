"""Which version of this package runs: said to the signaling server and in log lines."""

from functools import cache
from importlib import metadata

__all__ = ["own_version"]


@cache
def own_version() -> str:
    """As its installation says; "" in a checkout that was never installed."""
    try:
        return metadata.version("agent-worker")
    except metadata.PackageNotFoundError:
        return ""
