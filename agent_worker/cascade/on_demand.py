"""A synthesiser that costs nothing until something is said: it loads the machine's best engine at its first use."""

from collections.abc import Callable, Iterator

from agent_worker.cascade import engines
from agent_worker.cascade.base import SpokenChunk, Synthesiser
from agent_worker.errors import SpeechError


class OnDemandSynthesiser:
    """Fits `cascade.base.Synthesiser`. Its first use takes some 100 ms more, on the thread that asks.

    Args:
        load: Gives the engine, or None without any on this machine.

    """

    def __init__(self, load: Callable[[], Synthesiser | None] = engines.synthesiser) -> None:
        self._load = load
        self._engine: Synthesiser | None = None

    @property
    def name(self) -> str:
        """The engine's name."""
        return self._loaded().name

    @property
    def voices(self) -> tuple[str, ...]:
        """The engine's voices."""
        return self._loaded().voices

    def speak(self, text: str, *, voice: str | None = None, speed: float = 1.0) -> Iterator[SpokenChunk]:
        """See `Synthesiser.speak`.

        Raises:
            SpeechError: There is no engine on this machine.

        """
        return self._loaded().speak(text, voice=voice, speed=speed)

    def _loaded(self) -> Synthesiser:
        if self._engine is None:
            self._engine = self._load()
        if self._engine is None:
            raise SpeechError(
                "No speech engine works on this machine, so nothing can be said word for word: "
                "`agent-worker doctor` tells how to install one."
            )
        return self._engine
