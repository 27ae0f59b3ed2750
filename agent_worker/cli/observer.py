"""Hidden in rooms, to ask the agents there how they are doing.

a room's name -> a presence that nobody is told of -> `rpc` agent.statistics -> what each agent counts of itself
"""

import asyncio
import itertools
import logging
import time
from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, Final

from websockets.asyncio.client import ClientConnection

from agent_worker.cli import tokens
from agent_worker.cli.tokens import Key
from agent_worker.errors import AgentWorkerError
from agent_worker.rooms.background import Background
from agent_worker.rooms.presence import Presence
from agent_worker.rooms.signaled_entrance import Entrance
from agent_worker.session.statistics import METHOD
from agent_worker.worker.address import endpoint
from signaling.messages import Error, Joined, ParticipantChanged, RelayedRpcResult, Rpc, ToClient

__all__ = ["Observers"]

_logger = logging.getLogger(__name__)

ANSWER_SECONDS: Final = 3.0
TOKEN_SECONDS: Final = 3600


class _Observer:
    """In one room.

    Args:
        entrance: The way in.
        socket: Where we were let in.

    Attributes:
        agents: The agents that are there, by identity.
        is_over: We are not in the room any more.
    """

    def __init__(self, entrance: Entrance, socket: ClientConnection, joined: Joined) -> None:
        self.agents = _agents_of(joined)
        self.is_over = False
        self._waiting: dict[int | str, asyncio.Future[Any]] = {}
        self._ids = itertools.count(1)
        self.presence = Presence(entrance, socket, welcome=self._welcome, receive=self._receive)

    async def run(self, joined: Joined) -> None:
        """Be there until it is over."""
        try:
            why = await self.presence.run(joined)
        except AgentWorkerError as error:
            why = str(error)
        _logger.info("no more numbers of this room: %s", why)
        self.is_over = True

    async def ask(self) -> dict[str, Any]:
        """What each agent tells, by its identity; those that tell nothing in time are left out."""
        told = {identity: await self._ask(identity) for identity in sorted(self.agents)}
        return {identity: answer for identity, answer in told.items() if isinstance(answer, dict)}

    async def _ask(self, identity: str) -> Any:
        number = next(self._ids)
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting[number] = answer
        try:
            call = Rpc(id=number, to=identity, method=METHOD, timeout_ms=int(1000 * ANSWER_SECONDS))
            self.presence.say(lambda: call)
            async with asyncio.timeout(ANSWER_SECONDS + 1.0):
                return await answer
        except TimeoutError:
            return None
        finally:
            del self._waiting[number]

    def _welcome(self, joined: Joined) -> None:
        if not joined.resumed:
            self.agents = _agents_of(joined)

    def _receive(self, message: ToClient) -> None:
        match message:
            case ParticipantChanged(op="left", participant=one):
                self.agents.discard(one.identity)
            case ParticipantChanged(participant=one) if one.kind == "agent":
                self.agents.add(one.identity)
            case RelayedRpcResult(re=number, payload=payload):
                self._answered(number, payload)
            case Error(re=number) if number is not None:
                self._answered(number, None)
            case _:
                pass

    def _answered(self, number: int | str, payload: Any) -> None:
        answer = self._waiting.get(number)
        if answer is not None and not answer.done():
            answer.set_result(payload)


def _agents_of(joined: Joined) -> set[str]:
    return {one.identity for one in joined.participants if one.kind == "agent"}


class Observers:
    """In as many rooms as were asked for: an async context manager, whose end leaves all of them.

    Args:
        signaling: The server's address, as people write it.
        key: Signs our tokens.
    """

    def __init__(self, signaling: str, key: Key) -> None:
        self._url = endpoint(signaling, "/v1/rtc")
        self._key = key
        self._there: dict[str, tuple[_Observer, AsyncExitStack]] = {}

    async def __aenter__(self) -> "Observers":
        return self

    async def __aexit__(self, *_: object) -> None:
        for room in list(self._there):
            await self._leave(room)

    async def ask(self, rooms: tuple[str, ...]) -> Mapping[str, Mapping[str, Any]]:
        """What the agents of these rooms count of themselves: by room and identity. Other rooms are left.

        A room that we are not let in, because it is full or has closed, has nothing to tell.
        """
        for gone in [room for room, (seat, _) in self._there.items() if seat.is_over or room not in rooms]:
            await self._leave(gone)
        told: dict[str, Mapping[str, Any]] = {}
        for room in rooms:
            try:
                told[room] = await (await self._observer(room)).ask()
            except AgentWorkerError as error:
                _logger.info("room %s tells nothing: %s", room, error)
        return told

    async def _observer(self, room: str) -> _Observer:
        if room not in self._there:
            stack = AsyncExitStack()
            self._there[room] = await stack.enter_async_context(_observing(self._entrance(room))), stack
        return self._there[room][0]

    def _entrance(self, room: str) -> Entrance:
        claims = tokens.observer_claims(room=room, now=int(time.time()), lifetime=TOKEN_SECONDS)
        return Entrance(self._url, tokens.sign(claims, self._key))

    async def _leave(self, room: str) -> None:
        _, stack = self._there.pop(room)
        await stack.aclose()


@asynccontextmanager
async def _observing(entrance: Entrance) -> AsyncGenerator[_Observer]:
    socket, joined = await entrance.enter()
    observer = _Observer(entrance, socket, joined)
    async with Background() as background:
        background.start(observer.run(joined), name="observer")
        try:
            yield observer
        finally:
            await observer.presence.leave()
