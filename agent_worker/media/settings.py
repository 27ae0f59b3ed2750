"""How the agent's voice is encoded: plain values, which the command line sets and a room's process is handed."""

from dataclasses import dataclass
from typing import Final, Literal

from agent_worker.errors import ConfigError

__all__ = ["OPUS_RATES", "OpusSettings"]

OPUS_RATES: Final = (8_000, 12_000, 16_000, 24_000, 48_000)
"""Samples per second that Opus encodes as they are (RFC 6716, section 2)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpusSettings:
    """What is asked of the encoder.

    CPU of one 20 ms frame of speech at 24 kHz (libopus 1.6.1, one core of an EPYC, a hot loop, microseconds):

        complexity                       0     3     5     8
        lowdelay                        26    37    48    64
        voip                            58   109   134   171
        voip with FEC for 10 % loss     65   145   172   212

    Attributes:
        bit_rate: Bits per second that it aims at, 6000..510000, without RTP's and UDP's headers (some 16 000 more).
        complexity: 0..10, quality against CPU.
        application: "lowdelay" has 2.5 ms of lookahead, "voip" 6.5 ms and clearer speech below 32 kbit/s. Only "voip"
            carries in-band FEC: on a link that loses packets it is used in both cases.

    Raises:
        ConfigError: Out of range.
    """

    bit_rate: int = 48_000
    complexity: int = 5
    application: Literal["lowdelay", "voip"] = "lowdelay"

    def __post_init__(self) -> None:
        if not 6_000 <= self.bit_rate <= 510_000:
            raise ConfigError(f"Opus speaks at 6000 to 510000 bits per second, not {self.bit_rate}.")
        if not 0 <= self.complexity <= 10:
            raise ConfigError(f"Opus' complexity is 0 to 10, not {self.complexity}.")
