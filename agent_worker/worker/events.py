"""What a worker's register hears and what it wants done: the one vocabulary of its decisions. Frozen values."""

from dataclasses import dataclass

from agent_worker.worker.ipc import JobNews, Start
from agent_worker.worker.load import Reading
from signaling.messages import FromWorker, ToWorker

__all__ = [
    "Action",
    "Connected",
    "Disconnected",
    "DrainWanted",
    "Event",
    "Finish",
    "Launch",
    "Measured",
    "ProcessTold",
    "Reconnect",
    "ReloadWanted",
    "Replace",
    "Send",
    "StopJob",
]

# What happens. ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Connected:
    """There is a socket to the server; nothing was said on it."""


@dataclass(frozen=True, slots=True)
class Disconnected:
    """The socket is gone."""


@dataclass(frozen=True, slots=True)
class ProcessTold:
    """A job's process started or ended its work, or something was said there."""

    job: str
    told: JobNews


@dataclass(frozen=True, slots=True)
class Measured:
    """How busy the machine is."""

    reading: Reading


@dataclass(frozen=True, slots=True)
class DrainWanted:
    """Take no more jobs; those that still run after `timeout` seconds are ended."""

    timeout: float


@dataclass(frozen=True, slots=True)
class ReloadWanted:
    """The application's code has changed: every process is to be replaced, and conversations go on in new ones."""


Event = ReloadWanted | Connected | Disconnected | ProcessTold | Measured | DrainWanted | ToWorker


# What is to be done. ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Send:
    """Tell the server. Only ever asked for between Connected and Disconnected."""

    message: FromWorker


@dataclass(frozen=True, slots=True)
class Launch:
    """Give this job to a process."""

    start: Start


@dataclass(frozen=True, slots=True, kw_only=True)
class StopJob:
    """End this job's process within `grace` seconds."""

    job: str
    reason: str
    grace: float


@dataclass(frozen=True, slots=True)
class Replace:
    """Replace every process."""


@dataclass(frozen=True, slots=True)
class Reconnect:
    """Leave this server and come back after `delay` seconds."""

    delay: float


@dataclass(frozen=True, slots=True)
class Finish:
    """Everything is done: the worker can go."""


Action = Replace | Send | Launch | StopJob | Reconnect | Finish
