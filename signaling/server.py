"""The shell of the signaling server: the two WebSockets, the HTTP routes, the page, behind the guard."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from functools import partial

from fastapi import FastAPI, Request, WebSocket
from fastapi.middleware.cors import CORSMiddleware
from starlette.exceptions import HTTPException
from starlette.responses import Response
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from signaling.connection import Connection, Session
from signaling.errors import ErrorCode, MessageError
from signaling.guard import Guard
from signaling.limits import AddressQuota
from signaling.node import Node
from signaling.openapi import document
from signaling.page import STATIC, Page
from signaling.problems import problem
from signaling.rest import Rest
from signaling.rest_rooms import RoomRest
from signaling.sessions import ParticipantSession, WorkerSession, bearer_token, room_url
from signaling.settings import Settings

logger = logging.getLogger(__name__)


class Sockets:
    """The WebSocket routes.

    Args:
        node: Where rooms and workers are.
    """

    def __init__(self, node: Node) -> None:
        self._node = node
        self._settings = node.settings.sockets
        self._quota = AddressQuota(self._settings)
        self._open = 0
        self._all_closed = asyncio.Event()
        self._all_closed.set()

    async def rtc(self, websocket: WebSocket) -> None:
        """`/v1/rtc`: a participant."""
        connection = Connection(websocket, self._settings, self._quota)
        await self._run(connection, ParticipantSession(self._node, connection, bearer_token(websocket)))

    async def worker(self, websocket: WebSocket) -> None:
        """`/v1/worker`: a worker."""
        connection = Connection(websocket, self._settings, self._quota)
        session = WorkerSession(
            self._node, connection, bearer_token(websocket), room_url(websocket, self._node.settings)
        )
        await self._run(connection, session)

    async def wait_closed(self) -> None:
        """Until no socket is open."""
        await self._all_closed.wait()

    async def _run(self, connection: Connection, session: Session) -> None:
        self._open += 1
        self._all_closed.clear()
        try:
            await connection.run(session)
        finally:
            self._open -= 1
            if self._open == 0:
                self._all_closed.set()


def create_app(settings: Settings) -> FastAPI:
    """The server as an ASGI application; `app.state.node` is what it runs on.

    Args:
        settings: What it is set up with.

    Raises:
        SettingsError: The settings are not safe, or not complete.
    """
    node = Node(settings.checked())

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncGenerator[None]:
        async with asyncio.TaskGroup() as group:
            clock = group.create_task(node.run())
            yield
            clock.cancel()

    app = FastAPI(title="signaling", lifespan=lifespan, docs_url=None, redoc_url=None)
    app.openapi = partial(document, app)
    app.add_exception_handler(MessageError, _refuse)
    app.add_exception_handler(HTTPException, _refuse_http)
    if settings.allowed_origins:
        origins = list(settings.allowed_origins)
        exposed = ["Location", "Retry-After"]
        methods, headers = ["GET", "POST", "PATCH", "DELETE"], ["Authorization", "Content-Type", "Idempotency-Key"]
        app.add_middleware(
            CORSMiddleware,
            allow_origins=origins,
            allow_methods=methods,
            allow_headers=headers,
            expose_headers=exposed,
        )
    app.add_middleware(Guard, settings=node.settings)
    if settings.trusted_proxies:
        app.add_middleware(ProxyHeadersMiddleware, trusted_hosts=list(settings.trusted_proxies))
    sockets = Sockets(node)
    app.state.node, app.state.sockets = node, sockets
    app.add_api_websocket_route("/v1/rtc", sockets.rtc)
    app.add_api_websocket_route("/v1/worker", sockets.worker)
    app.include_router(Rest(node).router)
    app.include_router(RoomRest(node).router)
    app.mount("/", Page(STATIC, cached=not settings.dev), name="page")
    return app


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


async def _refuse(request: Request, exc: Exception) -> Response:
    assert isinstance(exc, MessageError)
    address = "" if request.client is None else request.client.host
    logger.info("! %s is refused %s: %s (%s)", address, request.method, exc.text, exc.code)
    return problem(exc)


async def _refuse_http(_: Request, exc: Exception) -> Response:
    assert isinstance(exc, HTTPException)
    code = ErrorCode.NOT_FOUND if exc.status_code == 404 else ErrorCode.BAD_REQUEST
    response = problem(MessageError(code, exc.detail), exc.status_code)
    response.headers.update(exc.headers or {})
    return response
