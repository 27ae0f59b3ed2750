"""What an Opus packet says about itself, without decoding it (RFC 6716, sections 3 and 4.2). Pure."""

from typing import Final

_FRAME_SAMPLES: Final = (
    *(480, 960, 1920, 2880) * 3,  # SILK: 10, 20, 40, 60 ms at 48 kHz
    *(480, 960) * 2,  # hybrid
    *(120, 240, 480, 960) * 4,  # CELT
)
_FRAMES: Final = (1, 2, 2, 0)
"""By the packet's code; 0: the next byte tells."""
_FIRST_CELT: Final = 16
_MAX_SAMPLES: Final = 5760  # 120 ms
_LONG: Final = 252
"""Lengths from here on take two bytes."""


def duration(payload: bytes) -> int:
    """How long the sound in a packet is, in samples at 48 kHz; 0 for one that holds none or is malformed."""
    if not payload:
        return 0
    code = payload[0] & 3
    frames = _FRAMES[code]
    if not frames and len(payload) > 1:
        frames = payload[1] & 0x3F
    samples = frames * _FRAME_SAMPLES[payload[0] >> 3]
    return samples if samples <= _MAX_SAMPLES else 0


def is_dtx(payload: bytes) -> bool:
    """Whether it says that silence follows (discontinuous transmission): one or two bytes."""
    return 0 < len(payload) <= 2


def carries_fec(payload: bytes) -> bool:
    """Whether it carries a coarse copy of the frame before it (in-band FEC, "LBRR").

    CELT has none. Of packets with an arbitrary number of frames (code 3) it is not looked for: senders of voice in
    real time put one frame, or two, into a packet.
    """
    if len(payload) < 3 or payload[0] >> 3 >= _FIRST_CELT or payload[0] & 3 == 3:
        return False
    first = 1
    if payload[0] & 3 == 2:  # the first frame's length comes before it
        first = 2 if payload[1] < _LONG else 3
    if first >= len(payload):
        return False
    # A SILK frame begins with a voice flag for each 20 ms of it, then comes the flag that is looked for; a stereo
    # packet has the same once more for its other channel.
    flags = max(1, _FRAME_SAMPLES[payload[0] >> 3] // 960)
    found = payload[first] >> (7 - flags) & 1
    if payload[0] & 4:
        found |= payload[first] >> (6 - 2 * flags) & 1
    return bool(found)
