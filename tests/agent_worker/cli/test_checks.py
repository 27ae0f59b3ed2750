"""What a machine has: each finding names the command that mends it."""

import socket
import sys

import pytest
from typer.testing import CliRunner

from agent_worker.cascade import engines
from agent_worker.cascade.base import Engine, EngineKind
from agent_worker.cli import checks, command_line
from agent_worker.cli.checks import Finding, Verdict
from agent_worker.vad import silero


@pytest.fixture
def no_silero(monkeypatch):
    """A machine without the voice activity model."""
    found = checks.importlib.util.find_spec
    monkeypatch.setattr(
        checks.importlib.util, "find_spec", lambda name, *rest: None if name == "silero_vad" else found(name, *rest)
    )
    silero.load_session.cache_clear()
    yield
    silero.load_session.cache_clear()


def doctor(monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    return CliRunner().invoke(command_line(), ["doctor"])


def test_a_machine_with_everything(monkeypatch):
    result = doctor(monkeypatch)
    assert result.exit_code == 0, result.output
    assert "Nothing that is needed is missing" in result.output
    for what in (
        "Python",
        "Packages",
        "Voice activity model",
        "Opus codec",
        "Speech synthesis: flite",
        "Port 8080",
        "Model",
    ):
        assert what in result.output


@pytest.mark.usefixtures("no_silero")
def test_without_the_voice_activity_model_nothing_works_and_the_command_is_said(monkeypatch):
    result = doctor(monkeypatch)
    assert result.exit_code == 1
    assert silero.INSTALL_COMMAND in result.output
    assert "Missing: Voice activity model" in result.output


@pytest.mark.usefixtures("no_silero")
def test_the_demo_says_so_too_and_starts_nothing():
    result = CliRunner().invoke(command_line(), ["demo", "--no-browser", "--port", "0", "--model-port", "0"])
    assert result.exit_code == 2
    assert silero.INSTALL_COMMAND in result.output


def test_missing_packages_are_named_with_the_command(monkeypatch):
    monkeypatch.setattr(checks, "PACKAGES", {"aiortc": "aiortc", "not_here": "Not-Here", "nor_here": "nor-here"})
    assert checks.check_packages() == Finding(
        what="Packages",
        verdict=Verdict.MISSING,
        found="missing: Not-Here, nor-here",
        advice=f"{sys.executable} -m pip install Not-Here nor-here",
    )


def test_an_old_python_is_missing_a_new_one(monkeypatch):
    assert checks.check_python().verdict is Verdict.FINE
    monkeypatch.setattr(sys, "version_info", (3, 10, 9))
    finding = checks.check_python()
    assert (finding.verdict, finding.found) == (Verdict.MISSING, "3.10.9")
    assert "3.11" in finding.advice


def test_a_missing_engine_is_less_and_has_its_command(monkeypatch):
    def available():
        return (
            Engine(name="flite", kind=EngineKind.SYNTHESIS, ok=False, detail="no libflite; to have it: get flite"),
            Engine(name="espeak", kind=EngineKind.SYNTHESIS, ok=True, detail="voices: en"),
            Engine(
                name="pocketsphinx", kind=EngineKind.RECOGNITION, ok=False, detail="no module; to have it: pip it"
            ),
        )

    monkeypatch.setattr(engines, "available", available)
    assert list(checks.check_engines()) == [
        Finding(
            what="Speech synthesis: flite",
            verdict=Verdict.LESS,
            found="not used (another one is): no libflite",
            advice="get flite",
        ),
        Finding(what="Speech synthesis: espeak", verdict=Verdict.FINE, found="voices: en"),
        Finding(
            what="Speech recognition: pocketsphinx",
            verdict=Verdict.LESS,
            found="not used: no module",
            advice="pip it",
        ),
    ]


def test_a_taken_port_has_an_option():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        finding = checks.check_port(port, "page", "--port")
        assert finding.verdict is Verdict.LESS
        assert f"--port {port + 1}" in finding.advice
    assert checks.check_port(port, "page", "--port").verdict is Verdict.FINE
