"""A server of the beta protocol, in front of one of GA: it translates what it is told, and what is answered.

Strict where a real one is: a session of GA's shape, GA's names of parts and of modalities are refused.
"""

import asyncio
import base64
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, Final

import numpy as np
from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import ServerConnection, serve

from agent_worker.audio import from_bytes, to_bytes
from agent_worker.media.resample import Resampler

GA_TO_BETA: Final = {
    "conversation.item.added": "conversation.item.created",
    "response.output_audio.delta": "response.audio.delta",
    "response.output_audio.done": "response.audio.done",
    "response.output_audio_transcript.delta": "response.audio_transcript.delta",
    "response.output_audio_transcript.done": "response.audio_transcript.done",
    "response.output_text.delta": "response.text.delta",
    "response.output_text.done": "response.text.done",
}
OF_GA_ALONE: Final = {"conversation.item.done"}
FLAT: Final = {
    "modalities",
    "instructions",
    "voice",
    "input_audio_format",
    "output_audio_format",
    "input_audio_transcription",
    "turn_detection",
    "tools",
    "tool_choice",
    "max_response_output_tokens",
    "speed",
}


def session_for_ga(flat: dict[str, Any]) -> dict[str, Any]:
    assert set(flat) <= FLAT, f"no session of the beta protocol: {sorted(set(flat) - FLAT)}"
    assert flat.get("modalities", ["audio", "text"]) in (["audio", "text"], ["text"])
    assert {flat.get(f"{way}_audio_format", "pcm16") for way in ("input", "output")} == {"pcm16"}
    pcm = {"type": "audio/pcm", "rate": 24000}
    heard: dict[str, Any] = {"format": pcm}
    spoken: dict[str, Any] = {"format": pcm}
    heard |= {"transcription": flat["input_audio_transcription"]} if "input_audio_transcription" in flat else {}
    heard |= {"turn_detection": flat["turn_detection"]} if "turn_detection" in flat else {}
    spoken |= {key: flat[key] for key in ("voice", "speed") if key in flat}
    session = {key: flat[key] for key in ("instructions", "tools", "tool_choice") if key in flat}
    if "modalities" in flat:
        session["output_modalities"] = flat["modalities"][:1]
    return {"type": "realtime", **session, "audio": {"input": heard, "output": spoken}}


class Relay:
    def __init__(self, *, input_rate: int, metadata: bool) -> None:
        self._resampler = Resampler(input_rate, 24_000)
        self._metadata = metadata

    def for_ga(self, event: dict[str, Any]) -> dict[str, Any]:
        match event:
            case {"type": "session.update", "session": session}:
                return {**event, "session": session_for_ga(session)}
            case {"type": "input_audio_buffer.append", "audio": audio}:
                pcm = to_bytes(np.asarray(self._resampler.push(from_bytes(base64.b64decode(audio)))))
                return {**event, "audio": base64.b64encode(pcm).decode()}
            case {"type": "conversation.item.create", "item": {"role": "assistant", "content": parts} as item}:
                assert {part["type"] for part in parts} == {"text"}
                content = [{**part, "type": "output_text"} for part in parts]
                return {**event, "item": {**item, "content": content}}
            case {"type": "response.create", "response": response}:
                assert not {"output_modalities", "audio"} & set(response)
                return event
            case _:
                return event

    def for_beta(self, event: dict[str, Any]) -> dict[str, Any] | None:
        if event["type"] in OF_GA_ALONE:
            return None
        if "response" in event and not self._metadata:
            event = {**event, "response": {**event["response"], "metadata": None}}
        return {**event, "type": GA_TO_BETA.get(event["type"], event["type"])}

    async def forth(self, client: ServerConnection, ga: ClientConnection) -> None:
        async for frame in client:
            await ga.send(json.dumps(self.for_ga(json.loads(frame))))

    async def back(self, client: ServerConnection, ga: ClientConnection) -> None:
        async for frame in ga:
            event = self.for_beta(json.loads(frame))
            if event is not None:
                await client.send(json.dumps(event))
        await client.close(1011)


@asynccontextmanager
async def beta_relay(url: str, *, input_rate: int, metadata: bool) -> AsyncGenerator[str, None]:
    """The address of a server of the beta protocol, in front of the one of GA at `url`."""

    async def session(client: ServerConnection) -> None:
        relay = Relay(input_rate=input_rate, metadata=metadata)
        async with connect(url, compression=None, max_size=None) as ga, asyncio.TaskGroup() as group:
            back = group.create_task(relay.back(client, ga))
            try:
                await relay.forth(client, ga)
            finally:
                back.cancel()

    async with serve(session, "127.0.0.1", 0, compression=None, max_size=None, close_timeout=1.0) as server:
        port = server.sockets[0].getsockname()[1]
        yield f"ws://127.0.0.1:{port}/v1/realtime"
