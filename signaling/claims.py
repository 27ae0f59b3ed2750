"""What a token says: who somebody is, where they may go, and what they may do there.

Pure. `auth` signs and verifies; `registry` asks for the grants with each message.
"""

from typing import Annotated, cast

from pydantic import BeforeValidator, Field

from signaling.envelope import AgentWish, Attributes, Identity, Kind, Metadata, Model, Name, Word


def _as_wishes(value: object) -> object:
    if not isinstance(value, list | tuple):
        value = [value]
    return [{"name": one} if isinstance(one, str) else one for one in cast("list[object]", value)]


AgentWishes = Annotated[tuple[AgentWish, ...], BeforeValidator(_as_wishes), Field(max_length=3)]


class Grants(Model):
    """What the bearer of a token may do.

    Who may join may speak, listen, send data and describe themselves, unless that is taken away.
    """

    join: bool = False
    publish: bool = True
    subscribe: bool = True
    data: bool = True
    update_own: bool = Field(default=True, validation_alias="updateOwn", serialization_alias="updateOwn")
    hidden: bool = False
    """Be in the room without being shown to others, and without keeping it open."""
    dispatch: tuple[Word, ...] = ()
    """The agents that may be sent to rooms by request, "" for any."""
    create: bool = False
    """Open rooms and change their settings."""
    admin: bool = False
    """Remove others; see rooms, participants and workers."""
    agent: bool = False
    """Register as a worker."""


class Claims(Model):
    """The claims of a token, as far as we know them; `iss`, `sub` and `exp` are the JWT's own (RFC 7519, 4.1)."""

    iss: Word
    """The id of the API key that signed it."""
    sub: Identity
    """The identity of a participant, or the id of a worker."""
    exp: int
    """Unix seconds."""
    iat: int | None = None
    """Unix seconds. Who was removed from a room comes in again only with a token that was issued later."""
    jti: Word | None = None
    """The token's own id (RFC 7519, 4.1.7), by which it can be revoked."""
    room: Identity | None = None
    name: Name = ""
    kind: Kind = "human"
    metadata: Metadata = ""
    attributes: Attributes = Field(default_factory=dict)
    agent: AgentWishes | None = None
    """The agents that the room shall get with its first human. A name ("" for any) or a list will do."""
    grants: Grants = Grants()
    job: Identity | None = None
    """Of an agent: the job that it does."""
    epoch: int | None = None
    """Of an agent: which assignment of that job."""
