"""What a worker gives to its processes: plain values, secrets unseen, and nothing heavy in the supervisor."""

import importlib.util
import pickle
import subprocess
import sys
from typing import get_args

import pytest

from agent_worker.errors import ConfigError
from agent_worker.rooms.ice import OfferedAddresses
from agent_worker.telemetry.settings import TelemetrySettings
from agent_worker.worker.program import Addresses, ModelSettings, VoiceProgram
from agent_worker.worker.voice_job import VoiceJob

LOCAL = ModelSettings(url="ws://127.0.0.1:8765/v1/realtime")


def test_the_addresses_are_those_that_rooms_know():
    assert set(get_args(Addresses)) == {addresses.value for addresses in OfferedAddresses}


def test_it_travels_to_a_process_and_shows_no_key():
    program = VoiceProgram(agent="a.py", model=ModelSettings(url="wss://x/", api_key="sk-secret"), addresses="all")
    assert pickle.loads(pickle.dumps(program)) == program
    assert "sk-secret" not in repr(program)


@pytest.mark.parametrize(
    ("telemetry", "has_sdk"),
    [
        (TelemetrySettings(), False),
        (TelemetrySettings(traces=("console",)), True),
        (TelemetrySettings(metrics=("console",)), True),
    ],
)
def test_its_processes_share_one_sdk_where_telemetry_is_exported(telemetry, has_sdk):
    modules = VoiceProgram(agent="a.py", model=LOCAL, telemetry=telemetry).modules
    assert any(name.startswith("opentelemetry.sdk") for name in modules) == has_sdk
    assert all(importlib.util.find_spec(name) for name in modules)


def test_it_loads_the_application(tmp_path):
    file = tmp_path / "agent.py"
    file.write_text("from agent_worker import Agent\nclass Waiter(Agent): ...")
    job = VoiceProgram(agent=str(file), model=LOCAL).load()
    assert isinstance(job, VoiceJob)
    assert job.name == "Waiter"


def test_rooms_that_share_a_process_have_an_agent_each(tmp_path):
    file = tmp_path / "agent.py"
    file.write_text("from agent_worker import Agent\nclass Waiter(Agent): ...\nagent = Waiter()")
    with pytest.raises(ConfigError, match=r"agent\.py:Waiter\), or use one process per room"):
        VoiceProgram(agent=str(file), model=LOCAL, rooms=2).load()
    assert VoiceProgram(agent=f"{file}:Waiter", model=LOCAL, rooms=2).load().name == "Waiter"


@pytest.mark.parametrize(
    ("agent", "model", "told"),
    [
        ("missing.py", LOCAL, "not a Python file"),
        ("missing.py", ModelSettings(url="http://127.0.0.1:1"), "realtime model's url"),
        ("missing.py", ModelSettings(url="wss://api.openai.com/v1/realtime"), "needs an API key"),
    ],
)
def test_what_cannot_work_is_said_when_it_is_loaded(agent, model, told):
    with pytest.raises(ConfigError, match=told):
        VoiceProgram(agent=agent, model=model).load()


def in_a_new_python(code):
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_the_fork_server_has_everything_and_its_children_ignore_ctrl_c_from_birth():
    in_a_new_python(
        "import gc, signal, sys, agent_worker.worker.preload\n"
        "from agent_worker.vad import silero\n"
        "assert {'aiortc', 'av', 'onnxruntime', 'websockets', 'agent_worker.worker.voice_job'} <= set(sys.modules)\n"
        "assert silero.load_session.cache_info().currsize == 1\n"
        "assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN\n"
        "assert gc.get_freeze_count() > 10_000"
    )
