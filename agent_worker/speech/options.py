"""How a conversation behaves: every option of the floor, with its default."""

from dataclasses import dataclass

from agent_worker.turns.evidence import BACKCHANNELS


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeechOptions:
    """Options of a conversation; durations in seconds."""

    allow_interruptions: bool = True
    """Whether a voice may hold and cut speeches that do not say so themselves."""
    pause_after: float = 0.15
    """A voice this long while the agent speaks holds the output."""
    min_interruption_duration: float = 0.5
    """A voice this long is evidence of a real interruption when no words can tell."""
    min_interruption_words: int = 0
    """A transcript with fewer words is no interruption."""
    backchannels: tuple[str, ...] = BACKCHANNELS
    """Words that alone never interrupt."""
    false_interruption_timeout: float | None = 1.0
    """Silence after a voice that was nothing, before the held speech goes on. None: it never does, it is cut."""
    resume_false_interruption: bool = True
    """False: an interruption is immediate and final."""
    resume_rewind: float = 0.0
    """A resumed speech steps back this much, never before its start."""
    min_endpointing_delay: float = 0.5
    """Silence that ends a user's turn."""
    min_turn_duration: float = 0.25
    """Less voice than this in total is no turn."""
    sure_turn_duration: float = 1.5
    """More voice than this in one turn interrupts without waiting for its words."""
    verdict_timeout: float = 1.5
    """How long a transcript is waited for when only it can tell."""
    max_tool_steps: int = 3
    """Replies about tools' results in a row; the last of them may not call tools."""
    user_away_timeout: float | None = 15.0
    """Both silent this long: the user is away."""
    reply_timeout: float = 15.0
    """How long the model may take to begin a reply."""
    interruption_watchdog: float = 5.0
    """A cancelled reply that the model has not ended by then is forgotten."""
