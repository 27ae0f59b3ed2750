"""The local model with a recording proxy in front: foreign clients talk to it, and every frame of both sides is kept.

    client -> proxy (keeps frames) -> local model

The proxy knows nothing of the protocol, so that what it kept is what the client was sent.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

from openai.types.realtime import RealtimeServerEvent
from pydantic import BaseModel, Field, TypeAdapter
from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection
from websockets.asyncio.server import serve as serve_sockets
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from agent_worker.audio import MODEL_RATE, WIRE_RATE, to_bytes
from agent_worker.cascade.resample import resampled
from agent_worker.localmodel.server import serve
from tests.support.wav import corpus

Json = dict[str, Any]
SECONDS = 90.0
"""Deadline of a client's whole conversation."""
MAX_FRAME = 32 * 1024 * 1024
EVENTS = TypeAdapter(Annotated[RealtimeServerEvent, Field(discriminator="type")])
SESSION = {"object", "id", "expires_at"}
"""What every server says of a session, and the models take for settings that they do not know."""
NOT_MODELLED = {
    "session.created": SESSION,
    "session.updated": SESSION,
    # Ours: where in the sound the words begin.
    "response.output_audio_transcript.delta": {"audio_start_ms"},
}
SPOKEN = ("s02", "s13", "s15")
"""What clients say: "what time is it?", "tell me a story", "stop"."""


def unknown_fields(value: Any) -> Iterator[str]:
    """What the vendor's models have kept without knowing it: they accept any field."""
    match value:
        case BaseModel():
            yield from value.model_extra or {}
            for name in type(value).model_fields:
                yield from unknown_fields(getattr(value, name))
        case list():
            for each in value:
                yield from unknown_fields(each)
        case _:
            pass


@dataclass
class Talk:
    """Where a client connects to, and what was said there."""

    port: int
    client: list[Json] = field(default_factory=list[Json])
    """What the client sent, in order."""
    server: list[Json] = field(default_factory=list[Json])
    """What the server sent, in order."""

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/v1/realtime"

    def of(self, kind: str) -> list[Json]:
        """The server's events of this type."""
        return [event for event in self.server if event["type"] == kind]

    def sent(self, kind: str) -> list[Json]:
        """The client's events of this type."""
        return [event for event in self.client if event["type"] == kind]

    def check(self) -> None:
        """Every frame that the server sent is one that the vendor's own models accept, and know every field of."""
        assert self.server, "the client never connected"
        for event in self.server:
            unknown = set(unknown_fields(EVENTS.validate_python(event)))
            assert unknown <= NOT_MODELLED.get(event["type"], set()), (event["type"], unknown)
        ids = [event["event_id"] for event in self.server]
        assert len(set(ids)) == len(ids)


@asynccontextmanager
async def talk() -> AsyncIterator[Talk]:
    """The local model, with the engines of this machine, behind a proxy."""
    ready = asyncio.Queue[str](1)
    async with asyncio.TaskGroup() as group:
        serving = group.create_task(serve(host="127.0.0.1", port=0, record=None, ready=ready.put_nowait))
        async with asyncio.timeout(SECONDS):
            model = await ready.get()
        kept = Talk(0)

        async def relay(client: ServerConnection) -> None:
            await _relay(client, model, kept)

        def choose(_client: ServerConnection, offered: Any) -> Subprotocol | None:
            return Subprotocol("realtime") if "realtime" in offered else None

        proxy = serve_sockets(relay, "127.0.0.1", 0, max_size=MAX_FRAME, select_subprotocol=choose)
        async with proxy as listening:
            kept.port = next(iter(listening.sockets)).getsockname()[1]
            yield kept
        serving.cancel()


async def _relay(client: ServerConnection, model: str, kept: Talk) -> None:
    assert client.request is not None
    query = client.request.path.partition("?")[2]
    async with connect(f"{model}?{query}", max_size=MAX_FRAME, proxy=None) as server:

        async def pass_on(source: Any, target: Any, frames: list[Json]) -> None:
            try:
                async for frame in source:
                    frames.append(json.loads(frame))
                    await target.send(frame)
            except ConnectionClosed:
                pass
            await target.close()

        async with asyncio.TaskGroup() as group:
            group.create_task(pass_on(client, server, kept.client))
            group.create_task(pass_on(server, client, kept.server))


def write_speech(folder: Path) -> None:
    """The user's sentences as raw 24 kHz samples with half a second of silence behind: s02.pcm, s13.pcm."""
    for name in SPOKEN:
        speech = to_bytes(resampled(corpus(name), WIRE_RATE, MODEL_RATE))
        (folder / f"{name}.pcm").write_bytes(speech + bytes(MODEL_RATE))


async def run(*command: str | Path, talk: Talk, folder: Path, cwd: Path | None = None) -> Json:
    """Run a client's script to its end; gives the JSON that it printed last."""
    write_speech(folder)
    process = await asyncio.create_subprocess_exec(
        *command,
        talk.url,
        folder,
        cwd=cwd,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(SECONDS):
            out, err = await process.communicate()
    except TimeoutError:
        process.kill()
        out, err = await process.communicate()
        raise AssertionError(f"{command} took too long: {_tail(talk)}\n{err.decode()[-3000:]}") from None
    assert process.returncode == 0, f"{err.decode()[-3000:]}\n{_tail(talk)}"
    report: Json = json.loads(out.decode().strip().splitlines()[-1])
    return report


def _tail(talk: Talk) -> str:
    return f"client: {[each['type'] for each in talk.client][-12:]}, server: {[e['type'] for e in talk.server][-12:]}"
