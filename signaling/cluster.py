"""This node among those that share an engine: what it owns is secured there, what it holds is told there.

The one place where the engine is waited for. The node decides without waiting; it says what has changed, and this
tells it, in order, from a task of its own. Who opens a room or reads what is shared waits for an answer, with a
deadline. While the engine cannot be reached everything that is here goes on, and nothing new begins; when it is back
it is told what has changed, and everything if it has lost it.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Final, ParamSpec, Protocol, TypeVar, assert_never

from signaling.engine.base import (
    NODE_LEASE,
    Engine,
    EngineError,
    Kind,
    NobodyFree,
    Record,
    Reserved,
    StaleOwnerError,
    Value,
    Want,
)
from signaling.errors import ErrorCode, MessageError
from signaling.jobs import NobodyReserved, ReserveWorker, SettleJob, WorkerReserved
from signaling.orders import Order, parse_order
from signaling.records import Entry, Written

logger = logging.getLogger(__name__)

BEAT: Final = 2.0
"""Seconds between two announcements: a third of the lease."""
DEADLINE: Final = 1.0
"""Seconds for one answer of the engine."""
RETRY_AFTER: Final = 2.0
UNREACHABLE: Final = "this server cannot reach what it shares with others"
_DISPATCH: Final = ""
"""The scope of jobs and workers; each room is one of its own name."""

_P = ParamSpec("_P")
_T = TypeVar("_T")


class Holder(Protocol):
    """The node, as it is asked and told. No method waits."""

    def state(self) -> Value:
        """What others may know of this node."""
        ...

    def is_open(self, room: str) -> bool:
        """Whether there is such a room here."""
        ...

    def entries_of_room(self, room: str) -> list[Entry]:
        """A room and those in it; nothing of one that is not open."""
        ...

    def entries_of_dispatch(self) -> list[Entry]:
        """All jobs and workers."""
        ...

    def settle_want(self, answer: WorkerReserved | NobodyReserved) -> None:
        """A worker was found, or not."""
        ...

    def lose_room(self, room: str) -> None:
        """Another node owns a room of this one."""
        ...

    def obey(self, order: Order) -> None:
        """Another node wants something done."""
        ...


class Cluster:
    """What the node owns and tells.

    Args:
        engine: What is shared.
        holder: The node.
    """

    def __init__(self, engine: Engine, holder: Holder) -> None:
        self._engine = engine
        self._holder = holder
        self._lock = asyncio.Lock()
        self._epochs: dict[str, int] = {}
        self._written = Written()
        self._changed_rooms: set[str] = set()
        self._has_dispatch_changed = False
        # Each job wants one worker at a time and gives each slot back once: there are never many.
        self._requests: deque[ReserveWorker | SettleJob] = deque()
        self._unsettled: dict[tuple[str, int], SettleJob] = {}
        self._work = asyncio.Event()
        self._memory: str | None = None
        self._tried_at: float | None = None
        self.is_reachable = True
        """Whether the engine answered when it was asked last."""

    # What the node says, without waiting. ----------------------------------------------------------------------

    def touch(self, rooms: set[str], *, dispatch: bool) -> None:
        """These rooms are not what they were, or jobs and workers are not."""
        self._changed_rooms |= rooms
        self._has_dispatch_changed |= dispatch
        if rooms or dispatch:
            self._work.set()

    def request(self, request: ReserveWorker | SettleJob) -> None:
        """Have a worker found, or give a slot back; what was requested before comes first."""
        self._requests.append(request)
        self._work.set()

    # What is waited for. ---------------------------------------------------------------------------------------

    async def own(self, room: str) -> None:
        """Secure that this node is the one that opens a room, or has opened it.

        A room that is not open when its opening was refused is given up by `touch`.

        Raises:
            MessageError: `no_capacity`: it cannot be known, or another node has the room.
        """
        if room in self._epochs:
            return
        async with self._lock:
            if room in self._epochs:
                return
            try:
                await self._refresh()
                owner = await self._ask(self._engine.own_room(room))
            except EngineError:
                text = f"{UNREACHABLE}: no room can be opened now"
                raise MessageError(ErrorCode.NO_CAPACITY, text, retry_after=RETRY_AFTER) from None
            if owner.node != self._engine.node:
                text = "the room is open on another server: come again through it"
                raise MessageError(ErrorCode.NO_CAPACITY, text, retry_after=RETRY_AFTER)
            self._epochs[room] = owner.epoch

    async def check(self) -> None:
        """Make sure that the engine answers.

        Raises:
            MessageError: `no_capacity`: it does not.
        """
        await self.get(Kind.NODE, self._engine.node)

    async def get(self, kind: Kind, key: str) -> Record | None:
        """A record of any node; of what has happened here everything is in it.

        Raises:
            MessageError: `no_capacity`: the engine cannot be reached.
        """
        return await self._read(self._engine.get, kind, key)

    async def scan(self, kind: Kind, prefix: str = "") -> tuple[Record, ...]:
        """The records of all nodes; of what has happened here everything is in them.

        Raises:
            MessageError: `no_capacity`: the engine cannot be reached.
        """
        return await self._read(self._engine.scan, kind, prefix)

    async def order(self, node: str, order: Order) -> None:
        """Have another node do something, if it is still there.

        Raises:
            MessageError: `no_capacity`: the engine cannot be reached.
        """
        await self._read(self._engine.send, node, order.model_dump())

    async def order_others(self, order: Order) -> None:
        """Have all other nodes do something.

        Raises:
            MessageError: `no_capacity`: the engine cannot be reached.
        """
        for node in await self.scan(Kind.NODE):
            if node.key != self._engine.node:
                await self.order(node.key, order)

    # Its own tasks. --------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Announce this node, tell what has changed, and take orders, until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._keep_announced())
            group.create_task(self._keep_told())
            group.create_task(self._take_orders())

    async def _keep_announced(self) -> None:
        # A task of its own, and without the lock: behind other waits the lease would lapse under load.
        while True:
            try:
                memory = await self._announce()
                if memory != self._memory or not self.is_reachable:
                    async with self._lock:
                        await self._begin_anew(memory)
                for node in await self._ask(self._engine.sweep()):
                    logger.warning("x server %s is gone: its rooms are free", node)
            except EngineError:
                pass
            await asyncio.sleep(BEAT)

    async def _keep_told(self) -> None:
        while True:
            await self._work.wait()
            self._work.clear()
            async with self._lock:
                await self._tell_all()
                while self._requests:
                    await self._carry_out(self._requests.popleft())
                    # What follows from an answer is told before the next one is asked for.
                    await self._tell_all()

    async def _take_orders(self) -> None:
        while True:
            try:
                message = await self._engine.receive()
                self._holder.obey(parse_order(message))
            except EngineError:
                await asyncio.sleep(BEAT)
            except MessageError as refused:
                logger.warning("x an order of another server is not understood: %s", refused.text)

    async def _announce(self) -> str:
        """Say that this node is alive; what names the engine's memory of it."""
        self._tried_at = asyncio.get_running_loop().time()
        return await self._ask(self._engine.announce_node(self._holder.state()))

    # How; all with the lock. -----------------------------------------------------------------------------------

    async def _begin_anew(self, memory: str) -> None:
        """Tell the engine what it may not know: it was away, or lost its memory, or this node was silent."""
        if memory != self._memory:
            self._written.forget()
            for room in list(self._epochs):
                await self._reclaim(room)
            self._memory = memory
        if not self.is_reachable:
            logger.warning("< the engine is back")
        self.is_reachable = True
        self._requests.extendleft(self._unsettled.values())
        self._unsettled.clear()
        self.touch(set(self._epochs), dispatch=True)

    async def _refresh(self) -> None:
        """Announce this node if that is overdue, as after the process was stopped for a while.

        Raises:
            EngineError: The engine cannot be reached, or could not a moment ago: it is not waited for each time.
        """
        now = asyncio.get_running_loop().time()
        if self._tried_at is None or now - self._tried_at > NODE_LEASE / 2:
            memory = await self._announce()
            if memory != self._memory or not self.is_reachable:
                await self._begin_anew(memory)
        elif not self.is_reachable:
            raise EngineError

    async def _reclaim(self, room: str) -> bool:
        """Own a room again that may have been taken; it is lost if it was."""
        owner = await self._ask(self._engine.own_room(room))
        if owner.node == self._engine.node:
            self._epochs[room] = owner.epoch
            return True
        logger.warning("x room %s is open on server %s by now: given up here", room, owner.node)
        self._epochs.pop(room, None)
        self._holder.lose_room(room)
        return False

    async def _tell_all(self) -> None:
        """Tell the engine what has changed; what cannot be told is told anew when it is back."""
        rooms, self._changed_rooms = self._changed_rooms, set()
        dispatch, self._has_dispatch_changed = self._has_dispatch_changed, False
        if not (rooms or dispatch):
            return
        try:
            await self._refresh()
            for room in rooms:
                if self._holder.is_open(room):
                    await self._tell(room, self._holder.entries_of_room(room))
                else:
                    await self._give_up(room)
            if dispatch:
                await self._tell(_DISPATCH, self._holder.entries_of_dispatch())
        except EngineError:
            self._changed_rooms |= rooms
            self._has_dispatch_changed |= dispatch

    async def _give_up(self, room: str) -> None:
        """A room is closed, or was never opened."""
        await self._tell(room, [])
        epoch = self._epochs.pop(room, None)
        if epoch is not None:
            try:
                await self._ask(self._engine.release_room(room, epoch))
            except EngineError:
                self._epochs[room] = epoch
                raise

    async def _tell(self, scope: str, entries: list[Entry]) -> None:
        news = self._written.news(scope, entries)
        try:
            if news.put:
                self._written.doubt(news)
                await self._ask(self._engine.put(*news.records(self._epochs.get)))
            if news.gone:
                await self._ask(self._engine.remove(*news.gone))
        except StaleOwnerError as stale:
            if await self._reclaim(stale.room):
                self.touch({scope}, dispatch=False)
            return
        self._written.learn(news)

    async def _carry_out(self, request: ReserveWorker | SettleJob) -> None:
        was_reachable = self.is_reachable
        try:
            await self._refresh()
            match request:
                case SettleJob(job=job, attempt=attempt):
                    await self._ask(self._engine.settle(job, attempt))
                case ReserveWorker():
                    self._holder.settle_want(await self._reserve(request))
                case _:
                    assert_never(request)
        except EngineError:
            if was_reachable or isinstance(request, SettleJob):
                # A slot that may be held, although nobody knows, is given back as soon as the engine is back.
                settle = SettleJob(job=request.job, attempt=request.attempt)
                self._unsettled[request.job, request.attempt] = settle
            if isinstance(request, ReserveWorker):
                self._holder.settle_want(_nobody(request, f"{UNREACHABLE}: the agent comes when it can"))

    async def _reserve(self, request: ReserveWorker) -> WorkerReserved | NobodyReserved:
        epoch = self._epochs.get(request.room)
        if epoch is None:
            return _nobody(request, "the room is closed")
        want = Want(
            job=request.job,
            attempt=request.attempt,
            fence=(request.room, epoch),
            agent=request.agent,
            tried=request.tried,
            first=request.first,
            # The messages of a worker go through its own server; see docs/decisions/0002.
            at=self._engine.node,
        )
        try:
            found = await self._ask(self._engine.reserve(want))
        except StaleOwnerError:
            is_ours = await self._reclaim(request.room)
            return _nobody(request, "the server takes the room up again" if is_ours else "the room is elsewhere now")
        match found:
            case Reserved(worker=worker):
                return WorkerReserved(job=request.job, attempt=request.attempt, worker=worker)
            case NobodyFree(reason=reason):
                return _nobody(request, reason)
            case _:
                assert_never(found)

    async def _read(self, method: Callable[_P, Awaitable[_T]], *args: _P.args, **kwargs: _P.kwargs) -> _T:
        async with self._lock:
            try:
                await self._refresh()
                await self._tell_all()
                return await self._ask(method(*args, **kwargs))
            except EngineError:
                raise MessageError(ErrorCode.NO_CAPACITY, UNREACHABLE, retry_after=RETRY_AFTER) from None

    async def _ask(self, answer: Awaitable[_T]) -> _T:
        """An answer of the engine.

        Raises:
            EngineError: There is none, or not in time.
        """
        try:
            async with asyncio.timeout(DEADLINE):
                return await answer
        except (EngineError, TimeoutError) as exc:
            if self.is_reachable:
                logger.error("x the engine cannot be reached (%r): nothing new begins here until it can", exc)
            self.is_reachable = False
            raise EngineError from exc


def _nobody(request: ReserveWorker, reason: str) -> NobodyReserved:
    return NobodyReserved(job=request.job, attempt=request.attempt, reason=reason)
