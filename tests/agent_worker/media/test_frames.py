import numpy as np
import pytest
from av import AudioFrame, CodecContext, Packet

from agent_worker.media.frames import frame_of, samples_of
from agent_worker.media.opus import OpusEncoder


def test_there_and_back() -> None:
    samples = np.arange(-480, 480, dtype=np.int16)
    frame = frame_of(samples, 48_000, pts=7)
    assert (frame.sample_rate, frame.pts, frame.samples) == (48_000, 7, 960)
    np.testing.assert_array_equal(samples_of(frame), samples)


def test_channels_are_averaged_without_overflow() -> None:
    interleaved = np.array([[30_000, 30_000, -30_000, -30_000, 1000, 0]], dtype=np.int16)
    frame = AudioFrame.from_ndarray(interleaved, format="s16", layout="stereo")
    np.testing.assert_array_equal(samples_of(frame), [30_000, -30_000, 500])


def test_a_decoders_padding_is_left_off() -> None:
    decoder = CodecContext.create("libopus", "r")
    decoder.sample_rate, decoder.layout, decoder.format = 48_000, "stereo", "s16"
    (frame,) = decoder.decode(Packet(OpusEncoder().encode(np.zeros(480, dtype=np.int16))))
    assert isinstance(frame, AudioFrame)
    assert frame.planes[0].buffer_size > 960 * 4
    assert len(samples_of(frame)) == 960


def test_other_sample_formats_are_refused() -> None:
    with pytest.raises(ValueError, match="fltp"):
        samples_of(AudioFrame(format="fltp", layout="mono", samples=960))
