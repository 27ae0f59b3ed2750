"""The shell of the signaling server: the two WebSockets, the HTTP routes, the page, behind the guard."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Final

from fastapi import FastAPI, WebSocket
from fastapi.middleware.cors import CORSMiddleware
from starlette.exceptions import HTTPException
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from signaling.audit import audit
from signaling.connection import Connection, Session
from signaling.credentials import Credentials
from signaling.engine.base import Engine
from signaling.engine.memory import MemoryEngine, MemoryStore
from signaling.errors import MessageError
from signaling.guard import Guard
from signaling.limits import AddressQuota
from signaling.links import new_id
from signaling.metrics import create_metrics_app
from signaling.node import Node
from signaling.openapi import document
from signaling.page import STATIC, Page
from signaling.problems import refuse, refuse_http
from signaling.rest import Rest
from signaling.rest_rooms import RoomRest
from signaling.sessions import ParticipantSession, WorkerSession, bearer_token, room_url
from signaling.settings import Settings
from signaling.watch import Watch
from signaling.whip import Whip

if TYPE_CHECKING:
    from signaling.webhook_post import WebhookPost

WEBHOOK_PATIENCE: Final = 3.0
"""Seconds for what receivers were not told yet when this server stops."""


class Sockets:
    """The WebSocket routes.

    Args:
        node: Where rooms and workers are.
    """

    def __init__(self, node: Node) -> None:
        self._node = node
        self._settings = node.settings.sockets
        self._quota = AddressQuota(self._settings)
        self._watch = node.watch
        self._all_closed = asyncio.Event()
        self._all_closed.set()

    async def rtc(self, websocket: WebSocket) -> None:
        """`/v1/rtc`: a participant."""
        connection = Connection(websocket, self._settings, self._quota, self._node.watch)
        await self._run(connection, ParticipantSession(self._node, connection, bearer_token(websocket)))

    async def worker(self, websocket: WebSocket) -> None:
        """`/v1/worker`: a worker."""
        connection = Connection(websocket, self._settings, self._quota, self._node.watch)
        session = WorkerSession(
            self._node, connection, bearer_token(websocket), room_url(websocket, self._node.settings)
        )
        await self._run(connection, session)

    async def wait_closed(self) -> None:
        """Until no socket is open."""
        await self._all_closed.wait()

    async def _run(self, connection: Connection, session: Session) -> None:
        self._watch.sockets += 1
        self._all_closed.clear()
        try:
            await connection.run(session)
        finally:
            self._watch.sockets -= 1
            if self._watch.sockets == 0:
                self._all_closed.set()


def create_app(settings: Settings, engine: Engine | None = None) -> FastAPI:
    """The server as an ASGI application; `app.state.node` is what it runs on.

    Args:
        settings: What it is set up with.
        engine: What it shares with other servers; None for one that stands alone.

    Raises:
        SettingsError: The settings are not safe, or not complete.
    """
    settings = settings.checked()
    webhooks = _webhooks(settings)
    engine = engine or MemoryEngine(MemoryStore(), new_id("ND"))
    node = Node(settings, Watch(audit, *(one.hear for one in webhooks)), engine)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncGenerator[None]:
        async with asyncio.TaskGroup() as group:
            clock = group.create_task(node.run())
            cluster = group.create_task(node.cluster.run())
            posts = [group.create_task(one.run()) for one in webhooks]
            yield
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(WEBHOOK_PATIENCE):
                    for one in webhooks:
                        await one.wait_idle()
            for task in (clock, cluster, *posts):
                task.cancel()

    app = FastAPI(title="signaling", lifespan=lifespan, docs_url=None, redoc_url=None)
    app.openapi = partial(document, app)
    app.add_exception_handler(MessageError, refuse)
    app.add_exception_handler(HTTPException, refuse_http)
    if settings.allowed_origins:
        origins = list(settings.allowed_origins)
        exposed = ["Location", "ETag", "Link", "Retry-After"]
        methods = ["GET", "POST", "PATCH", "DELETE"]
        headers = ["Authorization", "Content-Type", "Idempotency-Key", "If-Match"]
        app.add_middleware(
            CORSMiddleware,
            allow_origins=origins,
            allow_methods=methods,
            allow_headers=headers,
            expose_headers=exposed,
        )
    app.add_middleware(Guard, settings=settings, watch=node.watch)
    if settings.trusted_proxies:
        app.add_middleware(ProxyHeadersMiddleware, trusted_hosts=list(settings.trusted_proxies))
    sockets = Sockets(node)
    app.state.node, app.state.sockets, app.state.watch, app.state.webhooks = node, sockets, node.watch, webhooks
    app.state.metrics = create_metrics_app(node, webhooks, settings.for_metrics())
    app.add_api_websocket_route("/v1/rtc", sockets.rtc)
    app.add_api_websocket_route("/v1/worker", sockets.worker)
    app.include_router(Rest(node).router)
    app.include_router(RoomRest(node).router)
    app.include_router(Whip(node).router)
    app.mount("/", Page(STATIC, cached=not settings.dev), name="page")
    return app


def _webhooks(settings: Settings) -> "tuple[WebhookPost, ...]":
    if not settings.webhooks.urls:
        return ()
    from signaling.webhook_post import WebhookPost  # an HTTP client, some MiB that a server without webhooks saves

    sign = Credentials(settings).webhook
    return tuple(WebhookPost(url, settings.webhooks, sign) for url in settings.webhooks.urls)


async def say_goodbye(app: FastAPI, patience: float) -> None:
    """Tell all participants and workers that this server stops, let nobody in any more, and wait for them to go.

    Args:
        app: What `create_app` made.
        patience: Seconds after which nobody is waited for.
    """
    node: Node = app.state.node
    sockets: Sockets = app.state.sockets
    node.drain()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(patience):
            await sockets.wait_closed()
