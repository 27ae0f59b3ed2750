"""The jitter buffer in made-up time: what is heard, when, and what is counted."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent_worker.media.jitter import JitterBuffer, JitterStatistics
from agent_worker.media.jitter_actions import Action, Conceal, Decode, Packet, Recover, Restart, Silence
from agent_worker.media.opus_packet import duration

FRAME = 960
SPEECH = bytes([0x48])  # SILK, 20 ms, one frame
FEC = 0x40  # its first byte: no voice flag, and the flag of a copy
FIRST, CLOCK = 65_530, 2**32 - 3000  # both wrap early


def payload(slot: int, *, fec: bool = True) -> bytes:
    return SPEECH + bytes([FEC if fec else 0]) + slot.to_bytes(4, "big")


def packet(slot: int, *, fec: bool = True, ssrc: int = 1, time: int | None = None) -> Packet:
    timestamp = (CLOCK + FRAME * (slot if time is None else time)) % 2**32
    return Packet(ssrc, (FIRST + slot) % 2**16, timestamp, payload(slot, fec=fec))


@dataclass
class Listener:
    """Drives a buffer, and keeps what it does with its times."""

    buffer: JitterBuffer = field(default_factory=JitterBuffer)
    heard: list[tuple[float, Action]] = field(default_factory=list)
    now: float = 0.0

    def until(self, now: float) -> None:
        """Time goes on, deadlines included."""
        while (deadline := self.buffer.deadline) is not None and deadline <= now:
            self.now = max(self.now, deadline)
            self.heard += [(self.now, action) for action in self.buffer.advance(self.now)]
        self.now = now

    def take(self, one: Packet, now: float) -> None:
        self.until(now)
        self.heard += [(now, action) for action in self.buffer.receive(one, now)]

    def play(self, arrivals: Iterable[tuple[int, float]], *, fec: bool = True) -> "Listener":
        """Packets by slot and arrival, in any order."""
        for slot, arrived in sorted(arrivals, key=lambda item: item[1]):
            self.take(packet(slot, fec=fec), arrived)
        return self

    def slots(self) -> list[int]:
        return [slot_of(action) for _, action in self.heard if isinstance(action, Decode)]

    def samples(self) -> int:
        return sum(length(action) for _, action in self.heard)

    def counts(self) -> JitterStatistics:
        return self.buffer.statistics(self.now)

    def longest_gap(self) -> float:
        times = [at for at, _ in self.heard]
        return max(later - earlier for earlier, later in pairwise(times))


def slot_of(action: Decode) -> int:
    return int.from_bytes(action.payload[2:6], "big")


def length(action: Action) -> int:
    match action:
        case Decode(payload=of):
            return duration(of)
        case Recover(samples=samples) | Conceal(samples=samples) | Silence(samples=samples):
            return samples
        case Restart():
            return 0


def evenly(slots: Iterable[int], *, delay: float = 0.05) -> list[tuple[int, float]]:
    return [(slot, delay + slot * 0.02) for slot in slots]


def test_what_is_in_order_never_waits() -> None:
    listener = Listener().play(evenly(range(500)))
    assert [(at, slot_of(action)) for at, action in listener.heard if isinstance(action, Decode)] == [
        (at, slot) for slot, at in evenly(range(500))
    ]
    assert len(listener.heard) == 500
    counts = listener.counts()
    assert (counts.received, counts.lost, counts.filled, counts.lag) == (500, 0, 0.0, 0.0)
    assert counts.target <= 0.02


def test_one_lost_packet_is_heard_from_the_copy_in_the_next() -> None:
    listener = Listener().play(evenly(slot for slot in range(10) if slot != 4))
    assert listener.slots() == [0, 1, 2, 3, 5, 6, 7, 8, 9]
    at, recovered = listener.heard[4]
    assert recovered == Recover(payload(5), FRAME)
    assert at == pytest.approx(0.05 + 5 * 0.02 + 0.01), "after ten milliseconds in which it could have come"
    assert (listener.counts().recovered, listener.counts().concealed) == (1, 0)
    assert listener.samples() == 10 * FRAME


def test_without_a_copy_the_decoder_makes_it_up() -> None:
    listener = Listener().play(evenly(slot for slot in range(10) if slot != 4), fec=False)
    assert listener.heard[4][1] == Conceal(FRAME)
    assert (listener.counts().recovered, listener.counts().concealed) == (0, 1)


@pytest.mark.parametrize(
    ("lost", "stand_ins"),
    [
        pytest.param([4, 5], [Conceal(FRAME), Recover(payload(6), FRAME)], id="two"),
        pytest.param([4, 5, 6], [*[Conceal(FRAME)] * 2, Recover(payload(7), FRAME)], id="three"),
        pytest.param(
            range(4, 24),
            [*[Conceal(FRAME)] * 5, Silence(14 * FRAME), Recover(payload(24), FRAME)],
            id="a long one is silence after a tenth of a second",
        ),
        pytest.param(range(4, 64), [Conceal(FRAME)] * 5, id="a pause: time that has gone by is not made up"),
    ],
)
def test_losses_in_a_row(lost: Iterable[int], stand_ins: list[Action]) -> None:
    missing = set(lost)
    listener = Listener().play(evenly(slot for slot in range(90) if slot not in missing))
    assert [action for _, action in listener.heard if not isinstance(action, Decode)] == stand_ins
    assert listener.counts().lost == len(missing)
    if len(missing) < 50:
        assert listener.samples() == 90 * FRAME


def test_a_packet_that_was_overtaken_is_put_in_its_place() -> None:
    arrivals = dict(evenly(range(10)))
    arrivals[4] += 0.025  # 5 ms after the one that overtook it
    listener = Listener().play(arrivals.items())
    assert listener.slots() == list(range(10))
    assert len(listener.heard) == 10
    counts = listener.counts()
    assert (counts.reordered, counts.lost, counts.late) == (1, 0, 0)


def test_one_that_comes_too_late_is_not_heard_but_the_next_is_waited_for_longer() -> None:
    arrivals = dict(evenly(range(100)))
    for slot in (4, 44):
        arrivals[slot] += 0.05  # 30 ms after the one that overtook it
    listener = Listener().play(arrivals.items())
    assert listener.slots() == [slot for slot in range(100) if slot != 4]
    counts = listener.counts()
    assert (counts.reordered, counts.lost, counts.late) == (2, 1, 1)
    assert 0.03 < counts.target < 0.06


def test_what_was_learnt_is_forgotten_within_five_seconds() -> None:
    arrivals = dict(evenly(range(400)))
    for slot in range(0, 50, 2):
        arrivals[slot] += 0.05
    for slot, held_up in ((55, 0.06), (56, 0.041), (57, 0.022), (58, 0.003)):  # and then they come in a burst
        arrivals[slot] += held_up
    listener = Listener().play((slot, at) for slot, at in arrivals.items() if at < 1.25)
    assert listener.counts().target > 0.03
    assert listener.counts().patience > 0.08
    listener.play((slot, at) for slot, at in arrivals.items() if 1.25 <= at < 6.25)
    assert listener.counts().target == 0.01
    assert listener.counts().patience == pytest.approx(0.025)


def test_nobody_is_waited_for_who_would_come_far_too_late() -> None:
    arrivals = dict(evenly(range(100)))
    arrivals[4] += 0.5
    assert Listener().play(arrivals.items()).counts().target == 0.01


def test_duplicates_are_heard_once() -> None:
    twice = [(slot, at + again) for slot, at in evenly(range(20)) for again in (0.0, 0.001, 0.13)]
    listener = Listener().play(twice)
    assert listener.slots() == list(range(20))
    assert listener.counts().duplicates == 40


def test_a_duplicate_of_one_that_waits() -> None:
    listener = Listener().play([(0, 0.0), (2, 0.04), (2, 0.041), (1, 0.042)])
    assert listener.slots() == [0, 1, 2]
    assert listener.counts().duplicates == 1


def test_a_new_ssrc_begins_at_once_and_the_stragglers_of_the_old_one_are_not_heard() -> None:
    listener = Listener().play(evenly(range(5)))
    listener.take(packet(7000, ssrc=2), 0.16)
    listener.take(packet(5), 0.161)
    listener.take(packet(7001, ssrc=2), 0.18)
    assert listener.slots() == [0, 1, 2, 3, 4, 7000, 7001]
    assert [type(action) for _, action in listener.heard].count(Restart) == 1
    counts = listener.counts()
    assert (counts.ssrc_changes, counts.late, counts.lost) == (1, 1, 0)


def test_a_sender_may_go_back_to_an_ssrc_later() -> None:
    listener = Listener().play(evenly(range(5)))
    listener.take(packet(0, ssrc=2), 0.2)
    listener.take(packet(300), 9.0)
    assert listener.slots() == [0, 1, 2, 3, 4, 0, 300]
    assert listener.counts().ssrc_changes == 2


def test_a_sender_that_begins_its_numbers_anew() -> None:
    listener = Listener().play(evenly(range(5)))
    listener.take(packet(20_000), 0.16)
    listener.take(packet(20_001), 0.18)
    assert listener.slots() == [0, 1, 2, 3, 4, 20_000, 20_001]
    assert listener.counts().ssrc_changes == 1


def dtx(slot: int, *, time: int) -> Packet:
    return Packet(1, (FIRST + slot) % 2**16, (CLOCK + FRAME * time) % 2**32, SPEECH)


def test_between_the_packets_of_a_silent_sender_silence_flows() -> None:
    """DTX: one packet each 400 ms. A detector must hear the silence as it happens, not when it is over."""
    listener = Listener().play(evenly(range(10)))
    for number in range(5):
        time = 10 + 20 * number
        listener.take(dtx(10 + number, time=time), 0.05 + time * 0.02)
    listener.take(packet(15, time=110), 0.05 + 110 * 0.02)
    assert listener.longest_gap() < 0.06
    assert listener.samples() == 111 * FRAME
    assert listener.counts().lost == 0
    listener.until(9.0)
    assert listener.counts().filled < 6.0, "a sender that is gone is not silent for ever"


def test_a_sender_that_stops_and_comes_back() -> None:
    """Mute without DTX: a tenth of a second is made up, then nothing; what comes later begins at once."""
    listener = Listener().play(evenly(range(10)))
    listener.until(5.0)
    made_up = [action for _, action in listener.heard[10:]]
    assert made_up == [Conceal(FRAME)] * 5
    listener.take(packet(10, time=250), 5.0)
    listener.take(packet(11, time=251), 5.02)
    assert [action for _, action in listener.heard[15:]] == [Decode(payload(10)), Decode(payload(11))]
    assert listener.counts().lost == 0


def test_packets_that_the_network_held_up_are_all_heard() -> None:
    """0.3 s of nothing, then all at once: people's words are not thrown away for having been made up."""
    arrivals = [(slot, max(at, 0.6) if slot >= 15 else at) for slot, at in evenly(range(40))]
    listener = Listener().play(arrivals)
    assert listener.slots() == list(range(40))
    assert listener.counts().lost == 0
    assert listener.counts().lag == 0.0


def test_after_a_stall_the_packet_that_came_is_taken_before_anything_is_made_up() -> None:
    listener = Listener().play(evenly(range(5)))
    for slot in range(5, 15):
        listener.heard += [(0.4, action) for action in listener.buffer.receive(packet(slot), 0.4)]
    assert listener.slots() == list(range(15))
    assert len(listener.heard) == 15


def test_a_packet_of_padding_alone_is_passed_over() -> None:
    listener = Listener().play(evenly(range(5)))
    listener.take(Packet(1, (FIRST + 5) % 2**16, (CLOCK + 4 * FRAME) % 2**32, b""), 0.14)
    listener.take(packet(6, time=5), 0.15)
    assert listener.slots() == [0, 1, 2, 3, 4, 6]
    assert listener.samples() == 6 * FRAME


def test_frames_of_sixty_milliseconds() -> None:
    long = bytes([0x58, 0, 0])  # SILK, 60 ms
    listener = Listener()
    for number in (0, 1, 3, 4):
        listener.take(Packet(1, number, number * 2880, long), number * 0.06)
    assert listener.samples() == 5 * 2880
    assert listener.counts().concealed == 1


def test_a_flood_of_what_is_ahead_is_not_kept() -> None:
    listener = Listener()
    listener.take(packet(0), 0.0)
    for slot in range(2, 200):
        listener.take(packet(slot), 0.001)
    assert listener.counts().held <= 64
    assert listener.slots()[:2] == [0, 2]


def bad_link(seed: int, *, loss: float, jitter: float) -> list[tuple[int, float]]:
    chance = Random(seed)
    arrivals: list[tuple[int, float]] = []
    for slot, at in evenly(range(3000)):
        delay = chance.uniform(0.0, jitter)
        if chance.random() >= loss:
            arrivals.append((slot, at + delay))
    return arrivals


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    ("loss", "jitter", "gap"),
    [
        pytest.param(0.05, 0.002, 0.06, id="5 %"),
        pytest.param(0.2, 0.002, 0.06, id="20 %"),
        pytest.param(0.0, 0.05, 0.13, id="50 ms of jitter, reordered"),
        pytest.param(0.05, 0.05, 0.13, id="both"),
    ],
)
def test_a_minute_of_a_bad_link(seed: int, loss: float, jitter: float, gap: float) -> None:
    arrivals = bad_link(seed, loss=loss, jitter=jitter)
    listener = Listener().play(arrivals)
    listener.until(listener.now + 0.1)
    counts = listener.counts()
    slots = listener.slots()
    lost = slots[-1] + 1 - slots[0] - len(slots)
    assert len(slots) + counts.late == len(arrivals)
    assert counts.lost == lost
    assert counts.late <= 0.02 * len(arrivals)
    assert counts.lost == counts.recovered + counts.concealed
    made_up = sum(isinstance(action, Recover) for _, action in listener.heard)
    assert made_up == counts.recovered >= 0.6 * lost
    assert listener.longest_gap() <= gap
    # What is heard is heard soon after it came, at the end as at the beginning.
    arrived = dict(arrivals)
    lags = [at - arrived[slot_of(action)] for at, action in listener.heard if isinstance(action, Decode)]
    assert max(lags) <= 0.1
    assert sorted(lags)[len(lags) // 2] == 0.0
    assert abs(listener.samples() / FRAME - 3000) <= 0.02 * 3000


@st.composite
def journeys(draw: st.DrawFn) -> list[tuple[int, float]]:
    """Packets of a stream with losses, duplicates, delays and pauses."""
    arrivals: list[tuple[int, float]] = []
    pause = 0.0
    for slot in range(draw(st.integers(1, 60))):
        pause += draw(st.sampled_from([0.0] * 12 + [0.3, 2.0]))
        copies = draw(st.sampled_from([1] * 8 + [0, 0, 2]))
        arrivals += [(slot, slot * 0.02 + pause + draw(st.floats(0, 0.15))) for _ in range(copies)]
    return arrivals


@settings(deadline=None, max_examples=200)
@given(journeys())
def test_whatever_the_network_does(arrivals: list[tuple[int, float]]) -> None:
    listener = Listener().play(arrivals)
    listener.until(listener.now + 3.0)
    slots = listener.slots()
    assert slots == sorted(set(slots)), "in order, once each"
    counts = listener.counts()
    assert counts.received == len(arrivals) == len(slots) + counts.late + counts.duplicates
    assert counts.held == 0
    assert listener.buffer.deadline is None
    if slots:
        heard_of = range(slots[0], slots[-1] + 1)
        assert counts.lost == len(heard_of) - len(slots)
        made_up = round(counts.filled * 48_000)
        assert (len(slots) + counts.recovered) * FRAME <= listener.samples() <= len(heard_of) * FRAME + made_up


@settings(deadline=None, max_examples=100)
@given(st.lists(st.tuples(st.binary(max_size=4), st.integers(0, 2**16 - 1), st.integers(0, 2**32 - 1)), max_size=40))
def test_nothing_that_a_sender_does_breaks_it(packets: list[tuple[bytes, int, int]]) -> None:
    listener = Listener()
    for number, (content, sequence, timestamp) in enumerate(packets):
        listener.take(Packet(1, sequence, timestamp, content), number * 0.01)
    listener.until(listener.now + 3.0)
    assert listener.counts().held == 0
    assert all(0 < length(action) <= 48_000 for _, action in listener.heard if not isinstance(action, Restart))
