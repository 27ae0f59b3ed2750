"""What agent and user were last reported to be doing: a change is one report, no change is none (T-6)."""

from agent_worker.speech.actions import AgentState, UserState


class States:
    """Remembers the last report of each, and since when both are silent."""

    def __init__(self) -> None:
        self.agent = AgentState.LISTENING
        self.user = UserState.LISTENING
        self._quiet_since: float | None = None

    def agent_is(self, state: AgentState, now: float) -> bool:
        """Whether this is a change."""
        changed, self.agent = state is not self.agent, state
        self._note_quiet(now)
        return changed

    def user_is(self, *, speaking: bool, now: float) -> bool:
        """Whether this is a change. A user who is away stays so until the next voice."""
        state = UserState.SPEAKING if speaking else UserState.LISTENING
        if state is self.user or (self.user is UserState.AWAY and not speaking):
            return False
        self.user = state
        self._note_quiet(now)
        return True

    def user_gone(self) -> bool:
        """The user cannot be heard; whether this is a change."""
        changed, self.user = self.user is not UserState.AWAY, UserState.AWAY
        return changed

    def user_back(self, now: float) -> bool:
        """The user can be heard again; whether this is a change."""
        changed = self.user is UserState.AWAY
        if changed:
            self.user, self._quiet_since = UserState.LISTENING, None
            self._note_quiet(now)
        return changed

    def away_at(self, timeout: float | None) -> float | None:
        """When the user will be away if both stay silent."""
        if timeout is None or self._quiet_since is None or self.user is UserState.AWAY:
            return None
        return self._quiet_since + timeout

    def is_away(self, now: float, timeout: float | None) -> bool:
        """Whether the user has just become away."""
        time = self.away_at(timeout)
        if time is None or now < time:
            return False
        self.user = UserState.AWAY
        return True

    def _note_quiet(self, now: float) -> None:
        quiet = self.agent is AgentState.LISTENING and self.user is not UserState.SPEAKING
        if not quiet:
            self._quiet_since = None
        elif self._quiet_since is None:
            self._quiet_since = now
