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
