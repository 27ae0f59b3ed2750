import io

import av
import numpy as np
import pytest

from agent_worker.media.jpeg import LONGEST_SIDE, encoded


def decoded(data: bytes) -> np.ndarray:
    with av.open(io.BytesIO(data), format="mjpeg") as file:
        return next(file.decode(video=0)).to_ndarray(format="rgb24")


def test_a_picture_looks_the_same_as_a_file():
    picture = np.zeros((120, 160, 3), dtype=np.uint8)
    picture[:, 80:] = (200, 40, 90)
    data = encoded(picture)
    assert data.startswith(b"\xff\xd8\xff")
    assert np.abs(decoded(data).astype(int) - picture)[:, [20, 140]].mean() < 6


def test_a_large_picture_is_scaled_down():
    assert decoded(encoded(np.full((1000, 3000, 3), 99, dtype=np.uint8))).shape == (341, LONGEST_SIDE, 3)


@pytest.mark.parametrize("shape", [(10, 10), (10, 10, 4), (0, 10, 3)])
def test_what_is_no_picture_is_refused(shape: tuple[int, ...]):
    with pytest.raises(ValueError, match="height, width, 3"):
        encoded(np.zeros(shape, dtype=np.uint8))
