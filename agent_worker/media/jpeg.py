"""Pictures as files: RGB pixels -> JPEG. Blocking: some 10 ms for a camera's picture."""

from collections.abc import Sequence
from fractions import Fraction
from typing import Final, Protocol, cast

import av
import numpy as np
import numpy.typing as npt

Picture = npt.NDArray[np.uint8]
"""RGB, shape (height, width, 3)."""

LONGEST_SIDE: Final = 1024
"""Pixels; models look at no more, and their providers scale larger pictures down."""
_QUALITY: Final = "4"
"""2 (best) to 31, of the encoder's own scale."""


class _Encoder(Protocol):
    """What is used of av's video encoder, whose packets have no type."""

    width: int
    height: int
    pix_fmt: str
    time_base: Fraction
    options: dict[str, str]

    def encode(self, _frame: av.VideoFrame | None, /) -> Sequence[bytes]: ...


def encoded(picture: Picture) -> bytes:
    """The picture as a JPEG file, scaled down to LONGEST_SIDE if it is larger.

    Raises:
        ValueError: It is no RGB picture.

    """
    if picture.ndim != 3 or picture.shape[2] != 3 or picture.dtype != np.uint8 or not picture.size:
        msg = f"a picture is an array of uint8 of the shape (height, width, 3), not {picture.dtype} {picture.shape}"
        raise ValueError(msg)
    height, width = picture.shape[:2]
    scale = min(1.0, LONGEST_SIDE / max(height, width))
    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24").reformat(
        width=max(2, round(width * scale)), height=max(2, round(height * scale)), format="yuvj420p"
    )
    encoder = cast(_Encoder, av.CodecContext.create("mjpeg", "w"))
    encoder.width, encoder.height, encoder.pix_fmt = frame.width, frame.height, "yuvj420p"
    encoder.time_base = Fraction(1, 1)
    encoder.options = {"qmin": _QUALITY, "qmax": _QUALITY}
    return b"".join(bytes(packet) for packet in [*encoder.encode(frame), *encoder.encode(None)])
