"""Where the floor stands: the phase of the table, and since when the output is held for which voice."""

from agent_worker.speech.interruption import Effect, Phase, Signal, step
from agent_worker.turns.endpointing import Turn


class Floor:
    """Holds the phase; everything else is derived from it or noted beside it."""

    def __init__(self) -> None:
        self.phase = Phase.FREE
        self.turn: Turn | None = None
        """The last turn that was over."""
        self.turn_item: str | None = None
        """Its item, where the model committed it by itself."""
        self.held_at: float | None = None
        """Since when the output is held; None while it is not."""
        self.held_speech = ""
        """The speech that is held, by its id."""
        self.voice_at = 0.0
        """When the voice began for which the output is held."""
        self.resume_at: float | None = None
        """When a dismissed voice has been silent long enough."""

    def __repr__(self) -> str:
        return f"<Floor {self.phase.name.lower()}>"

    @property
    def is_holding(self) -> bool:
        """Whether the output is held."""
        return self.held_at is not None

    def hold(self, speech_id: str, *, voice_at: float, at: float) -> None:
        """The output is held from `at` on."""
        self.held_at, self.held_speech, self.voice_at = at, speech_id, voice_at

    def let_go(self) -> None:
        """The output is held no more."""
        self.held_at = None

    def receive(self, signal: Signal, now: float, timeout: float | None) -> tuple[Effect, ...]:
        """Take a step of the table; `timeout` is `false_interruption_timeout`."""
        self.phase, effects = step(self.phase, signal)
        self.resume_at = None
        if self.phase is Phase.DISMISSED:
            # Counted from the last voice, but never before now: resuming waits for the decision (I-8).
            silent_since = self.turn.ended_at if self.turn is not None else now
            self.resume_at = now if timeout is None else max(now, silent_since + timeout)
        return effects
