"""What a function tool may know of the conversation that it is called from."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from agent_worker.session import AgentSession, SpeechHandle


@dataclass(frozen=True, slots=True, kw_only=True)
class RunContext:
    """Given to a tool's parameter that is annotated with it; the model does not see that parameter."""

    session: "AgentSession"
    """The conversation."""
    speech: "SpeechHandle"
    """The agent's speech that asked for the tool."""
    call_id: str
    """The model's id of this very call."""

    async def wait_for_playout(self) -> None:
        """Wait until what the agent said when it called the tool ("One moment.") was heard, or was cut.

        The speech itself goes on until the tool has returned: `speech.wait_for_playout()` would wait for the tool
        that calls it, and raises SpeechError (S-9).
        """
        await self.speech.wait_for_words()

    def disallow_interruptions(self) -> None:
        """Protect the speech from now on, what it will say of the tool's result included: nothing cuts it.

        Raises:
            SpeechError: The user has interrupted it already. A tool that must not be undone asks here first.

        """
        self.speech.allow_interruptions = False
