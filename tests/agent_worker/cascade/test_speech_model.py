"""The recogniser's language model is what its script makes of the phrases."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


def test_the_committed_model_is_up_to_date() -> None:
    script = ROOT / "scripts" / "build_speech_model.py"
    check = subprocess.run(
        [sys.executable, script, "--check"], capture_output=True, text=True, timeout=60, check=False
    )
    assert check.returncode == 0, check.stderr
