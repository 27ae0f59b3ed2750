"""The STUN and TURN servers that participants are given, with credentials that soon expire.

Pure. TURN credentials follow the convention of coturn's `use-auth-secret`: the user name is the expiry and the
identity, the password its HMAC-SHA1 under the secret that both servers know.
"""

import base64
import hashlib
import hmac
from dataclasses import dataclass, field

from signaling.envelope import Ice, IceServer


@dataclass(frozen=True, slots=True, kw_only=True)
class IceSettings:
    """Which servers there are; none by default, which is enough on one machine and in one LAN.

    Attributes:
        stun_urls: Such as `stun:stun.example.org:3478`.
        turn_urls: Such as `turn:turn.example.org:3478?transport=udp`; agents use the first one alone.
        turn_secret: What the TURN server has as its `static-auth-secret`.
        ttl: Seconds for which credentials are valid; it matters when a relay is asked for, not while it is used.
        relay_only: All sound goes through the TURN server: nobody learns another's address.
    """

    stun_urls: tuple[str, ...] = ()
    turn_urls: tuple[str, ...] = ()
    turn_secret: str = field(default="", repr=False)
    ttl: int = 3600
    relay_only: bool = False


def ice_for(settings: IceSettings, identity: str, *, wall: float) -> Ice:
    """The servers for one participant.

    Args:
        settings: Which servers there are.
        identity: Whose relay it will be; shown in the TURN server's log.
        wall: Unix seconds.
    """
    servers: list[IceServer] = []
    if settings.stun_urls:
        servers.append(IceServer(urls=settings.stun_urls))
    if settings.turn_urls:
        username = f"{int(wall) + settings.ttl}:{identity}"
        digest = hmac.digest(settings.turn_secret.encode(), username.encode(), hashlib.sha1)
        credential = base64.b64encode(digest).decode()
        servers.append(IceServer(urls=settings.turn_urls, username=username, credential=credential))
    policy = "relay" if settings.relay_only else "all"
    return Ice(servers=tuple(servers), ttl_s=settings.ttl, policy=policy)
