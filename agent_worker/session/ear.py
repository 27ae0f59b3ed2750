"""The microphone of the human that the agent listens to: frames -> voice events, and audio for the model."""

import asyncio
from collections.abc import Callable

from agent_worker import clock
from agent_worker.audio import samples_in, silence
from agent_worker.media.resample import Resampler
from agent_worker.rooms.base import Microphone
from agent_worker.session.turn_audio import TurnAudio
from agent_worker.turns.voice import VoiceEvent
from agent_worker.vad.detector import Detector

LOST_AFTER_SECONDS = 1.0
"""A microphone that sends nothing for this long has stopped: a voice in it ends (T-5)."""
LOOKS = 4
"""How often it is looked at in that time."""


class Ear:
    """Listens to one microphone after the other.

    Attributes:
        enabled: Whether it hears anything; see `hear`.

    """

    def __init__(
        self, *, detector: Detector, turn_audio: TurnAudio, rate: int, heard: Callable[[VoiceEvent], None]
    ) -> None:
        self._detector = detector
        self._turn_audio = turn_audio
        self._rate = rate
        self._heard = heard
        self.enabled = True
        self._silent_looks = 0
        self._fed_until = 0.0

    def hear(self, enabled: bool) -> None:
        """Hear nothing from now on, or hear again. A voice that is heard has then ended."""
        if not enabled:
            self.end_voice()
        self.enabled = enabled

    async def listen(self, microphone: Microphone) -> None:
        """Follow a microphone to its end."""
        to_vad = Resampler(microphone.rate, self._detector.rate)
        to_model = Resampler(microphone.rate, self._rate)
        self._fed_until = clock.now()
        async with asyncio.TaskGroup() as group:
            watch = group.create_task(self._watch())
            try:
                async for frame in microphone:
                    if not self.enabled:
                        continue
                    now = self._fed_until = clock.now()
                    self._silent_looks = 0
                    # The model's copy first: a turn that opens here finds its beginning in the ring.
                    self._turn_audio.push(to_model.push(frame), now)
                    if self._turn_audio.everything:
                        continue
                    for event in self._detector.push(to_vad.push(frame), now):
                        self._heard(event)
            finally:
                if self.enabled:
                    self._turn_audio.push(to_model.flush(), clock.now())
                self.end_voice()
                if self._turn_audio.everything:
                    # A model that waits for a pause would wait for ever.
                    self._turn_audio.push(silence(samples_in(LOST_AFTER_SECONDS, self._rate)), clock.now())
                watch.cancel()

    def end_voice(self) -> None:
        """What is heard next does not follow what was heard before: a voice in it has ended."""
        for event in self._detector.lost():
            self._heard(event)

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(LOST_AFTER_SECONDS / LOOKS)
            self._silent_looks += 1
            # Looks are counted, not seconds: after a stall of this process the frames are still to be read.
            if self._silent_looks == LOOKS:
                self.end_voice()
            now = clock.now()
            if self._turn_audio.everything and now - self._fed_until > LOST_AFTER_SECONDS / 2:
                # A muted microphone sends nothing, and to a model that listens for pauses nothing is no pause.
                self._turn_audio.push(silence(samples_in(now - self._fed_until, self._rate)), now)
                self._fed_until = now
