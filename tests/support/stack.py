"""Signaling, the local model and a worker as real processes on this machine, as a person would start them."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx

ROOT = Path(__file__).parents[2]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@dataclass
class Process:
    """A program under test, and what it printed."""

    name: str
    popen: subprocess.Popen[bytes]
    output: Path

    def printed(self) -> str:
        return self.output.read_text(errors="replace")

    def wait_for(self, text: str, *, seconds: float = 30.0) -> None:
        deadline = time.monotonic() + seconds
        while text not in self.printed():
            assert self.popen.poll() is None, f"{self.name} ended with {self.popen.returncode}:\n{self.printed()}"
            assert time.monotonic() < deadline, f"{self.name} did not say {text!r}:\n{self.printed()}"
            time.sleep(0.05)


@contextmanager
def running(
    name: str, *arguments: str, folder: Path, env: dict[str, str] | None = None, python: str = sys.executable
) -> Iterator[Process]:
    """A Python program in its own session, ended by SIGTERM, and by SIGKILL if it does not listen."""
    output = folder / f"{name}.log"
    with output.open("wb") as file:
        popen = subprocess.Popen(
            [python, "-m", *arguments],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env={**clean_environment(), **(env or {})},
        )
    try:
        yield Process(name, popen, output)
    finally:
        if popen.poll() is None:
            popen.send_signal(signal.SIGTERM)
            try:
                popen.wait(15)
            except subprocess.TimeoutExpired:
                os.killpg(popen.pid, signal.SIGKILL)
                popen.wait(5)


def clean_environment() -> dict[str, str]:
    """Nothing of the developer's own settings, above all no key that would reach a real provider."""
    dropped = ("AGENT_WORKER_", "OPENAI_", "OTEL_")
    return {key: value for key, value in os.environ.items() if not key.startswith(dropped)}


@dataclass
class Stack:
    """A running system."""

    url: str
    model_url: str
    recordings: Path
    folder: Path
    signaling: Process
    model: Process
    worker: Process
    extra: list[Process] = field(default_factory=list)

    def logs(self) -> str:
        return "\n".join(f"--- {p.name}\n{p.printed()[-4000:]}" for p in (self.signaling, self.model, self.worker))


@contextmanager
def stack(
    folder: Path,
    *,
    agent: str = "examples/assistant.py",
    worker_env: dict[str, str] | None = None,
    signaling_options: Sequence[str] = (),
    signaling_env: dict[str, str] | None = None,
    worker_options: tuple[str, ...] = (),
) -> Iterator[Stack]:
    """All three, ready for a call."""
    port, model_port = free_port(), free_port()
    url, model_url = f"http://127.0.0.1:{port}", f"ws://127.0.0.1:{model_port}/v1/realtime"
    recordings = folder / "recordings"
    with ExitStack() as programs:
        signaling = programs.enter_context(
            running(
                "signaling",
                *("signaling", "--port", str(port), "--dev", *signaling_options),
                folder=folder,
                env=signaling_env,
            )
        )
        model = programs.enter_context(
            running(
                "model",
                "agent_worker",
                "local-model",
                "--port",
                str(model_port),
                "--record",
                str(recordings),
                folder=folder,
            )
        )
        wait_ready(f"{url}/readyz", signaling)
        wait_open(model_port, model)
        worker = programs.enter_context(
            worker_running(
                "worker", agent, url=url, model_url=model_url, folder=folder, options=worker_options, env=worker_env
            )
        )
        wait_worker(url, worker)
        yield Stack(url, model_url, recordings, folder, signaling, model, worker)


@contextmanager
def worker_running(
    name: str,
    agent: str,
    *,
    url: str,
    model_url: str,
    folder: Path,
    options: Sequence[str] = (),
    env: dict[str, str] | None = None,
) -> Iterator[Process]:
    """A worker that takes rooms however busy the machine is."""
    addresses = ("--signaling", url, "--model", model_url)
    given = (*addresses, "--drain-timeout", "0", "--load-limit", "1", *options)
    with running(name, "agent_worker", "start", agent, *given, folder=folder, env=env) as worker:
        yield worker


def wait_ready(url: str, process: Process, *, seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while True:
        try:
            if httpx.get(url).status_code == 200:
                return
        except httpx.TransportError:
            pass
        assert process.popen.poll() is None, f"{process.name} ended:\n{process.printed()}"
        assert time.monotonic() < deadline, f"{process.name} is not ready:\n{process.printed()}"
        time.sleep(0.05)


def wait_open(port: int, process: Process, *, seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            assert process.popen.poll() is None, f"{process.name} ended:\n{process.printed()}"
            assert time.monotonic() < deadline, f"{process.name} is not ready:\n{process.printed()}"
            time.sleep(0.05)
        else:
            return


def wait_worker(url: str, worker: Process, *, seconds: float = 30.0, workers: int = 1) -> None:
    deadline = time.monotonic() + seconds
    while httpx.get(f"{url}/readyz").json().get("workers", 0) < workers:
        assert worker.popen.poll() is None, f"the worker ended:\n{worker.printed()}"
        assert time.monotonic() < deadline, f"the worker did not register:\n{worker.printed()}"
        time.sleep(0.05)
