"""Random and mutated frames to the client, codec and unbroken connection together, over a real socket.

What a server sends may be nonsense, may refuse us, or may break the connection: events, or one error, follow.
"""

import asyncio
import copy
import gc
import json
import tracemalloc
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from agent_worker.errors import RealtimeError, RealtimeLostError
from agent_worker.history.items import Message, Role
from agent_worker.realtime import base as rt
from agent_worker.realtime.enduring import Endurance, EnduringModel
from agent_worker.realtime.openai import OpenAIRealtimeModel
from tests.agent_worker.realtime.server_samples import SAMPLES

SECONDS = 60.0
HELLO = Message(id="hello", role=Role.USER, text="Hello")
END = {"type": "the.end", "event_id": "end"}
COMMANDS = (
    rt.CreateItem(item=HELLO),
    rt.AppendAudio(bytes(9600)),
    rt.CommitAudio(),
    rt.CreateResponse(request_id="r7"),
    rt.UpdateSession(rt.SessionSettings(instructions="Be brief.", voice="bass")),
    rt.CancelResponse("resp_1"),
    rt.TruncateItem(item_id="item_1", content_index=0, audio_end_ms=10),
    rt.CreateResponse(request_id="r8", in_conversation=False),
    rt.DeleteItem("item_1"),
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 10**12) | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@st.composite
def mutated(draw: st.DrawFn) -> str | bytes:
    """A frame as a server could send it, or as none should."""
    if draw(st.integers(0, 15)) == 0:
        return draw(st.binary(max_size=20) | st.text(max_size=20))
    frame: Any = copy.deepcopy(draw(st.sampled_from([sample for sample, _ in SAMPLES.values()])))
    for _ in range(draw(st.integers(0, 2))):
        _mutate(draw, frame)
    text = json.dumps(frame)
    return text if draw(st.integers(0, 15)) else text[: draw(st.integers(0, len(text)))]


def _mutate(draw: st.DrawFn, value: Any) -> None:
    while True:
        keys = list(value) if isinstance(value, dict) else list(range(len(value)))
        if not keys:
            return
        key = draw(st.sampled_from(keys))
        if isinstance(value[key], dict | list) and draw(st.booleans()):
            value = value[key]
            continue
        if draw(st.integers(0, 3)) == 0:
            del value[key]
        else:
            value[key] = draw(JSON)
        return


class Babbler:
    """A server that opens its first session as it should, then sends the frames; later ones are in order."""

    def __init__(self, frames: list[str | bytes]) -> None:
        self._frames = frames
        self._connections = 0

    async def live(self, socket: ServerConnection) -> None:
        self._connections += 1
        frames = self._frames if self._connections == 1 else []
        try:
            await socket.send(json.dumps({"type": "session.created", "session": {"id": "sess_1"}}))
            await socket.recv()
            await socket.send(json.dumps({"type": "session.updated", "session": {"id": "sess_1"}}))
            for frame in frames:
                await socket.send(frame)
            await socket.send(json.dumps(END))
            async for _ in socket:
                pass
        except ConnectionClosed:
            return


async def converse(frames: list[str | bytes], rounds: int) -> None:
    whys: list[str] = []
    for _ in range(rounds):
        async with asyncio.timeout(SECONDS), serve(Babbler(frames).live, "127.0.0.1", 0) as server:
            url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1/realtime"
            try:
                await _talk(EnduringModel(OpenAIRealtimeModel(url=url), endurance=Endurance(patience=5.0)))
            except (RealtimeError, RealtimeLostError) as refused:
                # One clear error is an answer, too.
                whys.append(str(refused))
    assert all(whys)


async def _talk(model: EnduringModel) -> None:
    """Until the server has come to its end, over whichever connection."""
    async with model.connect(rt.SessionSettings(), lambda: (HELLO,)) as connection:
        commands = list(COMMANDS)
        async for event in connection.events():
            if isinstance(event, rt.UnknownEvent) and event.type == END["type"]:
                return
            if commands:
                connection.send(commands.pop(0))


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(mutated(), min_size=5, max_size=40))
def test_whatever_a_server_sends_the_client_goes_on_or_says_why_not(frames: list[str | bytes]) -> None:
    asyncio.run(converse(frames, 1))


@pytest.mark.soak
@pytest.mark.timeout(1800)
@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(mutated(), min_size=20, max_size=60))
def test_memory_stays_flat(frames: list[str | bytes]) -> None:
    asyncio.run(converse(frames, 5))
    gc.collect()
    tracemalloc.start()
    try:
        asyncio.run(converse(frames, 5))
        gc.collect()
        before, _ = tracemalloc.get_traced_memory()
        asyncio.run(converse(frames, 20))
        gc.collect()
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert after - before < 500_000
