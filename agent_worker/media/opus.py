"""Opus for the agent's voice (RFC 6716, RFC 7587): one 20 ms frame at 24 kHz mono in, one packet out.

libopus by PyAV's codec context. Encoding here, not in aiortc, keeps the sound mono (its stereo path costs 3 dB),
spares the resampling to 48 kHz and the hop to another thread, and makes one packet serve every listener.
"""

from collections.abc import Sequence
from fractions import Fraction
from typing import Any, Final, cast

from av import AudioCodecContext, CodecContext
from av.buffer import Buffer

from agent_worker.audio import FRAME_SECONDS, MODEL_RATE, Samples, samples_in
from agent_worker.media.frames import frame_of

FRAME_SAMPLES: Final = samples_in(FRAME_SECONDS, MODEL_RATE)


class OpusEncoder:
    """One stream's encoder.

    Args:
        bit_rate: Bits per second that it aims at.
        complexity: 0-10, quality against CPU. 5 costs two thirds of 10.
    """

    def __init__(self, *, bit_rate: int = 32_000, complexity: int = 5) -> None:
        codec = CodecContext.create("libopus", "w")
        assert isinstance(codec, AudioCodecContext)
        codec.sample_rate = MODEL_RATE
        codec.layout = "mono"
        codec.format = "s16"
        codec.bit_rate = bit_rate
        codec.time_base = Fraction(1, MODEL_RATE)
        codec.options = {"application": "voip", "frame_duration": "20", "compression_level": str(complexity)}
        # Half typed: the packets that it returns are generic in a stream that these have not.
        self._codec = cast(Any, codec)
        self._position = 0

    def encode(self, samples: Samples) -> bytes:
        """The packet of the next 20 ms.

        Args:
            samples: Exactly `FRAME_SAMPLES` at 24 kHz.

        Raises:
            ValueError: Another number of samples: a packet would be missing or there would be two.
        """
        if len(samples) != FRAME_SAMPLES:
            raise ValueError(f"an Opus frame is {FRAME_SAMPLES} samples, not {len(samples)}")
        frame = frame_of(samples, MODEL_RATE, pts=self._position)
        self._position += FRAME_SAMPLES
        (packet,) = cast(Sequence[Buffer], self._codec.encode(frame))
        return bytes(packet)
