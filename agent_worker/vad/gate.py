"""From probabilities to voice events: vad -> Gate -> the floor. Pure: a state, two thresholds and two durations.

Times are those at which a window was heard, so that an event says when a voice really began or ended, not
when this gate became sure of it.
"""

from dataclasses import dataclass
from enum import Enum, auto

from agent_worker.turns.voice import VoiceContinued, VoiceEvent, VoiceStarted, VoiceStopped

_ROUNDING = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class GateOptions:
    """When a probability becomes a voice.

    Attributes:
        activation: A probability from here on may begin a voice.
        deactivation: A probability below this is no voice; between the two a voice that has begun goes on.
        min_voice: Seconds of unbroken voice before one has begun.
        hang: Seconds without voice before it has stopped. Gaps inside words are shorter than this.
        window: Seconds that one probability is about.

    """

    activation: float = 0.5
    deactivation: float = 0.35
    min_voice: float = 0.064
    hang: float = 0.16
    window: float = 0.032


class GateState(Enum):
    """What the gate believes."""

    QUIET = auto()
    RISING = auto()
    """Voiced windows have come, fewer than make a voice."""
    VOICED = auto()


class Gate:
    """Decides when a voice begins, goes on and ends."""

    def __init__(self, options: GateOptions | None = None) -> None:
        self.options = options or GateOptions()
        self.state = GateState.QUIET
        self._since = 0.0
        self._heard = 0.0

    def receive(self, probability: float, now: float) -> list[VoiceEvent]:
        """Take the probability of the next window.

        Args:
            probability: Of a voice in the window, 0..1.
            now: When the window's last sample was heard.

        Returns:
            What it means, in order. A voice that begins is reported with the time of its first window's
            start, and as continued until now.

        """
        match self.state:
            case GateState.QUIET:
                if probability < self.options.activation:
                    return []
                self.state = GateState.RISING
                self._since = now - self.options.window
                return self._rise(now)
            case GateState.RISING:
                if probability < self.options.deactivation:
                    self.state = GateState.QUIET
                    return []
                return self._rise(now)
            case GateState.VOICED:
                if probability >= self.options.deactivation:
                    self._heard = now
                    return [VoiceContinued(now)]
                if now - self._heard >= self.options.hang - _ROUNDING:
                    return self.lost()
                return []

    def lost(self) -> list[VoiceEvent]:
        """No more audio comes (mute, a lost track): a voice that has begun ends where it was last heard (T-5)."""
        voiced = self.state is GateState.VOICED
        self.state = GateState.QUIET
        return [VoiceStopped(self._heard)] if voiced else []

    def _rise(self, now: float) -> list[VoiceEvent]:
        if now - self._since < self.options.min_voice - _ROUNDING:
            return []
        self.state = GateState.VOICED
        self._heard = now
        return [VoiceStarted(self._since), VoiceContinued(now)]
