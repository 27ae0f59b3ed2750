"""The user's side: what counts as a voice, and when a turn is over, in each of the three modes (T-1 to T-4).

In mode "vad" the local detector's voice makes turns, which end by silence. In mode "server" the model's detector
tells of voices and the model ends the turns. In mode "manual" a turn lasts from the application's word to its next.
"""

from agent_worker.speech.options import SpeechOptions, TurnMode
from agent_worker.turns.endpointing import Endpointing, Turn, TurnPhase
from agent_worker.turns.voice import VoiceContinued, VoiceEvent, VoiceStarted, VoiceStopped


class TurnTaking:
    """Follows the open turn."""

    def __init__(self, options: SpeechOptions) -> None:
        self._options = options
        self._endpointing = Endpointing(delay=0.0)
        self._warm_from: float | None = None
        self._reported = False
        self.configure(options)

    def __repr__(self) -> str:
        return f"<TurnTaking {self._options.turn_detection}, {self._endpointing}>"

    @property
    def phase(self) -> TurnPhase:
        """Where the user is in a turn."""
        return self._endpointing.phase

    @property
    def is_open(self) -> bool:
        """Whether there is a turn."""
        return self._endpointing.phase is not TurnPhase.NONE

    @property
    def is_voice(self) -> bool:
        """Whether the user is heard."""
        return self._endpointing.phase is TurnPhase.VOICE

    @property
    def started_at(self) -> float:
        """When the open turn began; of no meaning while there is none."""
        return self._endpointing.started_at

    @property
    def changed_at(self) -> float:
        """When the user really began or ceased to speak, whichever was last."""
        return self._endpointing.burst_at if self.is_voice else self._endpointing.last_voice_at

    @property
    def over_at(self) -> float | None:
        """When the open turn will be over by silence."""
        return self._endpointing.deadline

    @property
    def exceeds_at(self) -> float | None:
        """When the open turn will have been too long, if that has not been said already."""
        limit = self._options.user_turn_limit
        return None if limit is None or self._reported or not self.is_open else self.started_at + limit

    def configure(self, options: SpeechOptions) -> None:
        """Go on by these options."""
        self._options = options
        server = options.turn_detection is TurnMode.SERVER
        # A model that heard a voice end commits at once. One that does not has lost the turn, and is not waited for.
        self._endpointing.delay = options.max_endpointing_delay if server else options.min_endpointing_delay

    def voiced(self, now: float) -> float:
        """Seconds of voice in the open turn. Where nobody tells that a voice goes on, it does until it stops."""
        if self.is_voice and self._options.turn_detection is not TurnMode.VAD:
            return self._endpointing.earlier + now - self._endpointing.burst_at
        return self._endpointing.voiced

    def grows_to(self, seconds: float) -> float | None:
        """When the voice will have lasted that long, where no event will tell."""
        if not self.is_voice or self._options.turn_detection is TurnMode.VAD:
            return None
        return self._endpointing.burst_at + seconds - self._endpointing.earlier

    def agent_sounds(self, now: float) -> None:
        """The first sound of a speech is played; the very first starts the warm-up of echo cancellers."""
        if self._warm_from is None:
            self._warm_from = now

    def hear(self, event: VoiceEvent, *, over_agent: bool) -> None:
        """A detector tells of a voice; `over_agent`: the agent is sounding."""
        if self._options.turn_detection is TurnMode.MANUAL:
            return
        if isinstance(event, VoiceContinued) and not self.is_voice:
            # The rest of a voice whose beginning was taken as a turn already, or was not to count.
            event = VoiceStarted(event.at)
        if isinstance(event, VoiceStarted):
            if over_agent and not self.is_open and self._is_warming_up(event.at):
                return
            self._reported = self._reported and self.is_open
        self._endpointing.receive(event)

    def open(self, at: float) -> None:
        """The application begins a turn; nothing outside mode "manual" or when one is open."""
        if self._options.turn_detection is TurnMode.MANUAL and not self.is_open:
            self._reported = False
            self._endpointing.receive(VoiceStarted(at))

    def hush(self, at: float) -> None:
        """Whatever is heard, count it as over at `at`."""
        self._endpointing.receive(VoiceStopped(at))

    def end(self) -> Turn | None:
        """Call the open turn over; None when there is none."""
        return self._endpointing.end()

    def judged(self, probability: float) -> None:
        """A judge has seen the sentence before the present pause (T-2)."""
        options = self._options
        if options.turn_detection is TurnMode.VAD:
            unfinished = probability < options.finished_probability
            self._endpointing.judged(options.max_endpointing_delay if unfinished else options.min_endpointing_delay)

    def exceeded(self, now: float) -> float | None:
        """For how long the turn has been open, once it is too long; once for each turn."""
        if self.exceeds_at is None or now < self.exceeds_at:
            return None
        self._reported = True
        return now - self.started_at

    def advance(self, now: float) -> Turn | None:
        """The turn that has been over by `now`, once."""
        return self._endpointing.advance(now)

    def _is_warming_up(self, at: float) -> bool:
        return self._warm_from is not None and self._warm_from <= at < self._warm_from + self._options.aec_warmup
