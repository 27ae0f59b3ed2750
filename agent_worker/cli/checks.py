"""What a machine needs for talking to an agent, looked at one by one: each check gives findings in words."""

import importlib.metadata
import importlib.util
import socket
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from agent_worker.errors import ConfigError

__all__ = [
    "Finding",
    "Verdict",
    "check_engines",
    "check_opus",
    "check_packages",
    "check_port",
    "check_python",
    "check_vad",
]

NEEDED_PYTHON: Final = (3, 11)
PACKAGES: Final = {
    "aiortc": "aiortc",
    "av": "av",
    "httpx": "httpx",
    "fastapi": "fastapi",
    "numpy": "numpy",
    "onnxruntime": "onnxruntime",
    "pydantic": "pydantic",
    "pydantic_settings": "pydantic-settings",
    "jwt": "PyJWT",
    "typer": "typer",
    "rich": "rich",
    "uvicorn": "uvicorn",
    "watchfiles": "watchfiles",
    "websockets": "websockets",
}
"""The package to import, and what installs it."""


class Verdict(Enum):
    """What a finding means."""

    FINE = auto()
    LESS = auto()
    """Something works less well, or only with another setting."""
    MISSING = auto()
    """Without it nothing works."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        what: Its name.
        verdict: Whether it is there.
        found: What was found, in a few words.
        advice: What to do, as exactly as possible; "" when nothing is to be done.
    """

    what: str
    verdict: Verdict
    found: str
    advice: str = ""


def check_python() -> Finding:
    """The Python that runs this."""
    version = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info >= NEEDED_PYTHON:
        return Finding(what="Python", verdict=Verdict.FINE, found=version)
    needed = ".".join(map(str, NEEDED_PYTHON))
    return Finding(what="Python", verdict=Verdict.MISSING, found=version, advice=f"install Python {needed} or newer")


def check_packages() -> Finding:
    """What pip should have installed."""
    missing = [package for module, package in PACKAGES.items() if importlib.util.find_spec(module) is None]
    if missing:
        return Finding(
            what="Packages",
            verdict=Verdict.MISSING,
            found=f"missing: {', '.join(missing)}",
            advice=f"{sys.executable} -m pip install {' '.join(missing)}",
        )
    versions = [f"{name} {importlib.metadata.version(name)}" for name in ("aiortc", "av", "onnxruntime")]
    return Finding(what="Packages", verdict=Verdict.FINE, found=", ".join(versions))


def check_vad() -> Finding:
    """The model that hears whether somebody speaks: its file, and that it can be loaded."""
    what = "Voice activity model"
    try:
        from agent_worker.vad import silero

        silero.load_session()
        return Finding(what=what, verdict=Verdict.FINE, found=f"Silero, {silero.model_path().name}")
    except (ConfigError, ImportError) as error:
        found, _, advice = str(error).partition("Install it ")
        return Finding(
            what=what, verdict=Verdict.MISSING, found=found.strip(), advice=f"install it {advice}" if advice else ""
        )


def check_opus() -> Finding:
    """The codec of every sound on the wire."""
    from agent_worker.media import libopus

    try:
        libopus.load()
    except ConfigError as error:
        found, _, advice = str(error).partition(" Install ")
        return Finding(what="Opus codec", verdict=Verdict.MISSING, found=found, advice=f"install {advice}")
    return Finding(what="Opus codec", verdict=Verdict.FINE, found="libopus")


def check_engines() -> Iterator[Finding]:
    """The local model's speech engines. One of each kind is enough; without any of a kind it does what it can."""
    from agent_worker.cascade.base import EngineKind
    from agent_worker.cascade.engines import available

    engines = available()
    for kind, what in ((EngineKind.SYNTHESIS, "Speech synthesis"), (EngineKind.RECOGNITION, "Speech recognition")):
        has_one = any(engine.ok for engine in engines if engine.kind is kind)
        for engine in (engine for engine in engines if engine.kind is kind):
            found, _, advice = engine.detail.partition("; to have it: ")
            if engine.ok:
                verdict = Verdict.FINE
            else:
                verdict, found = Verdict.LESS, f"not used{' (another one is)' if has_one else ''}: {found}"
            yield Finding(what=f"{what}: {engine.name}", verdict=verdict, found=found, advice=advice)


def check_port(port: int, what: str, option: str) -> Finding:
    """Whether a port of this machine can be listened on.

    Args:
        port: It.
        what: What wants it.
        option: How another one is given, such as "--port".
    """
    title = f"Port {port} ({what})"
    with socket.socket() as probe:
        # As servers do: a port whose last connections are closing is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            return Finding(
                what=title,
                verdict=Verdict.LESS,
                found=f"taken: {error.strerror}",
                advice=f"end the program that has it, or choose another one: {option} {port + 1}",
            )
    return Finding(what=title, verdict=Verdict.FINE, found="free")
