"""How the sound of one room is doing, in numbers: what its pump, its slots and its connections have counted."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from agent_worker.media.outbound import PumpStatistics
from agent_worker.media.ticker import TickerStatistics
from agent_worker.rooms.peer import PeerStatistics

__all__ = ["RoomStatistics"]


def _nobody() -> Mapping[str, PeerStatistics]:
    return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class RoomStatistics:
    """What has happened so far.

    Attributes:
        voice: The agent's voice, up to the connections.
        slots: How punctual this process's 20 ms slots are; None where nobody shares them.
        humans: Each media connection that stands, by identity.
    """

    voice: PumpStatistics = field(default_factory=PumpStatistics)
    slots: TickerStatistics | None = None
    humans: Mapping[str, PeerStatistics] = field(default_factory=_nobody)
