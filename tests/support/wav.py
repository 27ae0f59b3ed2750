"""WAV files of speech and noise that tests speak into a room."""

import json
import wave
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from agent_worker.audio import Samples

CORPUS = Path(__file__).parents[1] / "corpus"


def load(path: Path) -> tuple[Samples, int]:
    """Mono int16 samples and their rate."""
    with wave.open(str(path)) as file:
        assert (file.getnchannels(), file.getsampwidth()) == (1, 2), path
        return np.frombuffer(file.readframes(file.getnframes()), dtype="<i2").astype(np.int16), file.getframerate()


def save(path: Path, samples: Samples, rate: int) -> None:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(samples.astype("<i2").tobytes())


def corpus(name: str) -> Samples:
    """A file of the corpus by the beginning of its name ("s02"): mono int16 at 48 kHz."""
    (path,) = CORPUS.glob(f"{name}_*.wav")
    samples, rate = load(path)
    assert rate == 48_000
    return samples


@dataclass(frozen=True)
class Phrase:
    """Something that was said, and its sound at 48 kHz."""

    name: str
    text: str
    samples: Samples


def phrases_of(folder: Path = CORPUS) -> list[Phrase]:
    """All speech of a corpus in its order, without what is said into noise, or whispered."""
    entries = json.loads((folder / "manifest.json").read_text())["entries"]
    return [
        Phrase(entry["file"].partition("_")[0], entry["text"], load(folder / entry["file"])[0])
        for entry in entries
        if entry["kind"] == "speech"
    ]


def speech_bounds(name: str) -> tuple[float, float]:
    """Seconds at which the voice in a corpus file starts and ends."""
    entries = json.loads((CORPUS / "manifest.json").read_text())["entries"]
    (entry,) = [entry for entry in entries if entry["file"].startswith(f"{name}_")]
    return entry["speech_start_ms"] / 1000, entry["speech_end_ms"] / 1000
