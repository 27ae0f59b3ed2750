"""A real signaling server on a free port of 127.0.0.1, and the peers that talk to it."""

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Any

import httpx
import jwt
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from signaling.engine.base import Engine
from signaling.members import RoomSettings
from signaling.messages import DEV_API_KEY, DEV_API_SECRET, parse_to_client, parse_to_worker, worker_claims
from signaling.server import create_app, say_goodbye
from signaling.serving import Server, listen
from signaling.settings import Settings

DEV = Settings(dev=True, rooms=RoomSettings(reconnect_timeout=0.0))
"""Who is lost has left at once; see test_resume.py for those who come back."""
PATIENCE = 5.0


def sign(claims: dict[str, Any], secret: str = DEV_API_SECRET) -> str:
    return jwt.encode(claims, secret, algorithm="HS256")


def join_token(
    identity: str, room: str, *, lifetime: float = 3600, secret: str = DEV_API_SECRET, **claims: Any
) -> str:
    body = {
        "iss": DEV_API_KEY,
        "sub": identity,
        "aud": "voice",
        "exp": int(time.time() + lifetime),
        "room": room,
        "grants": {"join": True},
    }
    return sign(body | claims, secret)


class Socket:
    """One end of a WebSocket that speaks JSON. Whatever it is told must be of the server's own wire."""

    def __init__(self, websocket: ClientConnection) -> None:
        self.websocket = websocket
        path = websocket.request.path if websocket.request else ""
        self.parse = parse_to_worker if path.endswith("/v1/worker") else parse_to_client

    async def send(self, t: str, **fields: Any) -> None:
        await self.websocket.send(json.dumps({"t": t, **fields}))

    async def take(self) -> dict[str, Any]:
        """The next message."""
        async with asyncio.timeout(PATIENCE):
            text = await self.websocket.recv()
        self.parse(text)
        return json.loads(text)

    async def expect(self, t: str, **fields: Any) -> dict[str, Any]:
        """The next message of this type with these fields; what comes before is passed over."""
        while True:
            message = await self.take()
            if message["t"] == t and fields.items() <= message.items():
                return message

    async def ask(self, t: str, **fields: Any) -> dict[str, Any]:
        """Send a request and take its answer."""
        await self.send(t, id=77, **fields)
        while True:
            message = await self.take()
            if message.get("re") == 77:
                return message

    async def closed(self) -> int:
        """The close code, after everything else."""
        async with asyncio.timeout(PATIENCE):
            try:
                while True:
                    await self.websocket.recv()
            except ConnectionClosed as end:
                return 1006 if end.rcvd is None else end.rcvd.code


@dataclass
class Site:
    """A running server."""

    url: str
    http: httpx.AsyncClient
    app: Any

    def at(self, path: str) -> str:
        return self.url.replace("http", "ws", 1) + path

    @contextlib.asynccontextmanager
    async def socket(self, path: str, **options: Any) -> AsyncIterator[Socket]:
        """Not introduced yet."""
        async with connect(self.at(path), close_timeout=1, **options) as websocket:
            yield Socket(websocket)

    @contextlib.asynccontextmanager
    async def joined(self, identity: str, room: str = "r", **claims: Any) -> AsyncIterator[Socket]:
        """A participant that has been told `joined`."""
        async with self.socket("/v1/rtc", subprotocols=["voice.v1"]) as socket:
            await socket.send("join", token=join_token(identity, room, **claims), v=1)
            await socket.expect("joined")
            yield socket

    @contextlib.asynccontextmanager
    async def worker(self, name: str = "w", **fields: Any) -> AsyncIterator[Socket]:
        """A worker that has been told `registered`."""
        async with self.socket("/v1/worker") as socket:
            token = sign(worker_claims(DEV_API_KEY, name, expires_at=int(time.time()) + 60))
            await socket.send("register", token=token, worker=name, **fields)
            await socket.expect("registered")
            yield socket

    @contextlib.asynccontextmanager
    async def agent(self, worker: Socket, identity: str = "bot") -> AsyncIterator[Socket]:
        """The agent of the job that the worker is offered next, in its room."""
        offer = await worker.expect("offer")
        await worker.send("accept", job=offer["job"], identity=identity)
        assign = await worker.expect("assign")
        async with connect(assign["url"], subprotocols=["voice.v1"], close_timeout=1) as websocket:
            socket = Socket(websocket)
            await socket.send("join", token=assign["token"])
            await socket.expect("joined")
            yield socket


@contextlib.asynccontextmanager
async def serving(settings: Settings = DEV, engine: Engine | None = None, **changes: Any) -> AsyncIterator[Site]:
    """A server for the time of the block: uvicorn without its main loop, whose tenths of seconds would add up."""
    app = create_app(replace(settings, **changes), engine)
    server = Server(app, lambda url: None, replace(settings, **changes))
    server.lifespan = server.config.lifespan_class(server.config)
    listener = listen("127.0.0.1", 0)
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    await server.startup([listener])
    try:
        async with httpx.AsyncClient(base_url=url, timeout=PATIENCE) as http:
            yield Site(url, http, app)
    finally:
        await say_goodbye(app, 1.0)
        server.servers[0].close()
        for connection in list(server.server_state.connections):
            connection.shutdown()
        async with asyncio.timeout(PATIENCE):
            while server.server_state.connections or server.server_state.tasks:
                await asyncio.sleep(0.002)
            await server.lifespan.shutdown()
