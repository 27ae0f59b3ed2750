"""What the server signs itself: tokens for guests and agents, newer ones for those who stay, and TURN credentials.

A shell around `auth` and `ice`: it has the keys and reads the clock.
"""

import time
from typing import Final

from signaling.auth import mint, sign_body
from signaling.claims import Claims, Grants
from signaling.envelope import Ice
from signaling.ice import ice_for
from signaling.jobs import AssignJob
from signaling.settings import Settings

TOKEN_LIFETIME: Final = 600
"""Seconds that a token of our own is good for joining; who is in a room is sent a newer one before that."""


class Credentials:
    """Signs with the first key of the settings.

    Args:
        settings: Checked settings.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._key = next(iter(settings.keys))

    def sign(self, claims: Claims) -> str:
        """A token of these claims."""
        return mint(claims.model_copy(update={"iss": self._key}), self._settings.keys[self._key])

    def guest(self, room: str, identity: str) -> Claims:
        """What a guest of a room may be given to sign."""
        wall = int(time.time())
        grants = Grants(join=True)
        return Claims(iss=self._key, sub=identity, iat=wall, exp=wall + TOKEN_LIFETIME, room=room, grants=grants)

    def renewed(self, claims: Claims) -> Claims:
        """The same for another `TOKEN_LIFETIME` seconds."""
        wall = int(time.time())
        return claims.model_copy(update={"iat": wall, "exp": wall + TOKEN_LIFETIME})

    def agent(self, assignment: AssignJob) -> Claims:
        """What the agent of an assigned job may do."""
        accept = assignment.accept
        guest = self.guest(assignment.room, accept.identity or f"agent-{assignment.job}")
        return guest.model_copy(
            update={
                "name": accept.name,
                "kind": "agent",
                "metadata": accept.metadata,
                "attributes": accept.attributes,
                "grants": Grants(join=True, admin=True),
                "job": assignment.job,
                "epoch": assignment.epoch,
                "agent": (assignment.wish,),
            }
        )

    def webhook(self, body: bytes) -> str:
        """What vouches for the body of a webhook."""
        return sign_body(body, self._key, self._settings.keys[self._key], wall=time.time())

    def ice(self, identity: str) -> Ice:
        """STUN and TURN servers for one participant."""
        return ice_for(self._settings.ice, identity, wall=time.time())
