"""What one signaling server tells another: a few orders, by way of the engine's inboxes.

Pure. What comes from a request to any of the servers is carried out at the one that it concerns.
"""

from typing import Annotated, Literal

from pydantic import Field, TypeAdapter, ValidationError

from signaling.engine.base import Value
from signaling.envelope import Identity, Model, Word
from signaling.errors import ErrorCode, MessageError


class RevokeToken(Model):
    """Let nobody in with the token of this id any more, and nobody stay."""

    do: Literal["revoke_token"] = "revoke_token"
    token: Word


class DrainWorker(Model):
    """Have a worker that is connected to you take no more jobs, and go."""

    do: Literal["drain_worker"] = "drain_worker"
    worker: Identity
    timeout_s: Annotated[float, Field(ge=0.0)]


Order = RevokeToken | DrainWorker

_order: TypeAdapter[Order] = TypeAdapter(Annotated[Order, Field(discriminator="do")])


def parse_order(message: Value) -> Order:
    """An order as it came out of an inbox.

    Raises:
        MessageError: `bad_request`: it is of another version of this server.
    """
    try:
        return _order.validate_python(message)
    except ValidationError as exc:
        raise MessageError(ErrorCode.BAD_REQUEST, "it is none of those that this version knows") from exc
