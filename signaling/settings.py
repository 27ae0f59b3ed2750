"""Everything that a signaling server is set up with, gathered from its parts, and what it refuses to start with.

Pure values: the environment and the command line are read in `__main__` alone.
"""

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final
from urllib.parse import SplitResult, urlsplit

from signaling.ice import IceSettings
from signaling.jobs import DispatchSettings
from signaling.limits import SocketSettings
from signaling.members import RoomSettings
from signaling.messages import DEV_API_KEY, DEV_API_SECRET
from signaling.sdp import CandidatePolicy
from signaling.webhooks import WebhookSettings

MIN_SECRET_BYTES: Final = 32
JOINS_PER_MINUTE: Final = 20.0


class SettingsError(Exception):
    """The server was set up wrongly. The text says what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectSettings:
    """How long a client of one request waits (`POST /v1/rooms/{room}/connect`, WHIP). Times are seconds."""

    agent_timeout: float = 20.0
    """For the agent to be in the room."""
    answer_timeout: float = 10.0
    """For its answer to the offer."""
    whip_timeout: float = 10.0
    """For both, over WHIP: its clients give up early, and try again when told to."""


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
        public_url: Where browsers reach us, such as `https://voice.example.org`, when a proxy is in front.
        trusted_proxies: Addresses and networks whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed.
        tls_cert: The file of our certificate chain; "" when TLS ends before us, or nowhere.
        tls_key: The file of its private key.
        metrics_host: The address to serve metrics on.
        metrics_port: The port to serve metrics on, 0 for a free one; None serves none.
    """

    host: str = "127.0.0.1"
    port: int = 8080
    dev: bool = False
    insecure_dev_on_network: bool = False
    lan: bool = False
    automatic_dispatch: bool | None = None
    keys: Mapping[str, str] = field(default_factory=_no_keys, repr=False)
    allowed_origins: tuple[str, ...] = ()
    public_url: str = ""
    trusted_proxies: tuple[str, ...] = ()
    tls_cert: str = ""
    tls_key: str = ""
    metrics_host: str = "127.0.0.1"
    metrics_port: int | None = None
    webhooks: WebhookSettings = field(default_factory=WebhookSettings)
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
        self._check_network()
        self._check_webhooks()
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
        rooms = replace(self.rooms, candidates=self._candidates(), max_rooms_per_key=self._rooms_per_key(len(keys)))
        return replace(self, keys=keys, rooms=rooms)

    @property
    def joins_per_minute(self) -> float | None:
        """How many joins a minute one address has; None for any number."""
        chosen = self.sockets.joins_per_minute
        return (None if self.dev else JOINS_PER_MINUTE) if chosen is None else chosen

    @property
    def public(self) -> SplitResult | None:
        """The parts of `public_url`, if there is one."""
        return urlsplit(self.public_url) if self.public_url else None

    def for_metrics(self) -> "Settings":
        """The same for the port with the metrics: behind no proxy, without TLS, of no page."""
        return replace(
            self,
            host=self.metrics_host,
            public_url="",
            trusted_proxies=(),
            tls_cert="",
            tls_key="",
            allowed_origins=(),
        )

    def _check_webhooks(self) -> None:
        for url in self.webhooks.urls:
            parts = urlsplit(url)
            if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username:
                raise SettingsError("--webhook-url must be like https://backend.example.org/path.")
            if parts.scheme == "http" and not self.webhooks.allow_private:
                raise SettingsError("--webhook-url must be https (http only within, with --webhook-allow-private).")

    def _check_network(self) -> None:
        reached = "the proxy" if self.public_url or self.trusted_proxies else self.host
        if self.dev and not (self.on_loopback and reached == self.host) and not self.insecure_dev_on_network:
            raise SettingsError(
                f"--dev gives a token to anybody who reaches {reached}. Listen on 127.0.0.1 without a proxy, or, if"
                " the network is really yours alone, add --insecure-dev-on-network."
            )
        if bool(self.tls_cert) != bool(self.tls_key):
            raise SettingsError("TLS needs both --tls-cert and --tls-key.")
        if self.public_url and not _is_origin(self.public_url):
            raise SettingsError("--public-url must be like https://voice.example.org, without a path.")
        for origin in self.allowed_origins:
            if not _is_origin(origin):
                raise SettingsError("--allow-origin must be like https://www.example.org, without a path or *.")
        for proxy in self.trusted_proxies:
            try:
                ipaddress.ip_network(proxy)
            except ValueError as exc:
                raise SettingsError(
                    f"--trusted-proxy must be an address or a network, such as 10.0.0.0/8, not {proxy!r}."
                ) from exc

    def _rooms_per_key(self, keys: int) -> int:
        """One of several keys must not take all rooms from the others; a single one has them to itself."""
        most = self.rooms.max_rooms
        return self.rooms.max_rooms_per_key or (most if keys == 1 else max(1, most // 2))

    def _candidates(self) -> CandidatePolicy:
        # Behind a proxy the people are somewhere else, although we listen on this machine alone.
        if self.dev or (self.on_loopback and not self.public_url and not self.trusted_proxies):
            return CandidatePolicy.LOCAL
        return CandidatePolicy.LAN if self.lan else CandidatePolicy.PUBLIC


def _is_origin(url: str) -> bool:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return False
    rest = (parts.path, parts.query, parts.fragment, parts.username)
    valid = parts.scheme in {"http", "https"} and parts.hostname is not None and "*" not in parts.netloc
    return valid and not any(rest) and not url.endswith("/")


def is_loopback(host: str) -> bool:
    """Whether a host name, as in a URL or after --host, means this machine alone."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
