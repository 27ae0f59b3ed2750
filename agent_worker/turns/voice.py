"""What a voice activity detector says about a human's voice.

`at` is the time (loop seconds) at which it really happened: a voice starts before a detector is sure of it.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class VoiceStarted:
    """A human began to make a voice at `at`."""

    at: float


@dataclass(frozen=True, slots=True)
class VoiceContinued:
    """The voice goes on; it was still heard at `at`."""

    at: float


@dataclass(frozen=True, slots=True)
class VoiceStopped:
    """The voice was last heard at `at`.

    Attributes:
        faded_at: When it last sounded, where that is known: a model hears a voice for longer, by its memory.

    """

    at: float
    faded_at: float | None = None


VoiceEvent = VoiceStarted | VoiceContinued | VoiceStopped
