"""A human on a bad link, between two real peers: what they say arrives whole, and no later after the trouble."""

import asyncio
from itertools import pairwise

import numpy as np
import pytest
from aiortc.rtp import RtcpByePacket

from agent_worker.audio import Samples, silence
from agent_worker.media.inbound import InboundStatistics
from tests.support.alignment import align, halved
from tests.support.fidelity import compare
from tests.support.line import RATE, Line, Talking, line
from tests.support.lossy import CLEAN, Impairment
from tests.support.wav import corpus

pytestmark = pytest.mark.timeout(90)

CLEAN_SECONDS, BAD_SECONDS = 2.0, 5.0


def lags(call: Line, speech: Samples) -> list[tuple[float, float]]:
    """When a piece of the speech was spoken, and how much later it was heard (seconds)."""
    return [
        (match.sent_at, call.ear.heard_at(round(match.heard_at * RATE)) - call.speaker.began - match.sent_at)
        for match in align(speech, call.ear.sound())
        if match.likeness > 0.6
    ]


async def through(impairment: Impairment, seed: int) -> tuple[Line, InboundStatistics, Samples]:
    """Two good seconds, five bad ones, two good ones."""
    speech = halved(np.concatenate([corpus(name) for name in ("s13", "s02", "s06", "s08", "s19", "s28")]))
    assert len(speech) > (2 * CLEAN_SECONDS + BAD_SECONDS) * RATE
    async with line(speech, seed) as call:
        await asyncio.sleep(CLEAN_SECONDS)
        call.there.impairment = impairment
        await asyncio.sleep(BAD_SECONDS)
        call.there.impairment = CLEAN
        await asyncio.sleep(CLEAN_SECONDS)
        statistics = (await call.peer.statistics()).voice
    assert statistics is not None
    return call, statistics, speech


@pytest.mark.parametrize(
    "impairment",
    [
        pytest.param(Impairment(loss=0.05), id="5 % loss"),
        pytest.param(Impairment(loss=0.2, duplicates=0.05), id="20 % loss, some twice"),
        pytest.param(Impairment(loss=0.05, jitter=0.05, reorder=True), id="5 % loss, 50 ms of jitter, reordered"),
    ],
)
async def test_a_bad_link_costs_what_was_lost_and_no_time(impairment: Impairment) -> None:
    call, statistics, speech = await through(impairment, seed=7)
    packets = statistics.packets
    # Each loss is known and was made up for, most from the copy in the next packet.
    lost = len(call.there.lost)
    assert lost > 5
    assert lost <= packets.lost <= lost + packets.late
    assert packets.lost == packets.recovered + packets.concealed
    assert packets.recovered > 0.5 * lost
    assert packets.late <= 0.02 * packets.received
    # The time line is whole: as much is heard as was said, but for what a stall of this machine had made up.
    heard = len(call.ear.sound()) / RATE
    assert heard - packets.filled - 0.05 <= len(call.there.sent) * 0.02 <= heard + 0.15
    # Afterwards people are heard no later than before.
    measured = lags(call, speech)
    before = [lag for at, lag in measured if at < CLEAN_SECONDS - 0.2]
    after = [lag for at, lag in measured if at > CLEAN_SECONDS + BAD_SECONDS + 0.3]
    assert len(before) > 5
    assert len(after) > 5
    assert abs(np.median(after) - np.median(before)) < 0.02
    if not impairment.jitter:
        gaps = sorted(later - earlier for earlier, later in pairwise(call.ear.times))
        assert gaps[round(0.97 * len(gaps))] < 0.065, "frames flow on; the exact bound is tested in made-up time"


async def test_a_sender_that_says_goodbye_and_comes_back_is_heard_again() -> None:
    """Chrome sends an RTCP BYE when its track is taken away for a while; aiortc would never decode again."""
    speech = halved(corpus("s13"))
    async with line(np.resize(speech, 6 * RATE), seed=1) as call:
        await asyncio.sleep(0.6)
        (sender,) = call.person.getSenders()
        await sender.transport._send_rtp(bytes(RtcpByePacket(sources=[sender._ssrc])))
        await asyncio.sleep(0.2)
        heard = len(call.ear.times)
        await asyncio.sleep(0.6)
        assert len(call.ear.times) > heard + 15


async def speak_at_a_loss(speech: Samples, seed: int) -> tuple[Talking, float]:
    """An agent talks while a twentieth of its packets is lost: it, and the longest hole at the listener in ms."""
    talking = Talking(speech)
    async with line(silence(RATE), seed=seed, voice=talking) as call:
        assert not call.pump.statistics().fec
        call.back.impairment = Impairment(loss=0.05)
        async with asyncio.timeout(30):
            while not call.pump.statistics().fec:
                await asyncio.sleep(0.1)
        known, before = call.persons_voice.statistics().packets, len(call.back.lost)
        talking.speaks = True
        await asyncio.sleep(len(speech) / RATE + 0.5)
        packets, lost = call.persons_voice.statistics().packets, len(call.back.lost) - before
        assert call.pump.statistics().fec, "it does not end while packets are lost"
    assert lost >= 5
    assert packets.lost - known.lost >= lost - 1
    assert packets.recovered - known.recovered >= 0.4 * lost, "but for pauses, whose packets carry no copy"
    return talking, compare(speech, call.persons_ear.sound()).hole_ms


async def test_a_listener_who_loses_packets_hears_the_agent_whole() -> None:
    """The sender's FEC is switched on by what the listener's receiver reports say, and fills the holes."""
    speech = halved(np.concatenate([corpus(name) for name in ("s13", "s08", "s19", "s28")]))
    for seed in (11, 12, 13, 14):
        talking, hole_ms = await speak_at_a_loss(speech, seed)
        # A machine that does not let the agent speak makes holes, too: it is asked again.
        if hole_ms <= 60 or not talking.stalls:
            break
    assert hole_ms <= 60, talking.stalls
