"""Random and mutated frames: each is obeyed or refused, and whatever is sent is what the vendor's types accept."""

import asyncio
import copy
import gc
import json
import tracemalloc
from base64 import b64encode
from typing import Annotated, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openai.types.realtime import RealtimeServerEvent
from pydantic import Field, TypeAdapter
from websockets.asyncio.client import connect

from agent_worker.cascade.base import TimedWord
from agent_worker.localmodel.actions import (
    Action,
    AskPartial,
    BinaryReceived,
    Close,
    FinishUtterance,
    FrameReceived,
    Happening,
    HearItem,
    PartialHeard,
    PlanMade,
    Send,
    Speak,
    SpeechFailed,
    SpeechFinished,
    SpeechMade,
    Think,
    UtteranceHeard,
    UtteranceLost,
    VoiceJudged,
)
from agent_worker.localmodel.connection import Engines
from agent_worker.localmodel.dialogue import Call, Say
from agent_worker.localmodel.names import Names
from agent_worker.localmodel.protocol import MAX_RESPONSES, Protocol
from agent_worker.localmodel.server import serve
from agent_worker.localmodel.settings import begun
from agent_worker.localmodel.tones import Tones
from agent_worker.vad.energy import EnergyVad

Json = dict[str, Any]
EVENTS = TypeAdapter(Annotated[RealtimeServerEvent, Field(discriminator="type")])
SOUND = b64encode(bytes(9600)).decode()
TOOL = {"type": "function", "name": "get_time", "parameters": {"type": "object"}}
SERVER_VAD = {"type": "server_vad", "idle_timeout_ms": 900, "silence_duration_ms": 100}


def session(**fields: Any) -> Json:
    return {"type": "session.update", "session": {"type": "realtime", **fields}}


def item(**fields: Any) -> Json:
    return {"type": "conversation.item.create", "item": fields}


def message(role: str, *parts: Json, **fields: Any) -> Json:
    return item(type="message", role=role, content=list(parts), **fields)


VALID: tuple[Json, ...] = (
    session(instructions="Be Ada.", tools=[TOOL], tool_choice="auto", tracing="auto", truncation="disabled"),
    session(audio={"input": {"turn_detection": None, "transcription": {"model": "m"}, "noise_reduction": None}}),
    session(audio={"input": {"turn_detection": SERVER_VAD}, "output": {"voice": "ash", "speed": 1.2}}),
    session(audio={"input": {"turn_detection": {"type": "semantic_vad", "eagerness": "high"}}}),
    session(audio={"input": {"format": {"type": "audio/pcmu"}}, "output": {"format": {"type": "audio/pcma"}}}),
    session(output_modalities=["text"], max_output_tokens=20),
    {"type": "input_audio_buffer.append", "audio": SOUND},
    {"type": "input_audio_buffer.commit"},
    {"type": "input_audio_buffer.clear"},
    message("user", {"type": "input_text", "text": "hello"}, id="one"),
    message("user", {"type": "input_audio", "audio": SOUND}, id="two"),
    message("user", {"type": "input_image", "image_url": "data:image/png;base64,", "detail": "low"}),
    message("assistant", {"type": "output_text", "text": "hi"}),
    message("system", {"type": "input_text", "text": "greet the user"}),
    item(type="function_call", name="get_time", arguments="{}", call_id="c"),
    item(type="function_call_output", call_id="c", output='{"time": "12:00"}'),
    {"type": "conversation.item.retrieve", "item_id": "two"},
    {"type": "conversation.item.delete", "item_id": "one"},
    {"type": "conversation.item.truncate", "item_id": "item_5eed_00009", "content_index": 0, "audio_end_ms": 50},
    {"type": "response.create"},
    {"type": "response.create", "response": {"conversation": "none", "metadata": {"k": "v"}, "input": []}},
    {"type": "response.create", "response": {"output_modalities": ["text"], "max_output_tokens": 5}},
    {"type": "response.cancel"},
    {"type": "output_audio_buffer.clear"},
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 10**12) | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
WORDS = (TimedWord(text="one", start_ms=0),)
PLANS = ((), (Say("One two."),), (Say("One."), Call("get_time", {})), (Call("get_time", {"a": 1}), Say("Two.")))


@st.composite
def mutated(draw: st.DrawFn) -> str:
    """A frame as a client could send it, or as none should."""
    frame: Any = copy.deepcopy(draw(st.sampled_from(VALID)))
    for _ in range(draw(st.integers(0, 2))):
        _mutate(draw, frame)
    text = json.dumps(frame)
    if draw(st.integers(0, 15)) == 0:
        cut = draw(st.integers(0, len(text)))
        text = text[:cut] + draw(st.text(max_size=3))
    return text


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


STEPS = st.lists(
    mutated()
    | st.sampled_from(
        ["?advance", "?speech", "?end", "?fail", "?voice", "?quiet", "?binary", "?plan", "?heard", "?lost"]
    ),
    max_size=30,
)


class World:
    """A session, and engines that do what the steps say."""

    def __init__(self, intent: str | None) -> None:
        settings_ = begun("sess_5eed", intent=intent, model="m", wall=1_800_000_000)
        self.now = 0.0
        self.protocol = Protocol(Names("5eed"), session=settings_, hears=True, now=0.0)
        self.thinking: list[str] = []
        self.speaking: list[str] = []
        self.hearing: list[str] = []
        self.heard = 0.0
        self.closed = False
        self.do(self.protocol.open())

    def do(self, actions: list[Action]) -> None:
        for action in actions:
            match action:
                case Send(event):
                    json.dumps(event, allow_nan=False)
                    EVENTS.validate_python(event)
                case Think(response_id=response_id):
                    self.thinking.append(response_id)
                case Speak(response_id=response_id):
                    self.speaking.append(response_id)
                case FinishUtterance(item_id) | HearItem(item_id=item_id):
                    self.hearing.append(item_id)
                case AskPartial(item_id):
                    said = ("", "order a", "what time is it")[len(self.hearing) % 3]
                    self.do(self.protocol.receive(PartialHeard(item_id=item_id, text=said), self.now))
                case Close():
                    self.closed = True
                case _:
                    pass

    def step(self, step: str, number: int) -> None:
        self.now += 0.3
        if step == "?advance":
            self.now += 2.0
            self.do(self.protocol.advance(self.now))
            assert self.protocol.deadline > self.now or self.closed
            return
        happening = self._happening(step, number)
        if happening is not None:
            self.do(self.protocol.receive(happening, self.now))

    def _happening(self, step: str, number: int) -> Happening | None:
        spoken = self.speaking[-1] if self.speaking else None
        match step:
            case "?plan" if self.thinking:
                return PlanMade(response_id=self.thinking.pop(), plan=PLANS[number % len(PLANS)])
            case "?speech" if spoken:
                return SpeechMade(response_id=spoken, pcm=bytes(4800), words=WORDS)
            case "?end" if spoken:
                return SpeechFinished(self.speaking.pop())
            case "?fail" if spoken:
                return SpeechFailed(response_id=self.speaking.pop(), message="no sound")
            case "?voice" | "?quiet":
                self.heard += 0.032
                return VoiceJudged(probability=0.9 if step == "?voice" else 0.0, end=self.heard)
            case "?heard" if self.hearing:
                return UtteranceHeard(item_id=self.hearing.pop(0), text="hello")
            case "?lost" if self.hearing:
                return UtteranceLost(item_id=self.hearing.pop(0), message="gone")
            case "?binary":
                return BinaryReceived()
            case _:
                return None if step.startswith("?") else FrameReceived(step)


@given(STEPS, st.sampled_from([None, None, "transcription"]))
def test_whatever_comes_is_obeyed_or_refused(steps: list[str], intent: str | None) -> None:
    world = World(intent)
    for number, step in enumerate(steps):
        world.step(step, number)
        assert len(world.protocol._responses) <= MAX_RESPONSES


async def fuzz(frames: list[str], rounds: int) -> None:
    """A real server, which must still serve in the end."""
    ready = asyncio.Queue[str](1)
    silent = Engines(synthesiser=Tones(), recogniser=lambda: None, vad=EnergyVad, hears=False)
    async with asyncio.timeout(900), asyncio.TaskGroup() as group:
        serving = group.create_task(
            serve(host="127.0.0.1", port=0, record=None, ready=ready.put_nowait, engines=silent)
        )
        url = await ready.get()
        for _ in range(rounds):
            async with (
                connect(url, max_size=None, max_queue=None, proxy=None) as socket,
                asyncio.TaskGroup() as reading,
            ):

                async def read() -> None:
                    async for frame in socket:
                        EVENTS.validate_json(frame)
                        if json.loads(frame).get("type") == "error" and "the-end" in frame:
                            return

                ended = reading.create_task(read())
                for frame in frames:
                    await socket.send(frame)
                await socket.send(json.dumps({"type": "nonsense", "event_id": "the-end"}))
                await ended
        serving.cancel()


@settings(max_examples=8)
@given(st.lists(mutated(), min_size=5, max_size=40))
def test_the_server_answers_to_the_end(frames: list[str]) -> None:
    asyncio.run(fuzz(frames, 1))


@pytest.mark.soak
@pytest.mark.timeout(1800)
@settings(max_examples=10)
@given(st.lists(mutated(), min_size=20, max_size=60))
def test_memory_stays_flat(frames: list[str]) -> None:
    asyncio.run(fuzz(frames, 5))
    gc.collect()
    tracemalloc.start()
    try:
        asyncio.run(fuzz(frames, 5))
        gc.collect()
        before, _ = tracemalloc.get_traced_memory()
        asyncio.run(fuzz(frames, 50))
        gc.collect()
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert after - before < 2_000_000
