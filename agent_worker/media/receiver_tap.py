"""An RTP packet's way past aiortc's jitter buffer: the one place of the receiving side that knows aiortc's inside.

aiortc gives a track's frames, 80 ms late, and after a loss 280 ms late for good; it has no way to ask for packets. So
the jitter buffer that each of its receivers keeps is exchanged for one that passes packets on and gives nothing back.
All before that place goes on as it was, the receiver reports (RTCP) among it; the decoder behind it never gets work.

What is relied on is looked at first, and an aiortc that is not known is left as it is.
"""

import inspect
import logging
from collections.abc import Callable
from functools import cache
from importlib.metadata import version
from typing import Any, Final, cast

from aiortc import RTCRtpReceiver
from aiortc.jitterbuffer import JitterBuffer as AiortcJitterBuffer
from aiortc.rtp import RtpPacket

from agent_worker.media.jitter_actions import Packet

__all__ = ["KNOWN_VERSIONS", "is_known", "tap"]

_logger = logging.getLogger(__name__)

KNOWN_VERSIONS: Final = ("1.16",)
"""Major and minor numbers of the aiortc releases that were looked at."""
_BUFFER: Final = "_RTCRtpReceiver__jitter_buffer"


class _Tap:
    """Stands in for aiortc's `JitterBuffer` in a receiver of sound."""

    def __init__(self, receive: Callable[[Packet], None]) -> None:
        self._receive = receive
        self._failed = False

    def add(self, packet: RtpPacket) -> tuple[bool, None]:
        """Pass it on. Nothing may be raised here: it would end the connection's reading."""
        try:
            self._receive(Packet(packet.ssrc, packet.sequence_number, packet.timestamp, packet.payload))
        except Exception:
            if not self._failed:
                _logger.exception("a packet of somebody's voice could not be heard; further ones are not logged")
            self._failed = True
        return False, None


@cache
def is_known() -> bool:
    """Whether the aiortc that is installed is one whose receivers can be tapped; says so once if it is not."""
    if (unlike := _unlike()) is None:
        return True
    _logger.warning(
        "aiortc %s is not one that this release knows (%s): voices are heard by its own jitter buffer, at least 80 "
        "ms later and without concealment; install aiortc %s",
        version("aiortc"),
        unlike,
        " or ".join(f"{known}.*" for known in KNOWN_VERSIONS),
    )
    return False


def _unlike() -> str | None:
    """What is not as it should be."""
    if not version("aiortc").startswith(tuple(f"{known}." for known in KNOWN_VERSIONS)):
        return "its version"
    if list(inspect.signature(AiortcJitterBuffer.add).parameters) != ["self", "packet"]:
        return "its jitter buffer is used otherwise"
    on_packet = getattr(RTCRtpReceiver, "_handle_rtp_packet", None)
    if on_packet is None or _BUFFER not in on_packet.__code__.co_names:
        return "its receivers keep no jitter buffer where one was"
    if not all(hasattr(RtpPacket(), name) for name in ("ssrc", "sequence_number", "timestamp", "payload")):
        return "its packets have other fields"
    return None


def tap(receiver: RTCRtpReceiver, receive: Callable[[Packet], None]) -> None:
    """Get a receiver's packets instead of its frames; do it before the first comes.

    Args:
        receiver: An audio receiver; its track will give no frames any more. Only where `is_known`.
        receive: Called on the event loop with each packet as it comes, in whatever order.
    """
    assert isinstance(getattr(receiver, _BUFFER), AiortcJitterBuffer)
    setattr(cast(Any, receiver), _BUFFER, _Tap(receive))
