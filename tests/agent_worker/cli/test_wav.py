"""Recordings as a microphone, and what is heard as a file."""

import wave

import numpy as np
import pytest

from agent_worker.audio import WIRE_RATE
from agent_worker.cli.wav import WavTape, WavVoice, read_wav
from agent_worker.errors import ConfigError
from tests.support import wav


def tone(seconds, rate, level=8000):
    return (level * np.sin(2 * np.pi * 440 * np.arange(round(seconds * rate)) / rate)).astype(np.int16)


@pytest.mark.parametrize("rate", [8000, 16_000, 24_000, 44_100, 48_000])
def test_any_rate_becomes_the_wires(tmp_path, rate):
    wav.save(tmp_path / "a.wav", tone(0.5, rate), rate)
    samples = read_wav(tmp_path / "a.wav")
    assert samples.dtype == np.int16
    assert abs(len(samples) - WIRE_RATE // 2) < 100
    assert np.abs(samples).max() == pytest.approx(8000, rel=0.05)


def test_channels_are_averaged(tmp_path):
    with wave.open(str(tmp_path / "a.wav"), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(WIRE_RATE)
        file.writeframes(np.array([[100, 300]] * 960, dtype="<i2").tobytes())
    assert set(read_wav(tmp_path / "a.wav")) == {200}


def broken(path, kind):
    match kind:
        case "missing":
            pass
        case "text":
            path.write_text("no sound")
        case "empty":
            path.write_bytes(b"")
        case "8 bit":
            with wave.open(str(path), "wb") as file:
                file.setnchannels(1)
                file.setsampwidth(1)
                file.setframerate(8000)
                file.writeframes(b"\x80" * 8000)
        case "long":
            wav.save(path, np.zeros(601 * 8000, dtype=np.int16), 8000)


@pytest.mark.parametrize("kind", ["missing", "text", "empty", "8 bit", "long"])
def test_what_is_no_use_is_said_with_what_to_do(tmp_path, kind):
    broken(tmp_path / "a.wav", kind)
    with pytest.raises(ConfigError, match=r"ffmpeg|cut it"):
        read_wav(tmp_path / "a.wav")


def test_the_voice_says_it_frame_by_frame_and_then_nothing():
    voice = WavVoice()
    assert not voice.pull().any()
    said = tone(0.05, WIRE_RATE)
    voice.say(said)
    frames = []
    while voice.is_speaking:
        frames.append(voice.pull())
    assert {len(frame) for frame in frames} == {960}
    assert np.array_equal(np.concatenate(frames)[: len(said)], said)
    assert not voice.pull().any()


def test_a_tape_is_a_whole_file_even_after_an_error(tmp_path):
    heard = tone(2.5, WIRE_RATE)
    with pytest.raises(RuntimeError, match="torn"), WavTape(tmp_path / "out.wav") as tape:  # noqa: PT012
        for start in range(0, len(heard), 960):
            tape.put(heard[start : start + 960])
        raise RuntimeError("torn")
    samples, rate = wav.load(tmp_path / "out.wav")
    assert (rate, tape.samples) == (WIRE_RATE, len(heard))
    assert np.array_equal(samples, heard)


def test_a_tape_that_cannot_be_written_is_said(tmp_path):
    with pytest.raises(ConfigError, match="cannot be written"), WavTape(tmp_path / "no" / "out.wav"):
        pass
