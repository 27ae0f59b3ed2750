"""The server of the embedded model: ws://HOST:PORT/v1/realtime -> one connection, one session.

Any key is accepted, or none: there is nothing here to protect, and the server listens on loopback. Keys that
`POST /v1/realtime/client_secrets` has made bring the settings along that they were made with.
"""

import asyncio
import json
import logging
import secrets
import socket
import time
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Final, cast
from urllib.parse import parse_qs, urlsplit

from websockets.asyncio.server import ServerConnection
from websockets.asyncio.server import serve as serve_sockets
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

from agent_worker import clock
from agent_worker.cascade import engines as speech_engines
from agent_worker.cascade.apart import RecogniserProcesses
from agent_worker.errors import ConfigError
from agent_worker.localmodel import events
from agent_worker.localmodel.client_secrets import ClientSecrets
from agent_worker.localmodel.connection import Connection, Engines
from agent_worker.localmodel.doorway import Answer, Doorway, refused
from agent_worker.localmodel.ears import NO_RECOGNISER
from agent_worker.localmodel.names import Names
from agent_worker.localmodel.protocol import Protocol
from agent_worker.localmodel.recorder import Recorder
from agent_worker.localmodel.refusals import EventRefusedError
from agent_worker.localmodel.tls import TlsFiles
from agent_worker.localmodel.tones import Tones
from agent_worker.vad import silero
from agent_worker.vad.base import Vad
from agent_worker.vad.energy import EnergyVad

log = logging.getLogger(__name__)

PATH: Final = "/v1/realtime"
SECRETS_PATH: Final = f"{PATH}/client_secrets"
MAX_FRAME: Final = 24 * 1024 * 1024
"""Bytes. The longest append, 15 MiB of audio, is 20 MiB of base64."""
MAX_SESSIONS: Final = 64
_SUBPROTOCOL: Final = Subprotocol("realtime")
_KEY_PROTOCOL: Final = "openai-insecure-api-key."
_CLOSE_TIMEOUT: Final = 2.0
"""Seconds for a client to answer our end of the connection."""
_FRAMES_READ_AHEAD: Final = 4


def installed_engines() -> Engines:
    """The best engines that this machine has; what is missing is said in the log. Loads models: takes some 200 ms."""
    synthesiser = speech_engines.synthesiser()
    if synthesiser is None:
        log.warning("no speech synthesiser: replies are text and soft tones; `doctor` says how to install one")
    hears = speech_engines.recogniser() is not None
    if not hears:
        log.warning("%s", NO_RECOGNISER)
    polyglot = speech_engines.synthesiser("espeak")
    return Engines(
        synthesiser=synthesiser or Tones(),
        polyglot=polyglot,
        recogniser=speech_engines.recogniser,
        vad=_detector(),
        hears=hears,
    )


async def _installed_apart(stack: AsyncExitStack) -> Engines:
    """The same, recognising in other processes: a decoder would hold up everybody's audio here."""
    found = await asyncio.to_thread(installed_engines)
    if not found.hears:
        return found
    processes = RecogniserProcesses(speech_engines.recogniser)
    await asyncio.to_thread(processes.__enter__)
    stack.push(processes)
    return replace(found, recogniser=processes.recogniser)


def _detector() -> Callable[[], Vad]:
    try:
        silero.load_session()
    except ConfigError as missing:
        log.warning("turns are found by loudness alone: %s", missing)
        return EnergyVad
    return silero.SileroVad


async def serve(
    *,
    host: str,
    port: int,
    record: Path | None,
    ready: Callable[[str], None],
    engines: Engines | None = None,
    tls: TlsFiles | None = None,
) -> None:
    """Serve until cancelled.

    Args:
        host: Address to listen on.
        port: Port to listen on; 0 for a free one.
        record: A folder for everything that is said, to look for faults; None: nothing is kept.
        ready: Called with the address to connect to once connections are accepted.
        engines: What sessions hear and speak with; None for what is installed.
        tls: The server's certificate: connections are then wss:// and https:// alone.

    Raises:
        ConfigError: The port is taken, or the certificate cannot be used.

    """
    context = tls.context() if tls is not None else None
    listener = _listen(host, port)
    async with AsyncExitStack() as stack:
        stack.enter_context(listener)
        chosen = engines or await _installed_apart(stack)
        recorder = Recorder(record) if record is not None else None
        if recorder is not None:
            group = await stack.enter_async_context(asyncio.TaskGroup())
            recording = group.create_task(recorder.run())
            # Only after the sessions are over, so that their last events are written.
            stack.callback(recording.cancel)
        door = _Door(chosen, recorder)
        server = await stack.enter_async_context(
            serve_sockets(
                door.converse,
                sock=listener,
                ssl=context,
                # The library calls it as it would call the class.
                create_connection=cast(type[ServerConnection], partial(Doorway, respond=door.respond)),
                process_request=_route,
                select_subprotocol=_subprotocol,
                compression=None,  # costs 60 us for each delta and saves a quarter
                max_size=MAX_FRAME,
                max_queue=_FRAMES_READ_AHEAD,
                close_timeout=_CLOSE_TIMEOUT,
            )
        )
        bound = listener.getsockname()[1]
        address = f"[{host}]" if ":" in host else host
        ready(f"{'ws' if context is None else 'wss'}://{address}:{bound}{PATH}")
        await server.serve_forever()


def _listen(host: str, port: int) -> socket.socket:
    """Take the port first: whoever chose it should hear at once that it is taken.

    Raises:
        ConfigError: It is taken, or the address is none of this machine.

    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OSError as error:
        raise ConfigError(f"cannot listen on {host}:{port}: {error.strerror}; choose another --port") from error


class _Door:
    """Lets clients in."""

    def __init__(self, engines: Engines, recorder: Recorder | None) -> None:
        self._engines = engines
        self._recorder = recorder
        self._secrets = ClientSecrets(lambda: secrets.token_hex(16))
        self._sessions = 0

    def respond(self, method: str, target: str, body: bytes) -> Answer:
        """Answer a request that is no upgrade."""
        if urlsplit(target).path.rstrip("/") != SECRETS_PATH:
            return refused(HTTPStatus.NOT_FOUND, f"There is nothing here. Post to {SECRETS_PATH}.", "not_found")
        if method != "POST":
            return refused(HTTPStatus.METHOD_NOT_ALLOWED, "Use POST.", "method_not_allowed")
        try:
            return Answer(status=HTTPStatus.OK, body=self._secrets.create(body, time.time()))
        except EventRefusedError as refusal:
            return refused(HTTPStatus.BAD_REQUEST, str(refusal), refusal.code, refusal.param)

    async def converse(self, client: ServerConnection) -> None:
        """One client, from its first frame to its last."""
        request = client.request
        assert request is not None
        names = Names(secrets.token_hex(4))
        if request.headers.get("OpenAI-Beta", "").startswith("realtime"):
            refusal = EventRefusedError(
                "The Realtime Beta API is no longer supported. Remove the OpenAI-Beta header and use the GA events.",
                code="beta_api_shape_disabled",
            )
            await _refuse(client, refusal, names, 4000)
            return
        if self._sessions >= MAX_SESSIONS:
            full = EventRefusedError(f"There are {MAX_SESSIONS} sessions already.", code="session_limit_reached")
            await _refuse(client, full, names, 1013)
            return
        asked = parse_qs(urlsplit(request.path).query, keep_blank_values=True)
        try:
            session = self._secrets.begin(
                names.session,
                _key(request),
                intent=asked.get("intent", [None])[0],
                model=asked.get("model", [None])[0],
                wall=time.time(),
            )
        except EventRefusedError as refusal:
            await _refuse(client, refusal, names, 3000 if refusal.code == "invalid_api_key" else 4000)
            return
        protocol = Protocol(names, session=session, hears=self._engines.hears, now=clock.now())
        self._sessions += 1
        log.info("session %s begins", protocol.session.id)
        try:
            await Connection(client, protocol, self._engines, self._recorder).run()
        finally:
            self._sessions -= 1
            log.info("session %s ends", protocol.session.id)


async def _refuse(client: ServerConnection, refusal: EventRefusedError, names: Names, code: int) -> None:
    event = {"event_id": names.next("event"), **events.error(refusal, None)}
    await client.send(json.dumps(event))
    await client.close(code, f"invalid_request_error.{refusal.code}")


def _key(request: Request) -> str | None:
    """The client's key: from its header or, as browsers can set none, from its subprotocols."""
    scheme, _, key = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return key.strip()
    offered = ",".join(request.headers.get_all("Sec-WebSocket-Protocol")).split(",")
    names = (name.strip() for name in offered)
    return next((name.removeprefix(_KEY_PROTOCOL) for name in names if name.startswith(_KEY_PROTOCOL)), None)


def _route(connection: ServerConnection, request: Request) -> Response | None:
    path = urlsplit(request.path).path.rstrip("/")
    if path == PATH:
        return None
    if path == SECRETS_PATH:
        return connection.respond(HTTPStatus.METHOD_NOT_ALLOWED, "Use POST.\n")
    if path == "/healthz":
        return connection.respond(HTTPStatus.OK, "ok\n")
    return connection.respond(HTTPStatus.NOT_FOUND, f"There is nothing here. Connect to {PATH}?model=...\n")


def _subprotocol(_connection: ServerConnection, offered: Sequence[Subprotocol]) -> Subprotocol | None:
    # Browsers offer their key as a second subprotocol, and give up unless the first is chosen.
    return _SUBPROTOCOL if _SUBPROTOCOL in offered else None
