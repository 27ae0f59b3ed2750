"""One human's media connection in a signaled room, from their offer to its loss: told to `Attendance` as it goes."""

import asyncio
import logging
from collections.abc import Callable

from agent_worker.errors import ConnectionLostError, ProtocolError
from agent_worker.rooms.attendance import LinkAnswered, LinkConnected, LinkEvent, LinkLost, LinkRefused, Open
from agent_worker.rooms.peer import Peer
from signaling.messages import RelayedCandidate

__all__ = ["hold_link"]

_logger = logging.getLogger(__name__)


async def hold_link(
    peer: Peer, wanted: Open, candidates: asyncio.Queue[RelayedCandidate], tell: Callable[[LinkEvent], None]
) -> None:
    """Answer the offer and hold the connection until it is lost; being cancelled ends it.

    Args:
        peer: A connection that was not entered yet.
        wanted: The offer.
        candidates: What the human finds after it.
        tell: Told of an answer, of the connection standing, and once of its end.
    """
    # The end is told inside the block: closing can take seconds, and the human wants to come back.
    async with peer:
        try:
            tell(await _answer(peer, wanted, tell) or await _converse(peer, wanted, candidates, tell))
        finally:
            await _log_sound(peer, wanted.identity)


async def _log_sound(peer: Peer, identity: str) -> None:
    """How it was, once, at the end: nobody can ask any more."""
    found = await peer.statistics()
    if found.voice is None:
        return
    came, way = found.voice.packets, found.transport
    _logger.info(
        "= %s was heard by %d packets: %d lost (%d recovered, %d concealed), %d late, jitter %.0f ms;"
        " %d of the agent's were lost there",
        identity,
        came.received,
        came.lost,
        came.recovered,
        came.concealed,
        came.late,
        came.jitter * 1000,
        way.packets_lost_there,
    )


async def _answer(peer: Peer, wanted: Open, tell: Callable[[LinkEvent], None]) -> LinkRefused | None:
    try:
        for candidate in wanted.candidates:
            await _add(peer, candidate)
        tell(LinkAnswered(wanted.link, await peer.answer(wanted.sdp)))
    except ProtocolError as refusal:
        _logger.info("the offer of %s is refused: %s", wanted.identity, refusal)
        return LinkRefused(wanted.link, refusal.code, str(refusal))
    except ConnectionLostError as error:
        _logger.warning("the offer of %s cannot be answered: %s", wanted.identity, error)
        return LinkRefused(wanted.link, "internal", str(error))
    return None


async def _converse(
    peer: Peer, wanted: Open, candidates: asyncio.Queue[RelayedCandidate], tell: Callable[[LinkEvent], None]
) -> LinkLost:
    async with asyncio.TaskGroup() as tasks:
        feeding = tasks.create_task(_feed(peer, candidates))
        try:
            await peer.wait_connected()
            tell(LinkConnected(wanted.link, peer.microphone))
            reason = await peer.wait_lost()
        except ConnectionLostError as error:
            reason = str(error)
        finally:
            feeding.cancel()
    _logger.info("the media connection with %s is over: %s", wanted.identity, reason)
    return LinkLost(wanted.link, reason)


async def _feed(peer: Peer, candidates: asyncio.Queue[RelayedCandidate]) -> None:
    while True:
        await _add(peer, await candidates.get())


async def _add(peer: Peer, candidate: RelayedCandidate) -> None:
    try:
        await peer.add_candidate(candidate.candidate, candidate.sdp_mid, candidate.sdp_mline_index)
    except ProtocolError as refusal:
        # One bad candidate is no reason to lose the good ones.
        _logger.info("a candidate of %s is left out: %s", candidate.sender, refusal)
