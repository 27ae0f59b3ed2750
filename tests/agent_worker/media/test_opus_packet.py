import numpy as np
import pytest
from av import AudioCodecContext, CodecContext

from agent_worker.media.frames import frame_of
from agent_worker.media.opus_packet import carries_fec, duration, is_dtx
from tests.support.wav import corpus


@pytest.mark.parametrize(
    ("payload", "samples"),
    [
        pytest.param(b"", 0, id="nothing"),
        pytest.param(bytes([0 << 3, 1, 2]), 480, id="SILK 10 ms"),
        pytest.param(bytes([3 << 3, 1, 2]), 2880, id="SILK 60 ms"),
        pytest.param(bytes([13 << 3, 1, 2]), 960, id="hybrid 20 ms"),
        pytest.param(bytes([16 << 3, 1, 2]), 120, id="CELT 2.5 ms"),
        pytest.param(bytes([31 << 3 | 1, 1, 2]), 1920, id="two frames"),
        pytest.param(bytes([31 << 3 | 3, 6, 2]), 5760, id="six frames"),
        pytest.param(bytes([31 << 3 | 3]), 0, id="cut off"),
        pytest.param(bytes([3 << 3 | 3, 3, 2]), 0, id="longer than Opus allows"),
    ],
)
def test_duration(payload: bytes, samples: int) -> None:
    assert duration(payload) == samples


def encoded(**options: str) -> list[bytes]:
    codec = CodecContext.create("libopus", "w")
    assert isinstance(codec, AudioCodecContext)
    codec.sample_rate, codec.layout, codec.format, codec.bit_rate = 48_000, "mono", "s16", 32_000
    codec.options = {"frame_duration": "20"} | options
    sound = np.concatenate([corpus("s13"), np.zeros(48_000, dtype=np.int16)])
    return [
        bytes(packet)
        for at in range(0, len(sound) - 960, 960)
        for packet in codec.encode(frame_of(sound[at : at + 960], 48_000, pts=at))
    ]


def test_what_an_encoder_with_fec_makes_carries_copies_where_somebody_speaks() -> None:
    plain = encoded(application="voip")
    protected = encoded(application="voip", fec="1", packet_loss="20")
    assert not any(map(carries_fec, plain))
    assert sum(map(carries_fec, protected)) > 0.3 * len(protected)
    assert {duration(payload) for payload in protected} == {960}


def test_celt_has_no_copies() -> None:
    assert not any(map(carries_fec, encoded(application="lowdelay", fec="1", packet_loss="20")))


@pytest.mark.parametrize(
    ("payload", "carried"),
    [
        pytest.param(bytes([9 << 3, 0x40, 0]), True, id="one frame"),
        pytest.param(bytes([9 << 3, 0x80, 0]), False, id="a voice flag alone"),
        pytest.param(bytes([10 << 3, 0x20, 0]), True, id="40 ms: two voice flags come first"),
        pytest.param(bytes([11 << 3, 0x10, 0]), True, id="60 ms: three"),
        pytest.param(bytes([9 << 3 | 4, 0x10, 0]), True, id="stereo: in its other channel"),
        pytest.param(bytes([9 << 3 | 2, 1, 0x40, 0]), True, id="two frames of unequal length"),
        pytest.param(bytes([9 << 3 | 2, 252, 0]), False, id="cut off"),
        pytest.param(bytes([9 << 3]), False, id="DTX"),
    ],
)
def test_where_the_flag_lies(payload: bytes, carried: bool) -> None:
    assert carries_fec(payload) is carried


@pytest.mark.parametrize(("size", "silent"), [(0, False), (1, True), (2, True), (3, False)])
def test_dtx(size: int, silent: bool) -> None:
    assert is_dtx(bytes(size)) is silent
