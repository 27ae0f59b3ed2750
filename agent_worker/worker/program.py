"""What a worker's processes are to run, in plain values: it is pickled to each of them, and loads there.

The supervisor holds this too, and never needs what a room needs: aiortc and onnxruntime are imported by `load` alone.
"""

from dataclasses import dataclass, field
from typing import Literal

from agent_worker.media.settings import OpusSettings
from agent_worker.telemetry.settings import TelemetrySettings
from agent_worker.turns.listen import Listen
from agent_worker.worker.room_process import Job

__all__ = ["Addresses", "ModelSettings", "VoiceProgram"]

Addresses = Literal["network", "loopback", "all"]
"""The values of `rooms.ice.OfferedAddresses`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSettings:
    """Which realtime model speaks.

    Attributes:
        url: ws:// or wss:// address of a server that speaks OpenAI's Realtime protocol.
        model: The model's name; "" when the address alone says which.
        api_key: None for a server that asks for none.
        dialect: What the server does differently, by a name of `realtime.dialects`.
    """

    url: str
    model: str = ""
    api_key: str | None = field(default=None, repr=False)
    dialect: str = "ga"


@dataclass(frozen=True, slots=True, kw_only=True)
class VoiceProgram:
    """A `Program`: which agent, which model, which addresses, and who may watch.

    Attributes:
        agent: As `loader.load` takes it.
        model: The realtime model.
        addresses: Which of this machine's addresses humans are offered.
        opus: How the agent's voice is encoded.
        rooms: How many rooms share a process.
        telemetry: Where spans and figures of the sessions go.
        listen: To whom the agent listens where several humans are there.
    """

    agent: str
    model: ModelSettings
    addresses: Addresses = "network"
    opus: OpusSettings = field(default_factory=OpusSettings)
    rooms: int = 1
    telemetry: TelemetrySettings = field(default_factory=TelemetrySettings)
    listen: Listen = Listen.LINKED

    @property
    def modules(self) -> tuple[str, ...]:
        """See `room_process.Program`: the SDK where something is exported, or each room would hold one of its own."""
        exports = self.telemetry.traces or self.telemetry.metrics
        return ("opentelemetry.sdk.trace.export", "opentelemetry.sdk.metrics.export") if exports else ()

    def load(self) -> Job:
        """Import the agent and everything that a room needs.

        Raises:
            ConfigError: Something cannot be imported, or is set wrongly.
        """
        from agent_worker.worker import voice_job

        return voice_job.load(self)
