"""The humans of a session: who is there, who is heard, whose turn it is, and how the model gets to know of it."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator, Sequence
from typing import Any
from uuid import uuid4

from agent_worker.history.items import Message, Role
from agent_worker.history.record import History
from agent_worker.realtime import base as rt
from agent_worker.session.ears import Ears
from agent_worker.session.histories import Histories
from agent_worker.session.introductions import Introductions
from agent_worker.session.mailbox import HumanVoice
from agent_worker.speech import events as ev
from agent_worker.speech.options import SpeechOptions, TurnMode
from agent_worker.turns.audience import Audience
from agent_worker.turns.listen import Listen
from agent_worker.vad.base import Vad


class Humans:
    """All that the agent knows of the people in the room.

    Args:
        connection: The model.
        history: What is said.
        histories: What the model has of it.
        vad: Tells when the first human speaks; the others get one like it.
        options: How the conversation behaves at first.
        participant: Who is listened to before all others, or None.
        heard: Told of each human's voice.
        start: Starts a task that ends with the session.

    Attributes:
        audience: Who is there and heard.
        introductions: What they are called.
        ears: Their microphones.

    """

    def __init__(
        self,
        *,
        connection: rt.RealtimeConnection,
        history: History,
        histories: Histories,
        vad: Vad,
        options: SpeechOptions,
        participant: str | None,
        heard: Callable[[HumanVoice], None],
        start: Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]],
    ) -> None:
        self.audience = Audience(participant=participant)
        self.introductions = Introductions(history=history, histories=histories, count=lambda: self.audience.count)
        self.ears = Ears(
            audience=self.audience,
            vad=vad,
            rate=connection.capabilities.input_rate,
            send=connection.send,
            heard=heard,
            start=start,
        )
        self.configure(options)

    def configure(self, options: SpeechOptions) -> None:
        """Go on by these options. A model that finds the turns by itself hears one microphone."""
        by_model = options.turn_detection is TurnMode.SERVER
        if self.ears.everything is not by_model:
            self.ears.end_voices()
            self.ears.follow(everything=by_model)
        self.ears.anticipates = options.turn_detection is TurnMode.VAD
        self.audience.configure(Listen.LINKED if by_model else Listen(options.listen))

    def in_turn(
        self, event: ev.Event | HumanVoice | None, *, is_open: Callable[[], bool]
    ) -> Iterator[ev.Event | None]:
        """What the conversation is told of an event: of several voices only the one whose turn it is.

        Args:
            event: What happened; None: only time has passed.
            is_open: Whether a turn is open, once the conversation has been told what was given back by then.

        """
        yield from self._admit(event)
        while not is_open() and (following := self.audience.release()):
            # Somebody spoke in the turn that is over: theirs follows, with all that was said in it by now.
            yield from following
        self.ears.keep(self.audience.waiting)

    def _admit(self, event: ev.Event | HumanVoice | None) -> Sequence[ev.Event | None]:
        if isinstance(event, HumanVoice):
            return self.audience.receive(event.identity, event.event)
        opens = isinstance(event, ev.TurnOpened | ev.VoiceStarted | ev.ServerTurnCommitted)
        if opens and self.audience.holder is None:
            # The application and the model know one user: the one that they are given to hear.
            self.audience.take(self.audience.speaker)
        return (event,)

    def written(self, text: str, identity: str) -> Message:
        """What one of them wrote, about to be put into both histories; "" stands for a user whom nobody knows."""
        speaker = self.introductions.before_text(identity)
        return Message(
            id=f"item_{uuid4().hex[:20]}",
            role=Role.USER,
            text=text,
            identity=speaker.identity,
            name=speaker.name,
        )
