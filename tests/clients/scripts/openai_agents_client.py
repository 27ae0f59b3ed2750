"""A whole conversation by openai-agents' realtime session; prints what it saw as JSON.

Arguments: the server's address, the folder with what the user says.
"""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

from agents import function_tool
from agents.realtime import RealtimeAgent, RealtimeRunner
from agents.realtime.model_inputs import RealtimeModelSendRawMessage

CHUNK = 4800
asked: list[str] = []


@function_tool
def get_time() -> str:
    """The current time of day."""
    asked.append("get_time")
    return "It is half past four in the afternoon."


class Seen:
    """What the session's events told."""

    def __init__(self) -> None:
        self.events: list[str] = []
        self.audio: dict[str, int] = {}
        self.errors: list[str] = []
        self.raw: list[dict[str, Any]] = []
        self.history: list[Any] = []
        self.changed = asyncio.Event()

    def take(self, event: Any) -> None:
        self.events.append(event.type)
        match event.type:
            case "audio":
                self.audio[event.item_id] = self.audio.get(event.item_id, 0) + len(event.audio.data)
            case "error":
                self.errors.append(repr(event.error))
            case "history_updated":
                self.history = event.history
            case "raw_model_event":
                data = event.data
                if data.type == "raw_server_event" and isinstance(data.data, dict):
                    self.raw.append(data.data)
            case _:
                pass
        self.changed.set()

    async def until(self, there: Any) -> None:
        async with asyncio.timeout(40):
            while not there():
                self.changed.clear()
                await self.changed.wait()

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [event for event in self.raw if event.get("type") == kind]


async def say(session: Any, path: Path) -> None:
    sound = path.read_bytes()
    for start in range(0, len(sound), CHUNK):
        await session.send_audio(sound[start : start + CHUNK])
        await asyncio.sleep(0.02)


async def main(url: str, folder: Path) -> None:
    agent = RealtimeAgent(name="clock", instructions="Tell the time.", tools=[get_time])
    settings = {
        "model_name": "local",
        "voice": "cedar",
        "input_audio_transcription": {"model": "gpt-transcribe"},
        "turn_detection": {"type": "server_vad", "silence_duration_ms": 400, "interrupt_response": True},
    }
    runner = RealtimeRunner(agent)
    seen = Seen()
    options = {"url": f"{url}?model=local", "api_key": "sk-none", "initial_model_settings": settings}
    async with await runner.run(model_config=options) as session, asyncio.TaskGroup() as group:

        async def listen() -> None:
            async for event in session:
                seen.take(event)

        listening = group.create_task(listen())
        await seen.until(lambda: seen.of("session.updated"))
        await say(session, folder / "s02.pcm")
        await seen.until(lambda: len(seen.of("response.done")) >= 2)
        reply = list(seen.audio.values())
        before = len(seen.audio)
        await say(session, folder / "s13.pcm")
        await seen.until(lambda: len(seen.audio) > before and list(seen.audio.values())[-1] > 48_000)
        story = list(seen.audio)[-1]
        # The server ends the reply when the user speaks; the session then tells it how much was played.
        await say(session, folder / "s15.pcm")
        await seen.until(lambda: seen.of("conversation.item.truncated"))
        await seen.until(lambda: len(seen.of("response.done")) >= 4)
        retrieve = {"type": "conversation.item.retrieve", "other_data": {"item_id": story}}
        await session.model.send_event(RealtimeModelSendRawMessage(message=retrieve))
        await seen.until(lambda: seen.of("conversation.item.retrieved"))
        await session.send_message("what is seven plus five")
        await seen.until(lambda: len(seen.of("response.done")) >= 5)
        listening.cancel()
    print(
        json.dumps(
            {
                "asked": asked,
                "audio": reply,
                "story": story,
                "errors": seen.errors,
                "events": sorted(set(seen.events)),
                "history": [item.model_dump(mode="json") for item in seen.history],
            }
        )
    )


asyncio.run(main(sys.argv[1], Path(sys.argv[2])))
