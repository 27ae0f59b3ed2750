"""How long what a member was given lasts: its token, and its ICE credentials; and what is done before they are over.

Pure; a part of the registry. As a rule both are made anew in time, so that a session outlives its first token. With
`strict_expiry` the server makes no tokens: a person stays for as long as those last that somebody else gives it.
"""

from typing import Final

from signaling.envelope import Ice
from signaling.events import Renewed
from signaling.members import Due, Member, RoomSettings
from signaling.timers import Timers

RENEW_AT: Final = 0.8
"""Tokens and ICE credentials are made anew after this part of their life."""


class Tenure:
    """The times of all members.

    Args:
        settings: Whether the end of a token is the end of the session, and how soon after it.
        timers: Where what is due is noted: `Due.TOKEN`, `Due.EXPIRED` and `Due.ICE`, by session.
    """

    def __init__(self, settings: RoomSettings, timers: Timers[tuple[Due, str]]) -> None:
        self._settings = settings
        self._timers = timers

    def begin(self, member: Member, token_life: float, ice: Ice, now: float) -> None:
        """A member has shown a token of so many seconds, and gets these credentials."""
        self.extend(member, token_life, now)
        if any(server.credential is not None for server in ice.servers):
            self._timers.set((Due.ICE, member.sid), now + RENEW_AT * ice.ttl_s)

    def extend(self, member: Member, token_life: float, now: float) -> None:
        """A member has, or was given, a token of so many seconds."""
        member.expires = now + token_life
        if self._settings.strict_expiry and not member.is_agent:
            self._timers.set((Due.EXPIRED, member.sid), member.expires + self._settings.expiry_grace)
        else:
            self._timers.set((Due.TOKEN, member.sid), now + RENEW_AT * max(token_life, 0.0))

    def renew(self, member: Member, renewed: Renewed, now: float) -> None:
        """What was about to be over was made anew."""
        if renewed.event.t == "token":
            self.extend(member, renewed.life, now)
        else:
            self._timers.set((Due.ICE, member.sid), now + RENEW_AT * renewed.life)

    def end(self, member: Member) -> None:
        """A member is gone."""
        for due in (Due.TOKEN, Due.EXPIRED, Due.ICE):
            self._timers.cancel((due, member.sid))
