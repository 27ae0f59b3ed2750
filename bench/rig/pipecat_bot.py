"""Pipecat as its documentation sets it up for the same task. Runs in a virtual environment of its own.

SmallWebRTC transport, OpenAIRealtimeLLMService without the server's turn detection, Silero with 0.2 s of silence for
the end of a turn. One process for all calls, as its runner has it.

    .venv-peers/bin/python bench/rig/pipecat_bot.py --port 8090 --model ws://127.0.0.1:8766/v1/realtime
"""

import argparse
import asyncio

import uvicorn
from fastapi import BackgroundTasks, FastAPI
from loguru import logger
from pipecat.audio.vad.silero import SileroVADAnalyzer
from pipecat.audio.vad.vad_analyzer import VADParams
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import LLMContextAggregatorPair, LLMUserAggregatorParams
from pipecat.services.openai.realtime.events import (
    AudioConfiguration,
    AudioInput,
    InputAudioTranscription,
    SessionProperties,
)
from pipecat.services.openai.realtime.llm import OpenAIRealtimeLLMService
from pipecat.transports.base_transport import TransportParams
from pipecat.transports.smallwebrtc.connection import SmallWebRTCConnection
from pipecat.transports.smallwebrtc.request_handler import SmallWebRTCRequest, SmallWebRTCRequestHandler
from pipecat.transports.smallwebrtc.transport import SmallWebRTCTransport
from pipecat.turns.user_start import VADUserTurnStartStrategy
from pipecat.turns.user_stop import SpeechTimeoutUserTurnStopStrategy
from pipecat.turns.user_turn_strategies import UserTurnStrategies
from pipecat.workers.runner import WorkerRunner

STOP_SECONDS = 0.2


async def talk(connection: SmallWebRTCConnection, model_url: str) -> None:
    transport = SmallWebRTCTransport(
        webrtc_connection=connection,
        params=TransportParams(audio_in_enabled=True, audio_out_enabled=True, audio_out_10ms_chunks=2),
    )
    properties = SessionProperties(
        instructions="Answer.",
        audio=AudioConfiguration(
            input=AudioInput(transcription=InputAudioTranscription(model="none"), turn_detection=False)
        ),
    )
    model = OpenAIRealtimeLLMService(
        api_key="none", base_url=model_url, settings=OpenAIRealtimeLLMService.Settings(session_properties=properties)
    )
    aggregators = LLMContextAggregatorPair(
        LLMContext(),
        realtime_service_mode=True,
        user_params=LLMUserAggregatorParams(
            vad_analyzer=SileroVADAnalyzer(params=VADParams(stop_secs=STOP_SECONDS)),
            user_turn_strategies=UserTurnStrategies(
                start=[VADUserTurnStartStrategy()],
                stop=[SpeechTimeoutUserTurnStopStrategy(user_speech_timeout=0.0, wait_for_transcript=False)],
            ),
        ),
    )
    pipeline = Pipeline([transport.input(), aggregators.user(), model, transport.output(), aggregators.assistant()])
    worker = PipelineWorker(pipeline, params=PipelineParams())

    @transport.event_handler("on_client_disconnected")
    async def on_client_disconnected(_transport: SmallWebRTCTransport, _client: object) -> None:
        await worker.cancel()

    runner = WorkerRunner(handle_sigint=False)
    await runner.add_workers(worker)
    await runner.run()


def app(model_url: str) -> FastAPI:
    application = FastAPI()
    requests = SmallWebRTCRequestHandler(ice_servers=[])

    @application.get("/healthz")
    async def healthz() -> dict[str, str]:
        return {"status": "ok"}

    @application.post("/api/offer")
    async def offer(request: SmallWebRTCRequest, background: BackgroundTasks) -> dict[str, str] | None:
        async def start(connection: SmallWebRTCConnection) -> None:
            background.add_task(talk, connection, model_url)

        return await requests.handle_web_request(request, start)

    return application


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--model", required=True, help="ws:// address of the realtime model")
    parser.add_argument("--verbose", action="store_true", help="show what it logs below errors")
    arguments = parser.parse_args()
    if not arguments.verbose:
        logger.remove()
        logger.add(lambda line: print(line, end=""), level="ERROR")
    config = uvicorn.Config(app(arguments.model), host="127.0.0.1", port=arguments.port, log_level="warning")
    asyncio.run(uvicorn.Server(config).serve())


if __name__ == "__main__":
    main()
