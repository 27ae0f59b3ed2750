"""A whole conversation in virtual time, and the spans and figures that are left of it: every time is to 20 ms."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import get_args

import numpy as np
import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from agent_worker import Agent, AgentSession, clock, function_tool
from agent_worker.realtime import base as rt
from agent_worker.session.events import SessionEvent
from agent_worker.telemetry.recorder import Recorder
from agent_worker.telemetry.tracks import Subject
from agent_worker.testing import EnergyVad, Human, LoopbackRoom, ScriptedModel, ScriptedReply, run_in_virtual_time

WORDS = " ".join(f"word{number}" for number in range(40))
NEAR = 0.02


def loud(seconds: float) -> np.ndarray:
    time = np.arange(round(seconds * 48_000)) / 48_000
    return (12_000 * np.sin(2 * np.pi * 300 * time)).astype(np.int16)


class Teller(Agent):
    async def on_enter(self) -> None:
        self.session.generate_reply(instructions="Tell.")

    @function_tool
    async def lookup(self, word: str) -> str:
        """Look a word up."""
        await asyncio.sleep(0.25)
        return f"{word} means hello"


class Story:
    """A session, what it left, and when its script's moments were (loop seconds)."""

    def __init__(self, *replies: ScriptedReply, heard: tuple[str, ...] = (), content: bool = False) -> None:
        self.model = ScriptedModel(replies=replies, heard=heard)
        self._content = content
        self._exporter = InMemorySpanExporter()
        self._reader = InMemoryMetricReader()
        self._offset = 0.0
        self.room = LoopbackRoom()

    def run(self, script: Callable[[Human], Awaitable[None]]) -> None:
        tracers = TracerProvider(shutdown_on_exit=False)
        tracers.add_span_processor(SimpleSpanProcessor(self._exporter))
        meters = MeterProvider([self._reader], shutdown_on_exit=False)
        recorder = Recorder(
            Subject(agent="Teller", model="scripted"),
            record_content=self._content,
            tracer_provider=tracers,
            meter_provider=meters,
        )
        session = AgentSession(Teller(), door=self.room, model=self.model, vad=EnergyVad())
        for kind in get_args(SessionEvent):
            session.on(kind)(recorder.receive)

        async def main() -> None:
            self._offset = clock.wall_nanoseconds() / 1e9 - clock.now()
            with recorder:
                async with asyncio.TaskGroup() as group:
                    group.create_task(session.run())
                    human = self.room.enter()
                    async with asyncio.timeout(120):
                        await script(human)
                    self.room.close("script over")

        run_in_virtual_time(main())

    def spans(self, name: str) -> list[ReadableSpan]:
        return sorted(
            (span for span in self._exporter.get_finished_spans() if span.name == name),
            key=lambda span: span.start_time or 0,
        )

    def span(self, name: str) -> ReadableSpan:
        (found,) = self.spans(name)
        return found

    def seconds(self, span: ReadableSpan) -> tuple[float, float]:
        assert span.start_time is not None
        assert span.end_time is not None
        return (span.start_time / 1e9 - self._offset, span.end_time / 1e9 - self._offset)

    def moments(self, span: ReadableSpan) -> dict[str, float]:
        return {event.name: event.timestamp / 1e9 - self._offset for event in span.events}

    def parents(self) -> dict[str, set[str | None]]:
        """Of each kind of span, the kinds that it is a part of."""
        spans = self._exporter.get_finished_spans()
        names = {span.context.span_id: span.name for span in spans if span.context}
        found: dict[str, set[str | None]] = {}
        for span in spans:
            found.setdefault(span.name, set()).add(names[span.parent.span_id] if span.parent else None)
        return found

    def figure(self, name: str) -> tuple[int, float]:
        """How often something was measured, and the sum of it."""
        data = self._reader.get_metrics_data()
        metrics = data.resource_metrics[0].scope_metrics[0].metrics if data else []
        points = [point for metric in metrics if metric.name == name for point in metric.data.data_points]
        return (sum(point.count for point in points), sum(point.sum for point in points))


def first_heard(human: Human, after: float) -> float:
    """When the agent was first heard after a time."""
    return next(frame.at for frame in human.heard if frame.at >= after and np.abs(frame.samples).max() > 0)


def test_a_question_is_a_tree_with_the_times_of_the_voices():
    story = Story(
        ScriptedReply("Hi"),
        ScriptedReply(calls=(("lookup", '{"word": "aloha"}'),)),
        ScriptedReply("It means hello"),
        heard=("What does aloha mean?",),
    )
    at: dict[str, float] = {}

    async def script(human: Human) -> None:
        await asyncio.sleep(2.0)
        at["asked"] = clock.now()
        human.say(loud(1.0))
        await story.model.wait_sent(rt.CreateResponse, count=3)
        await asyncio.sleep(3.0)
        at["answered"] = first_heard(human, at["asked"])
        at["over"] = clock.now()

    story.run(script)
    assert story.parents() == {
        "agent_session": {None},
        "user_turn": {"agent_session"},
        "agent_turn": {"agent_session"},
        "realtime_request": {"agent_turn"},
        "function_tool": {"agent_turn"},
    }
    assert story.seconds(story.span("agent_session")) == pytest.approx((0.0, at["over"]), abs=NEAR)
    turn = story.span("user_turn")
    asked = at["asked"]
    # The microphone hands a frame over each 20 ms, and the voice ends with its last window of 32 ms.
    assert story.seconds(turn)[0] == pytest.approx(asked, abs=0.052)
    assert story.moments(turn)["voice_ended"] == pytest.approx(asked + 1.0, abs=0.052)
    assert story.seconds(turn)[1] - story.moments(turn)["voice_ended"] == pytest.approx(0.5, abs=NEAR)
    greeting, answer = story.spans("agent_turn")
    assert (greeting.attributes or {})["voice.source"] == "generate_reply"
    assert (answer.attributes or {})["voice.source"] == "turn"
    assert story.moments(answer)["first_audio"] == pytest.approx(at["answered"], abs=NEAR)
    tool = story.seconds(story.span("function_tool"))
    assert tool[1] - tool[0] == pytest.approx(0.25, abs=NEAR)
    assert story.figure("voice.end_of_turn_delay") == (1, pytest.approx(0.5, abs=NEAR))
    ended = story.moments(turn)["voice_ended"]
    assert story.figure("voice.end_to_end_latency") == (1, pytest.approx(at["answered"] - ended, abs=NEAR))


def test_a_cough_is_a_hold_with_its_dead_air():
    """I-7, I-13."""
    story = Story(ScriptedReply(WORDS))
    at: dict[str, float] = {}

    async def script(human: Human) -> None:
        await asyncio.sleep(3.0)
        at["coughed"] = clock.now()
        human.say(loud(0.2))
        await asyncio.sleep(14.0)
        silent = [frame.at for frame in human.heard if frame.at > 3.0 and not np.abs(frame.samples).max()]
        at["silent"] = silent[0]
        at["went on"] = first_heard(human, silent[0])

    story.run(script)
    moments = story.moments(story.span("agent_turn"))
    assert moments["held"] == pytest.approx(at["silent"], abs=0.04)
    assert moments["resumed"] == pytest.approx(at["went on"], abs=NEAR)
    count, seconds = story.figure("voice.false_interruption.dead_air")
    assert (count, seconds) == (1, pytest.approx(at["went on"] - (at["coughed"] + 0.2), abs=0.052))
    count, seconds = story.figure("voice.barge_in")
    assert (count, seconds) == (1, pytest.approx(at["silent"] - at["coughed"], abs=0.052))
    assert story.figure("voice.end_to_end_latency")[0] == 0


def test_a_cut_is_an_interrupted_turn_and_the_next_one_an_answer():
    """I-6, I-13."""
    story = Story(ScriptedReply(WORDS, ends=False), ScriptedReply("Okay"), heard=("Stop!",))

    async def script(human: Human) -> None:
        await asyncio.sleep(3.0)
        human.say(loud(0.6))
        await story.model.wait_sent(rt.CreateResponse, count=2)
        await asyncio.sleep(2.0)

    story.run(script)
    told, answer = story.spans("agent_turn")
    assert (told.attributes or {})["voice.interrupted"] is True
    assert (answer.attributes or {})["voice.interrupted"] is False
    assert story.figure("voice.barge_in")[0] == 1
    assert story.figure("voice.false_interruption.dead_air")[0] == 0
    assert story.figure("voice.end_to_end_latency")[0] == 1


@pytest.mark.parametrize("content", [False, True])
def test_words_leave_only_when_asked_for(content: bool):
    story = Story(
        ScriptedReply("Hi"),
        ScriptedReply(calls=(("lookup", '{"word": "aloha"}'),)),
        ScriptedReply("Friendly greeting"),
        heard=("What is it?",),
        content=content,
    )

    async def script(human: Human) -> None:
        await asyncio.sleep(2.0)
        human.say(loud(1.0))
        await story.model.wait_sent(rt.CreateResponse, count=3)
        await asyncio.sleep(3.0)

    story.run(script)
    names = ("agent_session", "user_turn", "agent_turn", "realtime_request", "function_tool")
    everything = "".join(span.to_json() for name in names for span in story.spans(name))
    for words in ("What is it?", "aloha", "means hello", "Friendly greeting"):
        assert (words in everything) is content, words
