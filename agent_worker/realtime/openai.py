"""A realtime model behind a WebSocket that speaks OpenAI's Realtime protocol (GA): OpenAI itself, or the local model.

Here is the way in: the address, the credential, the opening of the socket. What follows is in `openai_connection`,
what the frames mean in `openai_wire`.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from ssl import SSLContext
from typing import Final
from urllib.parse import SplitResult, parse_qsl, urlencode, urlsplit, urlunsplit

from websockets.asyncio.client import ClientConnection
from websockets.asyncio.client import connect as connect_websocket
from websockets.exceptions import InvalidHandshake, InvalidStatus

from agent_worker import clock
from agent_worker.errors import ConfigError, RealtimeError, RealtimeLostError
from agent_worker.history.items import Item
from agent_worker.realtime.base import (
    Capabilities,
    Modality,
    RealtimeConnection,
    SessionSettings,
    TurnDetection,
)
from agent_worker.realtime.dialects import GA, Dialect
from agent_worker.realtime.openai_connection import (
    CLOSE_SECONDS,
    OpenAIRealtimeConnection,
    Server,
    closing,
    configure,
)
from agent_worker.realtime.openai_events import SessionCreated
from agent_worker.realtime.openai_refusal import refusal, refusal_by_status
from agent_worker.realtime.openai_wire import Codec

OPENAI_URL: Final = "wss://api.openai.com/v1/realtime"
DEFAULT_MODEL: Final = "gpt-realtime-2.1"

Credential = str | Callable[[], Awaitable[str]]
"""A key, or what mints one at each connect."""

_PING_SECONDS: Final = 10.0
"""Between pings, and until each is answered: a server that has gone without a word is missed after 20 s at most."""
_MAX_FRAME: Final = 24 * 2**20
"""Bytes of one server frame: 15 MiB of audio in base64 are 20 MiB."""
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})

_logger = logging.getLogger(__name__)
_socket_logger = logging.getLogger(f"{__name__}.socket")
# At DEBUG websockets logs its handshake with the Authorization header, and every frame with what was said.
_socket_logger.setLevel(logging.INFO)


class OpenAIRealtimeModel:
    """A server that speaks OpenAI's Realtime protocol, with its address and credential.

    Args:
        url: ws:// or wss:// address of the realtime endpoint. It may have a query; one that names a model already
            keeps its own, otherwise `model` is added.
        model: The model's name (on Azure the deployment's), "" when the address alone says which.
        api_key: The key, or a coroutine function that is awaited at each connect and may mint short-lived keys. None
            for servers that ask for none, as the local model.
        dialect: What the server does differently: a value of `agent_worker.realtime.dialects`.
        voice: The voice of sessions that name none.
        connect_timeout: Seconds until the session must be ready, the credential's minting included.
        ssl: For wss:// only: how to verify the server. None: the system's certificates.

    Raises:
        ConfigError: The address is no WebSocket address, or OpenAI's without a key; or the server needs a model's
            name.

    """

    def __init__(
        self,
        *,
        url: str = OPENAI_URL,
        model: str = DEFAULT_MODEL,
        api_key: Credential | None = None,
        dialect: Dialect = GA,
        voice: str | None = None,
        connect_timeout: float = 10.0,
        ssl: SSLContext | None = None,
    ) -> None:
        parts = _split(url)
        if url == OPENAI_URL and not api_key:
            raise ConfigError(
                f"{OPENAI_URL} needs an API key: pass api_key=... (the commands read OPENAI_API_KEY), "
                "or use a model that needs none, such as the local one."
            )
        if ssl is not None and parts.scheme == "ws":
            raise ConfigError("ssl=... is for wss:// addresses; this one is ws://.")
        if api_key and parts.scheme == "ws" and parts.hostname not in _LOOPBACK:
            _logger.warning(
                "The API key for %s is sent unencrypted; use wss:// if the way there is not private", parts.hostname
            )
        query = dict(dialect.query) | dict(parse_qsl(parts.query, keep_blank_values=True))
        query[dialect.model_parameter] = named = query.get(dialect.model_parameter) or model
        if not named:
            del query[dialect.model_parameter]
            if dialect.names_model or parts.hostname == urlsplit(OPENAI_URL).hostname:
                raise ConfigError(
                    f"{parts.hostname} needs to be told the model: pass model=... (the commands read "
                    f"AGENT_WORKER_MODEL), or name it in the address: ?{dialect.model_parameter}=..."
                )
        self._dialect = dialect
        self._model = named
        self._url = urlunsplit(parts._replace(query=urlencode(query), fragment=""))
        # What people read: queries and user parts may carry secrets.
        self._address = urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))
        self._api_key = api_key
        self._voice = voice
        self._connect_timeout = connect_timeout
        self._ssl = ssl or (True if parts.scheme == "wss" else None)

    def __repr__(self) -> str:
        return f"<OpenAIRealtimeModel {self._model} at {self._address}>"

    @property
    def capabilities(self) -> Capabilities:
        """All that the dialect has."""
        return self._dialect.capabilities

    @asynccontextmanager
    async def connect(
        self, settings: SessionSettings, history: Callable[[], Sequence[Item]] = tuple
    ) -> AsyncGenerator[RealtimeConnection, None]:
        """Open a session and configure it; leaving the block closes it. What is queued by then is not sent.

        Raises:
            RealtimeLostError: The server could not be reached, or was not ready within `connect_timeout`.
            RealtimeError: It refused the credential, the model or the settings, or no credential could be minted.

        """
        settings = replace(settings, voice=settings.voice or self._voice)
        codec = Codec(self._dialect)
        async with AsyncExitStack() as stack:
            try:
                async with asyncio.timeout(self._connect_timeout):
                    key = await self._mint_key()
                    socket = await self._open(key)
                    await stack.enter_async_context(closing(socket))
                    server = Server(self._address, key)
                    created = await configure(socket, codec, settings, server)
                    for item in history():
                        for frame in codec.retell(item):
                            await socket.send(frame)
            except TimeoutError as exc:
                raise RealtimeLostError(
                    f"The realtime model at {self._address} was not ready within {self._connect_timeout:g} s. "
                    "Check that a realtime server runs there and is not overloaded."
                ) from exc
            connection = OpenAIRealtimeConnection(socket, codec, server, self._effective(settings, created))
            async with connection.writing():
                yield connection

    def _effective(self, settings: SessionSettings, created: SessionCreated) -> Capabilities:
        """What holds in a session with these settings."""
        model = self.capabilities
        server_turns = settings.turn_detection is not TurnDetection.NONE
        lasts = model.max_session_seconds
        if created.expires_at is not None:
            # The one time that the server tells is a wall clock's.
            lasts = max(0.0, created.expires_at - clock.wall_nanoseconds() / 1e9)
        return replace(
            model,
            audio_output=model.audio_output and settings.modality is Modality.AUDIO,
            user_transcription=model.user_transcription and settings.transcription_model is not None,
            server_interrupts=model.server_interrupts and settings.turn_detection is TurnDetection.SERVER,
            voice_events=model.voice_events and server_turns,
            max_session_seconds=lasts,
        )

    async def _mint_key(self) -> str:
        """The key of this connect, "" for none.

        A key read from a file or variable often ends in a newline, which no header may hold.
        """
        if self._api_key is None or isinstance(self._api_key, str):
            key = self._api_key or ""
        else:
            try:
                key = await self._api_key()
            except Exception as exc:
                raise RealtimeError(
                    f"The api_key function for {self._address} failed: {type(exc).__name__}: {exc}. "
                    "Mend it, or pass a key.",
                    code="invalid_api_key",
                ) from exc
        key = key.strip()
        if not (key.isascii() and key.isprintable()):
            raise refusal(
                self._address, code="invalid_api_key", message="the API key has characters that no header can hold"
            )
        return key

    def _headers(self, key: str) -> dict[str, str]:
        headers = dict(self._dialect.headers)
        if key:
            headers[self._dialect.key_header] = f"{self._dialect.key_prefix}{key}"
        return headers

    async def _open(self, key: str) -> ClientConnection:
        try:
            return await connect_websocket(
                self._url,
                additional_headers=self._headers(key),
                # Deflating base64 costs far more than it saves.
                compression=None,
                max_size=_MAX_FRAME,
                # The deadline over all of connect() holds here, too.
                open_timeout=None,
                close_timeout=CLOSE_SECONDS,
                ping_interval=_PING_SECONDS,
                ping_timeout=_PING_SECONDS,
                # The environment is read in the commands alone, and so no proxy is taken from it.
                proxy=None,
                logger=_socket_logger,
                ssl=self._ssl,
            )
        except InvalidStatus as exc:
            status = exc.response.status_code
            error = refusal_by_status(self._address, status=status)
            raise error or self._unreachable(f"it answered with HTTP status {status}") from exc
        except (InvalidHandshake, EOFError) as exc:
            raise self._unreachable(f"what answers is no WebSocket server: {exc}") from exc
        except OSError as exc:
            raise self._unreachable(str(exc)) from exc

    def _unreachable(self, why: str) -> RealtimeLostError:
        return RealtimeLostError(
            f"The realtime model at {self._address} cannot be reached: {why}. "
            "Check that it runs there, and that this machine can open a connection to it."
        )


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        # A user without a password is not an address to websockets either, and its error would quote the whole of it.
        whole = parts.port != 0 and (parts.username is None) == (parts.password is None)
        if whole and parts.scheme in ("ws", "wss") and parts.hostname:
            return parts
    except ValueError:
        pass
    raise ConfigError(
        "A realtime model's url must look like wss://host/v1/realtime or ws://127.0.0.1:8765/v1/realtime."
    )
