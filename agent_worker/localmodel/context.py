"""What an answer is made from: the situation, what the conversation says of it, and the moment. Pure."""

from dataclasses import dataclass

from agent_worker.localmodel.dialogue import Moment, Situation
from agent_worker.localmodel.memory import Memory


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """All that an answer may depend on."""

    situation: Situation
    memory: Memory
    moment: Moment
