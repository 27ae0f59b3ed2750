"""What happens in the room, turned into whom the agent hears, sees and greets."""

import asyncio
import logging
from collections.abc import Callable
from typing import assert_never

from agent_worker import clock
from agent_worker.rooms import base as rooms
from agent_worker.session.events import DataReceived, ParticipantJoined, ParticipantLeft, SessionEvent
from agent_worker.session.humans import Humans
from agent_worker.speech import events as ev

log = logging.getLogger(__name__)


class EndedError(Exception):
    """Leaves the session's task group; its text is the reason for the session's end."""


class RoomFeed:
    """Takes the room's events one by one.

    Args:
        room: The room.
        humans: Who is there, and heard.
        post: Posts an event to the conversation.
        emit: Tells who follows the session.
        entered: The agent has somebody to talk to: called at the first human's connection.
        typed: Told what a human typed, and who.
        patience: How long the agent stays alone (seconds); None: until the room closes.
        deserted: Everybody has left, for so long.

    """

    def __init__(
        self,
        *,
        room: rooms.Room,
        humans: Humans,
        post: Callable[[ev.Event], None],
        emit: Callable[[SessionEvent], None],
        entered: Callable[[], None],
        typed: Callable[[str, str], None],
        patience: Callable[[], float | None],
        deserted: Callable[[], None],
    ) -> None:
        self._room = room
        self._audience = humans.audience
        self._ears = humans.ears
        self._introductions = humans.introductions
        self._post = post
        self._emit = emit
        self._entered = entered
        self._typed = typed
        self._patience = patience
        self._deserted = deserted
        self._somebody_came = False
        self._reachable = False
        self._alone_since: float | None = None
        self._changed = asyncio.Event()

    async def follow(self) -> None:
        """Follow the room to its end.

        Raises:
            EndedError: The room is closed.

        """
        async for event in self._room.events():
            self._receive(event)
            self.look()
        msg = "the room is gone"
        raise EndedError(msg)

    def look(self) -> None:
        """Tell the conversation when all who are listened to are out of reach, or one is within it again."""
        reachable = self._audience.is_reachable
        if reachable is not self._reachable:
            self._reachable = reachable
            self._post(ev.UserFound() if reachable else ev.UserLost())

    async def wait_deserted(self) -> None:
        """Tell when everybody has left and nobody came back in time (L-3)."""
        while True:
            self._changed.clear()
            patience = self._patience()
            alone_until = None
            if self._alone_since is not None and patience is not None:
                alone_until = self._alone_since + patience
            try:
                async with asyncio.timeout_at(alone_until):
                    await self._changed.wait()
            except TimeoutError:
                self._deserted()
                return

    def _receive(self, event: rooms.RoomEvent) -> None:
        match event:
            case rooms.HumanJoined(identity=identity, name=name):
                self._joined(identity, name)
            case rooms.HumanConnected(identity=identity, microphone=microphone):
                self._connected(identity, microphone)
            case rooms.HumanDisconnected(identity=identity, reason=reason):
                log.info("< %s lost the connection: %s", identity, reason)
                self._audience.disconnected(identity)
                self._ears.disconnected(identity)
            case rooms.HumanLeft(identity=identity, reason=reason):
                self._left(identity, reason)
            case rooms.HumanMuted(identity=identity, muted=muted):
                log.info("< %s is %s", identity, "muted" if muted else "no longer muted")
                self._audience.muted(identity, muted=muted)
                if muted:
                    self._ears.end_voice(identity)
            case rooms.TextReceived(identity=identity, text=text):
                self._typed(text, identity)
            case rooms.DataReceived(identity=identity, topic=topic, payload=payload):
                self._emit(DataReceived(at=clock.now(), identity=identity, topic=topic, payload=payload))
            case rooms.RoomClosed(reason=reason):
                raise EndedError(reason)
            case _:
                assert_never(event)

    def _joined(self, identity: str, name: str) -> None:
        log.info("< %s joined", identity)
        self._audience.joined(identity)
        self._introductions.joined(identity, name)
        self._alone_since = None
        self._changed.set()
        self._emit(ParticipantJoined(at=clock.now(), identity=identity, name=name))

    def _connected(self, identity: str, microphone: rooms.Microphone) -> None:
        self._audience.connected(identity)
        self._ears.connected(identity, microphone)
        if not self._audience.hears(identity):
            log.info("= %s is there; the agent listens to %s", identity, self._audience.linked)
        if not self._somebody_came:
            self._somebody_came = True
            self._entered()

    def _left(self, identity: str, reason: str) -> None:
        log.info("< %s left: %s", identity, reason)
        before = self._audience.linked
        self._ears.disconnected(identity)
        self._audience.left(identity)
        self._ears.tidy()
        name = self._introductions.speaker(identity).name
        self._introductions.left(identity)
        if self._audience.linked not in (None, before):
            log.info("= the agent listens to %s now", self._audience.linked)
        if not self._audience.count:
            self._alone_since = clock.now()
            self._changed.set()
        self._emit(ParticipantLeft(at=clock.now(), identity=identity, name=name, reason=reason))
