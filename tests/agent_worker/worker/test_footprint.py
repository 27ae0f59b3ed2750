"""What each of a worker's processes imports: what it has no use for, it does not hold in memory for weeks."""

import subprocess
import sys

import pytest

WEBRTC = ("aiortc", "aioice", "av", "numpy")
HEAVY = (*WEBRTC, "onnxruntime", "opentelemetry.sdk", "fastapi", "httpx", "rich", "mcp", "playwright")
COMMAND = """
import sys
sys.argv = ["agent-worker", "start", "--help"]
from agent_worker.cli import main
try:
    main()
except SystemExit:
    pass
"""


def imported_by(program: str) -> set[str]:
    """All modules that a program has imported at its end."""
    told = f"{program}\nimport sys; print(*sys.modules, file=sys.stderr)"
    ran = subprocess.run([sys.executable, "-c", told], check=True, capture_output=True, text=True, timeout=60)
    return set(ran.stderr.split())


@pytest.mark.parametrize(
    ("program", "without"),
    [
        pytest.param(COMMAND, (*HEAVY, "uvicorn", "prometheus_client"), id="the supervisor"),
        pytest.param("import agent_worker.worker.preload", ("fastapi", "httpx", "rich", "mcp", "typer"), id="a room"),
        pytest.param(
            "import agent_worker.worker.preload", ("opentelemetry.sdk", "PIL"), id="a room that exports nothing"
        ),
        pytest.param("import signaling.__main__", (*WEBRTC, "httpx", "rich", "agent_worker"), id="signaling"),
        pytest.param("from agent_worker import Agent, ConfigError", HEAVY, id="an agent's module"),
    ],
)
def test_a_process_does_without(program: str, without: tuple[str, ...]) -> None:
    assert not imported_by(program) & set(without)
