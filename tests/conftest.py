"""What every test shares."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

from tests.support.stack import Stack, stack

settings.register_profile("quick", max_examples=60, deadline=None)
settings.register_profile("ci", max_examples=200, deadline=None)
settings.load_profile("ci" if os.environ.get("CI") == "true" else "quick")


def pytest_configure(config: pytest.Config):
    config.addinivalue_line("markers", "soak: the same many times over, for half an hour; only by `pytest -m soak`")
    config.addinivalue_line("markers", "failures: kills and stops programs; only by `make test-failures`")
    config.addinivalue_line("markers", "clients: clients of others, installed apart; only by `make test-clients`")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]):
    """Nobody waits for what takes long, or for clients that he has not installed, who has not asked for it."""
    for marker in ("soak", "failures", "clients"):
        if marker not in config.getoption("markexpr"):
            others = [item for item in items if item.get_closest_marker(marker)]
            config.hook.pytest_deselected(items=others)
            items[:] = [item for item in items if item not in others]
    # What goes at the pace of speech comes first: the quick ones fill what is left of the time, on all workers.
    items.sort(key=lambda item: not any(item.get_closest_marker(marker) for marker in ("e2e", "browser")))


@pytest.fixture(scope="session")
def system(tmp_path_factory: pytest.TempPathFactory):
    """Signaling, local model and worker, started once for all end-to-end tests."""
    with stack(tmp_path_factory.mktemp("stack"), agent="tests/support/agents/quiet.py") as running_stack:
        yield running_stack


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item):
    """A failed end-to-end test shows what the processes printed."""
    outcome = yield
    report = outcome.get_result()
    running = getattr(item, "funcargs", {}).get("system")
    if report.failed and isinstance(running, Stack):
        report.sections.append(("processes", running.logs()))


@pytest.fixture
def corpus_folder() -> Path:
    return Path(__file__).parent / "corpus"
