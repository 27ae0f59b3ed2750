"""Asks a judge, at each pause of the user, whether the turn is over: off the loop, and no longer than it is of use.

voice stopped -> the turn so far -> judge, on a thread -> TurnJudged -> conversation
"""

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from agent_worker import clock
from agent_worker.speech import events as ev
from agent_worker.speech.options import SpeechOptions, TurnMode
from agent_worker.turns.judge import TurnJudge, TurnSoFar

log = logging.getLogger(__name__)

LEAST_SECONDS: Final = 0.2
"""A judge gets this long at least, however short the delay is that it can stretch."""


class TurnJudging:
    """One pause at a time: a judge that is still busy with an older one is not asked about the next.

    Args:
        judge: Tells how probable it is that the turn is over.
        so_far: Gives what there is of the open turn, or None without one.
        options: How the conversation behaves now.
        post: Posts an event to the conversation.

    """

    def __init__(
        self,
        *,
        judge: TurnJudge,
        so_far: Callable[[], TurnSoFar | None],
        options: Callable[[], SpeechOptions],
        post: Callable[[ev.Event], None],
    ) -> None:
        self._judge = judge
        self._so_far = so_far
        self._options = options
        self._post = post
        self._paused = asyncio.Event()
        self._pauses = 0

    def heard(self, event: ev.Event) -> None:
        """The user's voice: it starts, or pauses."""
        match event:
            case ev.VoiceStopped():
                self._pauses += 1
                if self._options().turn_detection is TurnMode.VAD:
                    self._paused.set()
            case ev.VoiceStarted():
                # What is said of the pause before it is too late.
                self._pauses += 1
                self._paused.clear()
            case _:
                pass

    async def run(self) -> None:
        """Judge pauses until cancelled."""
        thread = ThreadPoolExecutor(1, thread_name_prefix="turn-judge")
        try:
            while True:
                await self._paused.wait()
                self._paused.clear()
                turn = self._so_far()
                if turn is not None:
                    await self._ask(thread, turn)
        finally:
            # Whatever it is still at: nobody waits for it.
            thread.shutdown(wait=False, cancel_futures=True)

    async def _ask(self, thread: ThreadPoolExecutor, turn: TurnSoFar) -> None:
        pause, asked_at = self._pauses, clock.now()
        loop = asyncio.get_running_loop()
        answer = loop.run_in_executor(thread, self._judge.probability, turn)
        try:
            async with asyncio.timeout(max(self._options().min_endpointing_delay, LEAST_SECONDS)):
                probability = await asyncio.shield(answer)
        except TimeoutError:
            log.warning("! the judge of turns has not answered in %.2f s: silence decides", clock.now() - asked_at)
            await asyncio.wait([answer])
            self._tell_of(answer.exception())
            return
        except Exception as error:  # noqa: BLE001 - whatever a judge raises: silence decides
            self._tell_of(error)
            return
        log.debug("= the turn is over with probability %s, after %.2f s", probability, clock.now() - asked_at)
        if probability is not None and pause == self._pauses:
            self._post(ev.TurnJudged(probability))

    def _tell_of(self, error: BaseException | None) -> None:
        if error is not None:
            log.error("! the judge of turns failed: silence decides", exc_info=error)
