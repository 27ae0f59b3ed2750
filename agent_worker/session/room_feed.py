"""What happens in the room, turned into what the agent hears, sees and greets."""

import logging
from collections.abc import Callable, Coroutine
from typing import Any, assert_never

from agent_worker.rooms import base as rooms
from agent_worker.session.ear import Ear

log = logging.getLogger(__name__)


class EndedError(Exception):
    """Leaves the session's task group; its text is the reason for the session's end."""


class RoomFeed:
    """Takes the room's events one by one.

    Args:
        room: The room.
        ear: Listens to the human that the agent listens to.
        start: Starts a task that ends with the session.
        entered: The agent has somebody to talk to: called at the first human's connection.
        typed: Told what a human typed.

    Attributes:
        linked: Who the agent listens to, as an identity; None while there is nobody.

    """

    def __init__(
        self,
        *,
        room: rooms.Room,
        ear: Ear,
        start: Callable[[Coroutine[Any, Any, None]], object],
        entered: Callable[[], None],
        typed: Callable[[str], None],
    ) -> None:
        self.linked: str | None = None
        self._room = room
        self._ear = ear
        self._start = start
        self._entered = entered
        self._typed = typed
        self._somebody_came = False

    async def follow(self) -> None:
        """Follow the room to its end.

        Raises:
            EndedError: The room is closed.

        """
        async for event in self._room.events():
            match event:
                case rooms.HumanJoined(identity=identity):
                    log.info("< %s joined", identity)
                case rooms.HumanConnected(identity=identity, microphone=microphone):
                    self._connected(identity, microphone)
                case rooms.HumanDisconnected(identity=identity, reason=reason):
                    log.info("< %s lost the connection: %s", identity, reason)
                case rooms.HumanLeft(identity=identity, reason=reason):
                    log.info("< %s left: %s", identity, reason)
                    if identity == self.linked:
                        self.linked = None
                case rooms.TextReceived(text=text):
                    self._typed(text)
                case rooms.RoomClosed(reason=reason):
                    raise EndedError(reason)
                case _:
                    assert_never(event)
        msg = "the room is gone"
        raise EndedError(msg)

    def _connected(self, identity: str, microphone: rooms.Microphone) -> None:
        """The agent listens to the first human whose connection stands, until they leave (policy "linked")."""
        if self.linked is None:
            self.linked = identity
        if identity == self.linked:
            self._start(self._ear.listen(microphone))
        else:
            log.info("= %s is heard by the room, not by the agent, who listens to %s", identity, self.linked)
            self._start(_ignore(microphone))
        if not self._somebody_came:
            self._somebody_came = True
            self._entered()


async def _ignore(microphone: rooms.Microphone) -> None:
    async for _ in microphone:
        pass
