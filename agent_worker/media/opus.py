"""Opus for the agent's voice (RFC 6716, RFC 7587): one 20 ms frame of mono in, one packet out.

Encoding here, not in aiortc, keeps the sound mono (its stereo path costs 3 dB), spares the resampling to 48 kHz and
the hop to another thread, and makes one packet serve every listener.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from agent_worker.audio import FRAME_SECONDS, MODEL_RATE, Samples, samples_in
from agent_worker.media.libopus import Application, Encoder
from agent_worker.media.settings import OpusSettings

FRAME_SAMPLES: Final = samples_in(FRAME_SECONDS, MODEL_RATE)

_SETTLED: Final = 4
"""Silent frames after which encoder and decoder hold nothing but silence."""
_SILENCE: Final = b"\xd8\xff\xfe"
"""CELT's silence, 20 ms of mono (RFC 6716, sections 3.1 and 4.3)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EncoderStatistics:
    """Counters since the beginning."""

    encoded: int = 0
    """Frames that went through libopus."""
    silent: int = 0
    """Frames of silence that cost nothing."""
    fec: bool = False
    """Whether each packet carries the one before it once more."""


class OpusEncoder:
    """One stream's encoder.

    Digital silence is not encoded: libopus needs five to ten times longer for it than for speech, since its filters
    decay into denormal numbers, and an agent is silent most of the time.

    Args:
        settings: How it sounds and what it costs.
        rate: Samples per second that go in, one of `settings.OPUS_RATES`.

    Raises:
        ConfigError: There is no libopus on this machine.
        ValueError: Opus does not know the rate.
    """

    def __init__(self, settings: OpusSettings | None = None, *, rate: int = MODEL_RATE) -> None:
        self._settings = settings or OpusSettings()
        self._rate = rate
        self._frame = samples_in(FRAME_SECONDS, rate)
        self._loss_percent: int = 0
        self._quiet = 0
        self._encoded = 0
        self._silent = 0
        self._preferred = Application[self._settings.application.upper()]
        self._application: Application = self._preferred
        self._encoder = self._make(self._preferred)

    def encode(self, samples: Samples) -> bytes:
        """The packet of the next 20 ms.

        Args:
            samples: Exactly 20 ms.

        Raises:
            ValueError: Another number of samples: a packet would be missing or there would be two.
        """
        if len(samples) != self._frame:
            raise ValueError(f"an Opus frame is {self._frame} samples, not {len(samples)}")
        if np.count_nonzero(samples):  # any() goes by Python, and this is for each frame
            self._wake()
        else:
            self._quiet += 1
            if self._quiet > _SETTLED:
                self._silent += 1
                return _SILENCE
        self._encoded += 1
        return self._encoder.encode(samples)

    def expect_loss(self, percent: int) -> None:
        """Carry in-band FEC for a link that loses so many packets; 0: do not."""
        if percent == self._loss_percent:
            return
        self._loss_percent = percent
        wanted = Application.VOIP if percent else self._preferred
        if wanted is not self._application:
            # What an encoder is made for cannot be changed; a decoder takes the step as a change of mode.
            self._application = wanted
            self._encoder = self._make(wanted)
        self._encoder.set_fec(percent)

    def statistics(self) -> EncoderStatistics:
        """What has happened so far."""
        return EncoderStatistics(encoded=self._encoded, silent=self._silent, fec=self._loss_percent > 0)

    def _wake(self) -> None:
        if self._quiet > _SETTLED and self._application is not Application.LOWDELAY:
            # The decoder has heard CELT's silence meanwhile, and begins SILK anew after that. CELT is as it was.
            self._encoder.reset()
        self._quiet = 0

    def _make(self, application: Application) -> Encoder:
        encoder = Encoder(self._rate, application)
        encoder.set_bit_rate(self._settings.bit_rate)
        encoder.set_complexity(self._settings.complexity)
        return encoder
