"""What a room process may take of time and memory before it is ended. Plain values."""

from dataclasses import dataclass

from agent_worker.worker.pulse import PING_SECONDS

__all__ = ["ProcessLimits"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessLimits:
    """Limits of each process.

    Attributes:
        init_seconds: For importing the application; from a cold disk that takes long.
        ping_seconds: How often it is asked whether it is alive; four times without an answer and it is killed.
        memory_warn: MiB of resident memory above which there is a warning; 0: never.
        memory_limit: MiB above which it is killed, and its conversations go on in another; 0: never.
    """

    init_seconds: float = 60.0
    ping_seconds: float = PING_SECONDS
    memory_warn: int = 1000
    memory_limit: int = 0
