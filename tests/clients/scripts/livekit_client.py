"""A whole conversation by LiveKit's OpenAI realtime plugin at session level; prints what it saw as JSON.

Arguments: the server's address, the folder with what the user says.
"""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import aiohttp
from livekit import rtc
from livekit.agents import llm
from livekit.plugins import openai
from openai.types.realtime import ConversationItemRetrieveEvent
from openai.types.realtime.realtime_audio_input_turn_detection import ServerVad

RATE = 24_000
CHUNK = RATE // 50


@llm.function_tool
async def get_time() -> str:
    """The current time of day."""
    return "It is half past four in the afternoon."


class Seen:
    """Everything the session emitted."""

    def __init__(self, session: Any) -> None:
        self.transcripts: list[str] = []
        self.errors: list[str] = []
        self.speech: list[str] = []
        self.server: list[dict[str, Any]] = []
        self.generations: asyncio.Queue[llm.GenerationCreatedEvent] = asyncio.Queue()
        self.changed = asyncio.Event()
        session.on("generation_created", self.generations.put_nowait)
        session.on("input_audio_transcription_completed", self._transcribed)
        session.on("input_speech_started", lambda _event: self.speech.append("started"))
        session.on("input_speech_stopped", lambda _event: self.speech.append("stopped"))
        session.on("error", lambda error: self.errors.append(repr(error)))
        session.on("openai_server_event_received", self._received)

    def _transcribed(self, event: llm.InputTranscriptionCompleted) -> None:
        if event.is_final:
            self.transcripts.append(event.transcript)
        self.changed.set()

    def _received(self, event: Any) -> None:
        self.server.append(event if isinstance(event, dict) else event.model_dump())
        self.changed.set()

    async def until(self, kind: str) -> dict[str, Any]:
        async with asyncio.timeout(40):
            while True:
                found = [event for event in self.server if event["type"] == kind]
                if found:
                    return found[-1]
                self.changed.clear()
                await self.changed.wait()

    async def generation(self) -> llm.GenerationCreatedEvent:
        async with asyncio.timeout(40):
            return await self.generations.get()


async def say(session: Any, path: Path) -> None:
    sound = path.read_bytes()
    for start in range(0, len(sound) - 2 * CHUNK + 1, 2 * CHUNK):
        data = sound[start : start + 2 * CHUNK]
        session.push_audio(rtc.AudioFrame(data, RATE, 1, CHUNK))
        await asyncio.sleep(0.005)


async def heard(generation: llm.GenerationCreatedEvent, until: float | None = None) -> dict[str, Any]:
    """The message of a generation: its words and how long it sounds; left after `until` seconds."""
    async with asyncio.timeout(40):
        async for message in generation.message_stream:
            seconds = 0.0
            async for frame in message.audio_stream:
                seconds += frame.duration
                if until is not None and seconds > until:
                    return {"id": message.message_id, "seconds": seconds}
            words = "".join([str(text) async for text in message.text_stream])
            return {"id": message.message_id, "seconds": seconds, "words": words}
    return {}


async def called(generation: llm.GenerationCreatedEvent) -> list[llm.FunctionCall]:
    async with asyncio.timeout(40):
        return [call async for call in generation.function_stream]


async def main(url: str, folder: Path) -> None:
    async with aiohttp.ClientSession() as http:
        vad = ServerVad(type="server_vad", silence_duration_ms=400, create_response=True, interrupt_response=True)
        model = openai.realtime.RealtimeModel(
            model="local",
            voice="cedar",
            base_url=url.replace("ws://", "http://").removesuffix("/realtime"),
            api_key="sk-none",
            http_session=http,
            turn_detection=vad,
        )
        session = model.session()
        seen = Seen(session)
        await session.update_instructions("You are Ada. Tell the time.")
        await session.update_tools([get_time])
        await seen.until("session.updated")

        await say(session, folder / "s02.pcm")
        calls = await called(await seen.generation())
        context = session.chat_ctx.copy()
        context.items += [
            llm.FunctionCallOutput(name=call.name, call_id=call.call_id, output=await get_time(), is_error=False)
            for call in calls
        ]
        await session.update_chat_ctx(context)
        reply = await heard(await session.generate_reply())
        await seen.generation()  # generate_reply's own is emitted as well

        await say(session, folder / "s13.pcm")
        story = await heard(await seen.generation(), until=1.5)
        session.interrupt()
        session.truncate(message_id=story["id"], modalities=["audio"], audio_end_ms=800)
        await seen.until("conversation.item.truncated")
        session.send_event(ConversationItemRetrieveEvent(type="conversation.item.retrieve", item_id=story["id"]))
        await seen.until("conversation.item.retrieved")

        context = session.chat_ctx.copy()
        context.add_message(role="user", content="what is seven plus five")
        await session.update_chat_ctx(context)
        greeted = await heard(await session.generate_reply(instructions="Say exactly: that makes twelve"))
        kept = [item.type for item in session.chat_ctx.items]
        await session.aclose()
        print(
            json.dumps(
                {
                    "calls": [call.name for call in calls],
                    "reply": reply,
                    "story": story,
                    "said": greeted,
                    "transcripts": seen.transcripts,
                    "speech": seen.speech,
                    "errors": seen.errors,
                    "kept": kept,
                }
            )
        )


asyncio.run(main(sys.argv[1], Path(sys.argv[2])))
