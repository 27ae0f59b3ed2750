"""One user turn: bursts of voice with pauses between them, over when a pause grows long enough.

Voice events in; `advance` at `deadline` gives back the turn that is over.
"""

from dataclasses import dataclass
from enum import Enum, auto

from agent_worker.turns.voice import VoiceContinued, VoiceEvent, VoiceStarted, VoiceStopped


class TurnPhase(Enum):
    """Where the user is in a turn."""

    NONE = auto()
    """The user is silent and has no turn open."""
    VOICE = auto()
    """A voice is heard."""
    PAUSE = auto()
    """No voice, but not for long enough to call the turn over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """A turn that is over.

    Attributes:
        started_at: When its first voice began (loop seconds).
        ended_at: When its last voice was heard.
        voiced: Seconds of voice in it, pauses not counted.

    """

    started_at: float
    ended_at: float
    voiced: float


class Endpointing:
    """Tells when a turn is over: `delay` after a voice sounded last, in seconds, or as a judge of this pause says."""

    def __init__(self, *, delay: float) -> None:
        self.delay = delay
        self.phase = TurnPhase.NONE
        self._started_at = 0.0
        self._burst_at = 0.0
        self._last_voice_at = 0.0
        self._silent_since = 0.0
        self._earlier_bursts = 0.0
        self._judged: float | None = None

    def __repr__(self) -> str:
        return f"<Endpointing {self.phase.name.lower()}, {self.voiced:.2f} s voiced>"

    @property
    def started_at(self) -> float:
        """When the open turn began; of no meaning while there is none."""
        return self._started_at

    @property
    def burst_at(self) -> float:
        """When the last burst of voice began; 0.0 before the first."""
        return self._burst_at

    @property
    def last_voice_at(self) -> float:
        """When a voice was last heard; 0.0 before the first."""
        return self._last_voice_at

    @property
    def earlier(self) -> float:
        """Seconds of voice in the open turn before its last burst."""
        return self._earlier_bursts

    @property
    def voiced(self) -> float:
        """Seconds of voice in the open turn so far; 0.0 while there is none."""
        if self.phase is TurnPhase.NONE:
            return 0.0
        burst = self._last_voice_at - self._burst_at if self.phase is TurnPhase.VOICE else 0.0
        return self._earlier_bursts + burst

    @property
    def deadline(self) -> float | None:
        """When `advance` is to be called, or None."""
        if self.phase is not TurnPhase.PAUSE:
            return None
        return self._silent_since + (self.delay if self._judged is None else self._judged)

    def judged(self, delay: float) -> None:
        """The present pause ends the turn after `delay` instead. Nothing while a voice is heard: it came too late."""
        if self.phase is TurnPhase.PAUSE:
            self._judged = delay

    def receive(self, event: VoiceEvent) -> None:
        """Follow the voice. Events out of order (a stop without a start) change nothing."""
        match event:
            case VoiceStarted(at=at):
                if self.phase is TurnPhase.NONE:
                    self._started_at, self._earlier_bursts = at, 0.0
                if self.phase is not TurnPhase.VOICE:
                    self._burst_at = self._last_voice_at = at
                self.phase, self._judged = TurnPhase.VOICE, None
            case VoiceContinued(at=at):
                if self.phase is TurnPhase.VOICE:
                    self._last_voice_at = max(at, self._last_voice_at)
            case VoiceStopped(at=at, faded_at=faded_at):
                if self.phase is TurnPhase.VOICE:
                    self._last_voice_at = max(at, self._last_voice_at)
                    self._silent_since = self._last_voice_at if faded_at is None else faded_at
                    self._earlier_bursts += self._last_voice_at - self._burst_at
                    self.phase = TurnPhase.PAUSE

    def advance(self, now: float) -> Turn | None:
        """The turn that has been over by `now`, once."""
        if self.deadline is None or now < self.deadline:
            return None
        return self.end()

    def end(self) -> Turn | None:
        """Call the open turn over at once; None when there is none."""
        if self.phase is TurnPhase.NONE:
            return None
        turn = Turn(started_at=self._started_at, ended_at=self._last_voice_at, voiced=self.voiced)
        self.phase, self._judged = TurnPhase.NONE, None
        return turn
