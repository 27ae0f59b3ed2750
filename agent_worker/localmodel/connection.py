"""One client's session: performs what the protocol orders, and tells it what happens.

    socket -> protocol -> ears, brain, voice -> protocol -> outbox -> socket

Everything that decides happens in `_take`, one happening after another on the loop; nothing there waits.
"""

import asyncio
import json
import logging
import secrets
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import assert_never

from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosedError

from agent_worker import clock
from agent_worker.cascade.base import Recogniser, Synthesiser
from agent_worker.localmodel import brain
from agent_worker.localmodel.actions import (
    Action,
    AskPartial,
    BinaryReceived,
    Close,
    DetectVoice,
    DropUtterance,
    FinishUtterance,
    FrameReceived,
    Happening,
    Hear,
    HearItem,
    Hush,
    OpenUtterance,
    PlanMade,
    Send,
    Speak,
    SpeechFailed,
    Think,
)
from agent_worker.localmodel.dialogue import Moment
from agent_worker.localmodel.ears import Ears
from agent_worker.localmodel.outbox import Outbox
from agent_worker.localmodel.protocol import Protocol
from agent_worker.localmodel.recorder import Recorder
from agent_worker.localmodel.tape import Tape
from agent_worker.localmodel.voice import Voice
from agent_worker.vad.base import Vad

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Engines:
    """What sessions hear and speak with."""

    synthesiser: Synthesiser
    polyglot: Synthesiser | None = None
    """Speaks other languages than English, with voices named by them; None: the same one speaks all."""
    recogniser: Callable[[], Recogniser | None]
    """Makes one for a session."""
    vad: Callable[[], Vad]
    """Makes one for a session."""
    hears: bool
    """Whether there is a recogniser at all."""


class Connection:
    """Runs one session on one socket.

    Args:
        socket: The client's.
        protocol: The session, new.
        engines: What it hears and speaks with.
        recorder: Where its tape goes, or None.

    """

    def __init__(
        self, socket: ServerConnection, protocol: Protocol, engines: Engines, recorder: Recorder | None
    ) -> None:
        self._socket = socket
        self._protocol = protocol
        self._outbox = Outbox()
        self._voice = Voice(engines.synthesiser, self._take, self._outbox.room, engines.polyglot)
        self._ears = Ears(engines.recogniser, engines.vad, self._take)
        self._recorder = recorder
        self._tape = Tape(protocol.session.id)
        self._inbox: deque[Happening] = deque()
        self._busy = False
        self._changed = asyncio.Event()
        self._speeches: dict[str, asyncio.Task[None]] = {}
        self._group = asyncio.TaskGroup()

    async def run(self) -> None:
        """Converse until the client or the server ends it. Whatever was going on for it ends with it."""
        try:
            async with self._group as group:
                running = [
                    group.create_task(self._outbox.run(self._socket)),
                    group.create_task(self._ears.run()),
                    group.create_task(self._keep_time()),
                ]
                self._do(self._protocol.open())
                await self._read()
                for task in (*running, *self._speeches.values()):
                    task.cancel()
        finally:
            self._voice.close()

    async def _read(self) -> None:
        """Take frames until the connection closes. While the ears are behind, the client waits."""
        try:
            async for frame in self._socket:
                if isinstance(frame, str):
                    if self._recorder is not None:
                        self._recorder.put(self._tape.client(frame, clock.now()))
                    self._take(FrameReceived(frame))
                else:
                    self._take(BinaryReceived())
                await self._ears.room()
        except ConnectionClosedError as lost:
            log.info("session %s was lost: %s", self._protocol.session.id, lost)

    async def _keep_time(self) -> None:
        while True:
            self._changed.clear()
            try:
                async with asyncio.timeout_at(self._protocol.deadline):
                    await self._changed.wait()
            except TimeoutError:
                self._do(self._protocol.advance(clock.now()))

    def _take(self, happening: Happening) -> None:
        """Something happened."""
        self._inbox.append(happening)
        if not self._busy:
            self._do([])

    def _do(self, actions: list[Action]) -> None:
        """Perform these, and then whatever follows from what happens meanwhile."""
        self._busy = True
        try:
            self._perform(actions)
            while self._inbox:
                self._perform(self._protocol.receive(self._inbox.popleft(), clock.now()))
        finally:
            self._busy = False
        self._changed.set()

    def _perform(self, actions: list[Action]) -> None:
        for action in actions:
            match action:
                case Send(event):
                    if self._recorder is not None:
                        self._recorder.put(self._tape.server(event, clock.now()))
                    self._outbox.put(json.dumps(event, separators=(",", ":")))
                case Hear() | HearItem() | DetectVoice():
                    self._ears.take(action)
                case OpenUtterance() | AskPartial() | FinishUtterance() | DropUtterance():
                    self._ears.take(action)
                case Think():
                    self._think(action)
                case Speak():
                    self._speak(action)
                case Hush(response_id):
                    speech = self._speeches.get(response_id)
                    if speech is not None:
                        speech.cancel()
                case Close():
                    self._outbox.close(action.code, action.reason)
                case _:
                    assert_never(action)

    def _think(self, order: Think) -> None:
        moment = Moment(wall=datetime.now().astimezone(), draw=secrets.randbits(64))
        try:
            plan = brain.reply(order.situation, moment)
        except Exception:  # a client's tools and texts are anything: a fault costs one reply, not the session
            log.exception("the brain failed")
            self._take(SpeechFailed(response_id=order.response_id, message="The model failed to make a reply."))
        else:
            self._take(PlanMade(response_id=order.response_id, plan=plan))

    def _speak(self, order: Speak) -> None:
        task = self._group.create_task(self._voice.speak(order))
        self._speeches[order.response_id] = task
        task.add_done_callback(lambda ended: self._forget(order.response_id, ended))

    def _forget(self, response_id: str, ended: asyncio.Task[None]) -> None:
        # A response's second speech begins before the task of its first has ended.
        if self._speeches.get(response_id) is ended:
            del self._speeches[response_id]
