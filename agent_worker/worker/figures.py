"""How a worker is at one moment, in figures for those who watch it. Plain values."""

from dataclasses import dataclass

__all__ = ["Figures", "RoomFigures"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RoomFigures:
    """One room's process.

    Attributes:
        name: The room's.
        resident: Bytes of memory.
        lag: Seconds that its event loop took to hear of the last ping.
    """

    name: str
    resident: int
    lag: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """The worker.

    Attributes:
        connected: It is registered with a signaling server.
        draining: It takes no more jobs.
        full: It has no place, or its machine is too busy.
        load: What it reports, 0 to 1.
        cpu: Fraction of the processors' time, a moving average.
        memory: Fraction in use.
        warm: Processes that wait for a job.
        checkpoints: Conversations that could go on in a new process.
        started: Jobs since the worker began; so are the rest.
        resumed: Of them, those that went on with a conversation.
        succeeded: Jobs that ended well.
        failed: Jobs that did not.
        refused: Offers that were not taken.
    """

    connected: bool
    draining: bool
    full: bool
    max_jobs: int
    load: float
    cpu: float
    memory: float
    warm: int
    checkpoints: int
    started: int
    resumed: int
    succeeded: int
    failed: int
    refused: int
    rooms: tuple[RoomFigures, ...]

    @property
    def why_not_ready(self) -> str:
        """What keeps it from taking a room; "" when nothing does."""
        if not self.connected:
            return "not registered with the signaling server"
        if self.draining:
            return "draining"
        return "busy" if self.full else ""
