"""One signaling server: the registry and dispatch joined, with everything they decide performed.

A shell that waits for nothing but the right to open a room: an event goes in, both machines are asked in turn until
nothing follows any more, messages are put into the queues of links. So no participant ever sees half of a change.
`run` keeps the time for both.
"""

import asyncio
import logging
import math
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import assert_never

from signaling.awake import TICK, AwakeClock
from signaling.claims import Claims
from signaling.cluster import Cluster
from signaling.credentials import TOKEN_LIFETIME, Credentials
from signaling.dispatch import Dispatch
from signaling.door import Door
from signaling.engine.base import Engine
from signaling.envelope import AgentWish, Participant, RoomInfo, error_of
from signaling.errors import CLOSE_CODES, ErrorCode, MessageError
from signaling.events import (
    AgentArrived,
    AgentDeparted,
    AgentRevoked,
    Announced,
    Arrived,
    Close,
    Disconnected,
    FirstHumanArrived,
    FromMember,
    LastHumanLeft,
    Received,
    RegistryAction,
    RegistryEvent,
    Renewed,
    RenewIce,
    RenewToken,
    Returned,
    RoomClosed,
    Send,
    TokenShown,
)
from signaling.holdings import Holdings
from signaling.jobs import (
    AgentReturned,
    AgentWanted,
    AssignJob,
    CloseWorker,
    DispatchAction,
    DispatchEvent,
    Job,
    ReserveWorker,
    SendWorker,
    SettleJob,
    WorkerLost,
    WorkerRegistered,
    WorkerSaid,
)
from signaling.links import Link, WorkerLink, new_id, package_version
from signaling.registry import Registry
from signaling.room_messages import IcePushed, Join, Resume, ServerInfo, TokenPushed
from signaling.settings import Settings
from signaling.switchboard import Switchboard
from signaling.watch import Watch
from signaling.worker_messages import JobAccept, JobReject, JobUpdate, Register, Status
from signaling.workers import Worker

logger = logging.getLogger(__name__)


class Node:
    """The rooms, workers and links of this server.

    Args:
        settings: Checked settings.
        watch: Is told what happens.
        engine: What is shared with other servers; its node is this one.
    """

    def __init__(self, settings: Settings, watch: Watch, engine: Engine) -> None:
        self.settings = settings
        self.watch = watch
        self.id = engine.node
        self.credentials = Credentials(settings)
        self.door = Door(settings)
        self._version = package_version()
        self._registry = Registry(settings.rooms, new_id)
        self._dispatch = Dispatch(settings.dispatch, new_id)
        self._switchboard = Switchboard(self.credentials)
        self.holdings = Holdings(self._registry, self._dispatch, self)
        self.cluster = Cluster(engine, self.holdings)
        self._mailbox: deque[RegistryEvent | DispatchEvent] = deque()
        self._is_performing = False
        self._is_draining = False
        self._began = time.monotonic()
        self.now = AwakeClock(time.monotonic).now
        self._wakes_at = math.inf
        self._changed = asyncio.Event()

    # What can be asked. ----------------------------------------------------------------------------------------

    @property
    def is_draining(self) -> bool:
        """Whether this server is about to go away."""
        return self._is_draining

    def rooms(self) -> tuple[RoomInfo, ...]:
        """All open rooms."""
        return self._registry.rooms()

    def participants(self, room: str) -> tuple[Participant, ...] | None:
        """Who is in a room; None when there is no such room."""
        return self._registry.participants(room)

    def jobs(self, room: str) -> list[Job]:
        """The live jobs of a room."""
        return self._dispatch.jobs(room)

    def job(self, job: str) -> Job | None:
        """A job, live or over."""
        return self._dispatch.job(job)

    def workers(self) -> tuple[Worker, ...]:
        """All registered workers."""
        return self._dispatch.workers()

    def can_resume(self, claims: Claims, join: Join) -> bool:
        """Whether this is somebody who goes on with a session, rather than comes in."""
        return join.resume is not None and self._registry.can_resume(claims, join.resume)

    # What participants do. -------------------------------------------------------------------------------------

    async def enter(self, link: Link, claims: Claims, join: Join) -> str:
        """Let somebody with a verified token join, or go on with a session; a refusal closes the link.

        Waits where the room must be secured first, and then does it all at once.

        Returns:
            The session's id.
        """
        resume = join.resume
        if resume is not None and self._registry.can_resume(claims, resume):
            return self._go_on(link, claims, join, resume)
        sid = new_id("PA")
        room = claims.room or ""
        self._switchboard.participants[sid] = link
        try:
            await self.cluster.own(room)
            self._check_entry(claims)
        except MessageError as refused:
            refused.re = join.id
            link.send(error_of(refused))
            self._switchboard.close(sid, CLOSE_CODES[refused.code], refused.code)
            self._leave_unopened(room)
            return sid
        progress = self._dispatch.progress(room)
        is_young = time.monotonic() - self._began < self.settings.dispatch.adoption_grace
        self.post(
            Arrived(
                sid=sid,
                claims=claims,
                token_life=claims.exp - time.time(),
                token_age=None if claims.iat is None else time.time() - claims.iat,
                request=join.id,
                known_peers=join.known_peers,
                agents=self.wishes_of(claims),
                returning=is_young and (resume is not None or bool(join.known_peers)),
                ice=self.credentials.ice(claims.sub),
                server=self._server_info(),
            )
        )
        for one in progress:
            self.post(Announced(room, one, only=sid))
        self._leave_unopened(room)
        return sid

    async def open_room(self, name: str, empty_timeout: float | None, key: str) -> None:
        """Open a room in the name of an API key, unless it is open.

        Raises:
            MessageError: `no_capacity` or `server_draining`.
        """
        self._check_draining()
        await self.cluster.own(name)

        def decide(registry: Registry, now: float) -> list[RegistryAction]:
            if not self.holdings.is_open(name):
                registry.open(name, now, empty_timeout, key=key)
            return []

        try:
            self.rule(decide)
        finally:
            self._leave_unopened(name)

    def _leave_unopened(self, room: str) -> None:
        """Give a room up that was secured and then not opened."""
        if not self.holdings.is_open(room):
            self.cluster.touch({room}, dispatch=False)

    def _go_on(self, link: Link, claims: Claims, join: Join, resume: Resume) -> str:
        """A client is back, perhaps before we have noticed that it was gone."""
        sid, old = resume.sid, self._switchboard.participants.get(resume.sid)
        self._switchboard.participants[sid] = link
        if old is not None:
            old.close(CLOSE_CODES[ErrorCode.HEARTBEAT_TIMEOUT], "resumed on another socket")
        self.post(
            Returned(
                sid=sid,
                claims=claims,
                token_life=claims.exp - time.time(),
                last_seq=resume.last_seq,
                request=join.id,
                known_peers=join.known_peers,
                ice=self.credentials.ice(claims.sub),
                server=self._server_info(),
            )
        )
        logger.info("< %s is back in room %s", claims.sub, claims.room)
        return sid

    def _server_info(self) -> ServerInfo:
        return ServerInfo(id=self.id, version=self._version, time=time.time())

    def wishes_of(self, claims: Claims) -> tuple[AgentWish, ...]:
        """The agents that come with this person."""
        if claims.agent is not None:
            return claims.agent
        return (AgentWish(),) if self.settings.has_automatic_dispatch else ()

    def hear(self, sid: str, message: FromMember) -> None:
        """A participant said something."""
        self.post(Received(sid, message))

    def want_agent(self, participant: Participant, room: RoomInfo, claims: Claims) -> None:
        """A participant cannot do without an agent: fetch one if none is on its way, and the token allows."""
        for wish in self.wishes_of(claims):
            self.post(AgentWanted(room=room, participant=participant, wish=wish))

    def show_token(self, sid: str, claims: Claims, request: int | str | None) -> None:
        """A participant has a newer token, which was verified."""
        life = claims.exp - time.time()
        self.post(TokenShown(sid=sid, claims=claims, token_life=life, request=request))

    def lose(self, sid: str, link: Link, reason: str) -> None:
        """A participant's link is gone; forgetting it twice, or one that was replaced, does no harm."""
        if self._switchboard.participants.get(sid) is link:
            del self._switchboard.participants[sid]
            self.post(Disconnected(sid, reason))

    # What workers do. ------------------------------------------------------------------------------------------

    def register(self, link: WorkerLink, message: Register) -> str:
        """Let a verified worker register.

        Returns:
            The session's id.

        Raises:
            MessageError: `server_draining`.
        """
        self._check_draining()
        session = new_id("WS")
        self._switchboard.workers[session] = link
        self.post(WorkerRegistered(session, message))
        return session

    def hear_worker(self, session: str, message: Status | JobAccept | JobReject | JobUpdate) -> None:
        """A worker said something."""
        self.post(WorkerSaid(session, message))

    def lose_worker(self, session: str, reason: str) -> None:
        """A worker's link is gone; forgetting it twice does no harm."""
        if self._switchboard.workers.pop(session, None) is not None:
            self.post(WorkerLost(session))

    # The time, and the end. ------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Keep the time for the registry and dispatch, until cancelled."""
        while True:
            due = [at for at in (self._registry.deadline, self._dispatch.deadline) if at is not None]
            self._wakes_at = min(due, default=math.inf)
            with suppress(TimeoutError):
                async with asyncio.timeout(min(TICK, self._wakes_at - self.now())):
                    await self._changed.wait()
            self._changed.clear()
            self._perform(self._registry.advance(self.now()))
            self._perform(self._dispatch.advance(self.now()))
            self._work_off(dispatch=True)

    def drain(self) -> None:
        """Say good-bye to everybody and let nobody in any more."""
        self._is_draining = True
        self._switchboard.say_goodbye()

    # How. ------------------------------------------------------------------------------------------------------

    def _check_draining(self) -> None:
        if self._is_draining:
            raise MessageError(ErrorCode.SERVER_DRAINING, "this server is about to stop", retry_after=1.0)

    def _check_entry(self, claims: Claims) -> None:
        self._check_draining()
        if claims.kind == "agent":
            assert claims.room is not None
            assert claims.job is not None
            assert claims.epoch is not None
            if self._dispatch.admits(claims.room, claims.job, claims.epoch):
                return
            (wish,) = claims.agent or (AgentWish(),)
            is_young = time.monotonic() - self._began < self.settings.dispatch.adoption_grace
            if is_young and self._dispatch.can_adopt(claims.room, claims.job, claims.epoch, wish):
                room = RoomInfo(name=claims.room, sid="")
                self.post(AgentReturned(job=claims.job, epoch=claims.epoch, room=room, wish=wish))
            else:
                raise MessageError(ErrorCode.FORBIDDEN, "this job is over, or was given to another worker")

    def rule(self, decide: Callable[[Registry, float], list[RegistryAction]]) -> None:
        """Perform what somebody with the right to it does to rooms.

        Raises:
            MessageError: What `decide` raises.
        """
        self._perform(decide(self._registry, self.now()))
        self._work_off()

    def post(self, event: RegistryEvent | DispatchEvent) -> None:
        """Take an event and all that follows from it, one after the other; safe to call from within."""
        self._mailbox.append(event)
        if not self._is_performing:
            self._work_off()

    def _work_off(self, *, dispatch: bool = False) -> None:
        now = self.now()
        self._is_performing = True
        try:
            while self._mailbox:
                event = self._mailbox.popleft()
                match event:
                    case Arrived() | Returned() | TokenShown() | Renewed() | Received() | Disconnected():
                        self._perform(self._registry.receive(event, now))
                    case AgentRevoked() | Announced():
                        self._perform(self._registry.receive(event, now))
                    case _:
                        dispatch = True
                        self._perform(self._dispatch.receive(event, now))
        finally:
            self._is_performing = False
        for report in (*self._registry.take_reports(), *self._dispatch.take_reports()):
            self.watch.hear(report)
        self.cluster.touch(self._registry.take_changed(), dispatch=dispatch)
        due = self._registry.deadline
        if due is not None and due < self._wakes_at:
            self._changed.set()

    def _perform(self, actions: list[RegistryAction] | list[DispatchAction]) -> None:
        for action in actions:
            match action:
                case Send(sid=sid, message=message):
                    link = self._switchboard.participants.get(sid)
                    if link is not None:
                        link.send(message)
                    continue
                case Close(sid=sid, code=code, reason=reason):
                    self._switchboard.close(sid, code, reason)
                case SendWorker(session=session, message=message):
                    worker = self._switchboard.workers.get(session)
                    if worker is not None:
                        worker.send(message)
                case CloseWorker(session=session, reason=code):
                    self._switchboard.close_worker(session, code)
                case ReserveWorker() | SettleJob():
                    self.cluster.request(action)
                case AssignJob():
                    self._switchboard.assign(action)
                case RenewToken(sid=sid, claims=claims):
                    self._renew_token(sid, claims)
                case RenewIce(sid=sid, identity=identity):
                    ice = self.credentials.ice(identity)
                    event = IcePushed(servers=ice.servers, ttl_s=ice.ttl_s, policy=ice.policy)
                    self._mailbox.append(Renewed(sid, event, ice.ttl_s))
                case FirstHumanArrived() | LastHumanLeft() | AgentArrived() | AgentDeparted() | RoomClosed():
                    self._mailbox.append(action)
                case AgentRevoked() | Announced():
                    self._mailbox.append(action)
                case _:
                    assert_never(action)
            # Whatever is more than a message may have moved a deadline.
            self._changed.set()

    def _renew_token(self, sid: str, claims: Claims) -> None:
        newer = self.credentials.renewed(claims)
        event = TokenPushed(token=self.credentials.sign(newer), exp=newer.exp)
        self._mailbox.append(Renewed(sid, event, TOKEN_LIFETIME))
