"""A microphone's voice events: 16 kHz samples of any length -> windows -> vad -> gate -> events."""

import numpy as np

from agent_worker.audio import Samples, silence
from agent_worker.speech.events import VoiceEvent
from agent_worker.vad.base import Vad
from agent_worker.vad.gate import Gate


class Detector:
    """Slices one microphone into windows and keeps what is left over for the next call."""

    def __init__(self, vad: Vad, gate: Gate) -> None:
        self._vad = vad
        self._gate = gate
        self._rest = silence(0)

    @property
    def rate(self) -> int:
        """Samples per second to push."""
        return self._vad.rate

    def push(self, samples: Samples, now: float) -> list[VoiceEvent]:
        """Take the next samples of the microphone.

        Args:
            samples: Mono int16 at `rate`, following those of the call before.
            now: When the last of them was heard.

        Returns:
            The voice events of the windows that are full now.
        """
        heard = np.concatenate((self._rest, samples))
        size = self._vad.window
        events: list[VoiceEvent] = []
        end = size
        while end <= len(heard):
            window = heard[end - size : end].astype(np.float32) / 32768.0
            at = now - (len(heard) - end) / self._vad.rate
            events += self._gate.receive(self._vad.probability(window), at)
            end += size
        self._rest = heard[end - size :]
        return events

    def lost(self) -> list[VoiceEvent]:
        """No more samples come for now: end a voice that has begun, and forget what was heard (T-5)."""
        self._rest = silence(0)
        self._vad.reset()
        return self._gate.lost()
