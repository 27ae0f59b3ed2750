"""Which speech engines this machine has: the way in to the cascade's engines, for the local model and for `doctor`.

Each engine is optional. A missing one is no error here: it is left out, and `available` says how to install it.
"""

import logging
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib import import_module, metadata
from typing import Final, Generic, TypeVar

from agent_worker.cascade.base import Engine, EngineKind, Recogniser, Synthesiser
from agent_worker.errors import ConfigError

log = logging.getLogger(__name__)

Made = TypeVar("Made")

_loading = threading.Lock()
"""Two threads that ask for the same engine first must not load it twice: the C libraries are global."""

_MISSING: Final = (ImportError, OSError, RuntimeError)
"""What loading raises without the package, without the library, or with a model that cannot be read."""


@dataclass(frozen=True, slots=True)
class _Choice(Generic[Made]):
    """An engine that may be here. Its module is imported when it is asked for: that needs the engine's package."""

    name: str
    load: Callable[[], Made]
    install: str
    """The command that installs what it needs."""

    def loaded(self) -> Made:
        with _loading:
            return self.load()


def _flite() -> Synthesiser:
    return import_module("agent_worker.cascade.flite").load()


def _espeak() -> Synthesiser:
    return import_module("agent_worker.cascade.espeak").load()


def _pocketsphinx() -> Recogniser:
    return import_module("agent_worker.cascade.pocketsphinx").load()


_SYNTHESISERS: Final[tuple[_Choice[Synthesiser], ...]] = (
    _Choice("flite", _flite, "apt-get install flite"),
    _Choice("espeak", _espeak, "pip install espeakng-loader"),
)
"""The one that sounds best first."""
_RECOGNISERS: Final[tuple[_Choice[Recogniser], ...]] = (
    _Choice("pocketsphinx", _pocketsphinx, 'pip install --only-binary=pocketsphinx "pocketsphinx>=5.0.4"'),
)


def synthesiser(prefer: str | None = None) -> Synthesiser | None:
    """The process's synthesiser: the preferred engine if it works here, else the best that does; None without any.

    Raises:
        ConfigError: `prefer` is no engine's name.
    """
    names = [choice.name for choice in _SYNTHESISERS]
    if prefer is not None and prefer not in names:
        raise ConfigError(f"there is no speech engine {prefer!r}; choose one of: {', '.join(names)}")
    return _first(sorted(_SYNTHESISERS, key=lambda choice: choice.name != prefer))


def recogniser() -> Recogniser | None:
    """A new recogniser, one for each session (some 50 ms); None without an engine."""
    return _first(_RECOGNISERS)


def available() -> tuple[Engine, ...]:
    """Every engine, whether it works here, and what to do when it does not. Loads each: some 100 ms."""
    return (
        *(_look(choice, EngineKind.SYNTHESIS, _voices) for choice in _SYNTHESISERS),
        *(_look(choice, EngineKind.RECOGNITION, _version) for choice in _RECOGNISERS),
    )


def _first(choices: Iterable[_Choice[Made]]) -> Made | None:
    for choice in choices:
        try:
            return choice.loaded()
        except _MISSING as error:
            log.info("%s is not used (%s); to have it: %s", choice.name, error, choice.install)
    return None


def _look(choice: _Choice[Made], kind: EngineKind, describe: Callable[[Made], str]) -> Engine:
    try:
        detail = describe(choice.loaded())
    except _MISSING as error:
        return Engine(name=choice.name, kind=kind, ok=False, detail=f"{error}; to have it: {choice.install}")
    return Engine(name=choice.name, kind=kind, ok=True, detail=detail)


def _voices(engine: Synthesiser) -> str:
    return f"voices: {', '.join(engine.voices)}"


def _version(engine: Recogniser) -> str:
    return f"version {metadata.version(engine.name)}"
