"""Opus payloads -> mono samples, and a guess in place of those that were lost: libopus, or PyAV where there is none.

libopus decodes to any rate at the cost of that rate, and knows what PyAV's codecs have no way to ask for: the copy of
a lost frame (FEC) and how the sound went on (PLC).
"""

import ctypes
import logging
from collections.abc import Sequence
from ctypes import POINTER, byref, c_char_p, c_int, c_int32, c_void_p
from typing import Any, Final, Protocol, cast

import numpy as np
from av import AudioCodecContext, AudioFrame, CodecContext, Packet
from av.error import FFmpegError

from agent_worker.audio import MODEL_RATE, WIRE_RATE, Samples, silence
from agent_worker.errors import ConfigError
from agent_worker.media.frames import samples_of
from agent_worker.media.libopus import load

__all__ = ["Decoder", "LibopusDecoder", "PyAvDecoder", "open_decoder"]

_logger = logging.getLogger(__name__)

_RESET_STATE: Final = 4028
_LONGEST_SECONDS: Final = 0.12


class Decoder(Protocol):
    """One stream's decoder. Lengths are given in samples at 48 kHz, as RTP counts them.

    Attributes:
        rate: Samples per second that come out.
    """

    @property
    def rate(self) -> int:
        """Samples per second that come out."""
        ...

    def decode(self, payload: bytes) -> Samples:
        """The sound of a payload.

        Raises:
            ValueError: It is malformed.
        """
        ...

    def recover(self, payload: bytes, length: int) -> Samples:
        """The sound of the frame before this payload's, from the copy that it carries.

        Raises:
            ValueError: It is malformed.
        """
        ...

    def conceal(self, length: int) -> Samples:
        """How the sound may have gone on."""
        ...

    def restart(self) -> None:
        """What comes next does not follow what came before."""
        ...


class LibopusDecoder:
    """libopus's own decoder, mono. Fits `Decoder`.

    Args:
        rate: Samples per second that come out: 8, 12, 16, 24 or 48 thousand.

    Raises:
        ConfigError: There is no libopus on this machine.
        ValueError: It takes no such rate.
    """

    def __init__(self, rate: int = MODEL_RATE) -> None:
        self.rate = rate
        self._opus: Any = _library()
        error = c_int()
        self._state: int | None = self._opus.opus_decoder_create(rate, 1, byref(error))
        if not self._state:
            raise ValueError(f"libopus makes no decoder for {rate} samples per second")
        self._out = silence(round(_LONGEST_SECONDS * rate))
        self._address = self._out.ctypes.data

    def __del__(self) -> None:
        state, self._state = getattr(self, "_state", None), None
        if state:
            self._opus.opus_decoder_destroy(state)

    def decode(self, payload: bytes) -> Samples:
        """See `Decoder.decode`."""
        return self._decode(payload, len(self._out), copy=False)

    def recover(self, payload: bytes, length: int) -> Samples:
        """See `Decoder.recover`."""
        return self._decode(payload, self._own(length), copy=True)

    def conceal(self, length: int) -> Samples:
        """See `Decoder.conceal`."""
        return self._decode(None, self._own(length), copy=False)

    def restart(self) -> None:
        """See `Decoder.restart`."""
        self._opus.opus_decoder_ctl(self._state, _RESET_STATE)

    def _own(self, length: int) -> int:
        return min(length * self.rate // WIRE_RATE, len(self._out))

    def _decode(self, payload: bytes | None, room: int, *, copy: bool) -> Samples:
        size = len(payload) if payload else 0
        made: int = self._opus.opus_decode(self._state, payload, size, self._address, room, int(copy))
        if made < 0:
            raise ValueError(f"libopus cannot decode it: {self._opus.opus_strerror(made).decode()}")
        return self._out[:made].copy()


class PyAvDecoder:
    """PyAV's decoder at 48 kHz, with a concealment of our own: what was heard last, dying away. Fits `Decoder`."""

    rate = WIRE_RATE

    def __init__(self) -> None:
        self.restart()

    def decode(self, payload: bytes) -> Samples:
        """See `Decoder.decode`."""
        try:
            frames = cast(Sequence[AudioFrame], self._codec.decode(Packet(payload)))
        except FFmpegError as error:
            raise ValueError(f"PyAV cannot decode it: {error}") from error
        self._last = np.concatenate([samples_of(frame) for frame in frames]) if frames else silence(0)
        return self._last

    def recover(self, payload: bytes, length: int) -> Samples:
        """See `Decoder.recover`: the copy cannot be asked for."""
        del payload
        return self.conceal(length)

    def conceal(self, length: int) -> Samples:
        """See `Decoder.conceal`."""
        self._last = np.resize(self._last, length) // 2 if len(self._last) else silence(length)
        return self._last

    def restart(self) -> None:
        """See `Decoder.restart`."""
        codec = CodecContext.create("libopus", "r")
        assert isinstance(codec, AudioCodecContext)
        codec.sample_rate = WIRE_RATE
        codec.layout = "mono"
        codec.format = "s16"
        self._codec = cast(Any, codec)  # half typed
        self._last = silence(0)


def open_decoder() -> Decoder:
    """The best decoder of this machine."""
    try:
        return LibopusDecoder()
    except ConfigError as error:
        _logger.warning("lost packets will be concealed poorly: %s", error)
        return PyAvDecoder()


def _library() -> ctypes.CDLL:
    library = load()
    library.opus_decoder_create.argtypes = [c_int32, c_int, POINTER(c_int)]
    library.opus_decoder_create.restype = c_void_p
    library.opus_decode.argtypes = [c_void_p, c_char_p, c_int32, c_void_p, c_int, c_int]
    library.opus_decode.restype = c_int
    library.opus_decoder_ctl.argtypes = [c_void_p, c_int]
    library.opus_decoder_ctl.restype = c_int
    library.opus_decoder_destroy.argtypes = [c_void_p]
    library.opus_decoder_destroy.restype = None
    library.opus_strerror.argtypes = [c_int]
    library.opus_strerror.restype = c_char_p
    return library
