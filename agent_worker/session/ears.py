"""All microphones: an ear, a voice detector and a turn audio for each human; the model gets one turn at a time."""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from agent_worker.realtime.base import RealtimeCommand
from agent_worker.rooms.base import Microphone
from agent_worker.session.ear import Ear
from agent_worker.session.mailbox import HumanVoice
from agent_worker.session.turn_audio import TurnAudio
from agent_worker.turns.audience import Audience
from agent_worker.turns.judge import TurnSoFar
from agent_worker.vad.base import Vad
from agent_worker.vad.detector import Detector, DetectorStatistics
from agent_worker.vad.gate import Gate

_logger = logging.getLogger(__name__)


class Ears:
    """Listens to those whom the audience hears, and sends the model the turn of the one whose turn it is.

    Args:
        audience: Who is heard, and whose turn it is.
        vad: Tells of the first human's voice; the others get one like it.
        rate: Samples per second that the model wants.
        send: Sends the model a command.
        heard: Told of each human's voice.
        start: Starts a task that ends with the session.

    Attributes:
        anticipates: Whether turns are opened by what is heard here, so that a hint of a voice may be sent ahead.

    """

    def __init__(
        self,
        *,
        audience: Audience,
        vad: Vad,
        rate: int,
        send: Callable[[RealtimeCommand], None],
        heard: Callable[[HumanVoice], None],
        start: Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]],
    ) -> None:
        self.anticipates = True
        self._audience = audience
        self._vad = vad
        self._rate = rate
        self._send = send
        self._heard = heard
        self._start = start
        self._enabled = True
        self._everything = False
        self._silenced = False
        self._ears: dict[str, Ear] = {}
        self._listening: dict[str, asyncio.Task[None]] = {}

    # Microphones.

    def connected(self, identity: str, microphone: Microphone) -> None:
        """Listen to this microphone, in place of the one that this human may have had."""
        self._listening[identity] = self._start(self._listen(identity, microphone, self._listening.get(identity)))

    def disconnected(self, identity: str) -> None:
        """Nothing more comes of this human's microphone: a voice in it has ended."""
        self.end_voice(identity)
        if (listening := self._listening.get(identity)) is not None:
            listening.cancel()

    def end_voice(self, identity: str) -> None:
        """A voice of this human has ended, whatever still comes."""
        if (ear := self._ears.get(identity)) is not None:
            ear.end_voice()

    def end_voices(self) -> None:
        """What is heard next, of whomever, does not follow what was heard before."""
        for ear in self._ears.values():
            ear.end_voice()

    def hear(self, enabled: bool) -> None:
        """Hear nobody from now on, or hear again. A voice that is heard has then ended."""
        if not enabled:
            self.end_voices()
        self._enabled = enabled

    def tidy(self) -> None:
        """Forget the ears of those who have left and whose turn it is no more."""
        busy = {self._audience.holder, self._audience.speaker, *self._audience.waiting}
        for identity in self._ears.keys() - self._listening.keys() - busy:
            heard = self._ears.pop(identity).statistics()
            _logger.info("= %s was heard: %d voices in %d windows", identity, heard.voices, heard.windows)

    def statistics(self) -> dict[str, DetectorStatistics]:
        """What was made of each microphone that was heard and is not yet forgotten, by identity."""
        found = {identity: ear.statistics() for identity, ear in self._ears.items()}
        return {identity: heard for identity, heard in found.items() if heard.windows}

    async def _listen(self, identity: str, microphone: Microphone, before: asyncio.Task[None] | None) -> None:
        if before is not None:
            # Two at once would tell of one voice twice.
            before.cancel()
            await asyncio.wait([before])
        try:
            await self._of(identity).listen(microphone)
        finally:
            if self._listening.get(identity) is asyncio.current_task():
                del self._listening[identity]

    # What the model gets.

    @property
    def is_open(self) -> bool:
        """Whether a turn is being sent."""
        return self._current.is_open

    @property
    def is_enough(self) -> bool:
        """Whether there is enough of the open turn to be committed."""
        return self._current.is_enough

    @property
    def everything(self) -> bool:
        """Whether the model gets all that it hears of one microphone, and finds the turns by itself."""
        return self._everything

    def open(self, at: float) -> None:
        """The turn of the one whose turn it is began at `at`."""
        for ear in self._ears.values():
            if ear.turn_audio is not self._current:
                ear.turn_audio.take_back()
        self._current.open(at)

    def commit(self) -> bool:
        """The open turn is over and counts; whether there was enough of it to commit."""
        return self._current.commit()

    def clear(self) -> None:
        """The open turn was nothing."""
        self._current.clear()

    def so_far(self, text: str) -> TurnSoFar | None:
        """The last seconds of the open turn, with what is known of its words; None without one."""
        return self._current.so_far(text)

    def silence(self, on: bool) -> None:
        """A model that gets everything gets silence for it from now on, or no more."""
        self._silenced = on
        for ear in self._ears.values():
            ear.turn_audio.silenced = on

    def follow(self, *, everything: bool) -> None:
        """Who finds the turns may change."""
        self._everything = everything
        for ear in self._ears.values():
            ear.turn_audio.follow(everything=everything)

    def keep(self, waiting: Mapping[str, float]) -> None:
        """Keep what is said by those who wait for their turn, from these times on."""
        for identity, ear in self._ears.items():
            ear.turn_audio.kept_since = waiting.get(identity)

    def _may_anticipate(self) -> bool:
        """Among several humans a hint is not worth a turn that is not theirs; one of a person alone is."""
        return self._audience.count == 1 and not self.is_open and not self._silenced and self.anticipates

    @property
    def _current(self) -> TurnAudio:
        return self._of(self._audience.speaker).turn_audio

    def _of(self, identity: str) -> Ear:
        ear = self._ears.get(identity)
        if ear is not None:
            return ear
        turn_audio = TurnAudio(rate=self._rate, send=self._send)
        turn_audio.follow(everything=self._everything)
        turn_audio.silenced = self._silenced
        ear = self._ears[identity] = Ear(
            detector=Detector(self._vad.another(), Gate()),
            turn_audio=turn_audio,
            rate=self._rate,
            heard=lambda event: self._heard(HumanVoice(identity, event)),
            attends=lambda: self._enabled and self._audience.hears(identity),
            anticipates=self._may_anticipate,
            fills=lambda: identity == self._audience.linked,
        )
        return ear
