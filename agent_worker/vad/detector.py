"""A microphone's voice events: 16 kHz samples of any length -> windows -> vad -> gate -> events."""

from collections import Counter
from dataclasses import dataclass
from typing import Final

import numpy as np

from agent_worker.audio import Samples, level_of, silence
from agent_worker.turns.voice import VoiceEvent, VoiceStarted
from agent_worker.vad.base import Vad
from agent_worker.vad.gate import Gate, GateState

_LAG_SECONDS: Final = 0.5
_PATIENCE_SECONDS: Final = 1.0
_DRIFT: Final = 0.01
_INAUDIBLE_LEVEL: Final = -75.0
"""Decibels below full scale under which nothing can be understood."""
_INAUDIBLE_WINDOWS: Final = 16
"""As many are judged nevertheless, so that the detector's memory has settled."""


class Timeline:
    """When each window was heard: counted in samples, and held to the clock.

    Samples come in bursts, but they were spoken evenly: after a stall the clock alone would say that a second of
    voice lasted no time. Nothing comes before it was spoken, so the earliest arrivals are the truth. A burst catches
    up with the clock by itself; only samples that stay behind it for long have really been missing.

    Args:
        step: Seconds of one window.

    """

    def __init__(self, step: float) -> None:
        self._step = step
        self._last: float | None = None
        self._behind = 0.0

    def advance(self, arrived: float) -> float:
        """The time of the next window's end.

        Args:
            arrived: When it came, by the clock.

        """
        expected = arrived if self._last is None else self._last + self._step
        self._behind = self._behind + self._step if arrived - expected > _LAG_SECONDS else 0.0
        if self._last is None or self._behind > _PATIENCE_SECONDS:
            self._last, self._behind = arrived, 0.0
        elif self._behind:
            self._last = expected
        else:
            # The small step towards the clock follows a microphone whose own clock is slow.
            self._last = max(self._last, min(arrived, expected + _DRIFT * (arrived - expected)))
        return self._last

    def restart(self) -> None:
        """What comes next does not follow what came before."""
        self._last, self._behind = None, 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class DetectorStatistics:
    """What was made of a microphone, since the beginning.

    Attributes:
        windows: Windows that were heard,
        voiced: and those of them that were inside a voice.
        voices: Voices that have begun.
        losses: How often no more samples came.
        probability: Of a voice in the last window, 0..1.
    """

    windows: int = 0
    voiced: int = 0
    voices: int = 0
    losses: int = 0
    probability: float = 0.0


class Detector:
    """Slices one microphone into windows and keeps what is left over for the next call."""

    def __init__(self, vad: Vad, gate: Gate) -> None:
        self._vad = vad
        self._gate = gate
        self._rest = silence(0)
        self._inaudible = 0
        self._timeline = Timeline(vad.window / vad.rate)
        self._counts: Counter[str] = Counter()
        self._probability = 0.0
        self._events: list[VoiceEvent] = []

    @property
    def rate(self) -> int:
        """Samples per second to push."""
        return self._vad.rate

    @property
    def hinted(self) -> bool:
        """Whether a voice may have begun that has not been reported: it soon is, or was none."""
        return self._gate.hinted

    async def push(self, samples: Samples, now: float) -> list[VoiceEvent]:
        """Take the next samples of the microphone.

        Args:
            samples: Mono int16 at `rate`, following those of the call before.
            now: When the last of them was heard.

        Returns:
            The voice events of the windows that are full now, some milliseconds later where these are judged together
            with those of others; none when the microphone was lost by then.

        """
        heard = np.concatenate((self._rest, samples))
        size = self._vad.window
        whole = len(heard) - len(heard) % size
        self._rest = heard[whole:]
        losses = self._counts["losses"]
        for begin in range(0, whole, size):
            piece = heard[begin : begin + size]
            level = level_of(piece)
            probability = await self._judged(piece, level)
            if self._counts["losses"] != losses:
                return []
            self._probability = probability
            at = self._timeline.advance(now - (len(heard) - begin - size) / self._vad.rate)
            found = self._gate.receive(probability, at, level)
            self._events += found
            self._counts["windows"] += 1
            self._counts["voiced"] += self._gate.state is GateState.VOICED
            self._counts["voices"] += sum(isinstance(event, VoiceStarted) for event in found)
        events, self._events = self._events, []
        return events

    def statistics(self) -> DetectorStatistics:
        """What has happened so far."""
        return DetectorStatistics(**self._counts, probability=self._probability)

    def lost(self) -> list[VoiceEvent]:
        """No more samples come for now: end a voice that has begun, and forget what was heard (T-5).

        Returns:
            The events of that, behind those that `push` would still have given.

        """
        self._rest = silence(0)
        self._timeline.restart()
        self._vad.reset()
        self._counts["losses"] += 1
        events, self._events = self._events, []
        return [*events, *self._gate.lost()]

    async def _judged(self, piece: Samples, level: float) -> float:
        self._inaudible = 0 if level > _INAUDIBLE_LEVEL else self._inaudible + 1
        if self._inaudible > _INAUDIBLE_WINDOWS:
            # Most microphones give nothing between words, by their noise suppression: it costs no inference.
            return 0.0
        return await self._vad.judge(piece.astype(np.float32) / 32768.0)
