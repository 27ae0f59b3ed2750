"""WAV files as a microphone and as a tape: what is said into a room, and what is heard there.

file -> samples at the wire's rate -> WavVoice -> 20 ms frames        samples heard -> WavTape -> file
"""

import wave
from collections import deque
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import numpy as np

from agent_worker.audio import FRAME_SECONDS, WIRE_RATE, Samples, from_bytes, samples_in, silence, to_bytes
from agent_worker.errors import ConfigError
from agent_worker.media.resample import Resampler

__all__ = ["WavTape", "WavVoice", "read_wav"]

MAX_SECONDS: Final = 600.0
_FRAME: Final = samples_in(FRAME_SECONDS, WIRE_RATE)
_WRITE_SAMPLES: Final = WIRE_RATE


def read_wav(path: Path) -> Samples:
    """The sound of a file: mono int16 at 48 kHz; several channels are averaged.

    Raises:
        ConfigError: It is no WAV file of 16 bits, or longer than ten minutes; the text says what to do.
    """
    mend = "Make one with: ffmpeg -i INPUT -ac 1 -ar 48000 -c:a pcm_s16le OUTPUT.wav"
    try:
        with wave.open(str(path)) as file:
            channels, width, rate, frames = file.getparams()[:4]
            if width != 2:
                raise ConfigError(f"{path} has {8 * width} bits for a sample, and 16 are needed. {mend}")
            if frames > rate * MAX_SECONDS:
                raise ConfigError(f"{path} is longer than {MAX_SECONDS:.0f} s: cut it.")
            pcm = from_bytes(file.readframes(frames))
    except (OSError, EOFError, wave.Error) as error:
        raise ConfigError(f"{path} cannot be read as a WAV file: {error or 'it is empty'}. {mend}") from error
    whole = pcm[: len(pcm) // channels * channels].reshape(-1, channels)
    mono = (whole.sum(axis=1, dtype=np.int32) // channels).astype(np.int16)
    resampler = Resampler(rate, WIRE_RATE)
    return np.concatenate((resampler.push(mono), resampler.flush() if rate != WIRE_RATE else silence(0)))


class WavVoice:
    """A microphone (`rooms.base.Voice`) into which recordings are spoken: silence between them."""

    def __init__(self) -> None:
        self._waiting: deque[Samples] = deque()

    @property
    def is_speaking(self) -> bool:
        """Whether there is something that was not said yet."""
        return bool(self._waiting)

    def say(self, samples: Samples) -> None:
        """Say this after what is being said."""
        self._waiting += (samples[start : start + _FRAME] for start in range(0, len(samples), _FRAME))

    def pull(self) -> Samples:
        """The next 20 ms."""
        if not self._waiting:
            return silence(_FRAME)
        frame = self._waiting.popleft()
        return frame if len(frame) == _FRAME else np.concatenate((frame, silence(_FRAME - len(frame))))


class WavTape:
    """A WAV file of what is heard, written second by second: a context manager, which leaves a whole file.

    Args:
        path: Of the file, which is replaced.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._pieces: list[Samples] = []
        self._held = 0
        self.samples = 0
        """How many were put, at 48 kHz."""

    def __enter__(self) -> Self:
        try:
            self._bytes = self._path.open("wb")
        except OSError as error:
            raise ConfigError(f"{self._path} cannot be written: {error.strerror}. Name another file.") from error
        self._file = wave.open(self._bytes, "wb")
        self._file.setnchannels(1)
        self._file.setsampwidth(2)
        self._file.setframerate(WIRE_RATE)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._write()
        self._file.close()
        self._bytes.close()

    def put(self, samples: Samples) -> None:
        """Samples at 48 kHz; each second of them goes to the file at once, 96 kB to the page cache."""
        self._pieces.append(samples)
        self._held += len(samples)
        self.samples += len(samples)
        if self._held >= _WRITE_SAMPLES:
            self._write()

    def _write(self) -> None:
        for piece in self._pieces:
            self._file.writeframes(to_bytes(piece))
        self._pieces.clear()
        self._held = 0
