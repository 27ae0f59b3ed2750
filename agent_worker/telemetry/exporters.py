"""Where a process's spans and figures go: settings -> the exporters that are installed -> OpenTelemetry's SDK.

Without settings nothing is loaded, the SDK least of all, and nothing leaves the process. The exporters themselves
read the variables that OpenTelemetry defines for them: addresses, headers, certificates, intervals.
"""

import asyncio
import logging
import threading
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import asynccontextmanager
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

from opentelemetry import metrics, trace

from agent_worker.errors import ConfigError
from agent_worker.telemetry.settings import TelemetrySettings

if TYPE_CHECKING:
    from opentelemetry.sdk.metrics.export import MetricExporter, MetricReader
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace.export import SpanExporter

__all__ = ["Exporters"]

log = logging.getLogger(__name__)

CLOSING_SECONDS: Final = 2.0
"""How long the last spans and figures may take to leave: less than a room's process has for its end."""
_TRACES: Final = "opentelemetry_traces_exporter"
_METRICS: Final = "opentelemetry_metrics_exporter"


class Exporters:
    """Exporters that are set up and can be used, once.

    Args:
        settings: Which ones.

    Raises:
        ConfigError: One of them is not installed, or cannot be set up as its variables say.

    """

    def __init__(self, settings: TelemetrySettings) -> None:
        self._traces: list[SpanExporter] = [_make(_TRACES, name) for name in settings.traces]
        self._metrics: list[MetricExporter | MetricReader] = [_make(_METRICS, name) for name in settings.metrics]

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        """Export what the process records while the context lasts; the last of it leaves at the end."""
        closers: list[Callable[[], None]] = []
        if self._traces:
            closers.append(self._export_traces())
        if self._metrics:
            closers.append(self._export_metrics())
        try:
            yield
        finally:
            await _close(closers)

    def _export_traces(self) -> Callable[[], None]:
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor

        provider = TracerProvider(resource=_resource(), shutdown_on_exit=False)
        for exporter in self._traces:
            provider.add_span_processor(BatchSpanProcessor(exporter))
        trace.set_tracer_provider(provider)
        return provider.shutdown

    def _export_metrics(self) -> Callable[[], None]:
        from opentelemetry.sdk.metrics import MeterProvider
        from opentelemetry.sdk.metrics.export import MetricReader, PeriodicExportingMetricReader

        readers = [
            each if isinstance(each, MetricReader) else PeriodicExportingMetricReader(each) for each in self._metrics
        ]
        provider = MeterProvider(readers, resource=_resource(), shutdown_on_exit=False)
        metrics.set_meter_provider(provider)
        return lambda: provider.shutdown(timeout_millis=CLOSING_SECONDS * 1000)


def _make(group: str, name: str) -> Any:
    found = next(iter(entry_points(group=group, name=name)), None)
    if found is None:
        offered = ", ".join(sorted({entry.name for entry in entry_points(group=group)}))
        msg = (
            f"no installed package exports telemetry to {name!r} (there is: {offered})."
            " For otlp: pip install 'agent-worker[otlp]'. Or set OTEL_TRACES_EXPORTER, OTEL_METRICS_EXPORTER to none."
        )
        raise ConfigError(msg)
    try:
        return found.load()()
    except Exception as error:  # It is not ours, and says what it dislikes in errors of all kinds.
        msg = f"telemetry cannot be exported to {name!r}: {error}. Check the OTEL_EXPORTER_ variables."
        raise ConfigError(msg) from error


def _resource() -> "Resource":
    """What OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES say; else our name. Every process counts for itself."""
    from opentelemetry.sdk.resources import SERVICE_INSTANCE_ID, SERVICE_NAME, Resource

    ours = {SERVICE_INSTANCE_ID: str(uuid4())}
    said = Resource.create()
    if str(said.attributes.get(SERVICE_NAME, "")).startswith("unknown_service"):
        ours[SERVICE_NAME] = "agent-worker"
    return said.merge(Resource(ours))


async def _close(closers: Iterable[Callable[[], None]]) -> None:
    """Shut down off the loop. A silent collector is not waited for long: the threads end with the process."""
    threads = [threading.Thread(target=closer, daemon=True, name="telemetry's end") for closer in closers]
    for thread in threads:
        thread.start()
    deadline = asyncio.get_running_loop().time() + CLOSING_SECONDS
    for thread in threads:
        await asyncio.to_thread(thread.join, max(0.0, deadline - asyncio.get_running_loop().time()))
        if thread.is_alive():
            log.warning(
                "! the last spans and figures did not leave within %.0f s: is the collector up?", CLOSING_SECONDS
            )
