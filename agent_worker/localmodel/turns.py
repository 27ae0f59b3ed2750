"""When the server itself finds the user's turns: probabilities of voice in, starts and ends of turns out. Pure.

Times are seconds of the session's audio, as far as it was appended: how fast it comes does not matter.
"""

from dataclasses import dataclass
from typing import Final, Literal

from agent_worker.localmodel.settings import SemanticVad, ServerVad
from agent_worker.turns.voice import VoiceContinued, VoiceStarted, VoiceStopped
from agent_worker.vad.gate import Gate, GateOptions

MIN_VOICE: Final = 0.2
"""Voice shorter than this starts no turn: knocks, coughs and clicks are."""
_HYSTERESIS: Final = 0.15
"""A voice that has begun goes on at this much less than the threshold."""
_EAGERNESS: Final[dict[Literal["low", "medium", "high", "auto"], float]] = {
    "low": 0.9,
    "medium": 0.5,
    "auto": 0.5,
    "high": 0.3,
}
"""Seconds of silence that end a turn."""
_PADDING: Final = 0.3


@dataclass(frozen=True, slots=True)
class TurnStarted:
    """The user began to speak; `at` includes the padding in front."""

    at: float


@dataclass(frozen=True, slots=True)
class TurnStopped:
    """The user has been silent for long enough; `at` is where the voice was last heard."""

    at: float


class Turns:
    """Finds turns in one session's audio."""

    def __init__(self, settings: ServerVad | SemanticVad) -> None:
        match settings:
            case ServerVad():
                threshold, silence = settings.threshold, settings.silence_duration_ms / 1000
                self._padding = settings.prefix_padding_ms / 1000
            case SemanticVad():
                threshold, silence = 0.5, _EAGERNESS[settings.eagerness]
                self._padding = _PADDING
        self._gate = Gate(
            GateOptions(
                activation=threshold,
                deactivation=max(0.0, threshold - _HYSTERESIS),
                min_voice=MIN_VOICE,
                hang=silence,
            )
        )

    def receive(self, probability: float, end: float) -> list[TurnStarted | TurnStopped]:
        """Take the next window, which ends at `end`."""
        found: list[TurnStarted | TurnStopped] = []
        for event in self._gate.receive(probability, end):
            match event:
                case VoiceStarted(at):
                    found.append(TurnStarted(max(0.0, at - self._padding)))
                case VoiceStopped(at):
                    found.append(TurnStopped(at))
                case VoiceContinued():
                    pass
        return found

    def reset(self) -> None:
        """Whatever was going on is over."""
        self._gate.lost()
