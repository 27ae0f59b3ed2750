"""The cable of one of two people is cut and laid again: the others talk on, and the conversation is the same."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.page.chromium import require_chromium
from tests.support.missing import missing
from tests.support.stack import ROOT, clean_environment

pytestmark = [pytest.mark.failures, pytest.mark.e2e, pytest.mark.browser, pytest.mark.timeout(300)]


def test_who_lost_the_network_comes_back_into_the_same_conversation(tmp_path: Path):
    require_chromium()
    if os.geteuid() != 0 or not all(map(shutil.which, ("unshare", "nsenter", "ip"))):
        missing("root, unshare, nsenter and ip (util-linux, iproute2) are needed for two network namespaces")
    script = f"ip link set lo up && exec {sys.executable} -m tests.support.cut_network {tmp_path}"
    done = subprocess.run(
        ["unshare", "-n", "sh", "-c", script],
        cwd=ROOT,
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    logs = "\n".join(f"--- {log.name}\n{log.read_text()[-3000:]}" for log in tmp_path.glob("*.log"))
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr[-6000:]}\n{logs}"
    seen = json.loads((tmp_path / "seen.json").read_text())
    assert "reconnecting" in seen["away"]
    assert seen["alone"] == 1, "Ada hears the agent, and nobody else"
    # Bob's page kept what was said, and learned what Ada was told meanwhile or goes on without it.
    assert seen["after"][: len(seen["before"])] == seen["before"]
    assert seen["rebuilt"] >= 2
    assert seen["worker"].count("room cable: starting") == 1, "the same agent, in the same process"
