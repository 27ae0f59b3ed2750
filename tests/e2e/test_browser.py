"""A real Chromium in a namespace of its own speaks with the agent, and what it hears is measured."""

import itertools
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.support.alignment import align, halved
from tests.support.browser_call import CHROMIUM
from tests.support.missing import missing
from tests.support.recordings import spoken
from tests.support.stack import ROOT, clean_environment
from tests.support.wav import load

pytestmark = [pytest.mark.e2e, pytest.mark.browser, pytest.mark.timeout(240)]


CLOCK_TIME = re.compile(r"\d{1,2}:\d{2} [AP]M")


def namespace() -> list[str]:
    """How to run something where there is no network but loopback."""
    if shutil.which("unshare") is None or shutil.which("ip") is None:
        missing("unshare and ip (util-linux, iproute2) are needed for a network namespace")
    command = ["unshare", "-n"] if os.geteuid() == 0 else ["unshare", "-rn"]
    if subprocess.run([*command, "true"], capture_output=True, check=False).returncode != 0:
        missing("this machine does not allow network namespaces (unshare -rn)")
    return command


@pytest.fixture(scope="module")
def call(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict, Path]:
    if not Path(CHROMIUM).exists():
        missing("Chromium is needed: apt-get install chromium")
    folder = tmp_path_factory.mktemp("browser")
    script = f"ip link set lo up && exec {sys.executable} -m tests.support.browser_call {folder}"
    done = subprocess.run(
        [*namespace(), "sh", "-c", script],
        cwd=ROOT,
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    logs = "\n".join(f"--- {log.name}\n{log.read_text()[-3000:]}" for log in folder.glob("*.log"))
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}\n{logs}"
    return json.loads((folder / "call.json").read_text()), folder


def test_only_loopback_was_there(call: tuple[dict, Path]):
    seen, _ = call
    assert set(re.findall(r"^\d+: (\S+)", seen["addresses"], re.MULTILINE)) == {"lo"}


def test_the_page_shows_question_answer_and_the_pause(call: tuple[dict, Path]):
    seen, _ = call
    user = [entry["text"] for entry in seen["log"] if entry["role"] == "user"]
    agent = [entry["text"] for entry in seen["log"] if entry["role"] == "agent"]
    assert any("time" in text.lower() for text in user), seen["log"]
    assert any(CLOCK_TIME.search(text) for text in agent), seen["log"]
    assert {"listening", "thinking", "speaking"} <= set(seen["states"])
    assert seen["states"][-1] == "speaking", "the story goes on after the cough"


def test_the_browser_complains_of_nothing(call: tuple[dict, Path]):
    """No violation of the content security policy, no error."""
    seen, _ = call
    assert [line for line in seen["console"] if line.startswith("error")] == []


def test_what_the_browser_heard_is_what_the_model_said(call: tuple[dict, Path]):
    seen, folder = call
    heard, rate = load(folder / "heard.wav")
    assert rate == 48_000
    assert np.abs(heard).max() > 2000
    answer = next(e["text"] for e in seen["log"] if e["role"] == "agent" and CLOCK_TIME.search(e["text"]))
    matches = align(spoken(folder / "recordings", CLOCK_TIME.search(answer)[0]).samples, halved(heard))
    good = [match for match in matches if match.likeness > 0.7]
    assert len(good) >= 0.8 * len(matches), matches
    # A browser steadies its buffer by playing a little faster or slower, some milliseconds in each tenth of a second.
    # What is lost or repeated is a jump instead.
    steps = [after.lag - before.lag for before, after in itertools.pairwise(good)]
    assert max(abs(step) for step in steps) <= 0.03, steps
    assert abs(good[-1].lag - good[0].lag) <= 0.15, "more than a browser's buffer"
