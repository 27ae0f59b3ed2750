"""A whole conversation by Pipecat's OpenAI realtime service in a pipeline; prints what it saw as JSON.

Arguments: the server's address, the folder with what the user says.
"""

import asyncio
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from loguru import logger
from pipecat.adapters.schemas.function_schema import FunctionSchema
from pipecat.adapters.schemas.tools_schema import ToolsSchema
from pipecat.frames.frames import (
    EndFrame,
    ErrorFrame,
    Frame,
    InputAudioRawFrame,
    LLMMessagesAppendFrame,
    LLMRunFrame,
    TranscriptionFrame,
    TTSAudioRawFrame,
    TTSTextFrame,
)
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import LLMContextAggregatorPair
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.services.openai.realtime import events
from pipecat.services.openai.realtime.llm import OpenAIRealtimeLLMService
from pipecat.workers.runner import WorkerRunner

RATE = 24_000
CHUNK = 2 * RATE // 50
logger.remove()
logger.add(sys.stderr, level="WARNING")


class Seen:
    """What passed through the pipeline."""

    def __init__(self) -> None:
        self.audio = 0
        self.words: list[str] = []
        self.transcripts: list[str] = []
        self.errors: list[str] = []
        self.calls: list[str] = []
        self.items: list[str] = []
        self.changed = asyncio.Event()

    async def until(self, there: Callable[[], Any], what: str) -> None:
        try:
            async with asyncio.timeout(30):
                while not there():
                    self.changed.clear()
                    await self.changed.wait()
        except TimeoutError:
            raise TimeoutError(f"{what} did not come: {vars(self)}") from None


class Window(FrameProcessor):
    """Shows the frames that pass."""

    def __init__(self, seen: Seen) -> None:
        super().__init__()
        self._seen = seen

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        seen = self._seen
        match frame:
            case TTSAudioRawFrame():
                seen.audio += len(frame.audio)
            case TTSTextFrame():
                seen.words.append(frame.text)
            case TranscriptionFrame():
                seen.transcripts.append(frame.text)
            case ErrorFrame():
                seen.errors.append(frame.error)
            case _:
                pass
        seen.changed.set()
        await self.push_frame(frame, direction)


async def main(url: str, folder: Path) -> None:
    seen = Seen()
    properties = events.SessionProperties(
        instructions="Tell the time.",
        audio=events.AudioConfiguration(
            input=events.AudioInput(
                transcription=events.InputAudioTranscription(model="gpt-transcribe"),
                turn_detection=events.TurnDetection(type="server_vad", silence_duration_ms=400),
            ),
            output=events.AudioOutput(voice="cedar"),
        ),
    )
    llm = OpenAIRealtimeLLMService(
        api_key="sk-none",
        base_url=url,
        settings=OpenAIRealtimeLLMService.Settings(model="local", session_properties=properties),
    )

    async def get_time(params: Any) -> None:
        seen.calls.append(params.function_name)
        await params.result_callback({"time": "It is half past four in the afternoon."})

    llm.register_function("get_time", get_time)

    async def created(_service: Any, item_id: str, item: Any) -> None:
        if item.type == "message" and item.role == "assistant":
            seen.items.append(item_id)

    llm.add_event_handler("on_conversation_item_created", created)
    schema = FunctionSchema(name="get_time", description="The current time of day.", properties={}, required=[])
    aggregators = LLMContextAggregatorPair(LLMContext([], tools=ToolsSchema(standard_tools=[schema])))
    pipeline = Pipeline([aggregators.user(), Window(seen), llm, Window(seen), aggregators.assistant()])
    rates = PipelineParams(audio_in_sample_rate=RATE, audio_out_sample_rate=RATE)
    worker = PipelineWorker(pipeline, params=rates, enable_rtvi=False)

    async def say(name: str) -> None:
        sound = (folder / f"{name}.pcm").read_bytes()
        for start in range(0, len(sound), CHUNK):
            piece = sound[start : start + CHUNK]
            await worker.queue_frames([InputAudioRawFrame(audio=piece, sample_rate=RATE, num_channels=1)])
            await asyncio.sleep(0.01)

    def said(text: str) -> bool:
        return text in " ".join("".join(seen.words).split()) or text in " ".join(" ".join(seen.words).split())

    async def talk() -> None:
        await worker.queue_frames([LLMRunFrame()])
        await seen.until(lambda: said("What can I do for you?"), "the greeting")
        await say("s02")
        await seen.until(lambda: said("in the afternoon"), "the time")
        before = seen.audio
        await say("s13")
        await seen.until(lambda: said("Once there was"), "the story")
        await seen.until(lambda: seen.audio > before + 48_000, "the story's sound")
        story = seen.items[-1]
        await say("s15")
        await seen.until(lambda: len(seen.transcripts) >= 3, "the interruption")
        await asyncio.sleep(1)
        await llm.retrieve_conversation_item(story)
        messages = [{"role": "user", "content": "what is seven plus five"}]
        # To the service itself: the aggregator in front would keep it for the context.
        await llm.queue_frame(LLMMessagesAppendFrame(messages=messages, run_llm=True))
        await seen.until(lambda: said("That makes 12"), "the sum")
        await worker.queue_frames([EndFrame()])

    runner = WorkerRunner(handle_sigint=False)
    async with asyncio.timeout(80), asyncio.TaskGroup() as group:
        await runner.add_workers(worker)
        running = group.create_task(runner.run())
        await talk()
        await running
    text = " ".join(" ".join(seen.words).split())
    print(
        json.dumps(
            {
                "calls": seen.calls,
                "audio": seen.audio,
                "transcripts": seen.transcripts,
                "said": [text, "".join(seen.words)],
                "errors": seen.errors,
            }
        )
    )


asyncio.run(main(sys.argv[1], Path(sys.argv[2])))
