"""Everything that a signaling server is set up with, gathered from its parts, and what it refuses to start with.

Pure values: the environment and the command line are read in `__main__` alone.
"""

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from signaling.ice import IceSettings
from signaling.jobs import DispatchSettings
from signaling.limits import SocketSettings
from signaling.members import RoomSettings
from signaling.messages import DEV_API_KEY, DEV_API_SECRET
from signaling.sdp import CandidatePolicy

MIN_SECRET_BYTES = 32


class SettingsError(Exception):
    """The server was set up wrongly. The text says what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectSettings:
    """How long a client of `POST /v1/rooms/{room}/connect` waits. Times are seconds."""

    agent_timeout: float = 20.0
    """For the agent to be in the room."""
    answer_timeout: float = 10.0
    """For its answer to the offer."""


def _no_keys() -> Mapping[str, str]:
    return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the server is set up with.

    Attributes:
        host: The address to listen on.
        port: The port to listen on; 0 takes a free one.
        dev: Anybody who reaches the server gets tokens, and each room gets the agent.
        insecure_dev_on_network: Allow `dev` on an address that others reach.
        automatic_dispatch: Each room gets an agent with its first human; None means in `dev` only.
        lan: Agents may connect to private addresses, as within one company.
        keys: API secret by key id; the first one signs our own tokens.
        allowed_origins: Web origins besides our own that may talk to us, such as `https://www.example.org`.
    """

    host: str = "127.0.0.1"
    port: int = 8080
    dev: bool = False
    insecure_dev_on_network: bool = False
    lan: bool = False
    automatic_dispatch: bool | None = None
    keys: Mapping[str, str] = field(default_factory=_no_keys, repr=False)
    allowed_origins: tuple[str, ...] = ()
    ice: IceSettings = field(default_factory=IceSettings)
    rooms: RoomSettings = field(default_factory=RoomSettings)
    dispatch: DispatchSettings = field(default_factory=DispatchSettings)
    sockets: SocketSettings = field(default_factory=SocketSettings)
    connect: ConnectSettings = field(default_factory=ConnectSettings)

    @property
    def has_automatic_dispatch(self) -> bool:
        """Whether a room gets an agent with its first human whose token names none."""
        return self.dev if self.automatic_dispatch is None else self.automatic_dispatch

    @property
    def on_loopback(self) -> bool:
        """Whether nobody outside this machine can reach us."""
        return is_loopback(self.host)

    def checked(self) -> "Settings":
        """These settings with everything derived filled in.

        Raises:
            SettingsError: They are not safe, or not complete.
        """
        if self.dev and not self.on_loopback and not self.insecure_dev_on_network:
            raise SettingsError(
                f"--dev gives a token to anybody who reaches {self.host}. Listen on 127.0.0.1, or, if the network is"
                " really yours alone, add --insecure-dev-on-network."
            )
        keys = dict(self.keys)
        if self.dev and not keys:
            keys = {DEV_API_KEY: DEV_API_SECRET}
        if not keys:
            raise SettingsError(
                "no API key is configured. Set AGENT_WORKER_API_KEY and AGENT_WORKER_API_SECRET (at least"
                f" {MIN_SECRET_BYTES} bytes, such as the output of: openssl rand -base64 48), or use --dev on this"
                " machine."
            )
        for key, secret in keys.items():
            if secret == DEV_API_SECRET and not self.dev:
                raise SettingsError(
                    f"the secret of API key {key} is the development secret, known to all: make your own."
                )
            if len(secret.encode()) < MIN_SECRET_BYTES:
                raise SettingsError(f"the secret of API key {key} is shorter than {MIN_SECRET_BYTES} bytes.")
        if self.ice.turn_urls and not self.ice.turn_secret:
            raise SettingsError("a TURN server needs its secret: set AGENT_WORKER_TURN_SECRET.")
        if self.ice.relay_only and not self.ice.turn_urls:
            raise SettingsError("--relay-only needs a TURN server: add --turn-url turn:host:3478?transport=udp.")
        return replace(self, keys=keys, rooms=replace(self.rooms, candidates=self._candidates()))

    def _candidates(self) -> CandidatePolicy:
        if self.dev or self.on_loopback:
            return CandidatePolicy.LOCAL
        return CandidatePolicy.LAN if self.lan else CandidatePolicy.PUBLIC


def is_loopback(host: str) -> bool:
    """Whether a host name, as in a URL or after --host, means this machine alone."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
