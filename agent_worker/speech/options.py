"""How a conversation behaves: every option of the floor, with its default, and how changes are laid over them."""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TypedDict

from agent_worker.turns.evidence import BACKCHANNELS
from agent_worker.turns.listen import Listen


class TurnMode(StrEnum):
    """Who says where a user's turn begins and ends."""

    VAD = "vad"
    """The local voice activity detector."""
    SERVER = "server"
    """The model's own detector."""
    MANUAL = "manual"
    """The application, as with a push-to-talk button: no detector decides anything."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeechOptions:
    """Options of a conversation; durations in seconds."""

    listen: Listen = Listen.LINKED
    """Whose turns are heard where several humans are there. In mode "server" always those of one ("linked")."""
    turn_detection: TurnMode = TurnMode.VAD
    """Who says where a user's turn begins and ends."""
    server_interrupts: bool = True
    """In mode "server": the model stops its replies when it hears a voice, and answers turns by itself. False: it was
    told not to (create_response and interrupt_response off); its voice events then count like those of the VAD."""
    allow_interruptions: bool = True
    """Whether a voice may hold and cut speeches that do not say so themselves."""
    discard_audio_if_uninterruptible: bool = True
    """In mode "server": while a protected speech has the floor, the model gets silence for the user's voice."""
    pause_after: float = 0.15
    """A voice this long while the agent speaks holds the output."""
    min_interruption_duration: float = 0.5
    """A voice this long is evidence of a real interruption when no words can tell."""
    min_interruption_words: int = 0
    """A transcript with fewer words is no interruption."""
    backchannels: tuple[str, ...] = BACKCHANNELS
    """Words that alone never interrupt."""
    question_tail: float = 1.0
    """With no more than this of a question still to be heard, such words are its answer."""
    false_interruption_timeout: float | None = 1.0
    """Silence after a voice that was nothing, before the held speech goes on. None: it never does, it is cut."""
    resume_false_interruption: bool = True
    """False: an interruption is immediate and final."""
    resume_rewind: float = 0.0
    """A resumed speech steps back this much, never before its start."""
    min_endpointing_delay: float = 0.5
    """Silence that ends a user's turn."""
    max_endpointing_delay: float = 3.0
    """Silence that ends a user's turn when a judge finds the sentence unfinished."""
    finished_probability: float = 0.5
    """A judge's probability below this calls the sentence unfinished."""
    min_turn_duration: float = 0.25
    """Less voice than this in total is no turn."""
    sure_turn_duration: float = 1.5
    """More voice than this in one turn interrupts without waiting for its words."""
    user_turn_limit: float | None = None
    """A turn open this long is reported, once. None: never."""
    verdict_timeout: float = 1.5
    """How long a transcript is waited for when only it can tell."""
    min_consecutive_speech_delay: float = 0.0
    """Silence between the end of one speech and the beginning of the next."""
    aec_warmup: float = 0.0
    """Voices that begin while the agent speaks are ignored this long after its first sound: echo cancellers learn."""
    max_tool_steps: int = 3
    """Replies about tools' results in a row; the last of them may not call tools."""
    user_away_timeout: float | None = 15.0
    """Both silent this long: the user is away."""
    departure_timeout: float | None = 60.0
    """Everybody has left, and nobody has come back in this time: the session closes, where the room has not done so
    before. None: it waits for the room."""
    reply_timeout: float = 15.0
    """How long the model may take to begin a reply."""
    stall_timeout: float = 15.0
    """A reply that has begun, and of which nothing more comes for so long, has failed; what came is still heard."""
    interruption_watchdog: float = 5.0
    """A cancelled reply that the model has not ended by then is forgotten."""


class OptionChanges(TypedDict, total=False):
    """Some of the options, as an agent or a change at runtime gives them.

    What is not given is not changed; None is a value like any other. The fields are those of `SpeechOptions`.
    """

    listen: Listen
    turn_detection: TurnMode
    server_interrupts: bool
    allow_interruptions: bool
    discard_audio_if_uninterruptible: bool
    pause_after: float
    min_interruption_duration: float
    min_interruption_words: int
    backchannels: tuple[str, ...]
    question_tail: float
    false_interruption_timeout: float | None
    resume_false_interruption: bool
    resume_rewind: float
    min_endpointing_delay: float
    max_endpointing_delay: float
    finished_probability: float
    min_turn_duration: float
    sure_turn_duration: float
    user_turn_limit: float | None
    verdict_timeout: float
    min_consecutive_speech_delay: float
    aec_warmup: float
    max_tool_steps: int
    user_away_timeout: float | None
    departure_timeout: float | None
    reply_timeout: float
    stall_timeout: float
    interruption_watchdog: float


def merged(session: SpeechOptions, *changes: OptionChanges) -> SpeechOptions:
    """The session's options with each of these changes laid over them; the last one that gives an option decides.

    Raises:
        TypeError: There is no such option.

    """
    options = session
    for change in changes:
        options = replace(options, **change)
    return options
