"""One media connection with somebody else: offer -> answer -> their microphone in, our voice out, until it is lost.

Agents always answer and never offer; a terminal that joins as a human (cli/call.py) does either.
aiortc waits for ever on what does not connect and notices a dead peer after half a
minute, so the deadlines are here.
"""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Self

from aiortc import MediaStreamTrack, RTCIceCandidate, RTCPeerConnection, RTCSessionDescription

from agent_worker.audio import MODEL_RATE, WIRE_RATE
from agent_worker.errors import ConnectionLostError, ProtocolError
from agent_worker.media import receiver_tap
from agent_worker.media.inbound import InboundStatistics, Microphone, RemoteVoice, microphone_frames
from agent_worker.media.libopus import Decoder
from agent_worker.media.outbound import OutboundTrack, VoicePump
from agent_worker.rooms import ice, sdp
from agent_worker.rooms.background import Background
from agent_worker.rooms.ice import IceServer, OfferedAddresses, TransportStatistics
from signaling.messages import MessageError, check_candidate, check_sdp

_logger = logging.getLogger(__name__)

ANSWER_SECONDS: Final = 10.0
"""To make an answer; an unreachable STUN server alone costs 5 s."""
CONNECT_SECONDS: Final = 15.0
SILENT_SECONDS: Final = 5.0
"""Without any packet from a human who sends: they are gone (behaviour L-4)."""
CLOSE_SECONDS: Final = 5.0
MAX_CANDIDATES: Final = 40
_LOOK_SECONDS: Final = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerStatistics:
    """How a connection is doing.

    Attributes:
        state: aiortc's connectionState.
        transport: Packet counters.
        microphone_dropped: Microphone frames that the session did not take in time.
        voice: How the human's voice comes in; None before it does, and where aiortc decodes it.
    """

    state: str
    transport: TransportStatistics
    microphone_dropped: int
    voice: InboundStatistics | None


class Peer:
    """One aiortc connection with one human: an async context manager; leaving the block closes all of it.

    Args:
        ice_servers: The STUN and TURN servers to use; no others are asked.
        pump: The room's voice.
        addresses: Which of this machine's addresses are offered.
        relay_only: No way but through the TURN server is used.
        rate: Samples per second of what is heard, where aiortc does not decode it itself.
    """

    def __init__(
        self,
        *,
        ice_servers: Sequence[IceServer],
        pump: VoicePump,
        addresses: OfferedAddresses = OfferedAddresses.NETWORK,
        relay_only: bool = False,
        rate: int = MODEL_RATE,
    ) -> None:
        self._ice_servers = ice_servers
        self._relay_only = relay_only
        self._pump = pump
        self._addresses = addresses
        self._decoder = Decoder(rate) if receiver_tap.is_known() else None
        self._microphone = Microphone(WIRE_RATE if self._decoder is None else self._decoder.rate)
        self._voice: RemoteVoice | None = None
        self._early: list[RTCIceCandidate | None] = []
        self._described = False
        self._candidates = 0
        self._listening = False
        self._connected = asyncio.Event()
        self._lost = asyncio.Event()
        self._reason = ""

    @property
    def microphone(self) -> Microphone:
        """What the human says: mono int16 frames in order; ends when the connection does."""
        return self._microphone

    @property
    def is_connected(self) -> bool:
        """Whether both can hear each other now."""
        return self._connected.is_set() and not self._lost.is_set()

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
        except Exception:
            _logger.exception("a media connection did not close cleanly: what it held may stay open")
        finally:
            self._lose("closed")
            self._microphone.end()
            await self._background.__aexit__(kind, error, trace)

    async def answer(self, offer: str) -> str:
        """Take the human's offer; the answer holds all our candidates.

        Args:
            offer: Their SDP. One offer is answered in the life of a connection; for another one make another peer.

        Raises:
            ProtocolError: The offer is malformed, or nothing that a voice can go through.
            ConnectionLostError: We could not make an answer in time.
        """
        if self._described:
            raise ProtocolError("this connection was offered already: offer a new one")
        try:
            check_sdp(offer, "offer")
        except MessageError as refusal:
            raise ProtocolError(refusal.text, code=str(refusal.code)) from refusal
        usable = self._counted(offer)
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                await self._negotiate(usable)
        except TimeoutError as error:
            raise ConnectionLostError(
                f"no answer could be made within {ANSWER_SECONDS:g} s: check the STUN and TURN servers"
            ) from error
        except OSError as error:
            raise ConnectionLostError(f"no answer could be made: {error}") from error
        except Exception as error:  # aiortc has no root of what it raises on a stranger's text
            raise ProtocolError(f"the offer cannot be used: {error!r}") from error
        return self._local_description()

    async def offer(self) -> str:
        """Our offer, with all our candidates, in place of taking theirs; `take` takes the answer to it.

        Raises:
            ConnectionLostError: We could not make one in time.
        """
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                ice.send_opus(self._connection, self._track)
                with ice.offer_addresses(self._addresses):
                    await self._connection.setLocalDescription(await self._connection.createOffer())
        except TimeoutError as error:
            raise ConnectionLostError(
                f"no offer could be made within {ANSWER_SECONDS:g} s: check the STUN and TURN servers"
            ) from error
        except OSError as error:
            raise ConnectionLostError(f"no offer could be made: {error}") from error
        return self._local_description()

    async def take(self, answer: str) -> None:
        """Take the answer to our `offer`.

        Raises:
            ProtocolError: It is malformed, or cannot be used.
        """
        try:
            check_sdp(answer, "answer")
        except MessageError as refusal:
            raise ProtocolError(refusal.text, code=str(refusal.code)) from refusal
        usable = self._counted(answer)
        try:
            await self._connection.setRemoteDescription(RTCSessionDescription(sdp=usable, type="answer"))
        except Exception as error:  # aiortc has no root of what it raises on a stranger's text
            raise ProtocolError(f"the answer cannot be used: {error!r}") from error
        await self._take_early()

    def _counted(self, description: str) -> str:
        usable = sdp.without_names(description)
        self._candidates = sum(line.startswith("a=candidate:") for line in usable.splitlines())
        return usable

    def _local_description(self) -> str:
        answer = self._connection.localDescription.sdp
        if self._relay_only and not sdp.has_candidate(answer):
            # aiortc says nothing of a relay that refuses, or does not answer.
            raise ConnectionLostError(
                "the TURN server gave us no relay, and no other way is allowed: check its address, and that the "
                "signaling server's AGENT_WORKER_TURN_SECRET is its static-auth-secret"
            )
        if not sdp.has_candidate(answer):
            _logger.warning(
                "this machine has no address to offer (%s): a human can connect only if it is offered loopback too",
                self._addresses,
            )
        return sdp.with_fec(answer)

    async def _negotiate(self, offer: str) -> None:
        ice.send_opus(self._connection, self._track)
        await self._connection.setRemoteDescription(RTCSessionDescription(sdp=offer, type="offer"))
        ice.keep_one_microphone(self._connection)
        await self._take_early()
        with ice.offer_addresses(self._addresses):
            await self._connection.setLocalDescription(await self._connection.createAnswer())

    async def _take_early(self) -> None:
        self._described = True
        early, self._early = self._early, []
        for candidate in early:
            await self._add(candidate)

    async def add_candidate(
        self, candidate: str | None, sdp_mid: str | None = None, sdp_mline_index: int | None = None
    ) -> None:
        """Take a candidate that the human found after their offer; one that comes before the offer waits for it.

        Args:
            candidate: The candidate line; None or "" says that no more will come.
            sdp_mid: Which media section it is for, by its mid,
            sdp_mline_index: or by its place. With neither it is for the first.

        Raises:
            ProtocolError: It is malformed, or there are too many.
        """
        if not candidate:
            await self._add(None)
            return
        try:
            check_candidate(candidate)
            parsed = ice.parse_candidate(candidate, sdp_mid, sdp_mline_index)
        except MessageError as refusal:
            raise ProtocolError(refusal.text, code=str(refusal.code)) from refusal
        except (ValueError, AssertionError) as error:
            raise ProtocolError(f"the candidate cannot be used: {error}") from error
        if not sdp.has_address(candidate):
            return
        if self._candidates >= MAX_CANDIDATES:
            raise ProtocolError(f"more than {MAX_CANDIDATES} candidates")
        self._candidates += 1
        await self._add(parsed)

    async def _add(self, candidate: RTCIceCandidate | None) -> None:
        if not self._described:
            if candidate is not None or None not in self._early:
                self._early.append(candidate)
        elif candidate is not None or self._candidates:
            # An end of candidates without any would keep the connection from ever standing.
            try:
                await self._connection.addIceCandidate(candidate)
            except ValueError as error:
                raise ProtocolError(f"the candidate cannot be used: {error}") from error

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
                f"no media path within {CONNECT_SECONDS:g} s: UDP between the human and this machine is blocked, or "
                "the addresses offered cannot be reached; open it, or set a TURN server"
            ) from error
        if self._lost.is_set():
            raise ConnectionLostError(f"the media connection was never made: {self._reason}")

    async def wait_lost(self) -> str:
        """Wait, once connected, until the human can no longer be heard; the reason in a few words."""
        seen = -1
        silent = 0
        while True:
            try:
                async with asyncio.timeout(_LOOK_SECONDS):
                    await self._lost.wait()
                return self._reason
            except TimeoutError:
                pass
            transport = await ice.transport_statistics(self._connection)
            self._track.report_loss(transport.loss_there)
            received = transport.packets_received
            # Looks are counted, not seconds: after a stall of this process packets are still to be read.
            silent = silent + 1 if received == seen and ice.is_sending(self._connection) else 0
            seen = received
            if silent * _LOOK_SECONDS >= SILENT_SECONDS:
                self._lose(f"no packets for {SILENT_SECONDS:g} s")

    async def statistics(self) -> PeerStatistics:
        """How the connection is doing now."""
        return PeerStatistics(
            state=self._connection.connectionState,
            transport=await ice.transport_statistics(self._connection),
            microphone_dropped=self._microphone.dropped,
            voice=None if self._voice is None else self._voice.statistics(),
        )

    def _on_track(self, track: MediaStreamTrack) -> None:
        if track.kind != "audio" or self._listening:
            return
        self._listening = True
        if self._decoder is None:
            self._background.start(self._listen(track), name="microphone")
            return
        self._voice = RemoteVoice(self._microphone, self._decoder)
        receiver_tap.tap(ice.receiver_of(self._connection, track), self._voice.receive)
        self._background.start(self._voice.run(), name="microphone")

    async def _listen(self, track: MediaStreamTrack) -> None:
        async for samples in microphone_frames(track):
            self._microphone.put(samples)
        self._microphone.end()

    def _on_state(self) -> None:
        state = self._connection.connectionState
        _logger.debug("media connection: %s", state)
        if state == "connected":
            self._connected.set()
        elif state in ("failed", "closed"):
            self._lose(state)

    def _lose(self, reason: str) -> None:
        if not self._lost.is_set():
            self._reason = reason
            self._lost.set()
            self._connected.set()
