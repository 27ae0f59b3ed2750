"""A whole session on a server that misbehaves in every way it can: the conversation goes on (M-3).

typed text -> session -> OpenAI adapter -> socket -> a server that does this row's mischief in its first answer, and
then answers as it should. What it closes a connection with, and how connections die, is in `test_enduring_sockets`.
"""

import asyncio
import json
from base64 import b64encode
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from agent_worker import Agent, AgentSession, SpeechOptions, function_tool
from agent_worker.history.items import FunctionCall, FunctionCallOutput, Message
from agent_worker.realtime.openai import OpenAIRealtimeModel
from agent_worker.testing import EnergyVad, LoopbackRoom
from tests.agent_worker.session.play import tone

SECONDS = 60.0
PATIENCE = 4.0
"""For a reply that does not begin, or does not go on."""
SOUND = b64encode(tone(0.1).astype("<i2").tobytes()).decode()
Mischief = Callable[["Server", str], Awaitable[None]]
"""Done with the first request for a response, whose metadata is given, before (or instead of) its answer."""


class Server:
    """Answers each request with these words: "Well.", or a call of the tool at first."""

    def __init__(self, mischief: Mischief) -> None:
        self._mischief = mischief
        self._socket: ServerConnection
        self._metadata: dict[str, str] = {}
        self.requests = 0
        self.connections = 0

    async def live(self, socket: ServerConnection) -> None:
        self._socket = socket
        self.connections += 1
        try:
            await self.send("session.created", session={"id": "sess_1"})
            await self._converse()
        except ConnectionClosed:
            return

    async def _converse(self) -> None:
        async for frame in self._socket:
            event = json.loads(frame)
            match event["type"]:
                case "session.update":
                    await self.send("session.updated", session=event["session"])
                case "conversation.item.create":
                    await self.send("conversation.item.added", item=event["item"], previous_item_id=None)
                case "response.cancel":
                    await self.done(event["response_id"], status="cancelled")
                case "response.create":
                    self.requests += 1
                    self._metadata = event["response"]["metadata"]
                    if self.requests == 1:
                        await self._mischief(self, "resp_1")
                    else:
                        await self.answer(f"resp_{self.requests}")
                case _:
                    pass

    async def send(self, kind: str, **fields: Any) -> None:
        await self._socket.send(json.dumps({"type": kind, "event_id": "event_1", **fields}))

    async def raw(self, frame: str | bytes) -> None:
        await self._socket.send(frame)

    async def close(self, code: int) -> None:
        await self._socket.close(code)

    # A reply, piece by piece.

    async def answer(self, response_id: str, words: str = "Well.", *, item_id: str = "") -> None:
        await self.created(response_id)
        await self.said(response_id, words, item_id or f"item_{response_id}")
        await self.done(response_id)

    async def created(self, response_id: str) -> None:
        response = {"id": response_id, "status": "in_progress", "metadata": self._metadata}
        await self.send("response.created", response=response)

    async def said(self, response_id: str, words: str, item_id: str) -> None:
        item = {"id": item_id, "type": "message", "role": "assistant", "content": []}
        where = {"response_id": response_id, "item_id": item_id, "output_index": 0, "content_index": 0}
        await self.send("response.output_item.added", response_id=response_id, output_index=0, item=item)
        await self.send("conversation.item.added", item=item, previous_item_id=None)
        await self.send("response.output_audio_transcript.delta", **where, delta=words)
        await self.send("response.output_audio.delta", **where, delta=SOUND)
        await self.send("response.output_audio.done", **where)

    async def called(self, response_id: str, item_id: str, call_id: str) -> None:
        item = {"id": item_id, "type": "function_call", "name": "count", "call_id": call_id, "arguments": "{}"}
        await self.send("response.output_item.added", response_id=response_id, output_index=0, item=item)
        where = {"response_id": response_id, "item_id": item_id, "output_index": 0, "call_id": call_id}
        await self.send("response.function_call_arguments.done", **where, name="count", arguments="{}")
        await self.send("response.output_item.done", response_id=response_id, output_index=0, item=item)

    async def done(self, response_id: str, status: str = "completed", **fields: Any) -> None:
        response = {"id": response_id, "status": status, "output": [], "metadata": self._metadata} | fields
        await self.send("response.done", response=response)


async def unknown_events(server: Server, response: str) -> None:
    await server.send("x_vendor.mood", mood={"very": ["fine", None]})
    await server.created(response)
    await server.send("response.output_smell.delta", response_id=response, delta="roses")
    await server.said(response, "Well.", "item_1")
    await server.send("response.rated", response_id=response)
    await server.done(response)


async def missing_fields(server: Server, response: str) -> None:
    for kind in (
        "response.created",
        "response.output_item.added",
        "conversation.item.added",
        "response.output_audio.delta",
        "response.output_audio_transcript.delta",
        "response.function_call_arguments.done",
        "response.done",
        "input_audio_buffer.committed",
        "conversation.item.input_audio_transcription.completed",
        "rate_limits.updated",
        "error",
    ):
        await server.send(kind)
    await server.answer(response)


async def null_usage(server: Server, response: str) -> None:
    await server.created(response)
    await server.said(response, "Well.", "item_1")
    await server.done(response, usage=None, status_details=None, conversation_id=None)


async def null_everything(server: Server, response: str) -> None:
    await server.send("response.output_audio.delta", response_id=None, item_id=None, content_index=None, delta=None)
    await server.send("response.output_item.added", response_id=None, output_index=None, item=None)
    await server.send("error", error=None)
    await server.answer(response)


async def content_before_its_response(server: Server, response: str) -> None:
    await server.said("resp_early", "Nobody asked.", "item_early")
    await server.answer(response)


async def an_end_before_its_beginning(server: Server, response: str) -> None:
    await server.done("resp_early", metadata=None)
    await server.answer(response)
    await server.send("response.created", response={"id": "resp_early", "metadata": None})
    await server.done("resp_early", metadata=None)


async def two_responses_to_one_request(server: Server, response: str) -> None:
    await server.done("resp_early")
    await server.answer(response)
    await server.answer("resp_more")


async def content_after_the_end(server: Server, response: str) -> None:
    await server.answer(response)
    await server.said(response, "And another thing.", "item_late")
    await server.done(response)


async def duplicate_ids(server: Server, response: str) -> None:
    await server.created(response)
    await server.created(response)
    await server.called(response, "item_c", "call_1")
    await server.called(response, "item_c", "call_1")
    await server.done(response)
    await server.done(response)


async def an_error_storm(server: Server, response: str) -> None:
    error = {"type": "server_whim", "code": "whim", "message": "No reason.", "param": None, "event_id": None}
    for _ in range(2000):
        await server.send("error", error=error)
    await server.answer(response)


async def frames_that_are_no_events(server: Server, response: str) -> None:
    for frame in ("{", "[]", "null", '"type"', "{}", '{"type": 7}', b"\x00\xff", "\u2603" * 1000, "9" * 10_000):
        await server.raw(frame)
    await server.answer(response)


async def a_reply_that_never_begins(server: Server, response: str) -> None:
    del server, response


async def a_reply_that_never_goes_on(server: Server, response: str) -> None:
    await server.created(response)
    await server.said(response, "Well.", "item_1")


async def a_reply_that_fails(server: Server, response: str) -> None:
    await server.created(response)
    await server.done(response, status="failed", status_details={"type": "failed", "error": None})


async def a_request_that_is_refused(server: Server, response: str) -> None:
    del response
    error = {"type": "invalid_request_error", "code": "invalid_value", "message": "No.", "param": None}
    await server.send("error", error={**error, "event_id": "evt_nobody"})
    await server.done("resp_other", status="incomplete", status_details={"reason": "content_filter"})


async def a_close_in_mid_reply(server: Server, response: str) -> None:
    await server.created(response)
    await server.said(response, "Well.", "item_1")
    await server.close(1011)


ROWS: dict[str, tuple[Mischief, bool]] = {
    "unknown events": (unknown_events, True),
    "missing fields": (missing_fields, True),
    "null usage": (null_usage, True),
    "null everything": (null_everything, True),
    "out of order: content before its response": (content_before_its_response, True),
    "out of order: an end before its beginning": (an_end_before_its_beginning, True),
    "out of order: two responses to one request": (two_responses_to_one_request, False),
    "out of order: content after the end": (content_after_the_end, True),
    "duplicate ids": (duplicate_ids, True),
    "an error storm": (an_error_storm, True),
    "frames that are no events": (frames_that_are_no_events, True),
    "a stall before a reply": (a_reply_that_never_begins, False),
    "a stall in a reply": (a_reply_that_never_goes_on, True),
    "a reply that fails": (a_reply_that_fails, False),
    "a refusal that names nobody": (a_request_that_is_refused, False),
    "a close in mid-reply": (a_close_in_mid_reply, True),
}
"""What it does, and whether the first question is answered all the same."""


class Counting(Agent):
    """Counts how often its tool runs."""

    instructions = "Be kind."

    def __init__(self) -> None:
        self.counted = 0

    @function_tool
    async def count(self) -> str:
        """Count."""
        self.counted += 1
        return f"counted {self.counted}"


@pytest.mark.parametrize(("mischief", "answered"), ROWS.values(), ids=ROWS.keys())
async def test_the_conversation_goes_on(mischief: Mischief, *, answered: bool) -> None:
    server, room, agent = Server(mischief), LoopbackRoom(), Counting()
    async with serve(server.live, "127.0.0.1", 0) as listening:
        url = f"ws://127.0.0.1:{listening.sockets[0].getsockname()[1]}/v1/realtime"
        options = SpeechOptions(reply_timeout=PATIENCE, stall_timeout=PATIENCE)
        model = OpenAIRealtimeModel(url=url)
        session = AgentSession(agent, door=room, model=model, vad=EnergyVad(), options=options)

        async def until(there: Callable[[], bool]) -> None:
            while not there():
                await asyncio.sleep(0.02)

        def rests() -> bool:
            return server.requests > 0 and session.agent_state == "listening"

        async with asyncio.timeout(SECONDS), asyncio.TaskGroup() as group:
            running = group.create_task(session.run())
            human = room.enter()
            await until(lambda: session.agent_state == "listening")
            human.type("Hello")
            await until(rests)
            human.type("Again")
            texts = lambda: [item.text for item in session.history if isinstance(item, Message)]  # noqa: E731
            await until(lambda: texts()[-2:] == ["Again", "Well."] and rests())
            room.close("over")
            assert await running == "over"
    assert texts()[0] == "Hello"
    assert texts().count("Well.") >= 1 + answered
    # Nothing that nobody asked for was said, and nothing was done twice.
    assert set(texts()) == {"Hello", "Again", "Well."}
    calls = [item for item in session.history if isinstance(item, FunctionCall)]
    outputs = [item.output for item in session.history if isinstance(item, FunctionCallOutput)]
    assert agent.counted == len(calls) == len(outputs) <= 1
