"""What the local model said, as it recorded it (`local-model --record`): to compare with what a listener heard."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agent_worker.audio import Samples
from tests.support.wav import load


@dataclass(frozen=True)
class Spoken:
    """One message of a reply: its words with their times, where it was cut, and its sound at 24 kHz."""

    transcript: str
    words: list[dict[str, Any]]
    truncated_at_ms: int | None
    samples: Samples


def spoken(folder: Path, text: str) -> Spoken:
    """The last message whose words contain `text`."""
    found: list[Spoken] = []
    for path in sorted(folder.glob("*.json"), key=lambda path: path.stat().st_mtime):
        for item in json.loads(path.read_text())["items"]:
            if text.lower() in item["transcript"].lower():
                samples, rate = load(path.with_suffix(".wav"))
                assert rate == 24_000
                start = item["offset_ms"] * 24
                found.append(Spoken(item["transcript"], item["words"], item["truncated_at_ms"], samples[start:]))
    assert found, f"the model has not said {text!r}"
    return found[-1]
