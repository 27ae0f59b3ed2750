"""The tap in aiortc: a contract that a new aiortc breaks here first, and what happens where it is broken."""

import pytest
from aiortc import RTCRtpReceiver
from aiortc.rtp import RtpPacket

from agent_worker.media import receiver_tap
from agent_worker.media.jitter_actions import Packet


@pytest.fixture(autouse=True)
def look_again():
    receiver_tap.is_known.cache_clear()
    yield
    receiver_tap.is_known.cache_clear()


def test_the_aiortc_that_is_installed_is_known(caplog: pytest.LogCaptureFixture) -> None:
    assert receiver_tap.is_known()
    assert not caplog.records


def renamed(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(receiver_tap, "_BUFFER", "_RTCRtpReceiver__jitter_buffers")


def used_otherwise(patch: pytest.MonkeyPatch) -> None:
    class Buffer:
        def add(self, packet: RtpPacket, arrived: float) -> None: ...

    patch.setattr(receiver_tap, "AiortcJitterBuffer", Buffer)


def without_fields(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(receiver_tap, "RtpPacket", object)


def of_another_version(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(receiver_tap, "version", lambda _: "1.17.2")


def without_packets(patch: pytest.MonkeyPatch) -> None:
    patch.delattr(RTCRtpReceiver, "_handle_rtp_packet")


@pytest.mark.parametrize("change", [renamed, used_otherwise, without_fields, of_another_version, without_packets])
def test_an_aiortc_that_is_not_known_is_left_alone_and_said_once(change, monkeypatch, caplog) -> None:
    change(monkeypatch)
    assert not receiver_tap.is_known()
    assert not receiver_tap.is_known()
    (record,) = caplog.records
    assert "install aiortc 1.16.*" in record.getMessage()


def rtp(sequence: int) -> RtpPacket:
    return RtpPacket(payload_type=96, sequence_number=sequence, timestamp=960 * sequence, ssrc=7, payload=b"abc")


def test_packets_pass_and_nothing_is_left_to_decode() -> None:
    passed: list[Packet] = []
    tap = receiver_tap._Tap(passed.append)
    assert tap.add(rtp(3)) == (False, None)
    assert passed == [Packet(7, 3, 2880, b"abc")]


def test_a_mistake_of_ours_does_not_end_the_connection(caplog: pytest.LogCaptureFixture) -> None:
    def fail(packet: Packet) -> None:
        raise RuntimeError("a mistake")

    tap = receiver_tap._Tap(fail)
    assert [tap.add(rtp(number)) for number in range(3)] == [(False, None)] * 3
    assert len(caplog.records) == 1
