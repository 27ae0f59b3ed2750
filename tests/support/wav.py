"""WAV files of speech and noise that tests speak into a room."""

import json
import wave
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


def speech_bounds(name: str) -> tuple[float, float]:
    """Seconds at which the voice in a corpus file starts and ends."""
    entries = json.loads((CORPUS / "manifest.json").read_text())["entries"]
    (entry,) = [entry for entry in entries if entry["file"].startswith(f"{name}_")]
    return entry["speech_start_ms"] / 1000, entry["speech_end_ms"] / 1000
