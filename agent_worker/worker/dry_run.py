"""What every room does first, done once before the fork server forks: its rooms find it imported, built and cached.

A first media connection imports OpenSSL's bindings and parses what it will parse again; a first event of the model
builds the type that it is read with. All that is a third of the time in which somebody who joins is answered.
"""

import asyncio
import logging
from typing import Final

from aiortc import RTCPeerConnection, RTCSessionDescription
from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection, serve

from agent_worker.media import receiver_tap
from agent_worker.realtime import openai_models
from agent_worker.rooms.ice import OfferedAddresses, offer_addresses, peer_connection
from agent_worker.version import own_version

__all__ = ["dry_run"]

_logger = logging.getLogger(__name__)

_SECONDS: Final = 5.0


def dry_run() -> None:
    """Build the wire's types, look up versions, connect sockets and peers on loopback; what fails, the rooms do."""
    openai_models.build()
    own_version()
    receiver_tap.is_known()
    try:
        asyncio.run(_connections())
    except Exception:
        # Whatever it is: the fork server lives, and a room that meets it too says so in its own log.
        _logger.warning("connections on loopback fail here; the first people to join wait longer", exc_info=True)


async def _connections() -> None:
    async with asyncio.timeout(_SECONDS):
        await _sockets()
        await _peers()


async def _sockets() -> None:
    async def echo(socket: ServerConnection) -> None:
        await socket.send(await socket.recv())

    async with serve(echo, "127.0.0.1", 0) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        async with connect(f"ws://127.0.0.1:{port}", proxy=None, compression=None) as socket:
            await socket.send("{}")
            await socket.recv()


async def _peers() -> None:
    ours, theirs = peer_connection([]), peer_connection([])
    connected = asyncio.Event()
    theirs.add_listener("connectionstatechange", lambda: _tell(theirs, connected))
    try:
        theirs.addTransceiver("audio")
        with offer_addresses(OfferedAddresses.LOOPBACK):
            await theirs.setLocalDescription(await theirs.createOffer())
            await ours.setRemoteDescription(_described(theirs))
            await ours.setLocalDescription(await ours.createAnswer())
        await theirs.setRemoteDescription(_described(ours))
        await connected.wait()
    finally:
        await ours.close()
        await theirs.close()


def _tell(connection: RTCPeerConnection, connected: asyncio.Event) -> None:
    if connection.connectionState == "connected":
        connected.set()


def _described(connection: RTCPeerConnection) -> RTCSessionDescription:
    local = connection.localDescription
    return RTCSessionDescription(sdp=local.sdp, type=local.type)
