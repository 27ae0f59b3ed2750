"""The audio formats of the wire: bytes in a session's format -> 24 kHz samples -> bytes in a session's format. Pure.

audio/pcm   24 kHz, int16 little endian: taken as it is
audio/pcmu  8 kHz, G.711 mu-law (ITU-T G.711): one byte for each sample
audio/pcma  8 kHz, G.711 A-law
"""

from functools import lru_cache
from typing import Final

import numpy as np
import numpy.typing as npt

from agent_worker.audio import MODEL_RATE, Samples, from_bytes, to_bytes
from agent_worker.cascade.resample import Resampler
from agent_worker.localmodel.settings import AudioFormat, PcmFormat

TELEPHONE_RATE: Final = 8_000
"""Samples per second of G.711."""
_SEGMENTS: Final = 8
_STEPS: Final = 16
"""A companded byte is a sign, one of 8 segments and one of 16 steps in it."""
_ULAW_BIAS: Final = 132
_SIGN: Final = 0x80
_EVEN_BITS: Final = 0x55
"""A-law is sent with every other bit inverted, so that silence is no row of zeros."""

Levels = npt.NDArray[np.int16]


class FormatDecoder:
    """One stream of bytes -> 24 kHz.

    Args:
        audio_format: What the bytes are.

    """

    def __init__(self, audio_format: AudioFormat) -> None:
        self._levels = None if isinstance(audio_format, PcmFormat) else levels(audio_format.type)
        self._resampler = Resampler(TELEPHONE_RATE, MODEL_RATE)

    def feed(self, data: bytes) -> bytes:
        """More of the stream; of PCM a half sample at the end is left for the caller to cut off."""
        if self._levels is None:
            return data
        return to_bytes(self._resampler.feed(self._levels[np.frombuffer(data, dtype=np.uint8)]))

    def finish(self) -> bytes:
        """The end of the stream: what the resampler still held."""
        return b"" if self._levels is None else to_bytes(self._resampler.finish())


class FormatEncoder:
    """One stream at 24 kHz -> bytes.

    Args:
        audio_format: What the bytes are to be.

    """

    def __init__(self, audio_format: AudioFormat) -> None:
        self._law = None if isinstance(audio_format, PcmFormat) else audio_format.type
        self._resampler = Resampler(MODEL_RATE, TELEPHONE_RATE)

    def feed(self, pcm: bytes) -> bytes:
        """More of the stream."""
        return pcm if self._law is None else companded(self._resampler.feed(from_bytes(pcm)), self._law)

    def finish(self) -> bytes:
        """The end of the stream: what the resampler still held."""
        return b"" if self._law is None else companded(self._resampler.finish(), self._law)


def decoded(data: bytes, audio_format: AudioFormat) -> bytes:
    """A whole recording as 24 kHz PCM."""
    decoder = FormatDecoder(audio_format)
    return decoder.feed(data) + decoder.finish()


def encoded(pcm: bytes, audio_format: AudioFormat) -> bytes:
    """A whole recording at 24 kHz, in a format of the wire."""
    encoder = FormatEncoder(audio_format)
    return encoder.feed(pcm) + encoder.finish()


@lru_cache
def levels(law: str) -> Levels:
    """What each byte of a companding law means: 256 int16 samples."""
    code = np.arange(256)
    sent = ~code & 0xFF if law == "audio/pcmu" else code ^ _EVEN_BITS
    segment, step = (sent >> 4) % _SEGMENTS, sent % _STEPS
    if law == "audio/pcmu":
        size = (((step << 3) + _ULAW_BIAS) << segment) - _ULAW_BIAS
        negative = (sent & _SIGN) != 0
    else:
        size = np.where(segment == 0, (step << 4) + 8, ((step << 4) + 264) << np.maximum(segment - 1, 0))
        negative = (sent & _SIGN) == 0
    return np.where(negative, -size, size).astype(np.int16)


def companded(samples: Samples, law: str) -> bytes:
    """Samples as bytes of a companding law: each becomes the byte whose level lies nearest."""
    order, thresholds = _thresholds(law)
    return order[np.searchsorted(thresholds, samples)].tobytes()


@lru_cache
def _thresholds(law: str) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.float64]]:
    """The bytes of a law by rising level, and the samples at which one gives way to the next."""
    table = levels(law).astype(np.int32)
    order = np.argsort(table, kind="stable")
    rising = table[order]
    return order.astype(np.uint8), (rising[:-1] + rising[1:]) / 2
