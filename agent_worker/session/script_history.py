"""What the agent has said: performer (heard by now) -> the model, where it does not know it yet, and who follows."""

from collections.abc import Callable

from agent_worker import clock
from agent_worker.history.items import Message
from agent_worker.session.events import ConversationItemAdded, SessionEvent
from agent_worker.session.histories import Histories
from agent_worker.session.script import Script


class ScriptHistory:
    """Has the model know what was said word for word (R-4).

    Args:
        script: What a speech was given to say; None: the model made it.
        histories: Tells the model.
        emit: Tells who follows the session.

    """

    def __init__(
        self,
        *,
        script: Callable[[str], Script | None],
        histories: Histories,
        emit: Callable[[SessionEvent], None],
    ) -> None:
        self._script = script
        self._histories = histories
        self._emit = emit
        self._over = False

    def settle(self) -> None:
        """The session is over: the model is told nothing more."""
        self._over = True

    def said(self, speech_id: str, message: Message) -> None:
        """The agent has said something that stands in the session's history now."""
        script = self._script(speech_id)
        if script is not None and not script.add_to_history:
            return
        if script is not None and not self._over:
            self._histories.tell_in_place(message)
        self._emit(ConversationItemAdded(at=clock.now(), item=message))
