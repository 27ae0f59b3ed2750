"""Tokens: signed by whoever has an API secret, verified before anybody enters a room or registers as a worker.

One algorithm (HS256), one audience, and a life of at most a day. The key id in `iss` chooses the secret, so two keys
can live side by side while one is rotated out. What a refused token contains is said to nobody.
"""

import base64
import hashlib
from collections.abc import Mapping
from typing import Any

import jwt
from pydantic import ValidationError

from signaling.claims import Claims
from signaling.errors import ErrorCode, MessageError
from signaling.messages import TOKEN_ALGORITHM, TOKEN_AUDIENCE

MAX_TOKEN_CHARS = 4096
MAX_LIFETIME = 24 * 3600
LEEWAY = 30
WEBHOOK_AUDIENCE = "voice-webhook"
WEBHOOK_LIFETIME = 300


def mint(claims: Claims, secret: str) -> str:
    """Sign a token.

    Args:
        claims: What it says; `iss` must be the id of the key whose secret signs it.
        secret: At least 32 bytes.
    """
    fields = claims.model_dump(by_alias=True, exclude_none=True, exclude_defaults=True)
    fields["aud"] = TOKEN_AUDIENCE
    return jwt.encode(fields, secret, algorithm=TOKEN_ALGORITHM)


def sign_body(body: bytes, key: str, secret: str, *, wall: float) -> str:
    """A token that vouches for the body of a webhook: its `sha256` claim is the body's, in base64.

    Args:
        body: What is posted.
        key: The id of the key that signs; it becomes `iss`.
        secret: That key's.
        wall: Unix seconds.
    """
    digest = base64.b64encode(hashlib.sha256(body).digest()).decode()
    # An audience of its own, or whoever receives a webhook could come in with it.
    fields = {"iss": key, "aud": WEBHOOK_AUDIENCE, "iat": int(wall), "exp": int(wall) + WEBHOOK_LIFETIME}
    return jwt.encode({**fields, "sha256": digest}, secret, algorithm=TOKEN_ALGORITHM)


def verify(token: str, keys: Mapping[str, str], *, wall: float) -> Claims:
    """Who the bearer of this token is.

    Args:
        token: As received.
        keys: Secret by key id.
        wall: Unix seconds.

    Raises:
        MessageError: `unauthorized` or `token_expired`.
    """
    if not token:
        raise _refused("a token is needed")
    if len(token) > MAX_TOKEN_CHARS:
        raise _refused(f"the token is longer than {MAX_TOKEN_CHARS} characters")
    secret = keys.get(_issuer(token))
    if secret is None:
        raise _refused("the token is not signed by a key of this server")
    try:
        fields = jwt.decode(
            token,
            secret,
            algorithms=[TOKEN_ALGORITHM],
            audience=TOKEN_AUDIENCE,
            leeway=LEEWAY,
            options={"require": ["exp", "sub", "iss"]},
        )
        claims = Claims.model_validate(fields)
    except jwt.ExpiredSignatureError as exc:
        raise MessageError(ErrorCode.TOKEN_EXPIRED, "the token has expired: get a new one") from exc
    except jwt.InvalidSignatureError as exc:
        raise _refused("the token is not signed by a key of this server") from exc
    except jwt.MissingRequiredClaimError as exc:
        raise _refused(f"the token has no {exc.claim} claim") from exc
    except (jwt.InvalidTokenError, ValidationError) as exc:
        raise _refused("the token is malformed, or not for this service") from exc
    if claims.exp - wall > MAX_LIFETIME + LEEWAY:
        raise _refused("the token lives longer than 24 hours")
    return claims


def join_claims(token: str, keys: Mapping[str, str], *, wall: float) -> Claims:
    """Who wants to enter which room.

    Raises:
        MessageError: `unauthorized`, `token_expired`, or `forbidden` when it is a token for something else.
    """
    claims = verify(token, keys, wall=wall)
    if claims.room is None or not claims.grants.join:
        raise MessageError(ErrorCode.FORBIDDEN, "the token does not allow to join a room")
    if claims.kind == "agent" and (claims.job is None or claims.epoch is None):
        raise MessageError(ErrorCode.FORBIDDEN, "an agent's token must name its job")
    return claims


def check_worker(token: str, keys: Mapping[str, str], *, wall: float) -> Claims:
    """Which worker wants to register.

    Raises:
        MessageError: `unauthorized`, `token_expired`, or `forbidden` without the agent grant.
    """
    claims = verify(token, keys, wall=wall)
    if not claims.grants.agent:
        raise MessageError(ErrorCode.FORBIDDEN, "the token does not allow to register as a worker (grant: agent)")
    return claims


def _refused(text: str) -> MessageError:
    return MessageError(ErrorCode.UNAUTHORIZED, text)


def _issuer(token: str) -> str:
    """The key id that the token names, unverified: it only chooses the secret that it must then prove."""
    try:
        fields: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    except jwt.InvalidTokenError as exc:
        raise _refused("the token is malformed") from exc
    issuer = fields.get("iss")
    return issuer if isinstance(issuer, str) else ""
