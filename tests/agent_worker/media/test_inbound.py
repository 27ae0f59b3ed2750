import asyncio

import numpy as np
import pytest
from aiortc import MediaStreamTrack
from aiortc.mediastreams import MediaStreamError
from av import AudioFrame

from agent_worker.audio import Samples
from agent_worker.media.frames import frame_of
from agent_worker.media.inbound import Microphone, microphone_frames


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
