"""One human's microphone: frames -> voice events, and audio for the model, while the agent listens to this human."""

import asyncio
from collections.abc import Callable

from agent_worker import clock
from agent_worker.audio import samples_in, silence
from agent_worker.media.resample import Resampler, RoughResampler
from agent_worker.rooms.base import Microphone
from agent_worker.session.turn_audio import TurnAudio
from agent_worker.turns.voice import VoiceEvent
from agent_worker.vad.detector import Detector, DetectorStatistics

LOST_AFTER_SECONDS = 1.0
"""A microphone that sends nothing for this long has stopped: a voice in it ends (T-5)."""
LOOKS = 4
"""How often it is looked at in that time."""


class Ear:
    """Listens to one human's microphones, one after the other.

    Args:
        detector: Tells of this human's voice.
        turn_audio: What the model gets of it.
        rate: Samples per second that the model wants.
        heard: Told of the voice.
        attends: Whether the agent listens to this human now; what comes otherwise is dropped.
        anticipates: Whether a hint of a voice is enough to send it ahead.
        fills: Whether a model that gets everything gets silence where nothing comes of this human.

    """

    def __init__(
        self,
        *,
        detector: Detector,
        turn_audio: TurnAudio,
        rate: int,
        heard: Callable[[VoiceEvent], None],
        attends: Callable[[], bool],
        anticipates: Callable[[], bool],
        fills: Callable[[], bool],
    ) -> None:
        self.turn_audio = turn_audio
        self._detector = detector
        self._rate = rate
        self._heard = heard
        self._attends = attends
        self._anticipates = anticipates
        self._fills = fills
        self._silent_looks = 0
        self._fed_until = 0.0

    def statistics(self) -> DetectorStatistics:
        """What the voice detector has counted."""
        return self._detector.statistics()

    async def listen(self, microphone: Microphone) -> None:
        """Follow a microphone to its end."""
        to_vad = RoughResampler(microphone.rate, self._detector.rate)
        to_model = Resampler(microphone.rate, self._rate)
        self._fed_until = clock.now()
        attended = self._attends()
        async with asyncio.TaskGroup() as group:
            watch = group.create_task(self._watch())
            try:
                async for frame in microphone:
                    attended, before = self._attends(), attended
                    if not attended:
                        if before:
                            self._stop()
                        continue
                    now = self._fed_until = clock.now()
                    self._silent_looks = 0
                    # The model's copy first: a turn that opens here finds its beginning in the ring.
                    self.turn_audio.push(to_model.push(frame), now)
                    if self.turn_audio.everything:
                        continue
                    for event in await self._detector.push(to_vad.push(frame), now):
                        self._heard(event)
                    if self._detector.hinted and self._anticipates():
                        self.turn_audio.hint(now)
            finally:
                if attended:
                    self.turn_audio.push(to_model.flush(), clock.now())
                    self._stop()
                watch.cancel()

    def end_voice(self) -> None:
        """What is heard next does not follow what was heard before: a voice in it has ended."""
        for event in self._detector.lost():
            self._heard(event)
        self.turn_audio.take_back()

    def _stop(self) -> None:
        """Nothing more is heard for now."""
        self.end_voice()
        if self.turn_audio.everything:
            # A model that waits for a pause would wait for ever.
            self.turn_audio.push(silence(samples_in(LOST_AFTER_SECONDS, self._rate)), clock.now())

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(LOST_AFTER_SECONDS / LOOKS)
            self._silent_looks += 1
            # Looks are counted, not seconds: after a stall of this process the frames are still to be read.
            if self._silent_looks == LOOKS:
                self.end_voice()
            now = clock.now()
            if self.turn_audio.everything and self._fills() and now - self._fed_until > LOST_AFTER_SECONDS / 2:
                # A muted microphone sends nothing, and to a model that listens for pauses nothing is no pause.
                self.turn_audio.push(silence(samples_in(now - self._fed_until, self._rate)), now)
                self._fed_until = now
