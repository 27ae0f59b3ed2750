"""A human's voice on its way in: aiortc track -> mono samples with an unbroken time line -> one bounded queue.

A track that nobody reads grows without end, so a connection always reads it, and what a slow listener does not take
in time is dropped here, oldest first.
"""

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import Any, Final, cast

from aiortc import MediaStreamTrack
from aiortc.mediastreams import MediaStreamError
from av import AudioFrame

from agent_worker.audio import WIRE_RATE, Samples, samples_in, silence
from agent_worker.media.frames import samples_of

_logger = logging.getLogger(__name__)
_QUEUED_FRAMES: Final = 100  # two seconds of 20 ms frames


async def microphone_frames(track: MediaStreamTrack, *, max_gap: float = 1.0) -> AsyncIterator[Samples]:
    """A remote audio track's samples: mono int16 at 48 kHz, until the track ends.

    Frames that were lost on the way are replaced by silence of their length, so that time is kept.

    Args:
        track: aiortc's remote track.
        max_gap: Seconds of silence at most for one gap. A longer one is a pause of the sender: time that has gone
            by already, which silence would only delay.
    """
    expected: int | None = None
    while True:
        try:
            frame: object = await cast(Any, track).recv()  # its hint is generic in what it has not
        except MediaStreamError:
            return
        if not isinstance(frame, AudioFrame):
            continue
        samples = samples_of(frame)
        if frame.pts is not None:
            if expected is not None and frame.pts > expected:
                yield silence(min(frame.pts - expected, samples_in(max_gap, WIRE_RATE)))
            expected = frame.pts + len(samples)
        yield samples


class Microphone:
    """One human's samples, to one reader at a time: iterate it. It ends when the connection does.

    The reader may give up waiting (a deadline, a cancellation) and come back: no frame is lost by that.
    """

    def __init__(self) -> None:
        self.dropped = 0
        """Frames that were not taken in time."""
        self._frames: asyncio.Queue[Samples | None] = asyncio.Queue(maxsize=_QUEUED_FRAMES)

    def put(self, samples: Samples) -> None:
        """Queue a frame; when the queue is full its oldest frame is dropped."""
        self._offer(samples)

    def end(self) -> None:
        """No more will come."""
        self._offer(None)

    def _offer(self, item: Samples | None) -> None:
        if self._frames.full():
            self._frames.get_nowait()
            if not self.dropped:
                _logger.warning("a microphone is not read in time: its oldest frames are dropped")
            self.dropped += 1
        self._frames.put_nowait(item)

    def __aiter__(self) -> AsyncIterator[Samples]:
        return self

    async def __anext__(self) -> Samples:
        samples = await self._frames.get()
        if samples is None:
            self._frames.put_nowait(None)  # for whoever asks again
            raise StopAsyncIteration
        return samples
