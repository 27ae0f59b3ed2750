"""The commands as a person types them: real programs, real signals, nothing left behind."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager

import httpx
import psutil
import pytest
from typer.testing import CliRunner

from agent_worker.cli import COMMANDS, EXAMPLES, command_line
from agent_worker.worker.lifeline import LAST_GRACE
from tests.support.stack import ROOT, clean_environment, free_port

pytestmark = pytest.mark.timeout(120)


@contextmanager
def command(*arguments, cwd=ROOT):
    """`python -m agent_worker ...` in a session of its own, as a terminal would run it."""
    program = subprocess.Popen(
        [sys.executable, "-m", "agent_worker", *arguments],
        cwd=cwd,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**clean_environment(), "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"},
        start_new_session=True,
    )
    with program:
        everyone = []
        try:
            yield program
        finally:
            if program.poll() is None:
                everyone = psutil.Process(program.pid).children(recursive=True)
            program.kill()
            for process in everyone:
                if process.is_running():
                    process.kill()


def read_until(program, pattern):
    """Lines up to one that matches; that one, and all of them."""
    lines = []
    while line := program.stdout.readline():
        lines.append(line)
        if found := re.search(pattern, line):
            return found, lines
    raise AssertionError(f"no {pattern} in:\n{''.join(lines)}")


def descendants(program):
    return psutil.Process(program.pid).children(recursive=True)


def assert_gone(processes, seconds=LAST_GRACE + 6.0):
    _, alive = psutil.wait_procs(processes, timeout=seconds)
    assert [process.cmdline() for process in alive] == []


# Help. -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--help"], ["start", "local-model", "doctor", "demo", "dev", "connect", "rooms", "jobs", "token"]),
        (
            ["start", "--help"],
            [
                "--signaling",
                "--model",
                "--max-jobs",
                "--log-level",
                "--addresses",
                "--drain-timeout",
                "--name",
                ".env",
            ],
        ),
        (
            ["start", "--help"],
            ["AGENT_WORKER_SIGNALING_URL", "AGENT_WORKER_MODEL_URL", "OPENAI_API_KEY", "AGENT_WORKER_API_SECRET"],
        ),
        (["local-model", "--help"], ["--host", "--port", "--record", "8765"]),
        (["doctor", "--help"], ["missing"]),
        (["dev", "--help"], ["--signaling", "--model", "save"]),
        (["connect", "--help"], ["--room", "--token", "--say", "--record", "--linger", "--timeout", "Ctrl-D"]),
        (["rooms", "--help"], ["--signaling", "--watch", "AGENT_WORKER_API_SECRET"]),
        (["jobs", "--help"], ["--signaling", "--watch", "AGENT_WORKER_API_SECRET"]),
        (["token", "--help"], ["--room", "--identity", "--admin", "--agent", "--ttl", ".env"]),
        (["demo", "--help"], ["--port", "--model-port", "--no-browser", "examples/assistant.py", "8080"]),
    ],
)
def test_help_names_everything(arguments, words):
    result = CliRunner().invoke(command_line(), arguments)
    assert result.exit_code == 0
    for word in words:
        assert word in result.output, word


@pytest.mark.parametrize("command", COMMANDS)
def test_help_ends_with_examples_that_the_command_takes(command):
    result = CliRunner().invoke(command_line(), [command, "--help"])
    assert "Examples:\n" in result.output
    for line in EXAMPLES[command]:
        assert f"  {line}\n" in result.output
        options = [word for word in line.split() if word.startswith("--")]
        assert all(option in result.output.partition("Examples:")[0] for option in options)


# Start. ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["missing.py"], "missing.py is not a Python file"),
        (["broken.py"], "broken.py could not be loaded: line 1: ModuleNotFoundError: No module named 'nothing_here'"),
        (["fine.py", "--signaling", "example"], "'example' is no address of a server"),
        (["fine.py", "--model", "http://127.0.0.1:1"], "A realtime model's url must look like wss://"),
    ],
)
def test_what_is_set_up_wrongly_is_one_line_at_once(tmp_path, arguments, told):
    (tmp_path / "broken.py").write_text("import nothing_here")
    (tmp_path / "fine.py").write_text("from agent_worker import Agent\nagent = Agent('Be short.')")
    signaling = [] if "--signaling" in arguments else ["--signaling", f"ws://127.0.0.1:{free_port()}"]
    with command("start", *arguments, *signaling, cwd=tmp_path) as program:
        output = program.communicate(timeout=60)[0]
        assert program.returncode == 2, output
    assert f"agent-worker: {told}" in output
    assert "Traceback" not in output


# The local model. ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_local_model_says_where_it_is_and_ends_when_told(number):
    with command("local-model", "--port", "0") as program:
        found, _ = read_until(program, r"is ready on ws://127\.0\.0\.1:(\d+)/v1/realtime")
        assert httpx.get(f"http://127.0.0.1:{found.group(1)}/healthz").status_code == 200
        program.send_signal(number)
        rest = program.communicate(timeout=20)[0]
        assert program.returncode == 0, rest
        assert "Traceback" not in rest


def test_a_taken_port_of_the_local_model_is_said():
    with (
        socket.create_server(("127.0.0.1", 0)) as taken,
        command("local-model", "--port", str(taken.getsockname()[1])) as program,
    ):
        output = program.communicate(timeout=60)[0]
        assert program.returncode == 2
    assert "choose another --port" in output


# The demo. -------------------------------------------------------------------------------------------------------


DEMO = ["demo", "--no-browser", "--port", "0", "--model-port", "0"]
READY = r"Open (http://127\.0\.0\.1:\d+/) and speak"


@contextmanager
def running_demo(*more):
    with command(*DEMO, *more) as program:
        found, lines = read_until(program, READY)
        yield program, found.group(1), lines


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_demo_is_ready_when_it_says_so_and_ctrl_c_leaves_nothing(number):
    with running_demo() as (program, page, lines):
        assert sum("http://" in line for line in lines) == 1
        assert httpx.get(page).status_code == 200
        assert httpx.get(f"{page}readyz").json()["workers"] == 1
        everyone = descendants(program)
        assert len(everyone) >= 5  # three programs, the fork server, a warm process
        # As a terminal does it: to the whole foreground group.
        (os.killpg if number == signal.SIGINT else os.kill)(program.pid, number)
        started = time.monotonic()
        rest = program.communicate(timeout=30)[0]
        assert program.returncode == 0, rest
        assert time.monotonic() - started < 10
        assert_gone(everyone, seconds=0.5)
        assert "Traceback" not in rest
        assert "WARNING" not in rest


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a program that its parent was killed")
def test_killing_the_demo_leaves_nothing():
    with running_demo() as (program, _, _):
        everyone = descendants(program)
        program.kill()
        assert_gone(everyone)


def test_when_one_program_dies_the_demo_says_which_and_ends_the_others():
    with running_demo() as (program, _, _):
        everyone = descendants(program)
        (model,) = [process for process in everyone if "local-model" in process.cmdline()]
        model.kill()
        output = program.communicate(timeout=30)[0]
        assert program.returncode == 1
        assert "local model ended (killed by signal 9)." in output
        assert "Traceback" not in output
        assert_gone(everyone, seconds=0.5)


def test_an_agent_that_cannot_be_loaded_ends_the_demo_in_words(tmp_path):
    (tmp_path / "broken.py").write_text("import nothing_here")
    with command(*DEMO, str(tmp_path / "broken.py")) as program:
        output = program.communicate(timeout=60)[0]
        assert program.returncode == 1
    assert "worker ended (exit code 2)" in output
    assert "No module named 'nothing_here'" in output
    assert "Traceback" not in output


@pytest.mark.parametrize("option", ["--port", "--model-port"])
def test_a_taken_port_is_said_with_another_one(option):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with command(*DEMO, option, str(port)) as program:
            output = program.communicate(timeout=60)[0]
            assert program.returncode == 2
    assert f"{option} {port + 1}" in output
    assert "Traceback" not in output


def test_the_demo_finds_its_agent_from_any_folder(tmp_path):
    with command(*DEMO, cwd=tmp_path) as program:
        read_until(program, READY)
        program.send_signal(signal.SIGINT)
        assert program.wait(30) == 0
