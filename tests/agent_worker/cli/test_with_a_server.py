"""Commands against a running system, as a person or a script uses them: real processes, real sound."""

import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from contextlib import contextmanager

import httpx
import numpy as np
import pytest

from tests.support.stack import ROOT, clean_environment, free_port, stack
from tests.support.wav import CORPUS, load

pytestmark = pytest.mark.timeout(170)

PATIENCE = 60.0


@pytest.fixture(scope="module")
def system(tmp_path_factory):
    with stack(tmp_path_factory.mktemp("system"), agent="examples/minimal.py") as running:
        yield running


@pytest.fixture
def server(system):
    return ["--signaling", system.url]


def run(*arguments, typed="", **variables):
    """A command to its end."""
    return subprocess.run(
        [sys.executable, "-m", "agent_worker", *arguments],
        input=typed,
        capture_output=True,
        text=True,
        timeout=100,
        cwd=ROOT,
        check=False,
        env={**clean_environment(), **variables},
    )


@contextmanager
def going_on(*arguments, cwd=ROOT, **options):
    """A command that lasts; its standard input stays open."""
    program = subprocess.Popen(
        [sys.executable, "-m", "agent_worker", *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=cwd,
        env={**clean_environment(), "PYTHONUNBUFFERED": "1", "PYTHONPATH": str(ROOT)},
        **options,
    )
    with program:
        try:
            yield program
        finally:
            if program.poll() is None:
                program.terminate()
                try:
                    program.wait(20)
                except subprocess.TimeoutExpired:
                    program.kill()


def read_until(program, pattern):
    lines = []
    while line := program.stdout.readline():
        lines.append(line)
        if re.search(pattern, line):
            return lines
    raise AssertionError(f"no {pattern} in:\n{''.join(lines)}")


def cells(output):
    """The rows of tables in plain text."""
    return [re.split(r" {2,}", line.strip()) for line in output.splitlines() if line.strip()]


# Connect. --------------------------------------------------------------------------------------------------------


def test_a_recording_is_spoken_the_answer_shown_and_kept(server, tmp_path):
    (spoken,) = CORPUS.glob("s01_*.wav")
    heard = tmp_path / "heard.wav"
    result = run(
        *("connect", "--room", "sound", "--identity", "ann", "--say", str(spoken), "--record", str(heard)),
        *("--linger", "2", *server),
    )
    assert result.returncode == 0, result.stderr
    lines = result.stdout.splitlines()
    assert lines[0] == "* in room sound as ann"
    assert "* the sound is connected" in lines
    said, answered = lines.index("ann: hello"), next(n for n, line in enumerate(lines) if line.startswith("agent: "))
    assert said < answered
    assert lines.index(f"* speaking {spoken.name}") < said
    assert "\x1b" not in result.stdout
    samples, rate = load(heard)
    assert rate == 48_000
    assert np.abs(samples).max() > 2000
    assert "s of what was heard" in result.stderr


def test_two_terminals_hear_each_other(server, tmp_path):
    """Who came later offers; the tape of the first has the words of the second, wave for wave."""
    (spoken,) = CORPUS.glob("s01_*.wav")
    heard = tmp_path / "heard.wav"
    with going_on("connect", "--room", "two", "--identity", "ann", "--record", str(heard), *server) as ann:
        read_until(ann, r"the sound is connected")
        result = run("connect", "--room", "two", "--identity", "bob", "--say", str(spoken), "--linger", "1", *server)
        assert result.returncode == 0, result.stderr
        assert "* ann can be heard" in result.stdout.splitlines()
        read_until(ann, r"bob can be heard")
        read_until(ann, r"bob \(human\) has left")
        ann.stdin.close()
        assert ann.wait(PATIENCE) == 0
    tape, said = load(heard)[0].astype(float), load(spoken)[0].astype(float)
    size = len(tape) + len(said)
    together = np.fft.irfft(np.fft.rfft(tape, size) * np.conj(np.fft.rfft(said, size)), size)
    at = int(np.argmax(together[: len(tape)]))
    piece = tape[at : at + len(said)]
    assert together[at] / (np.linalg.norm(piece) * np.linalg.norm(said[: len(piece)])) > 0.7


def test_lines_of_a_pipe_are_answered_and_rooms_and_jobs_show_it(server):
    with going_on("connect", "--room", "pipe", "--identity", "bob", *server) as caller:
        read_until(caller, r"the sound is connected")
        rooms, jobs = run("rooms", *server), run("jobs", "--stats", *server)
        assert (rooms.returncode, jobs.returncode) == (0, 0), rooms.stderr + jobs.stderr
        caller.stdin.write("what time is it\n")
        caller.stdin.flush()
        read_until(caller, r"^bob: what time is it")
        read_until(caller, r"^agent: ")
        caller.stdin.close()
        assert caller.wait(PATIENCE) == 0
    assert ["pipe", "bob", "human", "active", "microphone on"] in cells(rooms.stdout)
    (job,) = [row for row in cells(jobs.stdout) if row[1:2] == ["pipe"]]
    speaks, hears = [row for row in cells(jobs.stdout) if row[0] == "pipe"]
    assert speaks[1].startswith("agent-")
    assert hears[1] == "bob"
    assert re.fullmatch(r"\d+\.\d %", hears[4])
    worker = job[4]
    assert job[2:4] == ["(any)", "running"]
    assert [row[0] for row in cells(jobs.stdout)].count(worker) == 1


def test_ctrl_c_leaves_the_room_at_once_with_the_code_of_an_interruption(server, system):
    with going_on("connect", "--room", "short", "--identity", "eve", *server) as caller:
        read_until(caller, r"is here")
        caller.send_signal(signal.SIGINT)
        rest = caller.communicate(timeout=PATIENCE)[0]
        assert caller.returncode == 130, rest
    assert "Traceback" not in rest
    there = httpx.get(f"{system.url}/v1/rooms/short/participants").json().get("participants", [])
    assert "eve" not in [one["identity"] for one in there]


def test_a_terminal_is_typed_into_and_left_with_ctrl_d(server):
    ours, theirs = pty.openpty()
    program = subprocess.Popen(
        [sys.executable, "-m", "agent_worker", "connect", "--room", "tty", "--identity", "tim", *server],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        cwd=ROOT,
        start_new_session=True,
        env={**clean_environment(), "TERM": "xterm", "COLUMNS": "120", "LINES": "40"},
    )
    os.close(theirs)
    screen = ""

    def until(words):
        nonlocal screen
        deadline = time.monotonic() + PATIENCE
        while words not in screen:
            assert time.monotonic() < deadline, screen[-3000:]
            if select.select([ours], [], [], 0.5)[0]:
                screen += os.read(ours, 65_536).decode(errors="replace")

    try:
        until("agent: listening")
        os.write(ours, b"what can you dp\x7fo")
        until("what can you do")
        os.write(ours, b"\r")
        until("thinking")
        os.write(ours, b"\x04")
        assert program.wait(PATIENCE) == 0
    finally:
        program.kill()
        program.wait()
        os.close(ours)


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["connect", "--room", "r", "--token", "forged"], 1, "Get a new one: python -m agent_worker token"),
        (["connect", "--room", "no room"], 2, "cannot name a room"),
        (["connect", "--room", "r", "--say", "missing.wav"], 2, "ffmpeg"),
        (["connect", "--room", "r", "--agent", "nobody", "--timeout", "2"], 1, "no agent came within 2 s"),
        (["connect"], 2, "--room"),
    ],
)
def test_what_goes_wrong_is_one_line_with_what_to_do(server, arguments, code, told):
    result = run(*arguments, *server)
    assert result.returncode == code, result.stderr
    assert told in result.stderr
    assert "Traceback" not in result.stderr


# Rooms and jobs. -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", ["rooms", "jobs"])
def test_no_server_and_a_wrong_key_are_said_without_the_secret(command, system):
    nobody = run(command, "--signaling", f"http://127.0.0.1:{free_port()}")
    assert nobody.returncode == 1
    assert "python -m signaling --dev" in nobody.stderr
    secret = "another-secret-of-at-least-thirty-two-bytes"
    refused = run(command, "--signaling", system.url, AGENT_WORKER_API_KEY="k", AGENT_WORKER_API_SECRET=secret)
    assert refused.returncode == 1
    assert "AGENT_WORKER_API_KEY" in refused.stderr
    assert secret not in refused.stderr + refused.stdout


def test_a_list_that_is_watched_grows_by_what_is_new_until_ctrl_c(server, system):
    with going_on("rooms", "--watch", *server) as program:
        read_until(program, r"Room|No room")
        httpx.post(f"{system.url}/v1/rooms", json={"name": "watched"}).raise_for_status()
        read_until(program, r"^watched +\(nobody\)")
        program.send_signal(signal.SIGINT)
        rest = program.communicate(timeout=PATIENCE)[0]
        assert program.returncode == 130, rest
    assert "Traceback" not in rest


# Dev. ------------------------------------------------------------------------------------------------------------


def test_saved_code_takes_over_the_conversation_and_broken_code_does_not(system, tmp_path):
    agent = tmp_path / "agent.py"
    code = (
        "import logging\n"
        "from agent_worker import Agent\n"
        "logging.getLogger('code').warning('This is {}')\n"
        "agent = Agent('Be short.')\n"
    )
    agent.write_text("import nothing_here\n")
    url = f"http://127.0.0.1:{free_port()}"
    with going_on("dev", "agent.py", "--signaling", url, "--model", system.model_url, cwd=tmp_path) as program:
        read_until(program, r"No module named 'nothing_here'")
        agent.write_text(code.format("Alpha"))
        read_until(program, r"Ready\. Open http://127")
        with going_on("connect", "--room", "dev", "--signaling", url) as caller:
            read_until(caller, r"the sound is connected")
            agent.write_text("class Broken(\n")
            read_until(program, r"could not be loaded: .*SyntaxError")
            agent.write_text(code.format("Beta"))
            read_until(program, r"go on with the new code")
            read_until(program, r"This is Beta")
            read_until(caller, r"the agent's code has changed")
            read_until(caller, r"the sound is connected")
            assert caller.poll() is None
        program.send_signal(signal.SIGINT)
        rest = program.communicate(timeout=PATIENCE)[0]
        assert program.returncode == 0, rest
    assert "Traceback" not in rest
