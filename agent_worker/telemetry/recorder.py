"""Has OpenTelemetry write what `tracks` made of a session's events: loop seconds become nanoseconds since 1970.

Without a configured SDK the API's tracer and meter do nothing, and this costs next to nothing.
"""

import logging
from collections import OrderedDict
from types import TracebackType
from typing import Final, Self, assert_never

from opentelemetry import metrics, trace
from opentelemetry.metrics import Histogram, Meter, MeterProvider
from opentelemetry.trace import Span, SpanKind, Status, StatusCode, TracerProvider

from agent_worker import clock
from agent_worker.telemetry.events import SessionEvent
from agent_worker.telemetry.names import Figure
from agent_worker.telemetry.records import Measured, MomentNoted, Record, SpanClosed, SpanOpened
from agent_worker.telemetry.tracks import SESSION, Subject, Tracks

__all__ = ["Recorder"]

log = logging.getLogger(__name__)

_SCOPE: Final = "agent_worker"
_REMEMBERED: Final = 256
"""Spans, open and closed, that others may still be parts of: tools answer when their speech is over."""
_SECONDS: Final = (0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0, 1.2, 1.5, 2.0, 3.0, 5.0, 10.0, 30.0)
_TOKENS: Final = (1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262144)
_DESCRIPTIONS: Final = {
    Figure.END_OF_TURN_DELAY: "From the user's last voice to the commit of the turn.",
    Figure.TIME_TO_FIRST_AUDIO: "From asking the model for a reply to its first sample.",
    Figure.END_TO_END_LATENCY: "From the user's last voice to the first sample of the answer.",
    Figure.BARGE_IN: "From the first voice over the agent's speech to the agent's silence.",
    Figure.DEAD_AIR: "From the end of a voice that was nothing to the speech's next sample.",
    Figure.MODEL_OUTAGE: "From the loss of the connection to the model to its restoration.",
    Figure.OPERATION_DURATION: "GenAI operation duration.",
    Figure.TIME_TO_FIRST_CHUNK: "Time to receive the first chunk of a reply, measured from when it was asked for.",
    Figure.TOKENS: "Number of input and output tokens used.",
}


class Recorder:
    """Records one session, for as long as the context lasts; give `receive` every event.

    Args:
        subject: What the session is.
        record_content: Whether texts are recorded, too.
        tracer_provider: Where spans go; None: to the process's.
        meter_provider: Where figures go; None: to the process's.

    """

    def __init__(
        self,
        subject: Subject,
        *,
        record_content: bool = False,
        tracer_provider: TracerProvider | None = None,
        meter_provider: MeterProvider | None = None,
    ) -> None:
        self._tracks = Tracks(subject, record_content=record_content)
        self._tracer = (tracer_provider or trace.get_tracer_provider()).get_tracer(_SCOPE)
        meter = (meter_provider or metrics.get_meter_provider()).get_meter(_SCOPE)
        self._histograms = {figure: _histogram(meter, figure) for figure in Figure}
        self._spans: OrderedDict[str, Span] = OrderedDict()
        self._offset = 0

    def __enter__(self) -> Self:
        """The session begins now."""
        now = clock.now()
        self._offset = clock.wall_nanoseconds() - round(now * 1e9)
        self._write(self._tracks.begin(now))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        """What is still open ends now."""
        self._write(self._tracks.end(clock.now()))

    def receive(self, event: SessionEvent) -> None:
        """Record an event. Never raises: a conversation does not end because it is watched."""
        try:
            self._write(self._tracks.receive(event))
        except Exception:
            log.exception("! %s is not recorded", type(event).__name__)

    def _write(self, records: list[Record]) -> None:
        for record in records:
            match record:
                case SpanOpened():
                    self._open(record)
                case MomentNoted(key=key, name=name, at=at, attributes=attributes):
                    if key in self._spans:
                        self._spans[key].add_event(name, attributes, self._wall(at))
                case SpanClosed():
                    self._close(record)
                case Measured(figure=figure, value=value, attributes=attributes):
                    self._histograms[figure].record(value, attributes)
                case _:
                    assert_never(record)

    def _open(self, record: SpanOpened) -> None:
        parent = None if record.parent is None else self._spans.get(record.parent, self._spans[SESSION])
        self._spans[record.key] = self._tracer.start_span(
            record.name,
            context=None if parent is None else trace.set_span_in_context(parent),
            kind=SpanKind.CLIENT if record.remote else SpanKind.INTERNAL,
            attributes=record.attributes,
            start_time=self._wall(record.at),
        )
        while len(self._spans) > _REMEMBERED:
            self._forget_oldest()

    def _forget_oldest(self) -> None:
        # The first one is the session's, to which all others belong.
        oldest = next(key for number, key in enumerate(self._spans) if number)
        span = self._spans.pop(oldest)
        if span.is_recording():
            span.end()

    def _close(self, record: SpanClosed) -> None:
        span = self._spans.get(record.key)
        if span is None:
            return
        span.set_attributes(dict(record.attributes))
        if record.failure:
            span.set_status(Status(StatusCode.ERROR, record.failure))
        span.end(self._wall(record.at))

    def _wall(self, at: float) -> int:
        return self._offset + round(at * 1e9)


def _histogram(meter: Meter, figure: Figure) -> Histogram:
    is_tokens = figure is Figure.TOKENS
    return meter.create_histogram(
        figure,
        unit="{token}" if is_tokens else "s",
        description=_DESCRIPTIONS[figure],
        explicit_bucket_boundaries_advisory=_TOKENS if is_tokens else _SECONDS,
    )
