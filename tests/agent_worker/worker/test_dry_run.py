"""What the fork server does once, no room does again."""

import subprocess
import sys

import pytest
from websockets.exceptions import InvalidHandshake

from agent_worker.worker import dry_run

_FIRST_CONNECTION = """
import asyncio, sys, threading
import agent_worker.worker.preload
from agent_worker.realtime import openai_models
from agent_worker.worker import dry_run

assert threading.active_count() == 1, threading.enumerate()
known = set(sys.modules)
asyncio.run(dry_run._connections())
print(sorted(set(sys.modules) - known))
print([model.__name__ for model in openai_models.WireModel.__subclasses__() if not model.__pydantic_complete__])
"""


def test_after_the_preload_a_connection_imports_nothing_and_every_event_has_its_type() -> None:
    """And the fork server has one thread: what forks must not."""
    ran = subprocess.run([sys.executable, "-c", _FIRST_CONNECTION], capture_output=True, text=True, timeout=60)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.splitlines() == ["[]", "[]"]


def test_what_fails_is_said_and_left_to_the_rooms(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture):
    """What the preload raises would end the fork server, and each worker with it."""

    async def refused() -> None:
        raise InvalidHandshake("no")

    monkeypatch.setattr(dry_run, "_connections", refused)
    dry_run.dry_run()
    assert "connections on loopback fail here" in caplog.text
