import numpy as np
import pytest

from agent_worker.audio import silence
from agent_worker.media.opus import FRAME_SAMPLES, OpusEncoder


@pytest.mark.parametrize("samples", [0, 479, 481, 960])
def test_only_whole_frames(samples: int) -> None:
    with pytest.raises(ValueError, match="480 samples"):
        OpusEncoder().encode(silence(samples))


@pytest.mark.parametrize("bit_rate", [24_000, 32_000, 40_000])
def test_aims_at_its_bit_rate(bit_rate: int) -> None:
    noise = np.random.default_rng(1).normal(0, 3000, 100 * FRAME_SAMPLES).astype(np.int16)
    encoder = OpusEncoder(bit_rate=bit_rate)
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
