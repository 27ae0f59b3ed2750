"""People in a room who are not pages: they say what a test makes them say, and keep what they are told."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import websockets

from signaling.auth import mint
from signaling.claims import Claims, Grants
from signaling.messages import DEV_API_KEY, DEV_API_SECRET

Message = dict[str, Any]


@dataclass
class Guest:
    """One of them.

    Attributes:
        told: What the server and other members sent, in order.
    """

    identity: str
    socket: websockets.ClientConnection
    told: list[Message] = field(default_factory=list)

    async def send(self, **message: Any) -> None:
        await self.socket.send(json.dumps(message))

    async def type(self, text: str) -> None:
        """Say something in the chat."""
        sid = f"{self.identity}-{len(self.told)}"
        await self.send(t="stream", op="open", sid=sid, topic="chat", attributes={})
        await self.send(t="stream", op="chunk", sid=sid, text=text, n=0)
        await self.send(t="stream", op="close", sid=sid)

    def messages(self, kind: str) -> list[Message]:
        return [message for message in self.told if message["t"] == kind]

    async def leave(self) -> None:
        await self.send(t="leave", reason="done")
        await self.socket.close()

    async def run(self) -> None:
        try:
            async for frame in self.socket:
                self.told.append(json.loads(frame))
        except websockets.ConnectionClosedError:
            # Whoever is removed has been told why.
            assert self.messages("leave"), "the server hung up without a word"


@asynccontextmanager
async def guest(url: str, room: str, identity: str, *, name: str = "", admin: bool = False) -> AsyncIterator[Guest]:
    """Somebody in a room of the signaling server at `url` (http://...)."""
    claims = Claims(
        iss=DEV_API_KEY,
        sub=identity,
        exp=int(time.time()) + 60,
        room=room,
        name=name,
        agent=None,
        grants=Grants(join=True, admin=admin),
    )
    address = url.replace("http", "ws", 1) + "/v1/rtc"
    protocols = [websockets.Subprotocol("voice.v1")]
    async with (
        websockets.connect(address, subprotocols=protocols, max_queue=None) as socket,
        asyncio.TaskGroup() as tasks,
    ):
        someone = Guest(identity, socket)
        await someone.send(t="join", id=1, token=mint(claims, DEV_API_SECRET), v=1)
        running = tasks.create_task(someone.run())
        async with asyncio.timeout(10):
            while not someone.messages("joined"):
                await asyncio.sleep(0.02)
        try:
            yield someone
        finally:
            running.cancel()
