from typing import Literal

import numpy as np
import pytest

from agent_worker.audio import Samples, silence
from agent_worker.errors import ConfigError
from agent_worker.media.libopus import Decoder
from agent_worker.media.opus import FRAME_SAMPLES, OpusEncoder
from agent_worker.media.settings import OPUS_RATES, OpusSettings
from tests.support.wav import corpus


@pytest.mark.parametrize("samples", [0, 479, 481, 960])
def test_only_whole_frames(samples: int) -> None:
    with pytest.raises(ValueError, match="480 samples"):
        OpusEncoder().encode(silence(samples))


@pytest.mark.parametrize("bit_rate", [24_000, 32_000, 40_000])
def test_aims_at_its_bit_rate(bit_rate: int) -> None:
    noise = np.random.default_rng(1).normal(0, 3000, 100 * FRAME_SAMPLES).astype(np.int16)
    encoder = OpusEncoder(OpusSettings(bit_rate=bit_rate))
    sizes = [len(encoder.encode(noise[at : at + FRAME_SAMPLES])) for at in range(0, len(noise), FRAME_SAMPLES)]
    assert np.mean(sizes) * 50 * 8 == pytest.approx(bit_rate, rel=0.2)


def test_a_packet_says_that_it_is_20_ms_of_mono() -> None:
    """RFC 6716, section 3.1: the first byte is the configuration, the stereo bit and the number of frames."""
    encoder = OpusEncoder()
    tone = np.rint(8000 * np.sin(2 * np.pi * 440 * np.arange(10 * FRAME_SAMPLES) / 24_000)).astype(np.int16)
    for at in range(0, len(tone), FRAME_SAMPLES):
        first = encoder.encode(tone[at : at + FRAME_SAMPLES])[0]
        configuration, stereo, frames = first >> 3, first & 4, first & 3
        # 1, 5, 9: SILK-only, 13, 15: hybrid, 19, 23, 27, 31: CELT-only, each with 20 ms frames.
        assert configuration in {1, 5, 9, 13, 15, 19, 23, 27, 31}
        assert stereo == 0
        assert frames == 0, "one frame in the packet"


def tone(frames: int, *, hertz: float = 440.0, rate: int = 24_000) -> Samples:
    samples = frames * rate // 50
    return np.rint(8000 * np.sin(2 * np.pi * hertz * np.arange(samples) / rate)).astype(np.int16)


def packets_of(encoder: OpusEncoder, sound: Samples, frame: int = FRAME_SAMPLES) -> list[bytes]:
    return [encoder.encode(sound[at : at + frame]) for at in range(0, len(sound), frame)]


def level(sound: Samples) -> float:
    """In dB below full scale."""
    return float(20 * np.log10(np.sqrt(np.mean((sound / 32768.0) ** 2)) + 1e-9))


@pytest.mark.parametrize("rate", OPUS_RATES)
def test_any_rate_of_opus_keeps_its_level(rate: int) -> None:
    encoder = OpusEncoder(rate=rate)
    sent = tone(100, rate=rate)
    listener = Decoder(48_000)
    heard = np.concatenate([listener.decode(packet) for packet in packets_of(encoder, sent, rate // 50)])
    assert len(heard) == 100 * 960
    assert level(heard[9600:]) == pytest.approx(level(sent), abs=0.3)


def test_a_rate_that_opus_does_not_know_is_refused() -> None:
    with pytest.raises(ValueError, match="22050 samples per second: invalid argument"):
        OpusEncoder(rate=22_050)


@pytest.mark.parametrize("wrong", [{"bit_rate": 5_999}, {"bit_rate": 510_001}, {"complexity": 11}])
def test_settings_out_of_range_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ConfigError, match="Opus"):
        OpusSettings(**wrong)


@pytest.mark.parametrize(("application", "loss"), [("lowdelay", 0), ("voip", 0), ("lowdelay", 10)])
def test_silence_costs_nothing_and_is_silent(application: Literal["lowdelay", "voip"], loss: int) -> None:
    encoder, listener = OpusEncoder(OpusSettings(application=application)), Decoder(48_000)
    encoder.expect_loss(loss)
    heard = [listener.decode(packet) for packet in packets_of(encoder, tone(50))]
    quiet = packets_of(encoder, silence(50 * FRAME_SAMPLES))
    assert encoder.statistics().encoded == 54
    assert encoder.statistics().silent == 46
    heard += [listener.decode(packet) for packet in quiet]
    assert not np.concatenate(heard[60:]).any()
    assert {len(packet) for packet in quiet[4:]} == {3}


@pytest.mark.parametrize(("application", "loss"), [("lowdelay", 0), ("voip", 0), ("lowdelay", 10)])
def test_a_voice_after_silence_is_as_clear_as_before(application: Literal["lowdelay", "voip"], loss: int) -> None:
    encoder, listener = OpusEncoder(OpusSettings(application=application)), Decoder(24_000)
    encoder.expect_loss(loss)
    sent = np.concatenate((tone(50), silence(50 * FRAME_SAMPLES), tone(50)))
    heard = np.concatenate([listener.decode(packet) for packet in packets_of(encoder, sent)])
    first, second = heard[: 50 * FRAME_SAMPLES], heard[100 * FRAME_SAMPLES :]
    assert level(second[1000:] - first[1000:]) < level(first) - 15, "what differs is the codec's own noise"
    assert np.abs(np.diff(second.astype(int))).max() < 1.3 * np.abs(np.diff(first.astype(int))).max(), "no click"


def test_with_fec_a_lost_packet_is_in_the_next_one() -> None:
    speech = np.rint(corpus("s13") / 2).astype(np.int16)[::2]
    speech = speech[: len(speech) // FRAME_SAMPLES * FRAME_SAMPLES]

    def error(recovered: bool, loss: int) -> float:
        encoder, listener, intact = OpusEncoder(), Decoder(48_000), Decoder(48_000)
        encoder.expect_loss(loss)
        packets = packets_of(encoder, speech)
        wrong: list[Samples] = []
        for number, packet in enumerate(packets[:-1]):
            there = intact.decode(packet)
            if number % 10 != 9:
                listener.decode(packet)
            elif recovered:
                wrong.append(listener.recover(packets[number + 1], 960) - there)
            else:
                wrong.append(listener.conceal(960) - there)
        assert encoder.statistics().fec == (loss > 0)
        return level(np.concatenate(wrong))

    assert error(recovered=True, loss=10) < error(recovered=False, loss=10) - 3.0
    assert error(recovered=True, loss=0) > error(recovered=True, loss=10) + 3.0, "without it nothing is there"


def test_fec_begins_and_ends_in_the_middle_of_a_voice() -> None:
    encoder, listener = OpusEncoder(), Decoder(24_000)
    heard = list[Samples]()
    for number, frame in enumerate(np.split(tone(150), 150)):
        encoder.expect_loss(10 if 50 <= number < 100 else 0)
        heard.append(listener.decode(encoder.encode(frame)))
    sound = np.concatenate(heard)
    for start in range(10, 150, 5):
        assert level(sound[start * FRAME_SAMPLES : (start + 5) * FRAME_SAMPLES]) == pytest.approx(-15.2, abs=1.5)
