"""TURN credentials as coturn computes them."""

import base64
import hashlib
import hmac

from signaling.envelope import Ice, IceServer
from signaling.ice import IceSettings, ice_for


def test_by_default_there_are_none():
    assert ice_for(IceSettings(), "ann", wall=1000.0) == Ice(servers=(), ttl_s=3600)


def test_only_by_the_relay_is_said_to_all():
    assert ice_for(IceSettings(relay_only=True), "ann", wall=1000.0).policy == "relay"


def test_credentials_expire_and_are_the_identitys_own():
    settings = IceSettings(
        stun_urls=("stun:h",), turn_urls=("turn:h?transport=udp", "turn:h?transport=tcp"), turn_secret="s"
    )
    ice = ice_for(settings, "ann", wall=1000.9)
    stun, turn = ice.servers
    assert stun == IceServer(urls=("stun:h",))
    assert turn.urls == settings.turn_urls
    assert turn.username == "4600:ann"
    assert turn.credential == base64.b64encode(hmac.new(b"s", b"4600:ann", hashlib.sha1).digest()).decode()
    assert "s" not in repr(settings).split("turn_secret")[1:]
    assert turn.credential not in repr(turn)
