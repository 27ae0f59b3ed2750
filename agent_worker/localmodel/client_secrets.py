"""Short-lived keys for browsers: `POST /v1/realtime/client_secrets` -> a key -> the session that it opens. Pure.

An application's server makes one with its own key and gives it to a page. Here no key protects anything: what counts
is that a session opened with such a key begins with the settings that were given when it was made.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from agent_worker.localmodel.events import Json
from agent_worker.localmodel.refusals import EventRefusedError
from agent_worker.localmodel.settings import AnySession, begun, refusal_of, updated

PREFIX: Final = "ek_"
DEFAULT_MODEL: Final = "local"
MOST_SECRETS: Final = 4096
"""Keys that are remembered, the newest ones."""


class _Expiry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    anchor: Literal["created_at"] = "created_at"
    seconds: Annotated[int, Field(ge=10, le=7200)] = 600


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    expires_after: _Expiry | None = None
    session: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Secret:
    expires_at: int
    settings: Json


class ClientSecrets:
    """The keys that this server has made.

    Args:
        draw: Makes text that nobody can guess.

    """

    def __init__(self, draw: Callable[[], str]) -> None:
        self._draw = draw
        self._secrets: dict[str, _Secret] = {}

    def create(self, body: bytes, wall: float) -> Json:
        """A new key.

        Args:
            body: The request's JSON; nothing at all is a request for the defaults.
            wall: Unix seconds.

        Returns:
            The answer's JSON.

        Raises:
            EventRefusedError: The request is wrong.

        """
        asked = _read(body)
        settings: Json = {"type": "realtime", **(asked.session or {})}
        value = f"{PREFIX}{self._draw()}"
        # Whatever is wrong with the settings is told now, and not to the page that comes with the key.
        session = _session(f"sess_{self._draw()[:12]}", settings, wall, model=None)
        expires_at = int(wall) + (asked.expires_after or _Expiry()).seconds
        self._secrets[value] = _Secret(expires_at=expires_at, settings=settings)
        while len(self._secrets) > MOST_SECRETS:
            del self._secrets[next(iter(self._secrets))]
        return {"value": value, "expires_at": expires_at, "session": session.echo()}

    def begin(
        self, session_id: str, key: str | None, *, intent: str | None, model: str | None, wall: float
    ) -> AnySession:
        """The session of a new connection.

        Args:
            session_id: Its id.
            key: What the client gave as its key, or None. Keys of others are as good as none.
            intent: The address's `intent`, or None.
            model: The address's `model`, or None.
            wall: Unix seconds.

        Raises:
            EventRefusedError: The key was made here, and has expired; or the address has a model without a name
                ("?model="), or one where there is none to choose.

        """
        if model == "":
            raise EventRefusedError("You must provide a model parameter.", code="missing_model", param="model")
        if model is not None and intent == "transcription":
            raise EventRefusedError(
                "You must not provide a model parameter for transcription sessions.",
                code="invalid_model",
                param="model",
            )
        secret = self._secrets.get(key or "")
        if secret is None:
            return begun(session_id, intent=intent, model=model or DEFAULT_MODEL, wall=wall)
        if wall >= secret.expires_at:
            raise EventRefusedError(
                "The client secret has expired: make a new one for each connection.", code="invalid_api_key"
            )
        return _session(session_id, secret.settings, wall, model=model)


def _read(body: bytes) -> _Request:
    try:
        return _Request.model_validate(json.loads(body) if body.strip() else {})
    except ValidationError as invalid:
        raise refusal_of(invalid) from None
    except (ValueError, RecursionError):
        raise EventRefusedError("The request's body is not JSON.", code="invalid_json") from None


def _session(session_id: str, settings: Json, wall: float, *, model: str | None) -> AnySession:
    named = settings.get("model")
    name = model or (named if isinstance(named, str) and named else DEFAULT_MODEL)
    session = begun(session_id, intent=str(settings["type"]), model=name, wall=wall)
    return updated(session, {key: value for key, value in settings.items() if key != "model"}, voice_locked=False)
