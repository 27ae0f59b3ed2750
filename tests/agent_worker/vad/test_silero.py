"""The real model on the corpus, and what is said when it is missing."""

import importlib.util
import sys
from importlib.machinery import ModuleSpec
from pathlib import Path

import numpy as np
import pytest

from agent_worker.audio import Samples
from agent_worker.errors import ConfigError
from agent_worker.media.resample import Resampler
from agent_worker.turns.voice import VoiceEvent, VoiceStarted, VoiceStopped
from agent_worker.vad.detector import Detector
from agent_worker.vad.gate import Gate
from agent_worker.vad.silero import SileroVad, load_session, model_path
from tests.support.wav import corpus


async def voices(sound: Samples) -> list[tuple[float, float]]:
    """(start, end) in seconds of each voice in a 48 kHz recording, followed by a second of silence."""
    resampler = Resampler(48_000, 16_000)
    detector = Detector(SileroVad(), Gate())
    sound = np.concatenate((sound, np.zeros(48_000, dtype=np.int16)))
    events: list[VoiceEvent] = []
    heard = 0
    for at in range(0, len(sound), 960):
        piece = resampler.push(sound[at : at + 960])
        heard += len(piece)
        events += await detector.push(piece, heard / 16_000)
    starts = [event.at for event in events if isinstance(event, VoiceStarted)]
    stops = [event.at for event in events if isinstance(event, VoiceStopped)]
    return list(zip(starts, stops, strict=True))


@pytest.mark.parametrize(("name", "start", "end"), [("s02", 0.2, 1.25), ("s13", 0.2, 1.19), ("s15", 0.2, 0.71)])
async def test_speech_is_one_voice_from_its_start_to_its_end(name: str, start: float, end: float) -> None:
    ((found_start, found_end),) = await voices(corpus(name))
    assert abs(found_start - start) < 0.1
    assert 0 <= found_end - end < 0.15


@pytest.mark.parametrize("name", ["s15", "b05"])
async def test_a_word_is_longer_than_a_turn_must_be(name: str) -> None:
    assert sum(end - start for start, end in await voices(corpus(name))) > 0.25


@pytest.mark.parametrize("name", ["n04"])
async def test_knocks_are_no_voice(name: str) -> None:
    assert await voices(corpus(name)) == []


async def test_each_burst_of_a_cough_is_short() -> None:
    assert all(end - start < 0.3 for start, end in await voices(corpus("n01")))


def test_torch_is_not_imported() -> None:
    SileroVad()
    assert "torch" not in sys.modules
    assert "silero_vad" not in sys.modules


def test_streams_share_the_model_and_nothing_else() -> None:
    assert load_session() is load_session()
    tone = np.sin(np.arange(512) / 20).astype(np.float32)
    one, two = SileroVad(), SileroVad()
    alone = [one.probability(tone * level) for level in (0.1, 0.5, 0.2)]
    one.reset()
    mixed: list[float] = []
    for level in (0.1, 0.5, 0.2):
        mixed.append(one.probability(tone * level))
        two.probability(-tone)
    assert mixed == alone


def test_a_missing_package_is_told_with_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ConfigError, match="pip install --no-deps silero-vad"):
        model_path()


def test_a_package_without_its_model_is_told_too(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    spec = ModuleSpec("silero_vad", None, origin=str(tmp_path / "__init__.py"))
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: spec)
    with pytest.raises(ConfigError, match="pip install --no-deps silero-vad --force-reinstall"):
        model_path()


def test_a_damaged_model_is_told_too(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "silero_vad_16k_op15.onnx").write_bytes(b"not a model")
    spec = ModuleSpec("silero_vad", None, origin=str(tmp_path / "__init__.py"))
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: spec)
    with pytest.raises(ConfigError, match="cannot be loaded"):
        load_session.__wrapped__()
