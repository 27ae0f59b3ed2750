"""Why a session was begun: a dispatch's words -> worker -> session -> the agent reads `session.job`."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What the agent was sent to a room for.

    Attributes:
        id: The signaling server's id of it; "" where none sent the agent.
        room: The room's name.
        participant: The identity of who it is for; None: nobody in particular.
        metadata: What the dispatch says to the agent, in the application's own words.
        attributes: The same as keys and values.

    """

    id: str = ""
    room: str = ""
    participant: str | None = None
    metadata: str = field(default="", repr=False)
    attributes: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
