"""The media connection with one member of a room, held for as long as both are there: offered, answered, built anew.

what the member says of it, by way of the room -> a peer -> what we say of it        their voice -> hear
"""

import asyncio
from collections.abc import Callable
from typing import Final

from agent_worker.audio import Samples
from agent_worker.cli.company import Wanted, takes_offer
from agent_worker.errors import ConnectionLostError, ProtocolError
from agent_worker.rooms.peer import Peer
from signaling.messages import (
    Answer,
    FromClient,
    Offer,
    RelayedAnswer,
    RelayedCandidate,
    RelayedOffer,
    RelayedPcRebuild,
    RelayedReject,
    RelayedRenegotiate,
)

__all__ = ["MediaLink", "Negotiation"]

MAX_NEWS: Final = 64
"""Messages about a connection that were not looked at; what comes on top is dropped."""
ANSWER_SECONDS: Final = 20.0
OFFER_SECONDS: Final = 15.0
"""For somebody who is to offer; then we do."""
FIRST_PAUSE: Final = 1.0
LAST_PAUSE: Final = 8.0
"""Seconds before a connection is tried again; doubling."""

Negotiation = RelayedOffer | RelayedAnswer | RelayedReject | RelayedCandidate | RelayedPcRebuild | RelayedRenegotiate


class MediaLink:
    """One of them.

    Args:
        wanted: With whom, and who begins.
        gen: The generation before the first one that we offer.
        make: Makes a connection that was not entered yet.
        say: Tells the room.
        hear: Takes what they say, mono int16 at 48 kHz.
        note: Told in words how it goes.

    Attributes:
        gen: Of the connection that there is, or was.
        stands: Sound goes both ways.
    """

    def __init__(
        self,
        wanted: Wanted,
        *,
        gen: int,
        make: Callable[[], Peer],
        say: Callable[[FromClient], object],
        hear: Callable[[Samples], None],
        note: Callable[[str], None],
    ) -> None:
        self.wanted = wanted
        self.gen = gen
        self.stands = False
        self._begins = wanted.begins
        self._make = make
        self._say = say
        self._hear = hear
        self._note = note
        self._news = asyncio.Queue[Negotiation](MAX_NEWS)
        self._offered: RelayedOffer | None = None

    def receive(self, message: Negotiation) -> None:
        """Somebody said something of this connection."""
        if not self._news.full():
            self._news.put_nowait(message)

    async def run(self) -> None:
        """Keep it, until cancelled."""
        pause = FIRST_PAUSE
        while True:
            try:
                if self._offered is None and not self._begins:
                    self._offered = await self._wait_offer()
                async with self._make() as peer:
                    why = await self._converse(peer)
                pause = FIRST_PAUSE
            except (ConnectionLostError, ProtocolError) as error:
                why = str(error)
                pause = min(2 * pause, LAST_PAUSE)
            finally:
                self.stands = False
            if self._offered is None:
                self._note(f"no sound: {why}; connecting again")
                await asyncio.sleep(pause)

    async def _wait_offer(self) -> RelayedOffer | None:
        """The offer of who is to begin; None when it does not come, and we begin."""
        try:
            async with asyncio.timeout(OFFER_SECONDS):
                while True:
                    message = await self._news.get()
                    if isinstance(message, RelayedOffer) and self._takes(message, offering=False):
                        return message
        except TimeoutError:
            return None

    def _takes(self, offer: RelayedOffer, *, offering: bool) -> bool:
        polite = self.wanted.is_polite
        return self.wanted.answers and takes_offer(offer.gen, known=self.gen, offering=offering, is_polite=polite)

    async def _converse(self, peer: Peer) -> str:
        """One connection, from its description to its end; why it ended.

        Raises:
            ConnectionLostError: It never stood.
            ProtocolError: It was refused, or described in a way that is of no use.
        """
        offer, self._offered = self._offered, None
        if offer is not None:
            self.gen = offer.gen
            answer = await peer.answer(offer.sdp)
            self._say(Answer(to=self.wanted.identity, pc=offer.pc, gen=offer.gen, sdp=answer))
        else:
            self.gen += 1
            self._say(Offer(to=self.wanted.identity, gen=self.gen, sdp=await peer.offer()))
            answered = await self._wait_answer(peer)
            if isinstance(answered, RelayedOffer):
                self._offered = answered
                return "they offer one"
            await peer.take(answered.sdp)
        async with asyncio.TaskGroup() as tasks:
            sides = [tasks.create_task(self._stand(peer)), tasks.create_task(self._follow(peer))]
            hearing = tasks.create_task(self._listen(peer))
            done, _ = await asyncio.wait(sides, return_when=asyncio.FIRST_COMPLETED)
            for task in (*sides, hearing):
                task.cancel()
        return done.pop().result()

    async def _wait_answer(self, peer: Peer) -> RelayedAnswer | RelayedOffer:
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                while True:
                    match await self._news.get():
                        case RelayedAnswer(gen=self.gen) as answer:
                            return answer
                        case RelayedReject(gen=self.gen, code=code, message=text):
                            raise ProtocolError(f"{self.wanted.identity} refuses: {text}", code=code)
                        case RelayedOffer() as offer if self._takes(offer, offering=True):
                            return offer
                        case RelayedCandidate(gen=self.gen) as candidate:
                            await _add(peer, candidate)
                        case _:
                            pass
        except TimeoutError as error:
            raise ConnectionLostError(f"{self.wanted.identity} did not answer within {ANSWER_SECONDS:g} s") from error

    async def _stand(self, peer: Peer) -> str:
        try:
            await peer.wait_connected()
        except ConnectionLostError as error:
            self._begins = True
            return str(error)
        self.stands = True
        self._note(f"{self.wanted.identity} can be heard" if self.wanted.answers else "the sound is connected")
        why = await peer.wait_lost()
        return f"the connection was lost ({why})"

    async def _follow(self, peer: Peer) -> str:
        """Take what is said of the connection, until it is to be replaced."""
        while True:
            match await self._news.get():
                case RelayedCandidate(gen=self.gen) as candidate:
                    await _add(peer, candidate)
                case RelayedOffer() as offer if self._takes(offer, offering=False):
                    self._offered = offer
                    return "they offer another one"
                case RelayedPcRebuild(gen=gen) if gen >= self.gen:
                    # A human who asks for another connection offers it, too.
                    self._begins = not self.wanted.answers
                    return "they ask for a new connection"
                case RelayedRenegotiate():
                    self._begins = True
                    return "they ask for a new connection"
                case _:
                    pass

    async def _listen(self, peer: Peer) -> None:
        async for samples in peer.microphone:
            self._hear(samples)


async def _add(peer: Peer, candidate: RelayedCandidate) -> None:
    try:
        await peer.add_candidate(candidate.candidate, candidate.sdp_mid, candidate.sdp_mline_index)
    except ProtocolError:
        pass  # one bad candidate is no reason to lose the good ones
