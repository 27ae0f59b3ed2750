"""Hears one session: the protocol's orders -> detector and recogniser, on a thread of their own -> the protocol.

Recognition goes on while the audio comes, so that at the end of an utterance little is left to do. A recogniser may
hold the interpreter's lock while it works: it gets the audio in small pieces, between which others have their turn,
and the server's own recognisers work in other processes.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Final, assert_never

import numpy as np

from agent_worker.audio import MODEL_RATE, VAD_RATE, Samples, from_bytes, samples_in, silence
from agent_worker.cascade.base import Recogniser
from agent_worker.cascade.resample import Resampler, resampled
from agent_worker.localmodel.actions import (
    AskPartial,
    DetectVoice,
    DropUtterance,
    FinishUtterance,
    Happening,
    Hear,
    HearItem,
    OpenUtterance,
    PartialHeard,
    UtteranceHeard,
    UtteranceLost,
    VoiceJudged,
)
from agent_worker.localmodel.hearing import LOOK_BACK_SECONDS
from agent_worker.vad.base import Vad

log = logging.getLogger(__name__)

PIECE_SECONDS: Final = 0.1
"""Audio is worked on in pieces of this length."""
BACKLOG_SECONDS: Final = 30.0
"""When this much audio waits, no more is read from the client."""
BACKLOG_ORDERS: Final = 512
_ORDERS_LIMIT: Final = 2 * BACKLOG_ORDERS
"""One frame makes a few orders: between the two there is room for those of the frame that filled it."""
NO_RECOGNISER: Final = (
    'No speech recogniser is installed. To have one: pip install --only-binary=pocketsphinx "pocketsphinx>=5.0.4"'
)

EarOrder = Hear | HearItem | DetectVoice | OpenUtterance | AskPartial | FinishUtterance | DropUtterance


class Ears:
    """The session's detector and recogniser.

    Args:
        recogniser: Makes the session's recogniser, or None without an engine.
        vad: Makes the session's detector.
        deliver: Takes what was heard. What it orders in turn is done before more audio is heard.

    """

    def __init__(
        self,
        recogniser: Callable[[], Recogniser | None],
        vad: Callable[[], Vad],
        deliver: Callable[[Happening], None],
    ) -> None:
        self._engine = _Engine(recogniser, vad)
        self._deliver = deliver
        self._orders: deque[EarOrder] = deque()
        self._urgent: deque[EarOrder] = deque()
        self._delivering = False
        self._waiting = 0
        self._arrived = asyncio.Event()
        self._roomy = asyncio.Event()
        self._roomy.set()

    def take(self, order: EarOrder) -> None:
        """Queue an order.

        Raises:
            OverflowError: Whoever orders does not wait for `room`.

        """
        if self._delivering:
            self._urgent.append(order)
            return
        if len(self._orders) >= _ORDERS_LIMIT:
            raise OverflowError("more audio was taken from the client than can be heard")
        self._orders.append(order)
        self._arrived.set()
        if isinstance(order, Hear):
            self._waiting += len(order.pcm) // 2
        self._tell_room()

    async def room(self) -> None:
        """Wait until the ears have caught up."""
        await self._roomy.wait()

    async def run(self) -> None:
        """Hear, until cancelled."""
        loop = asyncio.get_running_loop()
        thread = ThreadPoolExecutor(1, thread_name_prefix="ears")
        try:
            while True:
                order = await self._next()
                for piece in _pieces(order):
                    self._tell(await loop.run_in_executor(thread, self._engine.do, piece))
                    while self._urgent:
                        urgent = self._urgent.popleft()
                        self._tell(await loop.run_in_executor(thread, self._engine.do, urgent))
                if isinstance(order, Hear):
                    self._waiting -= len(order.pcm) // 2
                self._tell_room()
        finally:
            thread.shutdown(wait=False, cancel_futures=True)

    async def _next(self) -> EarOrder:
        while not self._orders:
            self._arrived.clear()
            await self._arrived.wait()
        return self._orders.popleft()

    def _tell(self, happenings: list[Happening]) -> None:
        self._delivering = True
        try:
            for happening in happenings:
                self._deliver(happening)
        finally:
            self._delivering = False

    def _tell_room(self) -> None:
        if self._waiting < BACKLOG_SECONDS * MODEL_RATE and len(self._orders) < BACKLOG_ORDERS:
            self._roomy.set()
        else:
            self._roomy.clear()


def _pieces(order: EarOrder) -> Iterator[EarOrder]:
    if not isinstance(order, Hear):
        yield order
        return
    size = 2 * samples_in(PIECE_SECONDS, MODEL_RATE)
    for start in range(0, len(order.pcm), size):
        yield Hear(order.pcm[start : start + size])


class _Engine:
    """What runs on the thread. Positions are samples at 16 kHz, counted from the session's start."""

    def __init__(self, recogniser: Callable[[], Recogniser | None], vad: Callable[[], Vad]) -> None:
        self._make_recogniser = recogniser
        self._make_vad = vad
        self._recogniser: Recogniser | None = None
        self._apart: Recogniser | None = None
        self._vad: Vad | None = None
        self._resampler = Resampler(MODEL_RATE, VAD_RATE)
        self._recent = silence(0)
        self._heard = 0
        self._judged = 0
        self._open = False

    def do(self, order: EarOrder) -> list[Happening]:
        try:
            return self._do(order)
        except Exception:  # whatever a vendor raises: this utterance is lost, the session is not
            log.exception("Recognition failed; the next utterance gets a new recogniser")
            self._recogniser, self._apart, self._open = None, None, False
            if isinstance(order, AskPartial):
                return [PartialHeard(item_id=order.item_id, text="")]
            if not isinstance(order, FinishUtterance | HearItem):
                return []
            return [UtteranceLost(item_id=order.item_id, message="The recogniser failed.")]

    def _do(self, order: EarOrder) -> list[Happening]:
        match order:
            case Hear(pcm):
                return self._hear(self._resampler.feed(from_bytes(pcm)))
            case DetectVoice(wanted):
                self._vad = self._make_vad() if wanted else None
                self._judged = self._heard
                return []
            case OpenUtterance():
                self._start(order.start * VAD_RATE // MODEL_RATE)
                return []
            case FinishUtterance(item_id):
                return [self._finish(item_id)]
            case AskPartial(item_id):
                heard = self._recogniser.partial() if self._recogniser is not None else ""
                return [PartialHeard(item_id=item_id, text=heard)]
            case HearItem():
                return [self._hear_item(order)]
            case DropUtterance():
                self._open = False
                return []
            case _:
                assert_never(order)

    def _hear(self, samples: Samples) -> list[Happening]:
        self._recent = np.concatenate((self._recent, samples))[-(LOOK_BACK_SECONDS + 2) * VAD_RATE :]
        self._heard += len(samples)
        if self._open and self._recogniser is not None:
            self._recogniser.feed(samples)
        return self._judge()

    def _judge(self) -> list[Happening]:
        found: list[Happening] = []
        vad = self._vad
        while vad is not None and self._heard - self._judged >= vad.window:
            window = self._since(self._judged)[: vad.window].astype(np.float32) / 32768.0
            self._judged += vad.window
            found.append(VoiceJudged(probability=vad.probability(window), end=self._judged / VAD_RATE))
        return found

    def _start(self, position: int) -> None:
        if self._recogniser is None:
            self._recogniser = self._make_recogniser()
        self._open = True
        if self._recogniser is not None:
            self._recogniser.start()
            self._recogniser.feed(self._since(position))

    def _finish(self, item_id: str) -> Happening:
        if self._recogniser is None:
            lost = "The recogniser failed." if not self._open else NO_RECOGNISER
            return UtteranceLost(item_id=item_id, message=lost)
        self._open = False
        heard = self._recogniser.finish()
        log.debug("%s: %d words, confidence %.2f", item_id, len(heard.raw.split()), heard.confidence)
        return UtteranceHeard(item_id=item_id, text=heard.text)

    def _hear_item(self, order: HearItem) -> Happening:
        # The session's own recogniser may be in the middle of an utterance.
        if self._apart is None:
            self._apart = self._make_recogniser()
        if self._apart is None:
            return UtteranceLost(item_id=order.item_id, message=NO_RECOGNISER)
        self._apart.start()
        self._apart.feed(resampled(from_bytes(order.pcm), MODEL_RATE, VAD_RATE))
        return UtteranceHeard(item_id=order.item_id, text=self._apart.finish().text)

    def _since(self, position: int) -> Samples:
        return self._recent[max(0, len(self._recent) - (self._heard - position)) :]
