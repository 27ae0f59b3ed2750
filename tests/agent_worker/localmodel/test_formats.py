"""G.711 by its published values, and streams in and out of it."""

import numpy as np
import pytest

from agent_worker.audio import MODEL_RATE, from_bytes, to_bytes
from agent_worker.localmodel.formats import FormatDecoder, FormatEncoder, companded, decoded, encoded, levels
from agent_worker.localmodel.settings import AlawFormat, AudioFormat, PcmFormat, UlawFormat

ULAW, ALAW = UlawFormat(type="audio/pcmu"), AlawFormat(type="audio/pcma")


@pytest.mark.parametrize(
    ("law", "byte", "level"),
    [
        ("audio/pcmu", 0xFF, 0),
        ("audio/pcmu", 0x7F, 0),
        ("audio/pcmu", 0x80, 32124),
        ("audio/pcmu", 0x00, -32124),
        ("audio/pcmu", 0xEF, 132),
        ("audio/pcma", 0xD5, 8),
        ("audio/pcma", 0x55, -8),
        ("audio/pcma", 0xAA, 32256),
        ("audio/pcma", 0x2A, -32256),
    ],
)
def test_bytes_mean_what_the_recommendation_says(law: str, byte: int, level: int) -> None:
    assert levels(law)[byte] == level


@pytest.mark.parametrize("law", ["audio/pcmu", "audio/pcma"])
def test_each_level_comes_back_as_itself_and_every_sample_as_the_nearest(law: str) -> None:
    table = levels(law)
    again = table[np.frombuffer(companded(table, law), dtype=np.uint8)]
    assert (again == table).all()
    samples = np.arange(-32768, 32768, 7).astype(np.int16)
    found = table[np.frombuffer(companded(samples, law), dtype=np.uint8)].astype(int)
    nearest = np.abs(table.astype(int)[:, None] - samples[None, :].astype(int)).min(axis=0)
    assert (np.abs(found - samples) == nearest).all()


@pytest.mark.parametrize("audio_format", [PcmFormat(), ULAW, ALAW])
def test_a_tone_survives_the_way_out_and_in(audio_format: AudioFormat) -> None:
    time = np.arange(MODEL_RATE) / MODEL_RATE
    tone = to_bytes((8000 * np.sin(2 * np.pi * 440 * time)).astype(np.int16))
    there = encoded(tone, audio_format)
    assert len(there) == (len(tone) if isinstance(audio_format, PcmFormat) else 8000)
    back = from_bytes(decoded(there, audio_format))
    assert len(back) == MODEL_RATE
    error = back.astype(float) - from_bytes(tone)
    assert np.sqrt(np.mean(error[500:-500] ** 2)) < 8000 / 50


def test_a_stream_in_pieces_is_the_stream_in_one() -> None:
    rng = np.random.default_rng(7)
    data = rng.integers(0, 256, 4000, dtype=np.uint8).tobytes()
    decoder = FormatDecoder(ULAW)
    pieces = b"".join(decoder.feed(data[at : at + 160]) for at in range(0, len(data), 160)) + decoder.finish()
    assert pieces == decoded(data, ULAW)
    encoder = FormatEncoder(ALAW)
    out = b"".join(encoder.feed(pieces[at : at + 960]) for at in range(0, len(pieces), 960)) + encoder.finish()
    assert out == encoded(pieces, ALAW)
