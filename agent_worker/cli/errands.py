"""What a caller who is no person says, and when: one thing at a time, each after the agent has answered. Pure.

the agent's state and the time in -> say this, type that, leave, or give up
"""

from collections import deque
from dataclasses import dataclass, field
from typing import Final

from agent_worker.audio import Samples

__all__ = ["Errand", "Errands", "GiveUp", "Leave", "SayLine", "SaySound"]

LISTENING: Final = "listening"
SETTLED_SECONDS: Final = 1.0
"""So long has the agent to listen before it is spoken to."""


@dataclass(frozen=True, slots=True, eq=False)
class SaySound:
    """Speak this into the microphone."""

    samples: Samples = field(repr=False)
    name: str


@dataclass(frozen=True, slots=True)
class SayLine:
    """Type this."""

    text: str


@dataclass(frozen=True, slots=True)
class Leave:
    """All is said and answered."""


@dataclass(frozen=True, slots=True)
class GiveUp:
    """Nothing goes on any more."""

    why: str


Errand = SaySound | SayLine


@dataclass(slots=True)
class Errands:
    """A list of things to say.

    Attributes:
        todo: Them, in order.
        linger: Seconds that the agent has to have listened after the last one before we leave; None: never leave.
        patience: Seconds without any change after which an errand has failed; None: wait for ever.
        is_complete: No more will come.
    """

    todo: deque[Errand]
    linger: float | None
    patience: float | None
    is_complete: bool = True
    _listening_since: float | None = None
    _changed_at: float | None = None
    _state: str = ""
    _said: int = 0
    _unanswered: bool = False

    def receive(self, state: str, *, speaking: bool, now: float) -> None:
        """What the agent does now ("" while it is not there), and whether we ourselves are speaking."""
        doing = f"{state} {speaking}"
        if doing != self._state or self._changed_at is None:
            self._state, self._changed_at = doing, now
        if state != LISTENING and not speaking:
            # It took it up: what it does now is its answer.
            self._unanswered = self._unanswered and not state
        if state != LISTENING or speaking:
            self._listening_since = None
        elif self._listening_since is None:
            self._listening_since = now

    def advance(self, now: float) -> Errand | Leave | GiveUp | None:
        """What is due, if anything is."""
        quiet = None if self._listening_since is None else now - self._listening_since
        wait = SETTLED_SECONDS if not self._unanswered else max(SETTLED_SECONDS, self.linger or 0.0)
        if self.todo and quiet is not None and quiet >= wait:
            self._listening_since = self._changed_at = now
            self._said += 1
            self._unanswered = True
            return self.todo.popleft()
        done = not self.todo and self.is_complete and self.linger is not None
        if done and quiet is not None and quiet >= max(SETTLED_SECONDS, self.linger or 0.0):
            return Leave()
        is_asked = self._listening_since is None or self.todo or self.is_complete
        if is_asked and self.patience is not None and self._changed_at is not None:
            return GiveUp(self._why()) if now - self._changed_at >= self.patience else None
        return None  # whoever has more to say takes their time

    def _why(self) -> str:
        state = self._state.split(" ")[0]
        if not state:
            return (
                f"no agent came within {self.patience:g} s. Is a worker registered? See: python -m agent_worker jobs"
            )
        return f"the agent has been {state} for {self.patience:g} s. See the worker's log"
