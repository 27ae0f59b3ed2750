"""The unbreakable connection over real sockets on 127.0.0.1, to a server that breaks them in every way it can."""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from itertools import count
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from agent_worker.errors import RealtimeError
from agent_worker.history.items import Message, Role
from agent_worker.realtime import base as rt
from agent_worker.realtime import openai
from agent_worker.realtime.enduring import Endurance, EnduringModel
from agent_worker.realtime.openai import OpenAIRealtimeModel

SETTINGS = rt.SessionSettings(instructions="Be kind.")
HISTORY = (Message(id="hello", role=Role.USER, text="Hello"),)
SECONDS = 20.0

Breaking = Callable[[ServerConnection], Awaitable[object]]


class Server:
    """Opens sessions; `breaking` is done to the first ones, the next ones hold."""

    def __init__(self, *breaking: Breaking, before_ready: Breaking | None = None) -> None:
        self.keys: list[str] = []
        self.told: list[list[str]] = []
        self._breaking = iter(breaking)
        self._before_ready = before_ready

    @asynccontextmanager
    async def url(self) -> AsyncGenerator[str, None]:
        async with serve(self._live, "127.0.0.1", 0) as server:
            yield f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1/realtime"

    async def _live(self, socket: ServerConnection) -> None:
        try:
            await self._converse(socket)
        except ConnectionClosed:
            return

    async def _converse(self, socket: ServerConnection) -> None:
        assert socket.request is not None
        self.keys.append(socket.request.headers.get("Authorization", ""))
        told: list[str] = []
        self.told.append(told)
        session: dict[str, Any] = {"id": f"sess_{len(self.told)}"}
        await self._send(socket, "session.created", session=session)
        await socket.recv()
        if self._before_ready is not None and len(self.told) == 2:
            await self._before_ready(socket)
        await self._send(socket, "session.updated", session=session)
        breaking = next(self._breaking, None)
        async for frame in socket:
            event = json.loads(frame)
            told.append(event["type"])
            if breaking is not None:
                await breaking(socket)
            elif event["type"] == "response.create":
                await self._reply(socket, event)

    async def _reply(self, socket: ServerConnection, event: dict[str, Any]) -> None:
        response = {"id": f"resp_{len(self.told)}", "metadata": event["response"]["metadata"]}
        await self._send(socket, "response.created", response=response)
        await self._send(socket, "response.done", response={**response, "status": "completed"})

    @staticmethod
    async def _send(socket: ServerConnection, kind: str, **fields: Any) -> None:
        await socket.send(json.dumps({"type": kind, "event_id": "event", **fields}))


async def until(events: AsyncIterator[rt.RealtimeEvent], kind: type) -> list[rt.RealtimeEvent]:
    seen: list[rt.RealtimeEvent] = []
    async with asyncio.timeout(SECONDS):
        async for event in events:
            seen.append(event)
            if isinstance(event, kind):
                return seen
    raise AssertionError("events end by raising, never by stopping")


def closing(code: int, reason: str = "") -> Breaking:
    async def close(socket: ServerConnection) -> None:
        await socket.close(code, reason)

    return close


async def abort(socket: ServerConnection) -> None:
    socket.transport.abort()


async def say_it_is_over(socket: ServerConnection) -> None:
    error = {"type": "invalid_request_error", "code": "session_expired", "message": "60 minutes are over."}
    await socket.send(json.dumps({"type": "error", "event_id": "event", "error": error}))


async def answer_nothing(socket: ServerConnection) -> None:
    """Half-open: the network swallows everything from here on, pings included."""
    socket.transport.pause_reading()
    await asyncio.sleep(2.0)
    socket.transport.abort()


CODES = (1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 3000, 4000, 4999)
BREAKS = {f"close {code}": closing(code) for code in CODES} | {
    "abort": abort,
    "expired": say_it_is_over,
    "half-open": answer_nothing,
}


@pytest.mark.parametrize("breaking", BREAKS.values(), ids=BREAKS.keys())
async def test_a_request_outlives_its_connection(breaking: Breaking, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openai, "_PING_SECONDS", 0.3)
    numbers = count(1)

    async def mint() -> str:
        return f"key-{next(numbers)}"

    server = Server(breaking)
    async with (
        server.url() as url,
        EnduringModel(OpenAIRealtimeModel(url=url, api_key=mint)).connect(SETTINGS, lambda: HISTORY) as connection,
    ):
        events = aiter(connection.events())
        connection.send(rt.CreateResponse(request_id="r1"))
        seen = await until(events, rt.ResponseEnded)
    ended = seen[-1]
    assert isinstance(ended, rt.ResponseEnded)
    assert (ended.request_id, ended.status) == ("r1", rt.ResponseStatus.COMPLETED)
    assert [type(event) for event in seen if isinstance(event, rt.ConnectionLost | rt.ConnectionRestored)] == [
        rt.ConnectionLost,
        rt.ConnectionRestored,
    ]
    # Told before anything that can break it is answered; then told again, and asked again.
    assert server.told[0][:1] == ["conversation.item.create"]
    assert server.told[1] == ["conversation.item.create", "response.create"]
    assert server.keys == ["Bearer key-1", "Bearer key-2"]


async def test_a_loss_before_the_new_session_is_ready_is_one_more_attempt() -> None:
    server = Server(closing(1012), before_ready=closing(1013))
    async with (
        server.url() as url,
        EnduringModel(OpenAIRealtimeModel(url=url)).connect(SETTINGS, lambda: HISTORY) as connection,
    ):
        connection.send(rt.CreateResponse(request_id="r1"))
        await until(aiter(connection.events()), rt.ResponseEnded)
    assert len(server.told) == 3


async def test_a_key_that_is_refused_later_ends_it_with_that_one_error() -> None:
    refused = closing(3000, "invalid_request_error.invalid_api_key")
    server = Server(closing(1011), before_ready=refused)
    async with (
        server.url() as url,
        EnduringModel(OpenAIRealtimeModel(url=url, api_key="sk-secret")).connect(
            SETTINGS, lambda: HISTORY
        ) as connection,
    ):
        connection.send(rt.CreateResponse(request_id="r1"))
        with pytest.raises(RealtimeError, match="API key"):
            await until(aiter(connection.events()), rt.ResponseEnded)
    assert len(server.told) == 2


async def test_a_connection_that_grows_old_is_replaced_before_it_is_closed() -> None:
    server = Server()
    async with server.url() as url:
        model = EnduringModel(OpenAIRealtimeModel(url=url), endurance=Endurance(max_age=0.3))
        async with model.connect(SETTINGS, lambda: HISTORY) as connection:
            async with asyncio.timeout(SECONDS):
                while len(server.told) < 3 or not server.told[2]:
                    await asyncio.sleep(0.05)
            connection.send(rt.CreateResponse(request_id="r1"))
            seen = await until(aiter(connection.events()), rt.ResponseEnded)
    assert not [event for event in seen if isinstance(event, rt.ConnectionLost | rt.ConnectionRestored)]
