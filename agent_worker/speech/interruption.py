"""The law of interruption: hold first, then decide. One table, read from top to bottom.

A voice over the agent's speech holds the output, which is reversible and costs nothing. What it was is decided
later: too short a voice was noise, a transcript tells words from listening noises, a long turn needs no proof.
Then the speech goes on at exactly the next sample, or is cut (I-1 to I-10).
"""

from enum import Enum, auto

from agent_worker.turns.endpointing import TurnPhase


class Phase(Enum):
    """What the output is doing because of a voice."""

    FREE = auto()
    """Nothing is held."""
    HELD = auto()
    """Held; the voice goes on."""
    UNDECIDED = auto()
    """Held; the voice has stopped, its turn may still go on."""
    DISMISSED = auto()
    """Held; the turn was nothing, and the silence before resuming runs."""
    JUDGING = auto()
    """Held; the turn was committed, and its transcript is awaited."""
    JUDGING_VOICE = auto()
    """As JUDGING, and another voice is heard."""
    JUDGING_PAUSE = auto()
    """As JUDGING, and that other voice has stopped, its turn may still go on."""


HOLDING = frozenset({Phase.HELD, Phase.UNDECIDED, Phase.DISMISSED})
"""Phases that end with the speech that is held."""
JUDGING = frozenset({Phase.JUDGING, Phase.JUDGING_VOICE, Phase.JUDGING_PAUSE})
"""Phases that end with a verdict, whatever becomes of the speech."""
VOICE_IN = {
    Phase.HELD: TurnPhase.VOICE,
    Phase.UNDECIDED: TurnPhase.PAUSE,
    Phase.DISMISSED: TurnPhase.NONE,
    Phase.JUDGING: TurnPhase.NONE,
    Phase.JUDGING_VOICE: TurnPhase.VOICE,
    Phase.JUDGING_PAUSE: TurnPhase.PAUSE,
}
"""Where the user is in a turn during each phase; anywhere while the floor is free."""


class Signal(Enum):
    """What happens to the phase."""

    VOICE_CONFIRMED = auto()
    """A voice over an interruptible speech has lasted `pause_after`."""
    VOICE_FINAL = auto()
    """The same, where interruptions are immediate and final (`resume_false_interruption` off)."""
    VOICE_STOPPED = auto()
    VOICE_AGAIN = auto()
    """A voice starts."""
    TURN_SHORT = auto()
    """The turn is over and was nothing."""
    TURN_DOUBTFUL = auto()
    """The turn is over, and only its words can tell."""
    TURN_SURE = auto()
    """The turn is over and counts."""
    WORDS = auto()
    """The transcript says that it was meant; it may come when nobody waits for it any more."""
    NO_WORDS = auto()
    """No transcript that is awaited says that it was meant."""
    SILENCE = auto()
    """Silence after a dismissed voice has lasted `false_interruption_timeout`."""
    SPEECH_GONE = auto()
    """There is no speech left that could be held."""


class Effect(Enum):
    """What a transition does."""

    HOLD = auto()
    RESUME = auto()
    RELEASE = auto()
    """Let go of an output that has nothing left to play."""
    COMMIT = auto()
    CLEAR = auto()
    CUT = auto()
    ANSWER = auto()
    """Queue a reply to the turn."""


_P, _S, _E = Phase, Signal, Effect

TABLE: dict[tuple[Phase, Signal], tuple[Phase, tuple[Effect, ...]]] = {
    (_P.FREE, _S.VOICE_CONFIRMED): (_P.HELD, (_E.HOLD,)),
    (_P.FREE, _S.VOICE_FINAL): (_P.FREE, (_E.CUT,)),
    (_P.FREE, _S.TURN_SHORT): (_P.FREE, (_E.CLEAR,)),
    (_P.FREE, _S.TURN_DOUBTFUL): (_P.JUDGING, (_E.HOLD, _E.COMMIT)),
    (_P.FREE, _S.TURN_SURE): (_P.FREE, (_E.COMMIT, _E.CUT, _E.ANSWER)),
    (_P.FREE, _S.WORDS): (_P.FREE, (_E.CUT, _E.ANSWER)),
    (_P.HELD, _S.VOICE_STOPPED): (_P.UNDECIDED, ()),
    (_P.HELD, _S.WORDS): (_P.FREE, (_E.CUT, _E.ANSWER)),
    (_P.HELD, _S.SPEECH_GONE): (_P.FREE, (_E.RELEASE,)),
    (_P.UNDECIDED, _S.VOICE_AGAIN): (_P.HELD, ()),
    (_P.UNDECIDED, _S.TURN_SHORT): (_P.DISMISSED, (_E.CLEAR,)),
    (_P.UNDECIDED, _S.TURN_DOUBTFUL): (_P.JUDGING, (_E.COMMIT,)),
    (_P.UNDECIDED, _S.TURN_SURE): (_P.FREE, (_E.COMMIT, _E.CUT, _E.ANSWER)),
    (_P.UNDECIDED, _S.WORDS): (_P.FREE, (_E.CUT, _E.ANSWER)),
    (_P.UNDECIDED, _S.SPEECH_GONE): (_P.FREE, (_E.RELEASE,)),
    (_P.DISMISSED, _S.VOICE_AGAIN): (_P.HELD, ()),
    (_P.DISMISSED, _S.WORDS): (_P.FREE, (_E.CUT, _E.ANSWER)),
    (_P.DISMISSED, _S.SILENCE): (_P.FREE, (_E.RESUME,)),
    (_P.DISMISSED, _S.SPEECH_GONE): (_P.FREE, (_E.RELEASE,)),
    (_P.JUDGING, _S.VOICE_AGAIN): (_P.JUDGING_VOICE, ()),
    (_P.JUDGING, _S.WORDS): (_P.FREE, (_E.CUT, _E.ANSWER)),
    (_P.JUDGING, _S.NO_WORDS): (_P.FREE, (_E.RESUME,)),
    (_P.JUDGING, _S.SPEECH_GONE): (_P.JUDGING, (_E.RELEASE,)),
    (_P.JUDGING_VOICE, _S.VOICE_STOPPED): (_P.JUDGING_PAUSE, ()),
    (_P.JUDGING_VOICE, _S.WORDS): (_P.FREE, (_E.CUT, _E.ANSWER)),
    (_P.JUDGING_VOICE, _S.NO_WORDS): (_P.HELD, ()),
    (_P.JUDGING_VOICE, _S.SPEECH_GONE): (_P.JUDGING_VOICE, (_E.RELEASE,)),
    (_P.JUDGING_PAUSE, _S.VOICE_AGAIN): (_P.JUDGING_VOICE, ()),
    (_P.JUDGING_PAUSE, _S.TURN_SHORT): (_P.JUDGING, (_E.CLEAR,)),
    (_P.JUDGING_PAUSE, _S.TURN_DOUBTFUL): (_P.JUDGING, (_E.COMMIT,)),
    (_P.JUDGING_PAUSE, _S.TURN_SURE): (_P.FREE, (_E.COMMIT, _E.CUT, _E.ANSWER)),
    (_P.JUDGING_PAUSE, _S.WORDS): (_P.FREE, (_E.CUT, _E.ANSWER)),
    (_P.JUDGING_PAUSE, _S.NO_WORDS): (_P.UNDECIDED, ()),
    (_P.JUDGING_PAUSE, _S.SPEECH_GONE): (_P.JUDGING_PAUSE, (_E.RELEASE,)),
}
"""(phase, signal) -> (next phase, effects in order)."""

IGNORED: frozenset[tuple[Phase, Signal]] = frozenset(
    {
        # A voice with nothing to hold only makes a turn.
        (_P.FREE, _S.VOICE_STOPPED),
        (_P.FREE, _S.VOICE_AGAIN),
    }
)
"""Pairs that change nothing, on purpose. What is neither here nor in the table is impossible."""


def step(phase: Phase, signal: Signal) -> tuple[Phase, tuple[Effect, ...]]:
    """The next phase and what to do. An impossible pair is a fault of ours and asserts."""
    if (phase, signal) in IGNORED:
        return phase, ()
    row = TABLE.get((phase, signal))
    assert row is not None, f"{signal.name} cannot happen while {phase.name}"
    return row
