"""The way into a room of our own signaling server: `/v1/rtc` as an agent, and one media connection for each human.

presence (the socket) -> attendance (decides) -> room events for the session, peers for the humans
session -> text, attributes, data -> presence
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final, assert_never

from websockets.asyncio.client import ClientConnection

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
from agent_worker.rooms.peer import Peer
from agent_worker.rooms.presence import Presence
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
    Left,
    Ok,
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
)
from signaling.messages import IceServer as OfferedServer

__all__ = ["SignaledDoor"]

_logger = logging.getLogger(__name__)

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
                await room.presence.leave()


class _SignaledRoom:
    """A room from the inside: what the session holds, and the shell around `Attendance`."""

    def __init__(
        self,
        entrance: Entrance,
        socket: ClientConnection,
        pump: VoicePump,
        addresses: OfferedAddresses,
        ticker: Ticker | None,
    ) -> None:
        self._pump = pump
        self._addresses = addresses
        self._ticker = ticker
        self._ice_servers: tuple[IceServer, ...] = ()
        self._relay_only = False
        self._attendance = Attendance()
        self._events = asyncio.Queue[RoomEvent](MAX_EVENTS)
        self._peers = Peers(self._new_peer, self._notice)
        self._methods = Methods()
        self._attributes: dict[str, str | None] = {}
        self.presence = Presence(
            entrance,
            socket,
            welcome=self._welcome,
            receive=self._receive,
            links=lambda: self._attendance.links,
            follow=self._follow,
        )

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
        """Queue a message; see `Presence.say`."""
        self.presence.say(message)

    # Life. -------------------------------------------------------------------------------------------------------

    async def run(self, joined: Joined) -> None:
        """Be in the room until it closes, or the way to it stays lost."""
        async with asyncio.TaskGroup() as self._tasks:
            try:
                self._announce(RoomClosed(reason=await self._stay(joined)))
            finally:
                self._peers.close_all()

    async def _stay(self, joined: Joined) -> str:
        try:
            return await self.presence.run(joined)
        except (RoomLostError, ProtocolError) as error:
            return str(error)

    def _follow(self, is_there: bool) -> None:
        if is_there and self._attributes:
            self.say(lambda: Update(attributes=self._attributes))

    def _welcome(self, joined: Joined) -> None:
        self._take_ice(joined.ice.servers)
        self._relay_only = joined.ice.policy == "relay"
        self._perform(self._attendance.receive(joined))

    def _take_ice(self, servers: tuple[OfferedServer, ...]) -> None:
        self._ice_servers = tuple(
            IceServer(urls=server.urls, username=server.username, credential=server.credential) for server in servers
        )

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
