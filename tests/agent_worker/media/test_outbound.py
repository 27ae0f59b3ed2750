"""The pump's grid in virtual time: one frame and one packet in each slot, no burst after a stall."""

import asyncio
from fractions import Fraction
from typing import cast

import numpy as np
from av import AudioFrame, CodecContext, Packet

from agent_worker.audio import Samples, silence
from agent_worker.media.frames import samples_of
from agent_worker.media.outbound import OutboundTrack, VoicePump
from agent_worker.media.ticker import Ticker
from tests.agent_worker.media.virtual import VirtualLoop, run


class Voice:
    """Remembers when it was asked, and says a tone."""

    def __init__(self) -> None:
        self.pulled_at: list[float] = []

    def pull(self) -> Samples:
        at = 480 * len(self.pulled_at)
        self.pulled_at.append(asyncio.get_running_loop().time())
        return np.rint(8000 * np.sin(2 * np.pi * 440 * np.arange(at, at + 480) / 24_000)).astype(np.int16)


async def listen(track: OutboundTrack, packets: list[tuple[float, Packet]]) -> None:
    while True:
        packet = await track.recv()
        packets.append((asyncio.get_running_loop().time(), packet))


def test_one_packet_in_each_slot_with_its_time() -> None:
    voice = Voice()
    packets: list[tuple[float, Packet]] = []

    async def main() -> VoicePump:
        pump = VoicePump(voice)
        async with asyncio.TaskGroup() as tasks:
            running = [
                tasks.create_task(listen(pump.attach(), packets)),
                tasks.create_task(pump.run()),
            ]
            await asyncio.sleep(9.99)
            for task in running:
                task.cancel()
        return pump

    statistics = run(main()).statistics()
    grid = [slot * 0.02 for slot in range(500)]
    np.testing.assert_allclose(voice.pulled_at, grid, atol=1e-6)
    np.testing.assert_allclose([at for at, _ in packets], grid, atol=1e-6)
    assert [packet.pts for _, packet in packets] == [960 * slot for slot in range(500)]
    assert {packet.time_base for _, packet in packets} == {Fraction(1, 48_000)}
    assert (statistics.slots, statistics.packets, statistics.skipped, statistics.dropped) == (500, 500, 0, 0)
    assert statistics.bytes == sum(packet.size for _, packet in packets)


def stalled_for(seconds: float) -> tuple[list[tuple[float, Packet]], VoicePump, Voice]:
    voice = Voice()
    packets: list[tuple[float, Packet]] = []

    async def main() -> VoicePump:
        pump = VoicePump(voice)
        async with asyncio.TaskGroup() as tasks:
            running = [tasks.create_task(listen(pump.attach(), packets)), tasks.create_task(pump.run())]
            await asyncio.sleep(0.99)
            cast(VirtualLoop, asyncio.get_running_loop()).stall(seconds)
            await asyncio.sleep(1.0)
            for task in running:
                task.cancel()
        return pump

    return packets, run(main()), voice


def test_after_a_stall_it_goes_on_with_the_slot_that_is_due() -> None:
    packets, pump, voice = stalled_for(0.3)
    steps = np.diff([cast(int, packet.pts) for _, packet in packets]) // 960
    assert sorted(steps)[-2:] == [1, 15], "one gap in the timestamps, as long as the stall"
    assert pump.statistics().skipped == 14
    waits = np.diff([at for at, _ in packets])
    assert sorted(waits)[0] > 0.005, "no two packets at once"
    assert len(voice.pulled_at) == len(packets), "the voice itself lost nothing"


def test_a_short_stall_is_caught_up() -> None:
    packets, pump, _ = stalled_for(0.025)
    assert pump.statistics().skipped == 0
    assert set(np.diff([cast(int, packet.pts) for _, packet in packets])) == {960}


def test_a_slow_connection_hears_the_present() -> None:
    async def main() -> None:
        pump = VoicePump(Voice())
        track = pump.attach()
        async with asyncio.TaskGroup() as tasks:
            running = tasks.create_task(pump.run())
            await asyncio.sleep(0.99)
            first = await track.recv()
            assert first.pts == 50 * 960, "nothing from before the connection stood"
            await asyncio.sleep(0.99)
            late = await track.recv()
            assert late.pts == 97 * 960, "the oldest of the few that are kept"
            assert pump.statistics().dropped > 80
            running.cancel()

    run(main())


def test_every_listener_gets_the_same_packet() -> None:
    heard: list[list[tuple[float, Packet]]] = [[], []]

    async def main() -> VoicePump:
        pump = VoicePump(Voice())
        tracks = [pump.attach(), pump.attach()]
        async with asyncio.TaskGroup() as tasks:
            running = [tasks.create_task(listen(*one)) for one in zip(tracks, heard, strict=True)]
            running.append(tasks.create_task(pump.run()))
            await asyncio.sleep(0.99)
            tracks[0].stop()
            tracks[0].stop()
            await asyncio.sleep(1.0)
            for task in running:
                task.cancel()
        assert tracks[0].readyState == "ended"
        return pump

    statistics = run(main()).statistics()
    one, two = [[packet for _, packet in packets] for packets in heard]
    assert (len(one), len(two), statistics.packets) == (50, 100, 100)
    assert all(first is second for first, second in zip(one, two[:50], strict=True))
    assert statistics.dropped == 0


def test_without_listeners_time_passes_all_the_same() -> None:
    voice = Voice()

    async def main() -> VoicePump:
        pump = VoicePump(voice)
        pump.attach().stop()
        async with asyncio.TaskGroup() as tasks:
            running = tasks.create_task(pump.run())
            await asyncio.sleep(0.99)
            running.cancel()
        return pump

    statistics = run(main()).statistics()
    assert (len(voice.pulled_at), statistics.packets) == (50, 0)


def test_what_is_sent_is_what_was_said() -> None:
    """Through libopus and back: mono stays mono, at its level (aiortc's own encoder takes 3 dB off mono)."""
    packets: list[tuple[float, Packet]] = []

    async def main() -> None:
        pump = VoicePump(Voice())
        async with asyncio.TaskGroup() as tasks:
            running = [tasks.create_task(listen(pump.attach(), packets)), tasks.create_task(pump.run())]
            await asyncio.sleep(1.0)
            for task in running:
                task.cancel()

    run(main())
    decoder = CodecContext.create("libopus", "r")
    decoder.sample_rate, decoder.layout, decoder.format = 48_000, "stereo", "s16"
    heard = silence(0)
    for _, packet in packets:
        for frame in decoder.decode(packet):
            assert isinstance(frame, AudioFrame)
            heard = np.concatenate((heard, samples_of(frame)))
    assert len(heard) == 960 * len(packets)
    level = np.sqrt(np.mean(heard[4800:].astype(float) ** 2))
    assert abs(20 * np.log10(level / (8000 / np.sqrt(2)))) < 0.5


def test_a_listener_who_loses_packets_gets_fec_and_one_who_left_is_forgotten() -> None:
    async def main() -> None:
        pump = VoicePump(Voice())
        near, far = pump.attach(), pump.attach()
        async with asyncio.TaskGroup() as tasks:
            running = tasks.create_task(pump.run())
            await asyncio.sleep(0.5)
            assert not pump.statistics().fec
            near.report_loss(0.0)
            far.report_loss(0.08)
            await asyncio.sleep(0.5)
            assert pump.statistics().fec
            assert pump.statistics().listeners == 2
            far.stop()
            far.report_loss(0.5)
            await asyncio.sleep(11.0)
            assert not pump.statistics().fec
            running.cancel()

    run(main())


def test_rooms_of_one_process_share_its_slots() -> None:
    voices = Voice(), Voice()

    async def main() -> None:
        ticker = Ticker()
        async with asyncio.TaskGroup() as tasks:
            running = [tasks.create_task(ticker.run())]
            running += [tasks.create_task(VoicePump(voice, ticker=ticker).run()) for voice in voices]
            await asyncio.sleep(0.99)
            for task in running:
                task.cancel()

    run(main())
    assert voices[0].pulled_at == voices[1].pulled_at
    assert len(voices[0].pulled_at) in (49, 50)
