"""What the packets of a voice say about who was late: made up, so that each figure is known."""

from dataclasses import replace

import pytest

from bench.rig.audience import Unwrapped
from bench.rig.punctuality import FRAME, RATE, Packet, punctuality


def voice(frames: str) -> list[Packet]:
    """A packet each 20 ms, decoded 1 ms after it was sent: "t" has a tone, "." is silence."""
    return [
        Packet(
            sequence=index, timestamp=index * FRAME, sent=index * 0.02, heard=index * 0.02 + 0.001, loud=frame == "t"
        )
        for index, frame in enumerate(frames)
    ]


def test_an_even_voice_is_whole():
    found = punctuality(voice("." * 20 + "t" * 600 + "." * 60 + "t" * 100))
    assert found.is_whole
    assert (found.packets, found.lost, found.holes, found.sent_gaps, found.heard_gaps) == (780, 0, [], [], [])
    assert found.spoken == pytest.approx(14.0)
    assert max(found.sent_late) == pytest.approx(0.0, abs=1e-6)


def test_silence_between_replies_is_none_of_ours():
    assert punctuality(voice("t" * 10 + "." * 51 + "t" * 10)).holes == []
    assert punctuality(voice("t" * 10 + "." * 49 + "t" * 10)).holes == [pytest.approx(980.0)]


@pytest.mark.parametrize(("silent", "holes"), [(3, []), (4, [pytest.approx(80.0)])])
def test_a_silence_within_a_reply_is_a_hole(silent, holes):
    found = punctuality(voice("t" * 10 + "." * silent + "t" * 10))
    assert found.holes == holes
    assert found.is_whole is (not holes)


def test_slots_that_were_left_out_are_a_hole_though_no_packet_is_missing():
    before, after = voice("t" * 10), voice("t" * 20)[14:]
    packets = before + [replace(packet, sequence=packet.sequence - 4) for packet in after]
    found = punctuality(packets)
    assert (found.lost, found.holes) == (0, [pytest.approx(80.0)])
    assert not found.is_whole


def test_a_packet_that_never_came_is_lost():
    packets = voice("t" * 20)
    del packets[7]
    assert punctuality(packets).lost == 1
    assert not punctuality(packets).is_whole


def test_who_was_late_the_sender_or_the_listener():
    packets = voice("t" * 40)
    stalled = [replace(each, sent=max(each.sent, 0.5), heard=max(each.heard, 0.5)) for each in packets[20:]]
    by_sender = punctuality(packets[:20] + stalled)
    assert by_sender.sent_gaps == [pytest.approx(120.0)]
    assert max(by_sender.sent_late) == pytest.approx(100.0)
    asleep = [replace(each, heard=max(each.heard, 0.5)) for each in packets[20:]]
    by_listener = punctuality(packets[:20] + asleep)
    assert by_listener.is_whole
    assert by_listener.sent_gaps == []
    assert len(by_listener.heard_gaps) == 1
    assert max(by_listener.heard_late) == pytest.approx(99.0)


def test_counters_that_begin_anew_count_on():
    sequence = Unwrapped(16)
    assert [sequence(value) for value in (65534, 65535, 0, 65535, 1)] == [65534, 65535, 65536, 65535, 65537]
    assert RATE == 50 * FRAME
