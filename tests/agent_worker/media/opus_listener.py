"""The far end of an Opus stream, by libopus itself: it can be told of lost packets, which PyAV's decoder cannot."""

import ctypes

import numpy as np

from agent_worker.audio import Samples
from agent_worker.media.libopus import load

_MOST = 5760


class OpusListener:
    """Decodes mono at a rate of its choice."""

    def __init__(self, rate: int = 48_000) -> None:
        self._opus = load()
        self._frame = rate // 50
        create = self._opus.opus_decoder_create
        create.restype = ctypes.c_void_p
        self._state = ctypes.c_void_p(create(rate, 1, ctypes.byref(ctypes.c_int())))

    def __del__(self) -> None:
        self._opus.opus_decoder_destroy(self._state)

    def hear(self, packet: bytes) -> Samples:
        return self._decode(packet, fec=False)

    def conceal(self) -> Samples:
        """A packet was lost, and nothing is known of it."""
        return self._decode(None, fec=False)

    def recover(self, following: bytes) -> Samples:
        """A packet was lost, and here is the one after it."""
        return self._decode(following, fec=True)

    def _decode(self, packet: bytes | None, *, fec: bool) -> Samples:
        pcm = np.zeros(_MOST, dtype=np.int16)
        most = self._frame if packet is None or fec else _MOST
        count = self._opus.opus_decode(
            self._state, packet, len(packet or b""), pcm.ctypes.data_as(ctypes.c_void_p), most, int(fec)
        )
        assert count > 0, count
        return pcm[:count]
