"""The way into a room of our own signaling server: `/v1/rtc` as an agent, and one media connection for each human.

socket -> attendance (decides) -> room events for the session, peers for the humans
session -> text, attributes, data -> outbox (merges, paces) -> socket
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final, assert_never

from pydantic import ValidationError
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from agent_worker.clock import now
from agent_worker.errors import ProtocolError, RoomLostError
from agent_worker.media.outbound import VoicePump
from agent_worker.media.settings import OpusSettings
from agent_worker.media.ticker import Ticker
from agent_worker.rooms.attendance import (
    Action,
    AddCandidate,
    Announce,
    Attendance,
    Close,
    Heard,
    LinkEvent,
    Open,
    Say,
)
from agent_worker.rooms.background import Background
from agent_worker.rooms.base import (
    DataReceived,
    Respond,
    Room,
    RoomClosed,
    RoomEvent,
    TextReceived,
    TextWriter,
    Voice,
)
from agent_worker.rooms.ice import IceServer, OfferedAddresses
from agent_worker.rooms.methods import Methods
from agent_worker.rooms.outbox import Outbox
from agent_worker.rooms.peer import Peer
from agent_worker.rooms.signaled_entrance import Entrance
from agent_worker.rooms.signaled_peers import Peers
from agent_worker.rooms.signaled_text import SignaledText
from agent_worker.rooms.statistics import RoomStatistics
from signaling.messages import (
    Data,
    DispatchChanged,
    Error,
    ErrorCode,
    FromClient,
    IcePushed,
    Joined,
    Leave,
    Left,
    MessageError,
    Ok,
    Ping,
    PingSettings,
    Pong,
    RelayedAnswer,
    RelayedReject,
    RelayedRenegotiate,
    RelayedRpc,
    RelayedRpcResult,
    RoomChanged,
    ToClient,
    TokenPushed,
    Update,
    encode,
    parse_to_client,
)
from signaling.messages import IceServer as OfferedServer

__all__ = ["SignaledDoor"]

_logger = logging.getLogger(__name__)

SEND_SECONDS: Final = 10.0
"""A server that takes nothing for so long is gone."""
LEAVE_SECONDS: Final = 2.0
"""For saying what is still to be said, and good-bye."""
MIN_PING_SECONDS: Final = 1.0
MAX_EVENTS: Final = 256
"""Room events that the session has not taken. Half of it: texts and data are dropped; all of it: the room ends."""


class SignaledDoor:
    """Enters a room through a signaling server.

    Args:
        url: ws:// or wss:// address of the server's `/v1/rtc`.
        token: Admits one agent to one room. Never logged.
        addresses: Which of this machine's addresses humans are offered.
        opus: How the agent's voice is encoded.
        ticker: The slots that the voices of this process share; None for slots of this room's own.
    """

    def __init__(
        self,
        url: str,
        token: str,
        *,
        addresses: OfferedAddresses = OfferedAddresses.NETWORK,
        opus: OpusSettings | None = None,
        ticker: Ticker | None = None,
    ) -> None:
        self._entrance = Entrance(url, token)
        self._addresses = addresses
        self._opus = opus
        self._ticker = ticker

    @asynccontextmanager
    async def join(self, voice: Voice) -> AsyncGenerator[Room]:
        """Enter the room and speak with this voice; leaving the block leaves the room.

        The connection to the server may be lost and found again inside the block; media goes on meanwhile.

        Raises:
            RoomLostError: The server cannot be reached.
            ProtocolError: It refused us; `code` is its word.
        """
        socket, joined = await self._entrance.enter()
        pump = VoicePump(voice, settings=self._opus, ticker=self._ticker)
        room = _SignaledRoom(self._entrance, socket, pump, self._addresses, self._ticker)
        async with Background() as background:
            background.start(room.run(joined), name="room")
            background.start(pump.run(), name="voice")
            try:
                yield room
            finally:
                await room.leave()


class _SignaledRoom:
    """A room from the inside: what the session holds, and the shell around `Attendance` and `Outbox`."""

    def __init__(
        self,
        entrance: Entrance,
        socket: ClientConnection,
        pump: VoicePump,
        addresses: OfferedAddresses,
        ticker: Ticker | None,
    ) -> None:
        self._entrance = entrance
        self._socket: ClientConnection | None = socket
        self._pump = pump
        self._addresses = addresses
        self._ticker = ticker
        self._ice_servers: tuple[IceServer, ...] = ()
        self._relay_only = False
        self._attendance = Attendance()
        self._events = asyncio.Queue[RoomEvent](MAX_EVENTS)
        self._peers = Peers(self._new_peer, self._notice)
        self._methods = Methods()
        self._outbox = Outbox()
        self._work = asyncio.Event()
        self._idle = asyncio.Event()
        self._attributes: dict[str, str | None] = {}
        self._leaving = False
        self._overflowed = False

    # What the session does. --------------------------------------------------------------------------------------

    async def events(self) -> AsyncIterator[RoomEvent]:
        """What happens in the room, in order, to one reader; ends after RoomClosed."""
        while True:
            event = await self._events.get()
            yield event
            if isinstance(event, RoomClosed):
                return

    def set_attributes(self, attributes: dict[str, str | None]) -> None:
        """Publish facts about the agent; None takes one back."""
        self._attributes |= attributes
        self.say(lambda: Update(attributes=attributes))

    def send_data(self, topic: str, payload: Any, to: Sequence[str] = ()) -> None:
        """Tell something, as JSON of at most 15 000 characters, to those who are named and here, or to everybody."""
        self.say(lambda: Data(topic=topic, payload=payload, to=tuple(to) or None))

    def open_text(self, topic: str, attributes: dict[str, str]) -> TextWriter:
        """Begin a text that grows."""
        return SignaledText(self.say, topic, attributes)

    def answer_calls(self, method: str, respond: Respond) -> None:
        """Others may call this method, with an `rpc`."""
        self._methods.add(method, respond)

    async def statistics(self) -> RoomStatistics:
        """How the room's sound is doing now."""
        return RoomStatistics(
            voice=self._pump.statistics(),
            slots=None if self._ticker is None else self._ticker.statistics(),
            humans=await self._peers.statistics(),
        )

    def say(self, message: Callable[[], FromClient]) -> None:
        """Queue a message; one that the wire has no place for is an error in our log and nobody else's."""
        try:
            queued = self._outbox.put(message())
        except ValidationError as error:
            _logger.error("not sent, it does not fit the wire: %s", error.errors(include_input=False)[0]["msg"])
            return
        if not queued and not self._overflowed:
            _logger.warning(
                "what is said in the room is dropped, too much waits already: the server does not take it"
            )
        self._overflowed = not queued
        self._idle.clear()
        self._work.set()

    # Life. -------------------------------------------------------------------------------------------------------

    async def run(self, joined: Joined) -> None:
        """Be in the room until it closes, or the way to it stays lost."""
        async with asyncio.TaskGroup() as self._tasks:
            try:
                reason = await self._stay(joined)
                self._announce(RoomClosed(reason=reason))
            finally:
                self._peers.close_all()

    async def leave(self) -> None:
        """Say what is still to be said, and good-bye."""
        self._leaving = True
        socket = self._socket
        if socket is None:
            return
        try:
            async with asyncio.timeout(LEAVE_SECONDS):
                await self._all_said()
                self.say(Leave)
                await self._all_said()
                await socket.close()
        except TimeoutError:
            _logger.debug("the signaling server did not take our good-bye within %g s", LEAVE_SECONDS)
        finally:
            socket.transport.abort()

    async def _all_said(self) -> None:
        if not self._outbox.is_empty:
            await self._idle.wait()

    async def _stay(self, joined: Joined) -> str:
        while True:
            assert self._socket is not None
            self._welcome(joined)
            try:
                reason = await self._use(self._socket, joined.ping)
            finally:
                self._socket.transport.abort()
                self._socket = None
            if reason or self._leaving:
                return reason or "left"
            _logger.warning("the signaling server is away; conversations go on while we look for it")
            try:
                self._socket, joined = await self._entrance.enter_again(lambda: self._attendance.links)
            except (RoomLostError, ProtocolError) as error:
                return str(error)
            _logger.info("the signaling server is back")
            if self._attributes:
                self.say(lambda: Update(attributes=self._attributes))

    def _welcome(self, joined: Joined) -> None:
        self._take_ice(joined.ice.servers)
        self._relay_only = joined.ice.policy == "relay"
        self._perform(self._attendance.receive(joined))

    def _take_ice(self, servers: tuple[OfferedServer, ...]) -> None:
        self._ice_servers = tuple(
            IceServer(urls=server.urls, username=server.username, credential=server.credential) for server in servers
        )

    async def _use(self, socket: ClientConnection, ping: PingSettings) -> str:
        """Read and write until the socket is lost (""), or the room is over for us (why)."""
        async with asyncio.TaskGroup() as tasks:
            sides = [tasks.create_task(self._write(socket)), tasks.create_task(self._ping(ping.interval_ms / 1000))]
            try:
                return await self._read(socket, ping.timeout_ms / 1000)
            finally:
                for side in sides:
                    side.cancel()

    async def _read(self, socket: ClientConnection, patience: float) -> str:
        try:
            while True:
                async with asyncio.timeout(patience):
                    text = await socket.recv()
                try:
                    message = parse_to_client(text)
                except MessageError as unknown:
                    _logger.debug("passed over a message of the signaling server: %s", unknown)
                    continue
                self._entrance.follow(message)
                if isinstance(message, Left) and message.action == "none":
                    return message.reason
                self._receive(message)
        except TimeoutError:
            _logger.warning("the signaling server said nothing for %g s", patience)
            return ""
        except ConnectionClosed:
            return self._entrance.final_reason(socket)

    def _receive(self, message: ToClient) -> None:
        match message:
            case Error(code=ErrorCode.NOT_FOUND, message=text):
                _logger.info("said to somebody who has left: %s", text)
            case Error(code=code, message=text):
                _logger.warning("the signaling server refused something: %s (%s)", text, code)
            case Left(reason=reason):
                _logger.info("the signaling server asks us to come again: %s", reason)
            case IcePushed(servers=servers):
                self._take_ice(servers)
            case RelayedRpc():
                self._tasks.create_task(self._answer(message))
            case Pong() | Ok() | DispatchChanged() | RoomChanged() | TokenPushed():
                pass
            case RelayedAnswer() | RelayedReject() | RelayedRenegotiate() | RelayedRpcResult():
                pass  # we offer nothing, and call nobody
            case _:
                self._notice(message)

    async def _answer(self, call: RelayedRpc) -> None:
        result = await self._methods.result(call)
        self.say(lambda: result)

    async def _write(self, socket: ClientConnection) -> None:
        try:
            while True:
                self._work.clear()
                message = self._outbox.take(now())
                if message is None:
                    await self._wait_for_work()
                    continue
                async with asyncio.timeout(SEND_SECONDS):
                    await socket.send(encode(message))
        except TimeoutError:
            _logger.warning("the signaling server took nothing for %g s", SEND_SECONDS)
            socket.transport.abort()
        except ConnectionClosed:
            return  # whoever reads is told

    async def _wait_for_work(self) -> None:
        if self._outbox.is_empty:
            self._idle.set()
        try:
            async with asyncio.timeout_at(self._outbox.deadline):
                await self._work.wait()
        except TimeoutError:
            pass

    async def _ping(self, interval: float) -> None:
        while True:
            await asyncio.sleep(max(interval, MIN_PING_SECONDS))
            self.say(lambda: Ping(ts=now()))

    # Decisions, performed. ---------------------------------------------------------------------------------------

    def _notice(self, event: Heard | LinkEvent) -> None:
        self._perform(self._attendance.receive(event))

    def _perform(self, actions: list[Action]) -> None:
        for action in actions:
            match action:
                case Open():
                    self._peers.open(action, self._tasks)
                case Close(link=link):
                    self._peers.close(link)
                case AddCandidate(link=link, candidate=candidate):
                    self._peers.add_candidate(link, candidate)
                case Announce(event=event):
                    self._announce(event)
                case Say(message=message):
                    self.say(lambda message=message: message)
                case _:
                    assert_never(action)

    def _announce(self, event: RoomEvent) -> None:
        if isinstance(event, TextReceived | DataReceived) and self._events.qsize() >= MAX_EVENTS // 2:
            _logger.warning("what %s sent is dropped: too much waits for the session", event.identity)
            return
        if self._events.full():
            raise RoomLostError(f"the session has not taken any of {MAX_EVENTS} room events: it hangs")
        self._events.put_nowait(event)

    def _new_peer(self) -> Peer:
        return Peer(
            ice_servers=self._ice_servers,
            pump=self._pump,
            addresses=self._addresses,
            relay_only=self._relay_only,
        )
