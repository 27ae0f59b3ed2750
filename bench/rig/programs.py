"""The programs under test, started as their documentation says, each as real processes of its own."""

import ssl
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psutil

from bench.rig.tone_model import HEARD
from tests.support.stack import ROOT, Process, free_port, running, wait_open, wait_ready, wait_worker

# All is plain HTTP here; httpx's own context would load certificates for 15 ms within each time measured.
NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
PEERS_PYTHON = ROOT / ".venv-peers" / "bin" / "python"


@dataclass
class ModelServer:
    """The tone-coded model, and its log."""

    url: str
    log: Path


@dataclass
class Program:
    """A running program.

    Attributes:
        name: For the table.
        url: Where its HTTP is.
        processes: The roots of its process trees.
    """

    name: str
    url: str
    processes: list[Process] = field(default_factory=list)

    def tree(self) -> list[psutil.Process]:
        """All its processes now."""
        roots = [psutil.Process(process.popen.pid) for process in self.processes]
        return [each for root in roots for each in (root, *root.children(recursive=True))]

    def cpu_seconds(self) -> float:
        """Process time of all that run now."""
        return sum(times.user + times.system for times in (each.cpu_times() for each in self.tree()))

    def pss_mib(self) -> float:
        """Proportional set size of all that run now."""
        return sum(each.memory_full_info().pss for each in self.tree()) / 2**20

    async def answer(self, sdp: str) -> str:
        raise AssertionError

    def logs(self) -> str:
        return "\n".join(process.printed()[-2000:] for process in self.processes)


class AgentWorker(Program):
    """This project: signaling and a worker."""

    async def answer(self, sdp: str) -> str:
        async with httpx.AsyncClient(base_url=self.url, timeout=40, verify=NO_TLS) as http:
            room = f"bench-{uuid.uuid4().hex[:8]}"
            response = await http.post(f"/v1/rooms/{room}/connect", json={"sdp": sdp, "type": "offer"})
            response.raise_for_status()
            return response.json()["sdp"]


class Pipecat(Program):
    """Pipecat's SmallWebRTC transport."""

    async def answer(self, sdp: str) -> str:
        async with httpx.AsyncClient(base_url=self.url, timeout=40, verify=NO_TLS) as http:
            response = await http.post("/api/offer", json={"sdp": sdp, "type": "offer"})
            response.raise_for_status()
            return response.json()["sdp"]


@contextmanager
def model_server(folder: Path, *, heard: str = HEARD) -> Iterator[ModelServer]:
    port, log = free_port(), folder / "model.jsonl"
    options = ["--port", str(port), "--log", str(log), "--heard", heard]
    with running("tones", "bench.rig.tone_model", *options, folder=folder) as process:
        wait_open(port, process)
        yield ModelServer(f"ws://127.0.0.1:{port}/v1/realtime", log)


@contextmanager
def agent_worker(folder: Path, model_url: str, *, rooms: int, rooms_per_process: int = 1) -> Iterator[Program]:
    """Signaling and a worker for so many rooms."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with ExitStack() as programs:
        signaling = programs.enter_context(
            running("signaling", "signaling", "--port", str(port), "--dev", folder=folder)
        )
        wait_ready(f"{url}/readyz", signaling)
        options = ["--max-jobs", str(rooms + 1), "--drain-timeout", "0", "--load-limit", "1"]
        if rooms_per_process > 1:
            options += ["--rooms-per-process", str(rooms_per_process)]
        worker = programs.enter_context(
            running(
                "worker",
                *("agent_worker", "start", "bench/rig/agent.py"),
                *("--signaling", url, "--model", model_url, *options),
                folder=folder,
            )
        )
        wait_worker(url, worker)
        name = "agent_worker" if rooms_per_process == 1 else f"agent_worker, {rooms_per_process} rooms a process"
        yield AgentWorker(name, url, [signaling, worker])


@contextmanager
def pipecat(folder: Path, model_url: str) -> Iterator[Program]:
    """Pipecat in its own virtual environment."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    arguments = ["bench.rig.pipecat_bot", "--port", str(port), "--model", model_url]
    with running("pipecat", *arguments, folder=folder, python=str(PEERS_PYTHON)) as process:
        wait_ready(f"{url}/healthz", process, seconds=60)
        yield Pipecat("Pipecat", url, [process])
