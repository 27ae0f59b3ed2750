"""What can happen in a conversation: the one vocabulary that the deciding machines receive.

Past tense, frozen, and with the time at which it really happened (`at`, loop seconds) where that differs from the
time at which it is received: a voice starts before a detector is sure of it.
"""

from dataclasses import dataclass, field


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
    """The voice was last heard at `at`."""

    at: float


VoiceEvent = VoiceStarted | VoiceContinued | VoiceStopped
