"""The input audio buffer: what the client appended and what of it is still wanted. Pure."""

from typing import Final

from agent_worker.audio import MODEL_RATE

KEPT_SECONDS: Final = 300
"""Audio of one turn kept for retrieval; of a longer turn, its end."""
_SAMPLE: Final = 2


class InputAudio:
    """The user's audio. Positions are samples at 24 kHz, counted from the session's start."""

    def __init__(self) -> None:
        self._kept = bytearray()
        self._start: int = 0
        self.received: int = 0
        """Everything appended so far."""
        self.turn_start: int = 0
        """Where the next commit begins."""

    @property
    def waiting(self) -> int:
        """Samples that a commit would take now."""
        return self.received - self.turn_start

    def append(self, pcm: bytes) -> bytes:
        """Take more audio; a half sample at its end is left off.

        Returns:
            What was taken.

        """
        whole = pcm[: len(pcm) // _SAMPLE * _SAMPLE]
        self._kept += whole
        self.received += len(whole) // _SAMPLE
        self.forget_before(self.received - KEPT_SECONDS * MODEL_RATE)
        return whole

    def forget_before(self, position: int) -> None:
        """What lies before this will not be wanted any more."""
        drop = min(max(0, position - self._start), len(self._kept) // _SAMPLE)
        del self._kept[: drop * _SAMPLE]
        self._start += drop
        self.turn_start = max(self.turn_start, self._start)

    def start_turn(self, position: int) -> int:
        """The turn begins here, or where the kept audio begins if that is later.

        Returns:
            Where it begins.

        """
        self.turn_start = max(self._start, min(position, self.received))
        return self.turn_start

    def take(self, until: int) -> bytes:
        """The audio of the turn, which ends at `until`, as far as it is kept. The next turn begins there."""
        end = max(self.turn_start, min(until, self.received))
        taken = bytes(self._kept[(self.turn_start - self._start) * _SAMPLE : (end - self._start) * _SAMPLE])
        del self._kept[: (end - self._start) * _SAMPLE]
        self._start = self.turn_start = end
        return taken

    def clear(self) -> None:
        """Forget what is waiting."""
        self._kept.clear()
        self._start = self.turn_start = self.received
