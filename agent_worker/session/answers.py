"""The speeches by which the conversation answers turns: named when it wants them, told of when that is decided."""

from collections.abc import Callable

from agent_worker.session.events import SessionEvent, SpeechCreated
from agent_worker.session.handle import Speeches


class Answers:
    """Makes answers, and tells of them in the right place.

    Args:
        speeches: The handles of what the agent says.
        emit: Tells who follows the session.

    """

    def __init__(self, *, speeches: Speeches, emit: Callable[[SessionEvent], None]) -> None:
        self._speeches = speeches
        self._emit = emit
        self._new: list[str] = []

    def new(self) -> str:
        """The conversation wants to answer a turn."""
        speech_id = self._speeches.new().id
        self._new.append(speech_id)
        return speech_id

    def announce(self, now: float) -> None:
        """Tell of new answers: behind the turns that they answer, and before what becomes of them."""
        answers, self._new = self._new, []
        for speech_id in answers:
            self._emit(SpeechCreated(at=now, speech_id=speech_id, source="turn"))
