"""What the user gives a session besides a voice: turns by hand, pictures, pauses of the microphone."""

from typing import Literal

from agent_worker import clock
from agent_worker.errors import SpeechError
from agent_worker.media.jpeg import Picture
from agent_worker.session.messaging import Messaging
from agent_worker.speech import events as ev
from agent_worker.speech.options import TurnMode


class UserInput(Messaging):
    """The user's side of a session. `AgentSession` is one of these."""

    # What the user says, in mode "manual" (T-4).

    def start_turn(self) -> None:
        """The user begins to speak, as when a button is pressed. What the agent says is held until the turn is over.

        Raises:
            SpeechError: The session is not running, or its option `turn_detection` is not "manual".

        """
        self._turn(ev.TurnOpened(clock.now()))

    def commit_turn(self) -> None:
        """The user has said what was to be said: the agent answers. Nothing happens without an open turn.

        Less than 0.1 s of sound is forgotten, as by `clear_turn`.

        Raises:
            SpeechError: As `start_turn`.

        """
        self._turn(ev.TurnCommitRequested(clock.now()))

    def clear_turn(self) -> None:
        """Forget what was said since `start_turn`; what the agent said goes on.

        Raises:
            SpeechError: As `start_turn`.

        """
        self._turn(ev.TurnDropped())

    # Pictures (M-7).

    async def send_image(
        self,
        picture: Picture | bytes,
        *,
        detail: Literal["auto", "low", "high"] = "auto",
        text: str = "",
        keep: int = 5,
    ) -> bool:
        """Show the model a picture, as a message of the user. It is not answered by itself: ask for a reply.

        Args:
            picture: RGB, uint8 of the shape (height, width, 3), which becomes a JPEG of at most 1024 pixels a side,
                off the loop; or a JPEG or PNG file as it is.
            detail: How closely the model is to look at it.
            text: What the user says with it.
            keep: So many of the pictures shown stay in both histories, this one included; older ones are removed.

        Returns:
            False when less than a second has passed since the last one, or pictures are switched off
            (`set_video_input`): this one is left out.

        Raises:
            SpeechError: The session is not running, the model takes no pictures, or this is none.
            TimeoutError: The JPEG was not made within 5 s.

        """
        live = self._running()
        if not live.capabilities.image_input:
            msg = "this model takes no pictures"
            raise SpeechError(msg)
        if not self._inputs.video:
            return False
        return await live.images.show(picture, detail=detail, text=text, keep=keep)

    # Pauses (M-8).

    def set_audio_input(self, *, enabled: bool) -> None:
        """Stop listening to the user, or listen again. What the agent says goes on.

        A voice that is heard when it stops has ended there: its turn counts by what was heard of it. In mode "server"
        the model gets silence meanwhile. Works before `run` as well: without it a session begins by listening.
        """
        self._inputs.audio = enabled
        if self._lifetime.live is not None:
            self._lifetime.live.humans.ears.hear(enabled)

    def set_video_input(self, *, enabled: bool) -> None:
        """Show the model no more pictures, or show them again: meanwhile `send_image` leaves out what it is given.

        Those that were shown stay. Works before `run` as well.
        """
        self._inputs.video = enabled

    def _turn(self, event: ev.TurnOpened | ev.TurnCommitRequested | ev.TurnDropped) -> None:
        self._running()
        if self.options.turn_detection is not TurnMode.MANUAL:
            msg = (
                f'turns are found by "{self.options.turn_detection}" here: '
                'update_options(turn_detection="manual") gives them to the application'
            )
            raise SpeechError(msg)
        self._mailbox.post(event)
