"""From probabilities to voice events: vad -> Gate -> the floor. Pure: a state, two thresholds and two durations.

Times are those at which a window was heard, so that an event says when a voice really began or ended, not
when this gate became sure of it.
"""

from dataclasses import dataclass
from enum import Enum, auto

from agent_worker.audio import SILENCE_LEVEL
from agent_worker.turns.voice import VoiceContinued, VoiceEvent, VoiceStarted, VoiceStopped

_ROUNDING = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class GateOptions:
    """When a probability becomes a voice.

    Attributes:
        activation: A probability from here on may begin a voice.
        deactivation: A probability below this is no voice; between the two a voice that has begun goes on.
        hint: A probability from here on may be the beginning of what soon is a voice.
        min_voice: Seconds of unbroken voice before one has begun.
        hang: Seconds without voice before it has stopped. Gaps inside words are shorter than this.
        window: Seconds that one probability is about.
        fade: A window so many dB below the loudest of its voice is silence, however probable a voice is: Silero goes
            on hearing one for about 0.1 s after its end.
        forget: By so many dB a second the loudest window loses its weight, so that a bang hides no quiet voice.

    """

    activation: float = 0.5
    deactivation: float = 0.35
    hint: float = 0.15
    min_voice: float = 0.064
    hang: float = 0.16
    window: float = 0.032
    fade: float = 40.0
    forget: float = 30.0


class GateState(Enum):
    """What the gate believes."""

    QUIET = auto()
    RISING = auto()
    """Voiced windows have come, fewer than make a voice."""
    VOICED = auto()


class Gate:
    """Decides when a voice begins, goes on and ends.

    Attributes:
        hinted: Whether in the last window a voice may have begun that has not been reported.

    """

    def __init__(self, options: GateOptions | None = None) -> None:
        self.options = options or GateOptions()
        self.state = GateState.QUIET
        self.hinted = False
        self._since = 0.0
        self._heard = 0.0
        self._sounded = 0.0
        self._loudest = SILENCE_LEVEL

    def receive(self, probability: float, now: float, level: float = 0.0) -> list[VoiceEvent]:
        """Take the probability of the next window.

        Args:
            probability: Of a voice in the window, 0..1.
            now: When the window's last sample was heard.
            level: Of the window, in dB below full scale; the same each time where it is not known.

        Returns:
            What it means, in order. A voice that begins is reported with the time of its first window's
            start, and as continued until now.

        """
        self._loudest = max(level, self._loudest - self.options.forget * self.options.window)
        sounds = level >= self._loudest - self.options.fade
        self.hinted = sounds and probability >= self.options.hint and self.state is not GateState.VOICED
        match self.state:
            case GateState.QUIET:
                if probability < self.options.activation or not sounds:
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
                    if sounds:
                        self._sounded = now
                if now - self._sounded >= self.options.hang - _ROUNDING:
                    return self.lost()
                return [VoiceContinued(now)] if self._heard == now else []

    def lost(self) -> list[VoiceEvent]:
        """No more audio comes (mute, a lost track): a voice that has begun ends where it was last heard (T-5)."""
        voiced = self.state is GateState.VOICED
        self.state = GateState.QUIET
        self.hinted = False
        return [VoiceStopped(self._heard, self._sounded)] if voiced else []

    def _rise(self, now: float) -> list[VoiceEvent]:
        if now - self._since < self.options.min_voice - _ROUNDING:
            return []
        self.state = GateState.VOICED
        self._heard = self._sounded = now
        return [VoiceStarted(self._since), VoiceContinued(now)]
