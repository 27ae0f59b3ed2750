"""What of a process's telemetry goes where: plain values, from the command line's process to those of rooms."""

from dataclasses import dataclass

__all__ = ["TelemetrySettings"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TelemetrySettings:
    """What is exported, in plain values.

    Attributes:
        traces: Exporters of spans, by the names under which packages offer them ("otlp_proto_http", "console").
        metrics: Exporters of figures, likewise.
        record_content: Whether what was said, and the tools' arguments and results, stand in the spans.
    """

    traces: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ()
    record_content: bool = False
