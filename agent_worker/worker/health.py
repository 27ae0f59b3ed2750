"""What operators' tools ask a worker over HTTP: whether it lives, whether it can take rooms, and its figures.

GET /healthz   200: the process answers
GET /readyz    200: registered with signaling, and free for one more room; 503 with the reason otherwise
GET /metrics   Prometheus's text format
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Generator, Iterator

import uvicorn
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from agent_worker.errors import ConfigError
from agent_worker.worker.figures import Figures

__all__ = ["application", "serve"]

logger = logging.getLogger(__name__)


def application(look: Callable[[], Figures]) -> Starlette:
    """The three pages as an ASGI application.

    Args:
        look: How the worker is now.
    """
    registry = CollectorRegistry()
    registry.register(_Collector(look))

    async def healthz(_: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def readyz(_: Request) -> Response:
        figures = look()
        ready = figures.why_not_ready == ""
        body = {"ready": ready, "reason": figures.why_not_ready, "jobs": len(figures.rooms)}
        return JSONResponse(body, status_code=200 if ready else 503)

    async def metrics(_: Request) -> Response:
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    return Starlette(routes=[Route("/healthz", healthz), Route("/readyz", readyz), Route("/metrics", metrics)])


async def serve(look: Callable[[], Figures], host: str, port: int) -> None:
    """Answer until cancelled.

    Raises:
        ConfigError: The port is taken.
    """
    config = uvicorn.Config(
        application(look), host=host, port=port, log_config=None, access_log=False, lifespan="off"
    )
    server = _Server(config)
    try:
        await server.serve()
    except SystemExit:
        raise ConfigError(f"nothing can listen on {host}:{port}: give another --health-port, or 0 for none") from None
    except asyncio.CancelledError:
        await server.shutdown()
        raise


class _Server(uvicorn.Server):
    """One that leaves the signals to the worker."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        yield


class _Collector:
    """Makes the figures anew at each request: none is kept up to date for nobody."""

    def __init__(self, look: Callable[[], Figures]) -> None:
        self._look = look

    def collect(self) -> Iterator[Metric]:
        figures = self._look()
        yield _gauge("agent_worker_connected", "1 while registered with the signaling server.", figures.connected)
        yield _gauge("agent_worker_draining", "1 while no more jobs are taken.", figures.draining)
        yield _gauge("agent_worker_jobs", "Rooms that the worker has now.", len(figures.rooms))
        yield _gauge("agent_worker_jobs_max", "Rooms that it takes at most.", figures.max_jobs)
        yield _gauge("agent_worker_load", "What it reports to signaling, 0 to 1.", figures.load)
        yield _gauge("agent_worker_cpu", "Fraction of its processors in use, 5 s mean.", figures.cpu)
        yield _gauge("agent_worker_memory", "Fraction of its memory in use.", figures.memory)
        yield _gauge("agent_worker_processes_warm", "Processes that wait for a job.", figures.warm)
        yield _gauge("agent_worker_checkpoints", "Conversations that could go on elsewhere.", figures.checkpoints)
        ended = CounterMetricFamily("agent_worker_jobs_ended", "Jobs that are over.", labels=["result"])
        ended.add_metric(["success"], figures.succeeded)
        ended.add_metric(["failed"], figures.failed)
        yield ended
        yield CounterMetricFamily("agent_worker_jobs_started", "Jobs that were begun.", value=figures.started)
        yield CounterMetricFamily(
            "agent_worker_jobs_resumed", "Jobs that went on in a new process.", value=figures.resumed
        )
        yield CounterMetricFamily("agent_worker_offers_refused", "Offers that were refused.", value=figures.refused)
        memory = GaugeMetricFamily("agent_worker_room_memory_bytes", "Of the room's process.", labels=["room"])
        lag = GaugeMetricFamily(
            "agent_worker_room_lag_seconds", "Of its event loop at the last ping.", labels=["room"]
        )
        for room in figures.rooms:
            memory.add_metric([room.name], room.resident)
            lag.add_metric([room.name], room.lag)
        yield memory
        yield lag


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(name, text, value=float(value))
