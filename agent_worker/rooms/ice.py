"""Everything that reaches behind the public face of aiortc and aioice, in one place, and what they must be told.

aiortc asks a public STUN server when it is given no list of servers, and aioice never offers 127.0.0.1: both are
settled here.
"""

import logging
from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, cast

import aioice.ice
from aiortc import (
    MediaStreamTrack,
    RTCBundlePolicy,
    RTCConfiguration,
    RTCIceCandidate,
    RTCIceServer,
    RTCIceTransportPolicy,
    RTCPeerConnection,
    RTCRtpReceiver,
    RTCRtpSender,
)
from aiortc.rtcicetransport import parse_stun_turn_uri
from aiortc.sdp import candidate_from_sdp
from aiortc.stats import RTCInboundRtpStreamStats, RTCRemoteInboundRtpStreamStats, RTCTransportStats

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class IceServer:
    """A STUN or TURN server, as in WebRTC's RTCIceServer. aiortc uses the first usable of each of the two kinds."""

    urls: tuple[str, ...]
    username: str | None = None
    credential: str | None = field(default=None, repr=False)


class OfferedAddresses(StrEnum):
    """Which of this machine's addresses the other side is told to send to."""

    NETWORK = "network"
    """All but loopback."""
    LOOPBACK = "loopback"
    """127.0.0.1 alone: nothing leaves this machine."""
    ALL = "all"
    """Both: also for people on this machine while it has no network."""


_LOOPBACK: Final = "127.0.0.1"
_offered: ContextVar[OfferedAddresses] = ContextVar("offered_addresses", default=OfferedAddresses.NETWORK)
_network_addresses = aioice.ice.get_host_addresses


def _host_addresses(use_ipv4: bool, use_ipv6: bool) -> list[str]:
    """Stands in for aioice.ice.get_host_addresses, for which it has no setting."""
    offered = _offered.get()
    addresses = [] if offered is OfferedAddresses.LOOPBACK else _network_addresses(use_ipv4, use_ipv6)
    if offered is not OfferedAddresses.NETWORK and use_ipv4:
        addresses.append(_LOOPBACK)
    return addresses


@contextmanager
def offer_addresses(offered: OfferedAddresses) -> Generator[None]:
    """Connections that gather their candidates inside this block offer these addresses.

    It holds for the running task and those it starts inside; others are not touched.
    """
    aioice.ice.get_host_addresses = _host_addresses
    token = _offered.set(offered)
    try:
        yield
    finally:
        _offered.reset(token)


def peer_connection(ice_servers: Sequence[IceServer], *, relay_only: bool = False) -> RTCPeerConnection:
    """A connection with these servers and no others. URLs that aiortc cannot parse are left out, with a warning.

    Args:
        ice_servers: The STUN and TURN servers to use.
        relay_only: No way but through the TURN server (RTCIceTransportPolicy "relay").
    """
    servers = [
        RTCIceServer(urls=urls, username=server.username, credential=server.credential)
        for server in ice_servers
        if (urls := [url for url in server.urls if _is_url(url)])
    ]
    return RTCPeerConnection(
        RTCConfiguration(
            iceServers=servers,
            iceTransportPolicy=RTCIceTransportPolicy.RELAY if relay_only else RTCIceTransportPolicy.ALL,
            bundlePolicy=RTCBundlePolicy.MAX_BUNDLE,
        )
    )


def _is_url(url: str) -> bool:
    try:
        parse_stun_turn_uri(url)
    except ValueError as error:
        _logger.warning("ICE server %r is left out: %s (RFC 7064, RFC 7065)", url, error)
        return False
    return True


def parse_candidate(line: str, sdp_mid: str | None, sdp_mline_index: int | None) -> RTCIceCandidate:
    """A candidate line that a browser trickled, in aiortc's form.

    Raises:
        ValueError: It cannot be parsed.
    """
    candidate = candidate_from_sdp(line.removeprefix("a=").removeprefix("candidate:"))
    candidate.sdpMid = sdp_mid
    candidate.sdpMLineIndex = 0 if sdp_mid is None and sdp_mline_index is None else sdp_mline_index
    return candidate


def send_opus(connection: RTCPeerConnection, track: MediaStreamTrack) -> None:
    """Send a track of Opus packets: an offer without Opus is refused, whatever else it prefers is not chosen."""
    sender = connection.addTrack(track)
    opus = [codec for codec in RTCRtpSender.getCapabilities("audio").codecs if codec.mimeType == "audio/opus"]
    for transceiver in connection.getTransceivers():
        if transceiver.sender is sender:
            transceiver.setCodecPreferences(opus)


def keep_one_microphone(connection: RTCPeerConnection) -> None:
    """After a remote offer: refuse everything but its first audio section, so that nothing else is ever decoded."""
    audio = [transceiver for transceiver in connection.getTransceivers() if transceiver.kind == "audio"]
    for transceiver in connection.getTransceivers():
        if transceiver not in audio[:1]:
            transceiver.direction = "inactive"


def receiver_of(connection: RTCPeerConnection, track: MediaStreamTrack) -> RTCRtpReceiver:
    """The receiver of a remote track."""
    return next(receiver for receiver in connection.getReceivers() if receiver.track is track)


def is_sending(connection: RTCPeerConnection) -> bool:
    """Whether the other side said that it will send sound."""
    return any(
        transceiver.currentDirection in ("recvonly", "sendrecv") for transceiver in connection.getTransceivers()
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class TransportStatistics:
    """What a connection's transport and streams have counted.

    Attributes:
        packets_received: RTP, RTCP and DTLS packets.
        packets_sent: The same, sent.
        packets_lost: Packets of the human's voice that never came.
        packets_lost_there: Packets of the agent's voice that never came, as the other side reports.
        loss_there: Which part of them (0..1) was lost between the last two reports.
        round_trip: Seconds to the other side and back, once it has reported.
    """

    packets_received: int = 0
    packets_sent: int = 0
    packets_lost: int = 0
    packets_lost_there: int = 0
    loss_there: float = 0.0
    round_trip: float | None = None


async def transport_statistics(connection: RTCPeerConnection) -> TransportStatistics:
    """The counters of a connection; zeros before it stands."""
    received = sent = lost = lost_there = 0
    loss_there = 0.0
    round_trip: float | None = None
    for report in cast(Iterable[object], (await connection.getStats()).values()):
        match report:
            case RTCTransportStats():
                received, sent = report.packetsReceived, report.packetsSent
            case RTCInboundRtpStreamStats():
                lost += report.packetsLost
            case RTCRemoteInboundRtpStreamStats():
                lost_there, round_trip = report.packetsLost, report.roundTripTime
                loss_there = report.fractionLost / 256  # as on the wire (RFC 3550), for which W3C's has 0..1
            case _:
                pass
    return TransportStatistics(
        packets_received=received,
        packets_sent=sent,
        packets_lost=lost,
        packets_lost_there=lost_there,
        loss_there=loss_there,
        round_trip=round_trip,
    )
