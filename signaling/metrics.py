"""The figures of this server for Prometheus, read from the node and the watch when they are asked for.

They are served on a port of their own, which strangers need not reach, beside `/healthz` and `/readyz`.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from signaling.errors import MessageError
from signaling.guard import Guard
from signaling.health import Health
from signaling.node import Node
from signaling.problems import refuse, refuse_http
from signaling.settings import Settings

if TYPE_CHECKING:
    from signaling.webhook_post import WebhookPost

KINDS = ("human", "agent", "whip", "whep")


class NodeCollector(Collector):
    """Asks the node.

    Args:
        node: Whose figures they are.
        webhooks: The receivers.
    """

    def __init__(self, node: Node, webhooks: "tuple[WebhookPost, ...]") -> None:
        self._node = node
        self._webhooks = webhooks

    def collect(self) -> Iterator[Metric]:
        """All figures as they are now."""
        node, watch = self._node, self._node.watch
        rooms = [room.name for room in node.rooms()]
        yield GaugeMetricFamily("signaling_rooms", "Open rooms.", len(rooms))
        people = GaugeMetricFamily("signaling_participants", "Participants in all rooms, by kind.", labels=["kind"])
        present = [one.kind for room in rooms for one in node.participants(room) or ()]
        for kind in KINDS:
            people.add_metric([kind], present.count(kind))
        yield people
        yield GaugeMetricFamily("signaling_sockets", "Open WebSockets of participants and workers.", watch.sockets)
        connected = [worker for worker in node.workers() if worker.lost_at is None]
        yield GaugeMetricFamily("signaling_workers", "Connected workers.", len(connected))
        slots = sum(worker.max_jobs - len(worker.slots) for worker in connected if worker.state == "available")
        yield GaugeMetricFamily("signaling_worker_free_slots", "Jobs that available workers can take.", slots)
        messages = CounterMetricFamily("signaling_messages", "Messages, by direction.", labels=["direction"])
        messages.add_metric(["received"], watch.received)
        messages.add_metric(["sent"], watch.sent)
        yield messages
        yield self._counted("signaling_joins", "Participants that joined, by kind.", "kind", watch.joins)
        refusals = {code.value: number for code, number in watch.refusals.items()}
        yield self._counted("signaling_refusals", "Refused messages and requests, by code.", "code", refusals)
        yield self._counted(
            "signaling_dispatches", "How often a job came into each state.", "state", watch.dispatches
        )
        yield self._delivered()

    def _delivered(self) -> CounterMetricFamily:
        notices = CounterMetricFamily(
            "signaling_webhooks", "Webhook notices, by what became of them.", labels=["result"]
        )
        for result in ("delivered", "failed", "dropped"):
            notices.add_metric([result], sum(getattr(one.deliveries, result) for one in self._webhooks))
        return notices

    @staticmethod
    def _counted(name: str, text: str, label: str, numbers: dict[str, int]) -> CounterMetricFamily:
        family = CounterMetricFamily(name, text, labels=[label])
        for value, number in sorted(numbers.items()):
            family.add_metric([value], number)
        return family


def create_metrics_app(node: Node, webhooks: "tuple[WebhookPost, ...]", settings: Settings) -> Starlette:
    """`/metrics`, `/healthz` and `/readyz` as an ASGI application.

    Args:
        node: Whose figures they are.
        webhooks: The receivers.
        settings: With the host that this application listens on.
    """
    registry = CollectorRegistry()
    registry.register(NodeCollector(node, webhooks))
    ProcessCollector(registry=registry)
    health = Health(node)

    async def metrics(_: Request) -> Response:
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    app = Starlette(
        routes=[
            Route("/metrics", metrics),
            Route("/healthz", health.health),
            Route("/readyz", health.ready),
        ],
        exception_handlers={MessageError: refuse, HTTPException: refuse_http},
    )
    app.state.watch = node.watch
    app.add_middleware(Guard, settings=settings, watch=node.watch)
    return app
