"""The signaling server over HTTP, as the commands ask it: JSON out, or an error that says what to do next."""

import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Any, Final
from urllib.parse import quote

import httpx
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from agent_worker.cli import tokens
from agent_worker.cli.tokens import Key
from agent_worker.errors import ProtocolError, RoomLostError
from agent_worker.worker.address import endpoint

__all__ = ["Dispatch", "Participant", "Room", "ServerApi", "Worker", "open_api"]

ANSWER_SECONDS: Final = 10.0
TOKEN_SECONDS: Final = 600
_RENEW_SECONDS: Final = TOKEN_SECONDS / 2
_IDENTITY: Final = "agent-worker-cli"


class _Answer(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)


class Track(_Answer):
    """A track that somebody publishes."""

    source: str = ""
    muted: bool = False


class Participant(_Answer):
    """Somebody in a room."""

    identity: str
    name: str = ""
    kind: str = "human"
    attributes: dict[str, str] = Field(default_factory=dict)
    tracks: tuple[Track, ...] = ()
    state: str = "active"


class Room(_Answer):
    """An open room."""

    name: str
    metadata: str = ""


class Dispatch(_Answer):
    """A job: an agent in a room, or on its way there."""

    id: Annotated[str, Field(validation_alias="dispatch_id")]
    room: str
    agent: str = ""
    state: str = ""
    reason: str | None = None
    worker: str | None = None
    epoch: int = 0
    restarts: int = 0


class Worker(_Answer):
    """A registered worker."""

    id: Annotated[str, Field(validation_alias="worker")]
    agent: str = ""
    connected: bool = True
    state: str = ""
    load: float = 0.0
    jobs: int = 0
    max_jobs: int = 0


@dataclass(frozen=True, slots=True)
class _Kind:
    """What a list is called in an answer, and what it holds."""

    key: str
    items: TypeAdapter[Any]


_ROOMS: Final = _Kind("rooms", TypeAdapter(tuple[Room, ...]))
_PARTICIPANTS: Final = _Kind("participants", TypeAdapter(tuple[Participant, ...]))
_DISPATCHES: Final = _Kind("dispatches", TypeAdapter(tuple[Dispatch, ...]))
_WORKERS: Final = _Kind("workers", TypeAdapter(tuple[Worker, ...]))


class ServerApi:
    """One server. Made by `open_api`.

    Each method raises RoomLostError when the server cannot be reached, and ProtocolError when it refuses us.
    """

    def __init__(self, http: httpx.AsyncClient, url: str, key: Key) -> None:
        self._http = http
        self._key = key
        self._token = ""
        self._renew_at = 0.0
        self.url = url

    async def rooms(self) -> tuple[Room, ...]:
        """All open rooms."""
        return await self._list("/v1/rooms", _ROOMS)

    async def participants(self, room: str) -> tuple[Participant, ...]:
        """Who is in a room; nobody when it has closed meanwhile."""
        return await self._list(f"/v1/rooms/{quote(room, safe='')}/participants", _PARTICIPANTS)

    async def dispatches(self, room: str) -> tuple[Dispatch, ...]:
        """The jobs of a room; none when it has closed meanwhile."""
        return await self._list(f"/v1/rooms/{quote(room, safe='')}/dispatches", _DISPATCHES)

    async def workers(self) -> tuple[Worker, ...]:
        """All workers."""
        return await self._list("/v1/workers", _WORKERS)

    async def _list(self, path: str, kind: _Kind) -> Any:
        response = await self._get(path)
        if response.status_code == HTTPStatus.NOT_FOUND:
            return ()
        if response.is_error:
            raise ProtocolError(self._refusal(response), code=_problem(response).code)
        try:
            return kind.items.validate_python(response.json()[kind.key])
        except (ValueError, KeyError, TypeError) as error:  # ValidationError and JSONDecodeError are ValueErrors
            raise ProtocolError(
                f"What answers at {self.url} is no signaling server of this version: {_where(error)}"
            ) from error

    async def _get(self, path: str) -> httpx.Response:
        try:
            return await self._http.get(self.url + path, headers={"Authorization": f"Bearer {self._bearer()}"})
        except httpx.TransportError as error:
            raise RoomLostError(
                f"The signaling server at {self.url} cannot be reached: {error or 'no answer in time'}. Start one"
                " (python -m signaling --dev), or say where it is: --signaling URL, or AGENT_WORKER_SIGNALING_URL."
            ) from error

    def _bearer(self) -> str:
        now = time.time()
        if now >= self._renew_at:
            claims = tokens.admin_claims(identity=_IDENTITY, now=int(now), lifetime=TOKEN_SECONDS)
            self._token = tokens.sign(claims, self._key)
            self._renew_at = now + _RENEW_SECONDS
        return self._token

    def _refusal(self, response: httpx.Response) -> str:
        said = _problem(response).detail or f"HTTP status {response.status_code}"
        if response.status_code in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
            return (
                f"The signaling server at {self.url} refuses us: {said}. Give this command the server's"
                " AGENT_WORKER_API_KEY and AGENT_WORKER_API_SECRET (the environment or a .env file)."
            )
        return f"The signaling server at {self.url} cannot answer: {said}."


class _Problem(_Answer):
    """The members of application/problem+json (RFC 9457) that we read."""

    code: str = "internal"
    detail: str = ""


def _problem(response: httpx.Response) -> _Problem:
    try:
        return _Problem.model_validate_json(response.content)
    except ValidationError:
        return _Problem()


def _where(error: Exception) -> str:
    if isinstance(error, ValidationError):
        first = error.errors(include_input=False, include_url=False)[0]
        return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
    return f"{type(error).__name__}: {error}"


@asynccontextmanager
async def open_api(signaling: str, key: Key) -> AsyncGenerator[ServerApi]:
    """The server at an address as people write it.

    Args:
        signaling: http://, https://, ws:// or wss://.
        key: Signs the admin tokens that go with each request.

    Raises:
        ConfigError: It is no address.
    """
    url = endpoint(signaling, "").replace("ws", "http", 1).rstrip("/")
    # trust_env: the environment is read in `environment` alone, and so no proxy is taken from it.
    async with httpx.AsyncClient(timeout=ANSWER_SECONDS, trust_env=False) as http:
        yield ServerApi(http, url, key)
