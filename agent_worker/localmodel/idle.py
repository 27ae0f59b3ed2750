"""How long the user has been silent after a reply: what was played and said goes in, a deadline comes out. Pure.

The server sends audio faster than it is played and hears nothing of the playing: it reckons that a client plays what
comes at once and without gaps.
"""

from agent_worker.localmodel.settings import ServerVad, TurnDetection


class Idle:
    """The `idle_timeout_ms` of one session. Times are loop seconds."""

    def __init__(self) -> None:
        self._plays_until = 0.0
        self._since: float | None = None

    def deadline(self, detection: TurnDetection | None) -> float | None:
        """When the silence has lasted for too long; None when nobody waits for the user."""
        if self._since is None or not isinstance(detection, ServerVad) or detection.idle_timeout_ms is None:
            return None
        return max(self._since, self._plays_until) + detection.idle_timeout_ms / 1000

    def sounded(self, seconds: float, now: float) -> None:
        """So much audio of a reply was sent."""
        self._plays_until = max(self._plays_until, now) + seconds

    def silenced(self, now: float) -> None:
        """The client no longer plays what was sent."""
        self._plays_until = min(self._plays_until, now)

    def replied(self, now: float) -> None:
        """A reply is complete: from the end of its playing on it is the user's turn."""
        self._since = now

    def stirred(self) -> None:
        """The user speaks, or a reply is made: nobody is idle."""
        self._since = None
