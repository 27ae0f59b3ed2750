"""libopus itself, by ctypes: what PyAV's codecs cannot be asked for (FEC, loss, any rate). Every C call is made here.

PyAV's wheels bring the library along; where PyAV was built against the system's FFmpeg, the system's is taken.
"""

import ctypes
import ctypes.util
from collections.abc import Iterator
from ctypes import POINTER, byref, c_char_p, c_int, c_int32, c_ubyte, c_void_p
from enum import IntEnum
from functools import cache
from pathlib import Path
from typing import Any, Final

import av

from agent_worker.audio import WIRE_RATE, Samples, silence
from agent_worker.errors import ConfigError

__all__ = ["MAX_PACKET", "Application", "Decoder", "Encoder", "load"]

MAX_PACKET: Final = 1275
"""Bytes of the longest frame (RFC 6716, section 3.4)."""

_LONGEST: Final = 5760
"""Samples of the longest packet, 120 ms at 48 kHz (RFC 6716, section 2.1.4)."""
_STEPS_PER_SECOND: Final = 400
"""Every length is a multiple of 2.5 ms."""

_SET_BITRATE: Final = 4002
_SET_VBR: Final = 4006
_SET_COMPLEXITY: Final = 4010
_SET_INBAND_FEC: Final = 4012
_SET_PACKET_LOSS_PERC: Final = 4014
_SET_SIGNAL: Final = 4024
_RESET_STATE: Final = 4028
_SIGNAL_VOICE: Final = 3001


class Application(IntEnum):
    """What an encoder is made for (opus_defines.h)."""

    VOIP = 2048
    """Speech: SILK or a hybrid. Can carry in-band FEC. 6.5 ms of lookahead, about three times the CPU of LOWDELAY."""
    AUDIO = 2049
    """Faithful to anything: both, as it sees fit."""
    LOWDELAY = 2051
    """CELT alone: 2.5 ms of lookahead and the least CPU. Has no FEC."""


@cache
def load() -> ctypes.CDLL:
    """The library, with its signatures declared.

    Raises:
        ConfigError: There is none on this machine.
    """
    for name in _places():
        try:
            library = ctypes.CDLL(name)
            break
        except OSError:
            continue
    else:
        raise ConfigError(
            "libopus is missing: this build of PyAV brings none. Install the system's (apt-get install libopus0), "
            "or PyAV's wheel (pip install --force-reinstall --only-binary av av)."
        )
    library.opus_encoder_create.argtypes = [c_int32, c_int, c_int, POINTER(c_int)]
    library.opus_encoder_create.restype = c_void_p
    library.opus_encode.argtypes = [c_void_p, c_void_p, c_int, c_void_p, c_int32]
    library.opus_encode.restype = c_int32
    # Only what is fixed is declared of a variadic function: its further arguments are then passed as such.
    library.opus_encoder_ctl.argtypes = [c_void_p, c_int]
    library.opus_encoder_ctl.restype = c_int
    library.opus_encoder_destroy.argtypes = [c_void_p]
    library.opus_encoder_destroy.restype = None
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


def _places() -> Iterator[str]:
    package = Path(av.__file__).parent
    for folder in (package.parent / "av.libs", package / ".dylibs"):
        yield from (str(path) for path in sorted(folder.glob("libopus*")))
    yield from (name for name in (ctypes.util.find_library("opus"), "libopus.so.0") if name)


class Encoder:
    """One OpusEncoder, mono.

    Args:
        rate: Samples per second that go in: 8, 12, 16, 24 or 48 thousand.
        application: What it is made for; fixed for its life.

    Raises:
        ConfigError: There is no libopus on this machine.
        ValueError: It takes no such rate.
    """

    def __init__(self, rate: int, application: Application) -> None:
        self._opus: Any = load()
        error = c_int()
        self._state: int | None = self._opus.opus_encoder_create(rate, 1, application, byref(error))
        if not self._state:
            raise ValueError(f"libopus makes no encoder for {rate} samples per second: {self._said(error.value)}")
        self._packet = (c_ubyte * MAX_PACKET)()
        self._set(_SET_VBR, 1)
        self._set(_SET_SIGNAL, _SIGNAL_VOICE)

    def __del__(self) -> None:
        state, self._state = getattr(self, "_state", None), None
        if state:
            self._opus.opus_encoder_destroy(state)

    def set_bit_rate(self, bit_rate: int) -> None:
        """Bits per second that it aims at, 500..512000."""
        self._set(_SET_BITRATE, bit_rate)

    def set_complexity(self, complexity: int) -> None:
        """0..10, quality against CPU."""
        self._set(_SET_COMPLEXITY, complexity)

    def set_fec(self, loss_percent: int) -> None:
        """Send each frame once more, coarsely, in the packet after it, on a link that loses so much; 0: do not."""
        self._set(_SET_INBAND_FEC, 1 if loss_percent else 0)
        self._set(_SET_PACKET_LOSS_PERC, loss_percent)

    def encode(self, samples: Samples) -> bytes:
        """The packet of one frame.

        Args:
            samples: One frame of a length that Opus knows (2.5, 5, 10, 20, 40 or 60 ms).

        Raises:
            ValueError: It is of another length.
        """
        contiguous = samples if samples.flags.c_contiguous else samples.copy()
        size = self._opus.opus_encode(self._state, contiguous.ctypes.data, len(contiguous), self._packet, MAX_PACKET)
        return bytes(memoryview(self._packet)[: self._check(size)])

    def reset(self) -> None:
        """Forget what was encoded: what comes next is another stream."""
        self._check(self._opus.opus_encoder_ctl(self._state, _RESET_STATE))

    def _set(self, request: int, value: int) -> None:
        self._check(self._opus.opus_encoder_ctl(self._state, request, c_int32(value)))

    def _check(self, code: int) -> int:
        if code < 0:
            raise ValueError(f"libopus refused: {self._said(code)}")
        return code

    def _said(self, code: int) -> str:
        return self._opus.opus_strerror(code).decode()


class Decoder:
    """One OpusDecoder, mono. It decodes to any rate at the cost of that rate.

    Lengths are given in samples at 48 kHz, as RTP counts them.

    Args:
        rate: Samples per second that come out: 8, 12, 16, 24 or 48 thousand.

    Raises:
        ConfigError: There is no libopus on this machine.
        ValueError: It takes no such rate.
    """

    def __init__(self, rate: int) -> None:
        self.rate = rate
        self._opus: Any = load()
        error = c_int()
        self._state: int | None = self._opus.opus_decoder_create(rate, 1, byref(error))
        if not self._state:
            said = self._opus.opus_strerror(error.value).decode()
            raise ValueError(f"libopus makes no decoder for {rate} samples per second: {said}")
        self._out = silence(_LONGEST * rate // WIRE_RATE)
        self._address = self._out.ctypes.data

    def __del__(self) -> None:
        state, self._state = getattr(self, "_state", None), None
        if state:
            self._opus.opus_decoder_destroy(state)

    def decode(self, payload: bytes) -> Samples:
        """The sound of a packet.

        Raises:
            ValueError: It is malformed.
        """
        return self._decode(payload, len(self._out), copy=False)

    def recover(self, payload: bytes, length: int) -> Samples:
        """The sound of the frame before this packet's, from the coarse copy that it carries (in-band FEC).

        Raises:
            ValueError: It is malformed.
        """
        return self._decode(payload, self._own(length), copy=True)

    def conceal(self, length: int) -> Samples:
        """How the sound may have gone on (PLC)."""
        wanted = self._own(length)
        step = self.rate // _STEPS_PER_SECOND
        whole = max(step, min(-(-wanted // step) * step, len(self._out)))  # it makes no other lengths
        return self._decode(None, whole, copy=False)[:wanted]

    def restart(self) -> None:
        """What comes next does not follow what came before."""
        self._opus.opus_decoder_ctl(self._state, _RESET_STATE)

    def _own(self, length: int) -> int:
        return min(length * self.rate // WIRE_RATE, len(self._out))

    def _decode(self, payload: bytes | None, room: int, *, copy: bool) -> Samples:
        size = len(payload) if payload else 0
        made: int = self._opus.opus_decode(self._state, payload, size, self._address, room, copy)
        if made < 0:
            raise ValueError(f"libopus cannot decode it: {self._opus.opus_strerror(made).decode()}")
        return self._out[:made].copy()
