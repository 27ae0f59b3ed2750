"""A human's end of a media connection, without a browser: offer -> answer -> their voice out, the agent's sound in.

The opposite of `peer`, which answers. Commands and tests of an installation call with it.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Final, Self

from aiortc import MediaStreamTrack, RTCPeerConnection, RTCSessionDescription

from agent_worker.audio import Samples
from agent_worker.errors import ConnectionLostError, ProtocolError
from agent_worker.media.inbound import microphone_frames
from agent_worker.media.outbound import OutboundTrack, VoicePump
from agent_worker.rooms import ice, sdp
from agent_worker.rooms.background import Background
from agent_worker.rooms.ice import IceServer, OfferedAddresses

__all__ = ["CallingPeer"]

_logger = logging.getLogger(__name__)

CONNECT_SECONDS: Final = 15.0
CLOSE_SECONDS: Final = 5.0


class CallingPeer:
    """One connection with an agent: an async context manager; leaving the block closes all of it.

    Args:
        ice_servers: The STUN and TURN servers to use; no others are asked.
        pump: The human's voice.
        hear: Takes what the agent says: mono int16 at 48 kHz, in order.
        addresses: Which of this machine's addresses are offered.
        relay_only: No way but through the TURN server is used.
    """

    def __init__(
        self,
        *,
        ice_servers: Sequence[IceServer],
        pump: VoicePump,
        hear: Callable[[Samples], None],
        addresses: OfferedAddresses,
        relay_only: bool = False,
    ) -> None:
        self._ice_servers = ice_servers
        self._relay_only = relay_only
        self._pump = pump
        self._hear = hear
        self._addresses = addresses
        self._connected = asyncio.Event()
        self._lost = asyncio.Event()

    async def __aenter__(self) -> Self:
        self._background = await Background().__aenter__()
        self._connection: RTCPeerConnection = ice.peer_connection(self._ice_servers, relay_only=self._relay_only)
        self._connection.add_listener("track", self._on_track)
        self._connection.add_listener("connectionstatechange", self._on_state)
        self._track: OutboundTrack = self._pump.attach()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._track.stop()
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                await self._connection.close()
        except TimeoutError:
            _logger.error("a media connection did not close within %g s and is left behind", CLOSE_SECONDS)
        finally:
            await self._background.__aexit__(kind, error, trace)

    async def offer(self) -> str:
        """Our description, with all our candidates."""
        ice.send_opus(self._connection, self._track)
        with ice.offer_addresses(self._addresses):
            await self._connection.setLocalDescription(await self._connection.createOffer())
        return sdp.with_fec(self._connection.localDescription.sdp)

    async def take(self, answer: str) -> None:
        """The agent's answer to `offer`.

        Raises:
            ProtocolError: It cannot be used.
        """
        try:
            await self._connection.setRemoteDescription(RTCSessionDescription(sdp.without_names(answer), "answer"))
        except Exception as error:  # aiortc has no root of what it raises on a stranger's text
            raise ProtocolError(f"the agent's answer cannot be used: {error!r}") from error

    async def wait_connected(self) -> None:
        """Wait until both can hear each other.

        Raises:
            ConnectionLostError: It did not come to that within `CONNECT_SECONDS`.
        """
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                await self._connected.wait()
        except TimeoutError as error:
            raise ConnectionLostError(
                f"no media path to the agent within {CONNECT_SECONDS:g} s: UDP between this machine and the worker is"
                " blocked, or one offers addresses that the other cannot reach (see --addresses); else set a TURN"
                " server"
            ) from error
        if self._lost.is_set():
            raise ConnectionLostError("the media connection to the agent failed")

    async def wait_lost(self) -> None:
        """Wait, once connected, until the agent cannot be heard any more."""
        await self._lost.wait()

    def _on_track(self, track: MediaStreamTrack) -> None:
        if track.kind == "audio":
            self._background.start(self._listen(track), name="listening")

    async def _listen(self, track: MediaStreamTrack) -> None:
        async for samples in microphone_frames(track):
            self._hear(samples)

    def _on_state(self) -> None:
        state = self._connection.connectionState
        if state == "connected":
            self._connected.set()
        elif state in ("failed", "closed"):
            self._lost.set()
            self._connected.set()
