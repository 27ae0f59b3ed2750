"""Who comes in: tokens are verified here, revoked ones turned away, and addresses that try too often made to wait.

A shell around `auth`, `revoked` and `limits`: it has the keys and reads the clock.
"""

import time
from collections.abc import Generator
from contextlib import contextmanager

from signaling.auth import LEEWAY, MAX_LIFETIME, check_worker, join_claims, verify
from signaling.claims import Claims
from signaling.errors import ErrorCode, MessageError
from signaling.limits import AddressRates
from signaling.revoked import Revoked
from signaling.settings import Settings


class Door:
    """The way in, for sockets and requests alike.

    Every method raises MessageError: `unauthorized`, `token_expired`, `forbidden`, or, where an address tries too
    often, `rate_limited`.

    Args:
        settings: Checked settings.
    """

    def __init__(self, settings: Settings) -> None:
        self._keys = settings.keys
        self._revoked = Revoked()
        rate = settings.joins_per_minute
        self._rates = None if rate is None else AddressRates(per_second=rate / 60, burst=max(1, round(rate)))
        self.is_open = settings.dev
        """Whether nobody needs a token, in development."""

    def knock(self, address: str) -> None:
        """Count that somebody from this address comes in, or tries to."""
        wait = 0.0 if self._rates is None else self._rates.take(address, time.monotonic())
        if wait > 0.0:
            raise MessageError(ErrorCode.RATE_LIMITED, "too many joins from this address", retry_after=wait)

    def verify(self, token: str, address: str) -> Claims:
        """Whose token this is. Who comes with a bad one has knocked."""
        with self._counting_failures(address):
            return self._check(verify(token, self._keys, wall=time.time()))

    def join(self, token: str, address: str) -> Claims:
        """Whose token to join a room this is. Who comes with a bad one has knocked."""
        with self._counting_failures(address):
            return self._check(join_claims(token, self._keys, wall=time.time()))

    def register(self, token: str, address: str) -> None:
        """Let nobody register as a worker who has no right to."""
        with self._counting_failures(address):
            self._check(check_worker(token, self._keys, wall=time.time()))

    def revoke(self, token: str) -> None:
        """Take no token with this `jti` any more."""
        wall = time.time()
        self._revoked.add(token, until=wall + MAX_LIFETIME + LEEWAY, wall=wall)

    def _check(self, claims: Claims) -> Claims:
        if self._revoked.bars(claims.jti, wall=time.time()):
            raise MessageError(ErrorCode.UNAUTHORIZED, "the token was revoked: get a new one")
        return claims

    @contextmanager
    def _counting_failures(self, address: str) -> Generator[None]:
        try:
            yield
        except MessageError:
            self.knock(address)
            raise
