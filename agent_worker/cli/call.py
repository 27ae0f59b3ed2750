"""A human in a room, without a browser: joins, hears its agents, speaks, types, and is told what the others are told.

socket of /v1/rtc -> transcript and media links        voice, typed lines -> links, socket
"""

import asyncio
import logging
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from agent_worker.audio import Samples
from agent_worker.cli.transcript import CHAT, Line, Speaker, Transcript, on_one_line
from agent_worker.errors import ConnectionLostError, ProtocolError, RoomLostError
from agent_worker.media.outbound import VoicePump
from agent_worker.rooms.calling_peer import CallingPeer
from agent_worker.rooms.ice import IceServer, OfferedAddresses
from agent_worker.rooms.signaled_entrance import Entrance
from signaling.messages import (
    ChangeTrack,
    DispatchChanged,
    Error,
    ErrorCode,
    FromClient,
    Ice,
    IcePushed,
    Joined,
    Leave,
    Left,
    MessageError,
    Offer,
    Participant,
    ParticipantChanged,
    Ping,
    PingSettings,
    Reject,
    RelayedAnswer,
    RelayedData,
    RelayedOffer,
    RelayedPcRebuild,
    RelayedReject,
    RelayedRenegotiate,
    RelayedStream,
    Stream,
    ToClient,
    Track,
    encode,
    parse_to_client,
)

__all__ = ["Call"]

_logger = logging.getLogger(__name__)

MAX_SENDING: Final = 256
"""Messages that wait for the socket. When it is full, what is said is dropped, and a line says so."""
ANSWER_SECONDS: Final = 20.0
FIRST_PAUSE: Final = 1.0
LAST_PAUSE: Final = 8.0
"""Seconds before a media connection is tried again; doubling."""
SEND_SECONDS: Final = 10.0
LEAVE_SECONDS: Final = 2.0
MICROPHONE: Final = Track(id="mic")


@dataclass(slots=True)
class _Link:
    """The media connection with one agent.

    Attributes:
        gen: Which attempt it is, as the wire counts them.
        task: Holds it.
        answers: What the agent answers to our offers; a newer one replaces an older.
        again: Set when the agent asks for a new connection.
        stands: Sound goes both ways.
    """

    gen: int
    task: asyncio.Task[None] | None = None
    answers: asyncio.Queue[RelayedAnswer | RelayedReject] = field(default_factory=lambda: asyncio.Queue(8))
    again: asyncio.Event = field(default_factory=asyncio.Event)
    stands: bool = False


class Call:
    """Us, in a room.

    Args:
        entrance: The way in.
        pump: Our voice.
        hear: Takes what agents say, mono int16 at 48 kHz.
        addresses: Which of this machine's addresses agents are offered.
        show: Takes each finished line of the conversation.
    """

    def __init__(
        self,
        entrance: Entrance,
        pump: VoicePump,
        *,
        hear: Callable[[Samples], None],
        addresses: OfferedAddresses,
        show: Callable[[Line], None],
    ) -> None:
        self._entrance = entrance
        self._pump = pump
        self._hear = hear
        self._addresses = addresses
        self._show = show
        self._sending = asyncio.Queue[FromClient](MAX_SENDING)
        self._links: dict[str, _Link] = {}
        self._ice = Ice()
        self.transcript = Transcript()
        self.room = ""
        self.identity = ""
        self.others: dict[str, Participant] = {}
        """Everybody else, by identity."""
        self.is_away = False
        """The way to the server is lost at present."""

    @property
    def is_heard(self) -> bool:
        """Whether a media connection with an agent stands."""
        return any(link.stands for link in self._links.values())

    def type(self, text: str) -> None:
        """Say a line in writing."""
        sid = uuid.uuid4().hex
        said = (
            Stream(op="open", sid=sid, topic=CHAT, attributes={}),
            Stream(op="chunk", sid=sid, text=text, n=0),
            Stream(op="close", sid=sid),
        )
        if self._sending.qsize() + len(said) > MAX_SENDING:
            self._note("not sent: the server takes nothing")
            return
        for message in said:
            self._sending.put_nowait(message)
        self._show(Line(speaker=Speaker.HUMAN, who=self.identity, text=on_one_line(text)))

    async def run(self) -> None:
        """Be in the room until it is over for us, or the way to it stays lost; being cancelled leaves it.

        Raises:
            RoomLostError: It is over; the text says why.
            ProtocolError: The server does not let us in.
        """
        try:
            socket, joined = await self._entrance.enter()
        except ProtocolError as error:
            if error.code not in (ErrorCode.UNAUTHORIZED, ErrorCode.TOKEN_EXPIRED):
                raise
            advice = "Get a new one: python -m agent_worker token --room ROOM, with the server's API key and secret."
            raise ProtocolError(f"{error}. {advice}", code=error.code) from error
        async with asyncio.TaskGroup() as self._tasks:
            try:
                await self._stay(socket, joined)
            finally:
                for link in self._links.values():
                    if link.task is not None:
                        link.task.cancel()

    async def _stay(self, socket: ClientConnection, joined: Joined) -> None:
        while True:
            self._enter(joined)
            try:
                reason = await self._use(socket, joined.ping)
            except asyncio.CancelledError:
                await _say_goodbye(socket)
                raise
            finally:
                socket.transport.abort()
            if reason:
                raise RoomLostError(f"The room is over for us: {reason}.")
            self.is_away = True
            self._note("the signaling server is away; looking for it")
            socket, joined = await self._entrance.enter_again(
                lambda: {identity: link.gen for identity, link in self._links.items() if link.stands}
            )
            self._note("the signaling server is back")

    async def _use(self, socket: ClientConnection, ping: PingSettings) -> str:
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
            return ""
        except ConnectionClosed:
            return self._entrance.final_reason(socket)

    async def _write(self, socket: ClientConnection) -> None:
        try:
            while True:
                message = await self._sending.get()
                async with asyncio.timeout(SEND_SECONDS):
                    await socket.send(encode(message))
        except TimeoutError:
            socket.transport.abort()
        except ConnectionClosed:
            return  # whoever reads is told

    async def _ping(self, interval: float) -> None:
        while True:
            await asyncio.sleep(max(interval, 1.0))
            self._send(Ping())

    def _send(self, message: FromClient) -> None:
        try:
            self._sending.put_nowait(message)
        except asyncio.QueueFull:
            _logger.warning("not sent, the server takes nothing: %s", type(message).__name__)

    def _note(self, text: str) -> None:
        self._show(Line(speaker=Speaker.NOTE, text=on_one_line(text)))

    def _show_all(self, lines: list[Line]) -> None:
        for line in lines:
            self._show(line)

    # What we are told. -------------------------------------------------------------------------------------------

    def _enter(self, joined: Joined) -> None:
        self.is_away = False
        self._ice = joined.ice
        if joined.resumed:
            return
        self.room, self.identity = joined.room.name, joined.you.identity
        self._note(f"in room {self.room} as {self.identity}")
        self._send(ChangeTrack(op="publish", track=MICROPHONE))
        for identity in self.others.keys() - {one.identity for one in joined.participants}:
            self._lose(identity)
        for one in joined.participants:
            self._meet(one, kept=one.identity in joined.kept)

    def _receive(self, message: ToClient) -> None:
        match message:
            case ParticipantChanged():
                self._on_participant(message)
            case RelayedStream():
                self._show_all(self.transcript.stream(message))
            case RelayedData():
                self._show_all(self.transcript.data(message))
            case DispatchChanged(op="pending" | "failed" as op, reason=str(reason)):
                self._note(f"the agent is {op}: {reason}")
            case IcePushed(servers=servers, ttl_s=ttl_s, policy=policy):
                self._ice = Ice(servers=servers, ttl_s=ttl_s, policy=policy)
            case Error(code=code, message=text):
                self._note(f"the server refuses: {text} ({code})")
            case _:
                self._negotiate(message)

    def _negotiate(self, message: ToClient) -> None:
        match message:
            case RelayedAnswer(sender=sender) | RelayedReject(sender=sender):
                link = self._links.get(sender)
                if link is not None and link.gen == message.gen and not link.answers.full():
                    link.answers.put_nowait(message)
            case RelayedPcRebuild(sender=sender) | RelayedRenegotiate(sender=sender):
                link = self._links.get(sender)
                if link is not None:
                    link.again.set()
            case RelayedOffer(sender=sender, pc=pc, gen=gen):
                refusal = "this is a terminal: it hears agents alone"
                self._send(Reject(to=sender, pc=pc, gen=gen, code="forbidden", message=refusal))
            case _:
                pass

    def _on_participant(self, message: ParticipantChanged) -> None:
        one = message.participant
        match message.op:
            case "joined":
                self._meet(one, kept=bool(message.kept))
            case "updated":
                self.others[one.identity] = one
                if one.kind == "agent":
                    self._show_all(self.transcript.agent(one))
            case "left":
                self._lose(one.identity)

    def _meet(self, one: Participant, *, kept: bool) -> None:
        self.others[one.identity] = one
        self._note(f"{one.name or one.identity} ({one.kind}) is here")
        if one.kind != "agent":
            return
        self._show_all(self.transcript.agent(one))
        link = self._links.get(one.identity)
        if link is not None and kept and link.stands:
            return
        gen = 0
        if link is not None:
            gen = link.gen + 1
            self._drop(one.identity)
        link = self._links[one.identity] = _Link(gen)
        link.task = self._tasks.create_task(self._hold(one.identity, link))

    def _lose(self, identity: str) -> None:
        one = self.others.pop(identity, None)
        if one is None:
            return
        self._note(f"{one.name or identity} ({one.kind}) has left")
        if one.kind == "agent":
            self._drop(identity)
            self._show_all(self.transcript.agent(None))

    def _drop(self, identity: str) -> None:
        link = self._links.pop(identity, None)
        if link is not None and link.task is not None:
            link.stands = False
            link.task.cancel()

    # Sound. ------------------------------------------------------------------------------------------------------

    async def _hold(self, identity: str, link: _Link) -> None:
        """Keep a media connection with an agent for as long as it is in the room."""
        pause = FIRST_PAUSE
        while True:
            try:
                why = await self._connect(identity, link)
                pause = FIRST_PAUSE
            except (ConnectionLostError, ProtocolError) as error:
                why = str(error)
                pause = min(2 * pause, LAST_PAUSE)
            link.stands = False
            self._note(f"no sound: {why}; connecting again")
            await asyncio.sleep(pause)
            link.gen += 1

    async def _connect(self, identity: str, link: _Link) -> str:
        """One connection, from the offer to its end; why it ended.

        Raises:
            ConnectionLostError: It never stood.
            ProtocolError: The agent refused it, or gave an answer of no use.
        """
        servers = [
            IceServer(urls=server.urls, username=server.username, credential=server.credential)
            for server in self._ice.servers
        ]
        async with CallingPeer(
            ice_servers=servers,
            pump=self._pump,
            hear=self._hear,
            addresses=self._addresses,
            relay_only=self._ice.policy == "relay",
        ) as peer:
            link.again.clear()
            self._send(Offer(to=identity, gen=link.gen, sdp=await peer.offer()))
            await peer.take(await self._answer(link))
            await peer.wait_connected()
            link.stands = True
            self._note("the sound is connected")
            async with asyncio.TaskGroup() as tasks:
                ends = [tasks.create_task(peer.wait_lost()), tasks.create_task(_wait(link.again))]
                await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
                for end in ends:
                    end.cancel()
            return "the agent asks for a new connection" if link.again.is_set() else "the connection was lost"

    async def _answer(self, link: _Link) -> str:
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                while True:
                    answer = await link.answers.get()
                    if answer.gen == link.gen:
                        break
        except TimeoutError as error:
            raise ConnectionLostError(f"the agent did not answer within {ANSWER_SECONDS:g} s") from error
        if isinstance(answer, RelayedReject):
            raise ProtocolError(f"the agent refuses: {answer.message}", code=answer.code)
        return answer.sdp


async def _say_goodbye(socket: ClientConnection) -> None:
    """So that nobody waits for us to come back."""
    try:
        async with asyncio.timeout(LEAVE_SECONDS):
            await socket.send(encode(Leave()))
            await socket.close()
    except (TimeoutError, ConnectionClosed):
        _logger.debug("the signaling server did not take our good-bye within %g s", LEAVE_SECONDS)


async def _wait(event: asyncio.Event) -> None:
    await event.wait()
