import logging
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from agent_worker.cascade import engines, espeak, flite, libflite
from agent_worker.cascade.base import EngineKind
from agent_worker.errors import ConfigError

INSTALL = {
    "flite": "apt-get install flite",
    "espeak": "pip install espeakng-loader",
    "pocketsphinx": 'pip install --only-binary=pocketsphinx "pocketsphinx>=5.0.4"',
}


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch):
    """A machine without any engine."""

    def nothing(stem: str, *_: object) -> None:
        raise OSError(f"lib{stem}.so.1: cannot open shared object file")

    monkeypatch.setattr(libflite, "_open", nothing)
    monkeypatch.setitem(sys.modules, "pocketsphinx", None)
    monkeypatch.setitem(sys.modules, "espeakng_loader", None)
    monkeypatch.delitem(sys.modules, "agent_worker.cascade.espeak")
    monkeypatch.delitem(sys.modules, "agent_worker.cascade.libespeak")
    flite.load.cache_clear()
    yield
    flite.load.cache_clear()


def test_all_engines_of_a_full_machine_are_found() -> None:
    found = {engine.name: engine for engine in engines.available()}
    assert found["espeak"].ok
    assert "en-us" in found["espeak"].detail
    assert found["pocketsphinx"].ok
    assert found["pocketsphinx"].detail.startswith("version 5")
    assert [(name, engine.kind) for name, engine in found.items()] == [
        ("flite", EngineKind.SYNTHESIS),
        ("espeak", EngineKind.SYNTHESIS),
        ("pocketsphinx", EngineKind.RECOGNITION),
    ]


@pytest.mark.usefixtures("bare")
def test_a_missing_engine_is_named_with_the_command_that_installs_it(caplog: pytest.LogCaptureFixture) -> None:
    for engine in engines.available():
        assert not engine.ok
        assert engine.detail.endswith(INSTALL[engine.name])
    with caplog.at_level(logging.INFO):
        assert engines.synthesiser() is None
        assert engines.recogniser() is None
    assert all(command in caplog.text for command in INSTALL.values())


def test_there_is_one_synthesiser_and_a_recogniser_for_each_session() -> None:
    assert engines.synthesiser() is engines.synthesiser()
    first, second = engines.recogniser(), engines.recogniser()
    assert first is not None
    assert first is not second


def test_an_engine_is_loaded_by_one_thread_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    inside: list[str] = []
    together: list[int] = []

    def slowly() -> object:
        inside.append("a thread")
        time.sleep(0.02)  # others get in here if they can
        together.append(len(inside))
        inside.pop()
        return object()

    monkeypatch.setattr(flite, "load", slowly)
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda _: engines.synthesiser(), range(4)))
    assert together == [1, 1, 1, 1]


def test_the_preferred_engine_speaks(monkeypatch: pytest.MonkeyPatch) -> None:
    assert engines.synthesiser("espeak") is espeak.load()

    def missing() -> None:
        raise OSError("not here")

    monkeypatch.setattr(flite, "load", missing)
    assert engines.synthesiser("flite") is espeak.load()


def test_an_engine_that_nobody_knows_is_refused() -> None:
    with pytest.raises(ConfigError, match="flite, espeak"):
        engines.synthesiser("festival")
