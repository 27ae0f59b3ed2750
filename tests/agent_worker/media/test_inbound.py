import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import numpy as np
import pytest
from aiortc import MediaStreamTrack
from aiortc.mediastreams import MediaStreamError
from av import AudioFrame

from agent_worker import clock
from agent_worker.audio import Samples
from agent_worker.media.frames import frame_of
from agent_worker.media.inbound import InboundStatistics, Microphone, RemoteVoice, microphone_frames
from agent_worker.media.jitter_actions import Packet
from agent_worker.media.libopus import Application, Decoder, Encoder
from tests.agent_worker.media import virtual


class Track(MediaStreamTrack):
    """Gives these frames, then ends."""

    kind = "audio"

    def __init__(self, frames: list[AudioFrame]) -> None:
        super().__init__()
        self.frames = frames

    async def recv(self) -> AudioFrame:
        if not self.frames:
            raise MediaStreamError
        return self.frames.pop(0)


def frame(slot: int, *, value: int = 100) -> AudioFrame:
    return frame_of(np.full(960, value, dtype=np.int16), 48_000, pts=slot * 960)


async def heard(slots: list[int]) -> Samples:
    return np.concatenate([samples async for samples in microphone_frames(Track([frame(slot) for slot in slots]))])


@pytest.mark.parametrize(
    ("slots", "silent"),
    [
        pytest.param([0, 1, 2, 3], 0, id="in order"),
        pytest.param([0, 1, 4, 5], 2, id="two lost"),
        pytest.param([0, 1, 101], 50, id="a pause is filled up to the bound"),
        pytest.param([500, 501], 0, id="the first may be any"),
        pytest.param([500, 3, 4], 0, id="a sender that starts anew"),
    ],
)
async def test_lost_frames_become_silence_of_their_length(slots: list[int], silent: int) -> None:
    samples = await heard(slots)
    assert len(samples) == (len(slots) + silent) * 960
    assert np.count_nonzero(samples == 0) == silent * 960


async def test_silence_stands_where_the_frames_were_lost() -> None:
    samples = (await heard([0, 1, 4])).reshape(-1, 960)
    assert [bool(row.any()) for row in samples] == [True, True, False, False, True]


async def test_a_microphone_ends_for_everybody_who_asks() -> None:
    microphone = Microphone()
    microphone.put(np.ones(3, dtype=np.int16))
    microphone.end()
    assert [len(samples) async for samples in microphone] == [3]
    assert [samples async for samples in microphone] == []


async def test_giving_up_waiting_loses_nothing() -> None:
    microphone = Microphone()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await anext(microphone)
    microphone.put(np.ones(3, dtype=np.int16))
    assert len(await anext(microphone)) == 3


async def test_who_does_not_listen_in_time_hears_the_newest(caplog: pytest.LogCaptureFixture) -> None:
    microphone = Microphone()
    for slot in range(150):
        microphone.put(np.full(1, slot, dtype=np.int16))
    microphone.end()
    values = [int(samples[0]) async for samples in microphone]
    assert values == list(range(51, 150))
    assert microphone.dropped == 51
    assert len(caplog.records) == 1, "said once"


RATE = 24_000


def tone_payloads(count: int) -> list[bytes]:
    encoder = Encoder(RATE, Application.VOIP)
    encoder.set_fec(20)
    sound = np.rint(8000 * np.sin(2 * np.pi * 300 * np.arange(count * 480) / RATE)).astype(np.int16)
    return [encoder.encode(sound[at : at + 480]) for at in range(0, len(sound), 480)]


@dataclass
class Call:
    """A remote voice on a virtual clock, and all that came out of it, with its times."""

    microphone: Microphone
    voice: RemoteVoice
    heard: list[tuple[float, Samples]] = field(default_factory=list)
    statistics: list[InboundStatistics] = field(default_factory=list)
    payloads: list[bytes] = field(default_factory=lambda: tone_payloads(60))

    @property
    def ended(self) -> InboundStatistics:
        (statistics,) = self.statistics
        return statistics

    def send(self, slot: int, payload: bytes | None = None) -> None:
        self.voice.receive(Packet(1, slot, slot * 960, self.payloads[slot] if payload is None else payload))

    async def listen(self) -> None:
        async for samples in self.microphone:
            self.heard.append((clock.now(), samples))


def on_a_call(script: Callable[[Call], Awaitable[None]]) -> Call:
    async def main() -> Call:
        microphone = Microphone(RATE)
        call = Call(microphone, RemoteVoice(microphone, Decoder(RATE)))
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(call.listen())
            running = tasks.create_task(call.voice.run())
            await asyncio.sleep(0)
            await script(call)
            call.statistics.append(call.voice.statistics())
            running.cancel()
        return call

    return virtual.run(main())


def test_a_packet_is_heard_at_once() -> None:
    async def script(call: Call) -> None:
        for slot in range(50):
            call.send(slot)
            await asyncio.sleep(0.02)

    call = on_a_call(script)
    assert [at for at, _ in call.heard[:50]] == pytest.approx([slot * 0.02 for slot in range(50)], abs=1e-6)
    assert {len(samples) for _, samples in call.heard} == {480}
    statistics = call.ended
    assert statistics.packets.received == 50
    assert statistics.packets.lost == statistics.undecodable == statistics.dropped == statistics.queued == 0
    assert statistics.level == pytest.approx(20 * np.log10(8000 / 32768 / np.sqrt(2)), abs=1.0)
    assert statistics.quiet_for == pytest.approx(0.02)


def test_a_lost_packet_is_heard_from_its_copy_and_a_stop_dies_away() -> None:
    async def script(call: Call) -> None:
        for slot in range(50):
            if slot != 20:
                call.send(slot)
            await asyncio.sleep(0.02)
        await asyncio.sleep(3.0)

    call = on_a_call(script)
    sound = np.concatenate([samples for _, samples in call.heard])
    assert len(sound) == (50 + 5) * 480, "a tenth of a second is made up at the end, then nothing comes"
    loud = np.abs(sound[5 * 480 : 50 * 480].reshape(-1, 480)).max(axis=1)
    assert loud.min() > 6000, "where the packet was lost, too"
    assert call.ended.packets.recovered == 1
    assert call.ended.quiet_for == pytest.approx(3.02)


def test_what_is_no_opus_is_concealed_and_said_once(caplog: pytest.LogCaptureFixture) -> None:
    async def script(call: Call) -> None:
        for slot in range(30):
            call.send(slot, bytes([0x4B, 0x41, 0xFE]) if slot in (10, 20) else None)
            await asyncio.sleep(0.02)

    call = on_a_call(script)
    assert call.ended.undecodable == 2
    assert sum(len(samples) for _, samples in call.heard) == 30 * 480
    assert len(caplog.records) == 1


def test_a_stall_of_this_process_is_no_loss() -> None:
    """What came meanwhile waits in the socket: it is read before it is given up."""

    async def script(call: Call) -> None:
        for slot in range(20):
            call.send(slot)
            await asyncio.sleep(0.02)
        loop = asyncio.get_running_loop()
        assert isinstance(loop, virtual.VirtualLoop)
        loop.stall(0.3)
        # aiortc reads a packet some turns of the loop after the timer was due.
        for _ in range(3):
            await asyncio.sleep(0)
        for slot in range(20, 36):
            call.send(slot)
        await asyncio.sleep(0.01)

    call = on_a_call(script)
    assert call.ended.packets.filled == 0.0
    assert len(call.heard) == 36


def test_another_sender_begins_with_a_fresh_decoder() -> None:
    async def script(call: Call) -> None:
        for slot in range(20):
            call.send(slot)
        for slot in range(20):
            call.voice.receive(Packet(2, 40_000 + slot, slot * 960, call.payloads[slot]))

    call = on_a_call(script)
    frames = [samples for _, samples in call.heard]
    np.testing.assert_array_equal(np.concatenate(frames[:20]), np.concatenate(frames[20:]))
    assert call.ended.packets.ssrc_changes == 1
