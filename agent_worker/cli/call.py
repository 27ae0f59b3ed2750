"""A human in a room, without a browser: joins, hears the others, speaks, types, and is told what they are told.

presence (the socket) -> transcript, company (decides) -> media links        voice, typed lines -> links, presence
"""

import asyncio
import uuid
from collections.abc import Callable
from typing import Final

from agent_worker.audio import WIRE_RATE, Samples
from agent_worker.cli.company import Company, Wanted
from agent_worker.cli.media_link import MediaLink, Negotiation
from agent_worker.cli.transcript import CHAT, Line, Speaker, Transcript, on_one_line
from agent_worker.errors import ProtocolError, RoomLostError
from agent_worker.media.outbound import VoicePump
from agent_worker.rooms.ice import IceServer, OfferedAddresses
from agent_worker.rooms.peer import Peer
from agent_worker.rooms.presence import Presence
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
    Participant,
    ParticipantChanged,
    RelayedData,
    RelayedStream,
    Stream,
    ToClient,
    Track,
)

__all__ = ["Call"]

MICROPHONE: Final = Track(id="mic")


class Call:
    """Us, in a room.

    Args:
        entrance: The way in.
        pump: Our voice.
        hear: Takes what somebody says: their identity, and mono int16 at 48 kHz.
        addresses: Which of this machine's addresses the others are offered.
        show: Takes each finished line of the conversation.
    """

    def __init__(
        self,
        entrance: Entrance,
        pump: VoicePump,
        *,
        hear: Callable[[str, Samples], None],
        addresses: OfferedAddresses,
        show: Callable[[Line], None],
    ) -> None:
        self._entrance = entrance
        self._pump = pump
        self._hear = hear
        self._addresses = addresses
        self._show = show
        self._presence: Presence | None = None
        self._company = Company()
        self._links: dict[str, tuple[MediaLink, asyncio.Task[None]]] = {}
        self._gens: dict[str, int] = {}
        self._ice = Ice()
        self.transcript = Transcript()
        self.room = ""
        self.identity = ""
        self.is_away = False
        """The way to the server is lost at present."""

    @property
    def others(self) -> tuple[Participant, ...]:
        """Everybody else, in the order in which they came."""
        return self._company.others

    @property
    def is_heard(self) -> bool:
        """Whether a media connection with an agent stands."""
        return any(link.stands and not link.wanted.answers for link, _ in self._links.values())

    def type(self, text: str) -> None:
        """Say a line in writing."""
        sid = uuid.uuid4().hex
        said = (
            Stream(op="open", sid=sid, topic=CHAT, attributes={}),
            Stream(op="chunk", sid=sid, text=text, n=0),
            Stream(op="close", sid=sid),
        )
        if not all(self._say(message) for message in said):
            self._note("not sent: the server takes nothing")
            return
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
        self._presence = presence = Presence(
            self._entrance,
            socket,
            welcome=self._welcome,
            receive=self._receive,
            links=self._standing,
            follow=self._follow,
        )
        async with asyncio.TaskGroup() as self._tasks:
            staying = self._tasks.create_task(presence.run(joined))
            try:
                # Shielded: while we leave, somebody has to write our good-bye.
                raise RoomLostError(f"The room is over for us: {await asyncio.shield(staying)}.")
            finally:
                await presence.leave()
                for task in (staying, *(held for _, held in self._links.values())):
                    task.cancel()

    def _say(self, message: FromClient) -> bool:
        return self._presence is not None and self._presence.say(lambda: message)

    def _note(self, text: str) -> None:
        self._show(Line(speaker=Speaker.NOTE, text=on_one_line(text)))

    def _show_all(self, lines: list[Line]) -> None:
        for line in lines:
            self._show(line)

    # What we are told. -------------------------------------------------------------------------------------------

    def _follow(self, is_there: bool) -> None:
        self.is_away = not is_there
        back = "the signaling server is back"
        self._note(back if is_there else "the signaling server is away; looking for it")

    def _welcome(self, joined: Joined) -> None:
        self._ice = joined.ice
        if joined.resumed:
            return
        self.room, self.identity = joined.room.name, joined.you.identity
        self._note(f"in room {self.room} as {self.identity}")
        self._say(ChangeTrack(op="publish", track=MICROPHONE))
        self._meet(*self._company.enter(joined, self._standing()))
        for one in joined.participants:
            self._look_at(one)

    def _receive(self, message: ToClient) -> None:
        match message:
            case ParticipantChanged(participant=one):
                self._meet(*self._company.receive(message))
                if message.op != "left":
                    self._look_at(one)
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
            case _ if isinstance(message, Negotiation):
                if message.sender in self._links:
                    self._links[message.sender][0].receive(message)
            case _:
                pass

    def _look_at(self, one: Participant) -> None:
        if one.kind == "agent":
            self._show_all(self.transcript.agent(one))

    def _meet(self, new: list[Participant], gone: list[Participant]) -> None:
        for one in new:
            self._note(f"{one.name or one.identity} ({one.kind}) is here")
        for one in gone:
            self._note(f"{one.name or one.identity} ({one.kind}) has left")
            if one.kind == "agent":
                self._show_all(self.transcript.agent(None))
        self._follow_company()

    # Sound. ------------------------------------------------------------------------------------------------------

    def _standing(self) -> dict[str, int]:
        return {identity: link.gen for identity, (link, _) in self._links.items() if link.stands}

    def _follow_company(self) -> None:
        wanted = self._company.wanted()
        for identity, (link, task) in list(self._links.items()):
            now_wanted = wanted.get(identity)
            if now_wanted is None or now_wanted.era != link.wanted.era:
                self._gens[identity] = link.gen
                del self._links[identity]
                task.cancel()
        for identity, one in wanted.items():
            if identity not in self._links:
                link = self._new_link(one)
                self._links[identity] = link, self._tasks.create_task(link.run())

    def _new_link(self, wanted: Wanted) -> MediaLink:
        return MediaLink(
            wanted,
            gen=self._gens.get(wanted.identity, -1),
            make=self._new_peer,
            say=self._say,
            hear=lambda samples: self._hear(wanted.identity, samples),
            note=self._note,
        )

    def _new_peer(self) -> Peer:
        servers = [
            IceServer(urls=server.urls, username=server.username, credential=server.credential)
            for server in self._ice.servers
        ]
        return Peer(
            ice_servers=servers,
            pump=self._pump,
            addresses=self._addresses,
            relay_only=self._ice.policy == "relay",
            rate=WIRE_RATE,
        )
