"""`python -m signaling` as a process."""

import asyncio
import contextlib
import json
import os
import re
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from signaling.__main__ import app
from signaling.messages import DEV_API_KEY, DEV_API_SECRET
from tests.signaling.serving import join_token

ROOT = Path(__file__).parents[2]
PATIENCE = 15.0


def environment(**extra: str) -> dict[str, str]:
    clean = {key: value for key, value in os.environ.items() if not key.startswith("AGENT_WORKER_")}
    return {**clean, "PYTHONPATH": str(ROOT), "NO_COLOR": "1", "COLUMNS": "200", **extra}


@contextlib.asynccontextmanager
async def program(folder: Path, *arguments: str, **env: str) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-W",
        "error",
        "-m",
        "signaling",
        *arguments,
        cwd=folder,
        env=environment(**env),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def closing(page: ClientConnection) -> AsyncIterator[str | bytes]:
    """What is said until the connection is closed."""
    with contextlib.suppress(ConnectionClosed):
        while True:
            yield await page.recv()


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """The command within this process, in an empty folder, for what ends before anything is served."""
    monkeypatch.chdir(tmp_path)
    for name in os.environ:
        if name.startswith("AGENT_WORKER_"):
            monkeypatch.delenv(name)
    return partial(CliRunner().invoke, app)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_it_says_when_it_is_ready_and_stops_when_told(tmp_path: Path, number: signal.Signals):
    async with asyncio.timeout(PATIENCE), program(tmp_path, "--dev", "--port", "0") as process:
        assert process.stdout is not None
        line = (await process.stdout.readline()).decode()
        url = re.fullmatch(r"signaling is ready on (http://127\.0\.0\.1:\d+/) \(development: .*\)\n", line)
        assert url is not None, line
        async with httpx.AsyncClient(base_url=url[1]) as http:
            token = (await http.post("/v1/token", json={"room": "r"})).json()
        async with connect(token["url"]) as page:
            await page.send(json.dumps({"t": "join", "token": token["token"]}))
            assert json.loads(await page.recv())["t"] == "joined"
            process.send_signal(number)
            said = [json.loads(text) async for text in closing(page)]
            assert said[-1]["reason"] == "server_draining"
            assert page.close_code == 4512
        out, err = await process.communicate()
        assert process.returncode == 0
        assert out == b""
        assert b"Traceback" not in err
        assert b"Warning" not in err
        assert token["token"].encode() not in err


async def test_a_second_signal_waits_for_nobody(tmp_path: Path):
    async with asyncio.timeout(PATIENCE), program(tmp_path, "--dev", "--port", "0") as process:
        assert process.stdout is not None
        await process.stdout.readline()
        process.send_signal(signal.SIGTERM)
        process.send_signal(signal.SIGINT)
        await process.wait()
        assert process.returncode == 0


@pytest.mark.parametrize(
    ("arguments", "env", "says"),
    [
        ([], {}, "AGENT_WORKER_API_SECRET"),
        ([], {"AGENT_WORKER_API_KEY": "own"}, "set both"),
        ([], {"AGENT_WORKER_API_KEY": DEV_API_KEY, "AGENT_WORKER_API_SECRET": DEV_API_SECRET}, "development secret"),
        (["--dev", "--host", "0.0.0.0"], {}, "--insecure-dev-on-network"),
        (["--dev", "--turn-url", "turn:localhost"], {}, "AGENT_WORKER_TURN_SECRET"),
        (["--dev", "--public-url", "https://voice.example.org"], {}, "--insecure-dev-on-network"),
        (["--dev", "--trusted-proxy", "127.0.0.1"], {}, "--insecure-dev-on-network"),
        (["--dev", "--tls-cert", "c.pem"], {}, "both --tls-cert and --tls-key"),
        (["--dev", "--tls-cert", "c.pem", "--tls-key", "k.pem"], {}, "cannot be used: No such file"),
        (["--dev", "--allow-origin", "*"], {}, "--allow-origin must be like"),
        (
            ["--public-url", "https://voice.example.org/path"],
            {"AGENT_WORKER_API_KEYS": "a: b"},
            "--public-url must be",
        ),
        (["--trusted-proxy", "nginx"], {"AGENT_WORKER_API_KEYS": "a: b"}, "not 'nginx'"),
        ([], {"AGENT_WORKER_API_KEYS": "hush"}, "AGENT_WORKER_API_KEYS: entry 1"),
        ([], {"AGENT_WORKER_API_KEYS_FILE": "nowhere"}, "nowhere cannot be read"),
        ([], {"AGENT_WORKER_API_SECRET": "x", "AGENT_WORKER_API_SECRET_FILE": "y"}, "not both"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(run, arguments: list[str], env: dict[str, str], says: str):
    result = run(arguments, env=env)
    assert (result.exit_code, result.stdout) == (2, "")
    assert says in result.stderr
    assert result.stderr.count("\n") == 1


def test_a_port_that_is_taken(run):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        result = run(["--dev", "--port", port])
    assert result.exit_code == 1
    assert f"cannot listen on 127.0.0.1:{port}" in result.stderr
    assert "--port" in result.stderr


async def test_keys_come_from_a_file_as_well(tmp_path: Path):
    secret = "a-secret-that-is-long-enough-to-be-taken-0123"
    (tmp_path / ".env").write_text(f"AGENT_WORKER_API_KEY=own\nAGENT_WORKER_API_SECRET={secret}\nOTHER=1\n")
    async with asyncio.timeout(PATIENCE), program(tmp_path, "--port", "0") as process:
        assert process.stdout is not None
        line = (await process.stdout.readline()).decode()
        assert re.fullmatch(r"signaling is ready on http://127\.0\.0\.1:\d+/\n", line)
        process.terminate()
        _, err = await process.communicate()
        assert process.returncode == 0
        assert secret.encode() not in err


async def test_secrets_come_from_files_of_their_own_as_well(tmp_path: Path):
    secrets = {"API_SECRET": "the-secret-of-the-first-key-0123456789", "API_KEYS": f"second: {'s' * 40}\n"}
    env = {"AGENT_WORKER_API_KEY": "first"}
    for name, secret in secrets.items():
        (tmp_path / name).write_text(secret + "\n")
        env[f"AGENT_WORKER_{name}_FILE"] = str(tmp_path / name)
    async with asyncio.timeout(PATIENCE), program(tmp_path, "--port", "0", **env) as process:
        assert process.stdout is not None
        url = (await process.stdout.readline()).decode().split()[-1]
        async with connect(f"{url.replace('http', 'ws', 1)}v1/rtc") as page:
            token = join_token("ann", "r", iss="second", secret="s" * 40)
            await page.send(json.dumps({"t": "join", "token": token}))
            assert json.loads(await page.recv())["t"] == "joined"
        process.terminate()
        await process.communicate()
        assert process.returncode == 0


async def test_metrics_have_a_port_of_their_own(tmp_path: Path):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    options = ("--dev", "--port", "0", "--metrics-port", str(port))
    async with asyncio.timeout(PATIENCE), program(tmp_path, *options) as process:
        assert process.stdout is not None
        await process.stdout.readline()
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", transport=_retrying()) as http:
            assert "signaling_rooms 0.0" in (await http.get("/metrics")).text
        process.terminate()
        await process.communicate()
        assert process.returncode == 0


def _retrying() -> httpx.AsyncHTTPTransport:
    """The second listener may be a moment later than the first."""
    return httpx.AsyncHTTPTransport(retries=5)


def test_help_names_every_option_and_every_secret(run):
    result = run(["--help"], env={"COLUMNS": "200"})
    assert result.exit_code == 0
    for word in (
        *("--host", "--port", "--dev", "--insecure-dev-on-network", "--lan", "--allow-origin", "--stun-url"),
        *("--turn-url", "--empty-timeout", "--departure-timeout", "--log-level"),
        *(
            "--public-url",
            "--trusted-proxy",
            "--tls-cert",
            "--tls-key",
            "--joins-per-minute",
            "AGENT_WORKER_API_KEYS",
        ),
        *("AGENT_WORKER_API_KEY", "AGENT_WORKER_API_SECRET", "AGENT_WORKER_TURN_SECRET"),
    ):
        assert word in result.stdout
