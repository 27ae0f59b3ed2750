"""The vendor's own Python SDK through a whole conversation with the local model, every frame checked by its types."""

import asyncio
from base64 import b64decode, b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any

from openai import AsyncOpenAI
from openai.resources.realtime.realtime import AsyncRealtimeConnection

from agent_worker.audio import MODEL_RATE
from tests.support.foreign import SECONDS, Talk, talk, write_speech

CHUNK = 4800
TIME = {
    "type": "function",
    "name": "get_time",
    "description": "The current time of day.",
    "parameters": {"type": "object", "properties": {}},
}
ANSWER = "It is half past four in the afternoon."


def client_of(talked: Talk) -> AsyncOpenAI:
    # Only the WebSocket goes through the proxy, so that the base address is that of it.
    return AsyncOpenAI(api_key="sk-none", base_url=talked.url.replace("ws://", "http://").removesuffix("/realtime"))


class Conversation:
    """The SDK's connection, and everything that came on it."""

    def __init__(self, connection: AsyncRealtimeConnection, folder: Path) -> None:
        self.connection = connection
        self._folder = folder
        self.seen: list[Any] = []

    async def until(self, kind: str, where: Callable[[Any], bool] = lambda _event: True) -> Any:
        async with asyncio.timeout(SECONDS):
            while True:
                event = await self.connection.recv()
                self.seen.append(event)
                if event.type == kind and where(event):
                    return event

    async def say(self, name: str) -> None:
        sound = (self._folder / f"{name}.pcm").read_bytes()
        for start in range(0, len(sound), CHUNK):
            piece = b64encode(sound[start : start + CHUNK]).decode()
            await self.connection.input_audio_buffer.append(audio=piece)

    def audio(self, response_id: str) -> int:
        deltas = (event for event in self.seen if event.type == "response.output_audio.delta")
        return sum(len(b64decode(event.delta)) for event in deltas if event.response_id == response_id)


async def test_a_whole_conversation(tmp_path: Path) -> None:
    await asyncio.to_thread(write_speech, tmp_path)
    async with talk() as talked, client_of(talked) as client, client.realtime.connect(model="local") as connection:
        there = Conversation(connection, tmp_path)
        await there.until("session.created")
        vad = {"type": "server_vad", "silence_duration_ms": 400}
        audio = {"input": {"turn_detection": vad, "transcription": {"model": "gpt-transcribe"}}}
        await connection.session.update(session={"type": "realtime", "tools": [TIME], "audio": audio})  # type: ignore
        updated = await there.until("session.updated")
        assert updated.session.tools[0].name == "get_time"

        await there.say("s02")
        heard = await there.until("conversation.item.input_audio_transcription.completed")
        assert heard.transcript == "what time is it"
        call = await there.until("response.function_call_arguments.done")
        assert call.name == "get_time"
        await there.until("response.done")
        output = {"type": "function_call_output", "call_id": call.call_id, "output": ANSWER}
        await connection.conversation.item.create(item=output)  # type: ignore
        await connection.response.create()
        done = await there.until("response.done")
        assert done.response.output[0].content[0].transcript == ANSWER
        assert there.audio(done.response.id) > MODEL_RATE

        await there.say("s13")
        created = await there.until("response.created")
        await there.until("response.output_audio.delta", lambda _: there.audio(created.response.id) > 2 * MODEL_RATE)
        item_id = there.seen[-1].item_id
        await connection.response.cancel()
        await connection.conversation.item.truncate(item_id=item_id, content_index=0, audio_end_ms=700)
        assert (await there.until("response.done")).response.status == "cancelled"
        await there.until("conversation.item.truncated")
        await connection.conversation.item.retrieve(item_id=item_id)
        kept = (await there.until("conversation.item.retrieved")).item
        assert len(b64decode(kept.content[0].audio)) == 2 * MODEL_RATE * 7 // 10

        # Out of band, in text, with its own input; the conversation goes on as if it had not been.
        aside = [{"type": "message", "role": "user", "content": [{"type": "input_text", "text": "two plus two"}]}]
        await connection.response.create(
            response={"conversation": "none", "output_modalities": ["text"], "input": aside, "metadata": {"k": "v"}}  # type: ignore
        )
        done = await there.until("response.done")
        assert (done.response.metadata, done.response.conversation_id) == ({"k": "v"}, None)
        assert "4" in done.response.output[0].content[0].text
        await connection.response.cancel()
        refused = await there.until("error")
        assert refused.error.code == "response_cancel_not_active"
    talked.check()


async def test_a_session_that_only_transcribes(tmp_path: Path) -> None:
    await asyncio.to_thread(write_speech, tmp_path)
    query = {"intent": "transcription"}
    async with (
        talk() as talked,
        client_of(talked) as client,
        client.realtime.connect(extra_query=query) as connection,
    ):
        there = Conversation(connection, tmp_path)
        created = await there.until("session.created")
        assert created.session.type == "transcription"
        vad = {"type": "server_vad", "silence_duration_ms": 400}
        audio = {"input": {"turn_detection": vad, "transcription": {"model": "gpt-transcribe", "language": "en"}}}
        await connection.session.update(session={"type": "transcription", "audio": audio})  # type: ignore
        await there.until("session.updated")
        await there.say("s02")
        heard = await there.until("conversation.item.input_audio_transcription.completed")
        assert heard.transcript == "what time is it"
    talked.check()
    assert talked.of("response.created") == []
