"""What OpenTelemetry has in the end: parents, wall times, figures, and nothing that stops a session."""

import asyncio
import logging

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import Histogram, HistogramDataPoint, InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from agent_worker import clock
from agent_worker.history.items import FunctionCall, FunctionCallOutput
from agent_worker.telemetry import events as ev
from agent_worker.telemetry.events import SessionEvent
from agent_worker.telemetry.recorder import Recorder
from agent_worker.telemetry.tracks import Subject
from agent_worker.testing import run_in_virtual_time
from agent_worker.usage import Usage

EVENTS: list[SessionEvent] = [
    ev.UserTurnCommitted(at=2.5, started_at=1.0, ended_at=2.0),
    ev.SpeechCreated(at=2.5, speech_id="s1", source="turn"),
    ev.ReplyRequested(at=2.6, speech_id="s1", request_id="r1"),
    ev.SpeechStarted(at=3.0, speech_id="s1"),
    ev.ReplyCompleted(
        at=3.5, speech_id="s1", request_id="r1", response_id="x", status="failed", usage=Usage(input_tokens=7)
    ),
    ev.SpeechFinished(at=6.0, speech_id="s1", interrupted=True, text="hello"),
    # Its tool answers when the speech is over.
    ev.FunctionToolsExecuted(
        at=7.0,
        started_at=3.5,
        speech_id="s1",
        calls=(FunctionCall(id="i", call_id="c", name="lookup", arguments="{}"),),
        outputs=(FunctionCallOutput(id="o", call_id="c", output="42"),),
    ),
]


class Observed:
    """Everything that was recorded."""

    def __init__(self) -> None:
        self._spans = InMemorySpanExporter()
        self._figures = InMemoryMetricReader()
        self.tracer_provider = TracerProvider(shutdown_on_exit=False)
        self.tracer_provider.add_span_processor(SimpleSpanProcessor(self._spans))
        self.meter_provider = MeterProvider([self._figures], shutdown_on_exit=False)
        self.began_at = 0

    def record(self, events: list[SessionEvent], *, content: bool = False) -> None:
        """Have a session that begins at 100 s and ends at 110 s; `at` counts from its beginning."""
        recorder = Recorder(
            Subject(agent="A"),
            record_content=content,
            tracer_provider=self.tracer_provider,
            meter_provider=self.meter_provider,
        )

        async def main() -> None:
            with recorder:
                self.began_at = clock.wall_nanoseconds()
                for event in events:
                    recorder.receive(event)
                await asyncio.sleep(10.0)

        run_in_virtual_time(main())

    @property
    def spans(self) -> dict[str, ReadableSpan]:
        return {span.name: span for span in self._spans.get_finished_spans()}

    def seconds(self, name: str) -> tuple[float, float]:
        """A span's times, from the beginning of the session."""
        span = self.spans[name]
        assert span.start_time is not None
        assert span.end_time is not None
        return ((span.start_time - self.began_at) / 1e9, (span.end_time - self.began_at) / 1e9)

    def points(self) -> dict[str, HistogramDataPoint]:
        data = self._figures.get_metrics_data()
        if data is None:
            return {}
        found = {}
        for metric in data.resource_metrics[0].scope_metrics[0].metrics:
            assert isinstance(metric.data, Histogram)
            found[metric.name] = metric.data.data_points[0]
        return found


@pytest.fixture
def observed() -> Observed:
    return Observed()


def test_spans_are_a_tree_of_one_trace(observed: Observed):
    observed.record(EVENTS)
    spans = observed.spans
    parents = {
        name: next((other for other in spans if spans[other].context == span.parent), None)
        for name, span in spans.items()
    }
    assert parents == {
        "agent_session": None,
        "user_turn": "agent_session",
        "agent_turn": "agent_session",
        "realtime_request": "agent_turn",
        "function_tool": "agent_turn",
    }
    assert len({span.context.trace_id for span in spans.values() if span.context}) == 1
    assert spans["realtime_request"].kind is SpanKind.CLIENT
    assert spans["realtime_request"].status.status_code is StatusCode.ERROR
    assert spans["agent_turn"].status.status_code is StatusCode.UNSET


def test_loop_seconds_become_wall_time_by_one_offset(observed: Observed):
    observed.record(EVENTS)
    expected = {
        "agent_session": (0.0, 10.0),
        "user_turn": (1.0, 2.5),
        "agent_turn": (2.5, 6.0),
        "realtime_request": (2.6, 3.5),
        "function_tool": (3.5, 7.0),
    }
    for name, times in expected.items():
        assert observed.seconds(name) == pytest.approx(times, abs=0.02), name
    (first_audio,) = observed.spans["agent_turn"].events
    assert (first_audio.timestamp - observed.began_at) / 1e9 == pytest.approx(3.0, abs=0.02)


def test_figures_are_histograms_whose_buckets_fit_them(observed: Observed):
    observed.record(EVENTS)
    points = observed.points()
    assert set(points) == {
        "voice.end_of_turn_delay",
        "voice.time_to_first_audio",
        "voice.end_to_end_latency",
        "gen_ai.client.operation.duration",
        "gen_ai.client.token.usage",
    }
    assert points["voice.end_to_end_latency"].sum == pytest.approx(1.0)
    assert points["voice.end_to_end_latency"].explicit_bounds[0] < 0.1
    assert points["gen_ai.client.token.usage"].sum == 7


@pytest.mark.parametrize("content", [False, True])
def test_words_are_in_spans_only_when_asked_for(observed: Observed, content: bool):
    observed.record(EVENTS, content=content)
    everything = "".join(span.to_json() for span in observed.spans.values())
    assert ("hello" in everything) is content
    assert ('"42"' in everything) is content


def test_a_part_of_something_unknown_is_a_part_of_the_session(observed: Observed):
    observed.record([ev.ReplyRequested(at=1.0, speech_id="never seen", request_id="r")])
    request = observed.spans["realtime_request"]
    assert request.parent == observed.spans["agent_session"].context
    assert observed.seconds("realtime_request")[1] == pytest.approx(10.0, abs=0.02)


def test_an_endless_conversation_is_remembered_in_part(observed: Observed, caplog: pytest.LogCaptureFixture):
    """The session's span stays open, whatever else there was, and no span ends twice."""
    many = [
        event
        for number in range(1000)
        for event in (
            ev.SpeechCreated(at=1.0, speech_id=f"s{number}", source="say"),
            ev.SpeechFinished(at=2.0, speech_id=f"s{number}", interrupted=False),
        )
    ]
    observed.record(many)
    assert observed.seconds("agent_session") == pytest.approx((0.0, 10.0), abs=0.02)
    assert observed.seconds("agent_turn") == pytest.approx((1.0, 2.0), abs=0.02)
    assert caplog.records == []


class BrokenProvider(TracerProvider):
    """Its exporter raises in the middle of a session."""

    def __init__(self) -> None:
        super().__init__(shutdown_on_exit=False)
        self.broken = False

    def get_tracer(self, *args, **kwargs):
        tracer = super().get_tracer(*args, **kwargs)
        start_span = tracer.start_span

        def start_or_break(*args, **kwargs):
            if self.broken:
                raise OSError("no space left on device")
            return start_span(*args, **kwargs)

        tracer.start_span = start_or_break
        return tracer


def test_a_conversation_does_not_end_because_it_is_watched(caplog: pytest.LogCaptureFixture):
    provider = BrokenProvider()

    async def main() -> None:
        with Recorder(Subject(), tracer_provider=provider) as recorder:
            provider.broken = True
            recorder.receive(EVENTS[1])

    with caplog.at_level(logging.ERROR):
        run_in_virtual_time(main())
    assert "SpeechCreated is not recorded" in caplog.text


def test_without_an_sdk_nothing_is_recorded_and_nothing_breaks():
    async def main() -> None:
        with Recorder(Subject()) as recorder:
            for event in EVENTS:
                recorder.receive(event)

    run_in_virtual_time(main())
