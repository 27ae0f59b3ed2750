"""Several humans, one conversation: whose voice is heard now, and whose is heard next. Pure.

each human's voice events -> Audience -> those of the one whose turn it is -> conversation
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from agent_worker.turns.listen import Listen
from agent_worker.turns.voice import VoiceContinued, VoiceEvent, VoiceStarted, VoiceStopped

KEPT_EVENTS: Final = 256
"""Of a voice that waits; a voice that pauses more often than that while another speaks loses its oldest bursts."""


@dataclass(slots=True)
class _Human:
    """Somebody in the room."""

    is_connected: bool = False
    is_muted: bool = False
    waiting: list[VoiceEvent] = field(default_factory=list[VoiceEvent])
    """What their voice did while another had the turn."""


class Audience:
    """Gives the turn to one human at a time.

    Args:
        listen: Whose turns are heard.
        participant: Who is heard before all others while they are there (policy "linked"), as an identity.

    Attributes:
        holder: Whose turn it is; None between turns.

    """

    def __init__(self, listen: Listen = Listen.LINKED, *, participant: str | None = None) -> None:
        self.holder: str | None = None
        self._listen = listen
        self._participant = participant
        self._humans: dict[str, _Human] = {}
        self._linked: str | None = None
        self._last: str | None = None

    def __repr__(self) -> str:
        return f"<Audience {self._listen}, {len(self._humans)} there, turn of {self.holder}>"

    @property
    def linked(self) -> str | None:
        """Who is heard by the policy "linked"; None while nobody was connected."""
        return self._linked

    @property
    def speaker(self) -> str:
        """Whose turn it is or was last, else who will be heard first; "" while nobody is there."""
        known = self._last if self._last is not None and self._may_speak(self._last) else None
        return self.holder or known or self._linked or self._last or ""

    @property
    def count(self) -> int:
        """How many humans are there."""
        return len(self._humans)

    @property
    def is_reachable(self) -> bool:
        """Whether the media of anybody who is heard is there."""
        return any(human.is_connected and self._may_speak(who) for who, human in self._humans.items())

    @property
    def waiting(self) -> Mapping[str, float]:
        """Since when each voice waits that will be heard behind the present turn (loop seconds)."""
        return {who: human.waiting[0].at for who, human in self._humans.items() if human.waiting}

    def hears(self, identity: str) -> bool:
        """Whether this human's microphone is listened to."""
        human = self._humans.get(identity)
        return human is not None and not human.is_muted and self._may_speak(identity)

    # Coming and going.

    def joined(self, identity: str) -> None:
        """Somebody came."""
        self._humans.setdefault(identity, _Human())

    def connected(self, identity: str) -> None:
        """Their media is there. Who is linked stays so, also without media, until they leave."""
        self._humans.setdefault(identity, _Human()).is_connected = True
        if self._linked is None or identity == self._participant:
            self._linked = identity

    def disconnected(self, identity: str) -> None:
        """Their media is gone; they may come back."""
        if (human := self._humans.get(identity)) is not None:
            human.is_connected = False

    def muted(self, identity: str, *, muted: bool) -> None:
        """Somebody's microphone was switched off, or on."""
        if (human := self._humans.get(identity)) is not None:
            human.is_muted = muted

    def left(self, identity: str) -> None:
        """They left: what they had begun to say before is heard, unless it still waits; the next one is linked."""
        self._humans.pop(identity, None)
        if identity == self._linked:
            self._linked = next((who for who, human in self._humans.items() if human.is_connected), None)

    def configure(self, listen: Listen) -> None:
        """The policy is this one from now on; the present turn is heard to its end."""
        self._listen = listen
        for who, human in self._humans.items():
            if not self._may_wait(who):
                human.waiting.clear()

    # Voices.

    def receive(self, identity: str, event: VoiceEvent) -> list[VoiceEvent]:
        """A human's voice; what the conversation is told of it now."""
        if self.holder == identity:
            return [event]
        if not self._may_speak(identity):
            return []
        if self.holder is None:
            if isinstance(event, VoiceStopped):
                return []
            self.take(identity)
            return [event]
        self._wait(identity, event)
        return []

    def take(self, identity: str) -> None:
        """It is this human's turn, whoever says so."""
        self.holder = self._last = identity

    def release(self) -> list[VoiceEvent]:
        """The turn is over: the next one's, with all that was said in it so far; empty when nobody waits."""
        self.holder = None
        waiting = self.waiting
        if not waiting:
            return []
        following = min(waiting, key=lambda who: waiting[who])
        human = self._humans[following]
        events, human.waiting = human.waiting, []
        self.take(following)
        return events

    def _may_speak(self, identity: str) -> bool:
        return identity in self._humans and (self._listen is not Listen.LINKED or identity == self._linked)

    def _may_wait(self, identity: str) -> bool:
        return self._listen is not Listen.ACTIVE and self._may_speak(identity)

    def _wait(self, identity: str, event: VoiceEvent) -> None:
        events = self._humans[identity].waiting
        if not self._may_wait(identity) or (isinstance(event, VoiceStopped) and not events):
            return
        if isinstance(event, VoiceContinued):
            if not events:
                # The rest of a voice whose beginning was heard in another turn of theirs.
                event = VoiceStarted(event.at)
            elif isinstance(events[-1], VoiceContinued):
                events.pop()
        events.append(event)
        del events[:-KEPT_EVENTS]
