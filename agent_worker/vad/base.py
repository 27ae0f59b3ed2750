"""The seam between a voice activity detector and its gate: a window of samples in, a probability out."""

from typing import Protocol, Self

import numpy as np
import numpy.typing as npt

Window = npt.NDArray[np.float32]
"""Mono audio in -1..1, shape (n,)."""


class Vad(Protocol):
    """Judges one stream of audio, window by window. It may remember what it heard before."""

    @property
    def rate(self) -> int:
        """Samples per second that it wants."""
        ...

    @property
    def window(self) -> int:
        """Samples that it wants at a time."""
        ...

    def probability(self, window: Window) -> float:
        """How likely there is a voice in the next window, 0..1.

        Args:
            window: The samples that follow those of the call before, shape (`window`,), float32 in -1..1.

        """
        ...

    async def judge(self, window: Window) -> float:
        """As `probability`, but a few milliseconds later where it is cheaper to judge several streams at once.

        Wait for each before the next of this stream.
        """
        ...

    def reset(self) -> None:
        """Forget what was heard: what comes next is another stream. A window that is being judged is silence then."""
        ...

    def another(self) -> Self:
        """One like this for another stream: each human has their own."""
        ...
