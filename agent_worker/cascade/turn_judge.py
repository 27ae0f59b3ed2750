"""A judge of turns that listens for itself: the sound of the turn so far -> recogniser -> its last words (T-2).

For models that tell the user's words only after the turn, which is too late to know whether it is over. Measured on
the corpus of the tests: both sentences with a pause in them are called unfinished there, and none of the 36 complete
ones is. The melody at the end, which is what a judge without words has to go by, does not tell them apart.

It computes some 0.07 s for each second of the turn, at most 0.25 s, and a recogniser may hold the interpreter's lock
while it works: it gets the sound in short pieces, between which the room's audio has its turn. So it is opt-in.
"""

from collections.abc import Callable
from typing import Final

from agent_worker.audio import VAD_RATE, samples_in
from agent_worker.cascade import engines
from agent_worker.cascade.base import Recogniser
from agent_worker.cascade.resample import Resampler
from agent_worker.errors import ConfigError
from agent_worker.turns.judge import TurnSoFar, finished

LISTENED_SECONDS: Final = 3.5
"""Of the end of a turn: what it ends with stands there, and more would take too long."""
PIECE_SECONDS: Final = 0.05


class ListeningJudge:
    """Fits `turns.judge.TurnJudge`. Loads its recogniser at its first use, on the thread that asks.

    Args:
        load: Makes a recogniser, or gives None without an engine on this machine.

    """

    def __init__(self, load: Callable[[], Recogniser | None] = engines.recogniser) -> None:
        self._load = load
        self._recogniser: Recogniser | None = None

    def probability(self, turn: TurnSoFar) -> float | None:
        """See `TurnJudge.probability`.

        Raises:
            ConfigError: There is no recogniser on this machine.

        """
        return finished(turn.text or self._words(turn))

    def _words(self, turn: TurnSoFar) -> str:
        if self._recogniser is None:
            self._recogniser = self._load()
        if self._recogniser is None:
            raise ConfigError(
                "No speech recogniser works on this machine, so no turn can be judged by its words: "
                "`agent-worker doctor` tells how to install one."
            )
        resampler = Resampler(turn.rate, VAD_RATE)
        sound = resampler.feed(turn.samples[-samples_in(LISTENED_SECONDS, turn.rate) :])
        self._recogniser.start()
        size = samples_in(PIECE_SECONDS, VAD_RATE)
        for start in range(0, len(sound), size):
            self._recogniser.feed(sound[start : start + size])
        return self._recogniser.partial()
