"""Silero's voice activity model on onnxruntime: 512 samples at 16 kHz -> probability, of one stream or of several.

Only the model file of the silero-vad package is used. Importing the package would import torch, so its folder
is found without running it. The model wants the last 64 samples of the window before in front of each window:
without them it hears nothing.
"""

import importlib.util
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final, Protocol, Self, cast

import numpy as np
import numpy.typing as npt
import onnxruntime

from agent_worker.audio import VAD_RATE
from agent_worker.errors import ConfigError
from agent_worker.vad.base import Window
from agent_worker.vad.batch import Batch, BatchStatistics

INSTALL_COMMAND: Final = "pip install --no-deps silero-vad"
WINDOW: Final = 512
_CONTEXT: Final = 64
_RATE: Final = np.array(VAD_RATE, dtype=np.int64)
# Equal in what they answer; the first is half the size of the second and loads ten times faster. Other files of the
# package hold other weights.
_FILES: Final = ("silero_vad_16k_op15.onnx", "silero_vad.onnx")
_onnxruntime = cast(Any, onnxruntime)  # it has no type hints


class _Session(Protocol):
    """The one method of onnxruntime.InferenceSession (untyped) that is called here."""

    def run(self, output_names: None, feed: dict[str, npt.NDArray[Any]]) -> list[npt.NDArray[np.float32]]: ...


def model_path() -> Path:
    """Where the model file is.

    Raises:
        ConfigError: silero-vad is not installed, or has none of the files.

    """
    spec = importlib.util.find_spec("silero_vad")
    if spec is None or spec.origin is None:
        raise ConfigError(f"The voice activity model is missing. Install it with: {INSTALL_COMMAND}")
    data = Path(spec.origin).parent / "data"
    for name in _FILES:
        if (data / name).is_file():
            return data / name
    raise ConfigError(
        f"silero-vad is installed, but {data} has none of {', '.join(_FILES)}. "
        f"Install it again with: {INSTALL_COMMAND} --force-reinstall"
    )


@cache
def load_session() -> _Session:
    """The model, loaded once for a process and shared by all its streams. Call it early to pay for it early.

    Raises:
        ConfigError: The model file is missing or damaged.

    """
    path = model_path()
    options = _onnxruntime.SessionOptions()
    # One thread: a pool would spin between windows and burn a core, and would not survive a fork.
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.inter_op.allow_spinning", "0")
    try:
        session = _onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime has no public root of its exceptions
        raise ConfigError(
            f"The voice activity model {path} cannot be loaded: {error}. "
            f"Install it again with: {INSTALL_COMMAND} --force-reinstall"
        ) from error
    return cast(_Session, session)


class SileroVad:
    """One stream's ear: the shared model with this stream's memory.

    Raises:
        ConfigError: The model file is missing or damaged.

    """

    rate = VAD_RATE
    window = WINDOW

    def __init__(self) -> None:
        self._session = load_session()
        self._batch: Batch[SileroVad] = Batch(self._judge_together)
        self._forget()

    def probability(self, window: Window) -> float:
        """See `Vad.probability`."""
        return self._judge_together((self,), (window,))[0]

    async def judge(self, window: Window) -> float:
        """See `Vad.judge`: with the streams that `another` makes of this one, all on one event loop."""
        return await self._batch.judge(self, window)

    def reset(self) -> None:
        """See `Vad.reset`."""
        self._batch.withdraw(self)
        self._forget()

    def another(self) -> Self:
        """See `Vad.another`: the model is shared, and what `judge` is given."""
        other = type(self)()
        other._batch = self._batch
        return other

    def batches(self) -> BatchStatistics:
        """What `judge` has done, for this stream and those that it is judged with."""
        return self._batch.statistics()

    def _forget(self) -> None:
        self._state = np.zeros((2, 1, 128), dtype=np.float32)
        self._context = np.zeros(_CONTEXT, dtype=np.float32)

    @staticmethod
    def _judge_together(streams: "Sequence[SileroVad]", windows: Sequence[Window]) -> list[float]:
        """One run of the model for the next window of each stream. No row of it knows of the others."""
        heard = np.empty((len(streams), _CONTEXT + WINDOW), dtype=np.float32)
        for row, (stream, window) in enumerate(zip(streams, windows, strict=True)):
            heard[row, :_CONTEXT] = stream._context
            heard[row, _CONTEXT:] = window
        states = [stream._state for stream in streams]
        state = np.ascontiguousarray(states[0]) if len(states) == 1 else np.concatenate(states, axis=1)
        probabilities, state = streams[0]._session.run(None, {"input": heard, "state": state, "sr": _RATE})
        for row, stream in enumerate(streams):
            stream._state = state[:, row : row + 1]
            stream._context = heard[row, -_CONTEXT:]
        return [float(probability) for probability in probabilities[:, 0]]
