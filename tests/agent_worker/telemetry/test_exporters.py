"""Exporters as packages offer them: in processes of their own, because a process has one of each for good."""

import json
import os
import pickle
import subprocess
import sys
from pathlib import Path

import pytest

from agent_worker.errors import ConfigError
from agent_worker.telemetry import exporters
from agent_worker.telemetry.exporters import Exporters
from agent_worker.telemetry.settings import TelemetrySettings
from agent_worker.worker.program import ModelSettings, VoiceProgram

ROOT = Path(__file__).parents[3]

SESSION = """
import asyncio
import sys
from agent_worker.telemetry import events as ev
from agent_worker.telemetry.exporters import Exporters
from agent_worker.telemetry.settings import TelemetrySettings
from agent_worker.telemetry.recorder import Recorder
from agent_worker.telemetry.tracks import Subject

async def main(names):
    exporters = Exporters(TelemetrySettings(traces=names, metrics=names))
    async with exporters.running():
        with Recorder(Subject(agent="Greeter")) as recorder:
            recorder.receive(ev.UserTurnCommitted(at=2.5, started_at=1.0, ended_at=2.0))

asyncio.run(main(tuple(sys.argv[1:])))
"""


def run(*names: str, **variables: str) -> str:
    """What a process prints that has a session with these exporters."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("OTEL_")}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", SESSION, *names],
        cwd=ROOT,
        env={**environment, **variables},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stderr == ""
    return done.stdout


def values(text: str) -> list[dict]:
    """The JSON objects that were printed one after the other."""
    decoder = json.JSONDecoder()
    found: list[dict] = []
    while text := text.lstrip():
        value, end = decoder.raw_decode(text)
        found.append(value)
        text = text[end:]
    return found


def test_everything_has_left_when_the_session_is_over():
    printed = values(run("console"))
    spans = {value["name"]: value for value in printed if "name" in value}
    assert set(spans) == {"agent_session", "user_turn"}
    assert spans["user_turn"]["parent_id"] == spans["agent_session"]["context"]["span_id"]
    resource = spans["user_turn"]["resource"]["attributes"]
    assert resource["service.name"] == "agent-worker"
    (figures,) = [value["resource_metrics"][0] for value in printed if "resource_metrics" in value]
    (metric,) = figures["scope_metrics"][0]["metrics"]
    assert (metric["name"], metric["unit"]) == ("voice.end_of_turn_delay", "s")
    assert metric["data"]["data_points"][0]["sum"] == 0.5


def test_each_process_is_an_instance_of_the_service_that_the_environment_names():
    runs = (values(run("console", OTEL_SERVICE_NAME="lobby")) for _ in range(2))
    first, second = (next(value["resource"]["attributes"] for value in run if "resource" in value) for run in runs)
    assert first["service.name"] == second["service.name"] == "lobby"
    assert first["service.instance.id"] != second["service.instance.id"]


def test_nothing_leaves_unless_it_is_asked_for():
    assert run() == ""


def test_an_exporter_that_is_not_installed_is_named_with_what_to_do():
    with pytest.raises(ConfigError, match=r"'pigeon' \(there is: .*console.*OTEL_TRACES_EXPORTER"):
        Exporters(TelemetrySettings(traces=("pigeon",)))


def test_a_rooms_process_says_so_when_it_loads_its_agent(tmp_path: Path):
    file = tmp_path / "agent.py"
    file.write_text("from agent_worker import Agent\nclass Waiter(Agent): ...")
    program = VoiceProgram(
        agent=str(file),
        model=ModelSettings(url="ws://127.0.0.1:8765/v1/realtime"),
        telemetry=TelemetrySettings(metrics=("pigeon",)),
    )
    with pytest.raises(ConfigError, match="pigeon"):
        pickle.loads(pickle.dumps(program)).load()


def test_an_exporter_that_cannot_be_set_up_says_so_before_a_conversation_begins(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(exporters, "entry_points", lambda **_: [Entry()])
    with pytest.raises(ConfigError, match=r"'odd'.*no such certificate.*OTEL_EXPORTER_"):
        Exporters(TelemetrySettings(metrics=("odd",)))


class Entry:
    """What a package offers, and what it says when it is made."""

    def load(self):
        def make():
            raise FileNotFoundError("no such certificate")

        return make
