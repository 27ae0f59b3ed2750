"""A human's voice on its way in: RTP packets -> jitter buffer -> mono samples, time kept -> one bounded queue.

Packets are decoded as they come, on the event loop: that costs less than a hop to a thread and back, and nothing
waits. What a slow listener does not take in time is dropped here, oldest first.

Where aiortc's packets cannot be had (see `receiver_tap`), `microphone_frames` reads its track instead.
"""

import asyncio
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, Final, assert_never, cast

import numpy as np
from aiortc import MediaStreamTrack
from aiortc.mediastreams import MediaStreamError
from av import AudioFrame

from agent_worker import clock
from agent_worker.audio import WIRE_RATE, Samples, samples_in, silence
from agent_worker.media.frames import samples_of
from agent_worker.media.jitter import JitterBuffer, JitterStatistics
from agent_worker.media.jitter_actions import Action, Conceal, Decode, Packet, Recover, Restart, Silence
from agent_worker.media.libopus import Decoder
from agent_worker.media.opus_packet import duration

_logger = logging.getLogger(__name__)
_QUEUED_FRAMES: Final = 100  # two seconds of 20 ms frames
_STALL_SECONDS: Final = 0.005
_QUIETEST_DECIBELS: Final = -96.0


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

    Args:
        rate: Samples per second.
    """

    def __init__(self, rate: int = WIRE_RATE) -> None:
        self.rate = rate
        self.dropped = 0
        """Frames that were not taken in time."""
        self._frames: asyncio.Queue[Samples | None] = asyncio.Queue(maxsize=_QUEUED_FRAMES)

    @property
    def queued(self) -> int:
        """Frames that wait to be taken."""
        return self._frames.qsize()

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


@dataclass(frozen=True, slots=True, kw_only=True)
class InboundStatistics:
    """How a human's voice comes in.

    Attributes:
        packets: What the network did to it, and what was done about it.
        undecodable: Packets that are no Opus; each was concealed.
        level: The loudness of the last frame, in decibels below full scale.
        quiet_for: Seconds since the last packet.
        queued: Frames that the listener has still to take.
        dropped: Frames that the listener did not take in time.
    """

    packets: JitterStatistics
    undecodable: int
    level: float
    quiet_for: float
    queued: int
    dropped: int


class RemoteVoice:
    """One human's stream of packets, heard: give each to `receive` while `run` runs.

    Args:
        microphone: Where its samples go; of the decoder's rate.
        decoder: A fresh one.
    """

    def __init__(self, microphone: Microphone, decoder: Decoder) -> None:
        self._microphone = microphone
        self._decoder = decoder
        self._buffer = JitterBuffer()
        self._last = silence(0)
        self._undecodable = 0
        self._received_at = clock.now()
        self._timer: asyncio.TimerHandle | None = None

    async def run(self) -> None:
        """Keep its deadlines until cancelled; the microphone then ends."""
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            if self._timer is not None:
                self._timer.cancel()
            self._microphone.end()

    def receive(self, packet: Packet) -> None:
        """A packet came: what can be heard by it is in the microphone's queue when this returns."""
        self._received_at = clock.now()
        self._perform(self._buffer.receive(packet, self._received_at))

    def statistics(self) -> InboundStatistics:
        """How it comes in now."""
        now = clock.now()
        return InboundStatistics(
            packets=self._buffer.statistics(now),
            undecodable=self._undecodable,
            level=_level(self._last),
            quiet_for=now - self._received_at,
            queued=self._microphone.queued,
            dropped=self._microphone.dropped,
        )

    def _perform(self, actions: list[Action]) -> None:
        for action in actions:
            if isinstance(action, Restart):
                self._decoder.restart()
            else:
                self._last = self._made(action)
                self._microphone.put(self._last)
        # It moves with each packet. To move the timer as well costs less than being woken by it to look again.
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        deadline = self._buffer.deadline
        if deadline is not None:
            self._timer = asyncio.get_running_loop().call_at(deadline, self._on_timer, deadline)

    def _made(self, action: Decode | Recover | Conceal | Silence) -> Samples:
        match action:
            case Decode(payload=payload):
                try:
                    return self._decoder.decode(payload)
                except ValueError as error:
                    return self._in_place_of(error, duration(payload))
            case Recover(payload=payload, samples=samples):
                try:
                    return self._decoder.recover(payload, samples)
                except ValueError as error:
                    return self._in_place_of(error, samples)
            case Conceal(samples=samples):
                return self._decoder.conceal(samples)
            case Silence(samples=samples):
                return silence(samples * self._decoder.rate // WIRE_RATE)
            case _:
                assert_never(action)

    def _in_place_of(self, error: ValueError, samples: int) -> Samples:
        if not self._undecodable:
            _logger.warning("a packet is concealed that is no Opus (further ones are only counted): %s", error)
        self._undecodable += 1
        return self._decoder.conceal(samples)

    def _on_timer(self, when: float) -> None:
        self._timer = None
        now = clock.now()
        if now - when > _STALL_SECONDS:
            # This process stood still: what came meanwhile is read first, before it is given up.
            self._timer = asyncio.get_running_loop().call_later(_STALL_SECONDS, self._on_timer, now + _STALL_SECONDS)
            return
        self._perform(self._buffer.advance(now))


def _level(samples: Samples) -> float:
    if not len(samples):
        return _QUIETEST_DECIBELS
    power = float(np.mean(np.square(samples.astype(np.float32)))) / 32768.0**2
    return max(_QUIETEST_DECIBELS, 10.0 * float(np.log10(power))) if power > 0.0 else _QUIETEST_DECIBELS
