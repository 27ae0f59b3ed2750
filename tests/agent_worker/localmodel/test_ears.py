"""Ears with a recogniser and a detector that can be looked into."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
import pytest

from agent_worker.audio import Samples, to_bytes
from agent_worker.cascade.base import Heard
from agent_worker.localmodel.actions import (
    DetectVoice,
    DropUtterance,
    FinishUtterance,
    Happening,
    Hear,
    OpenUtterance,
    UtteranceHeard,
    UtteranceLost,
    VoiceJudged,
)
from agent_worker.localmodel.ears import BACKLOG_SECONDS, Ears

SECOND = 24_000


class Counting:
    """A recogniser that hears how long and how loud an utterance was."""

    name = "counting"

    def __init__(self) -> None:
        self.fed: list[int] = []
        self._levels: list[Samples] | None = None

    def start(self) -> None:
        self._levels = []

    def feed(self, samples: Samples) -> None:
        assert self._levels is not None
        self.fed.append(len(samples))
        self._levels.append(samples)

    def partial(self) -> str:
        return ""

    def finish(self) -> Heard:
        assert self._levels is not None
        heard = np.concatenate(self._levels) if self._levels else np.zeros(0, dtype=np.int16)
        text = f"{len(heard) / 16_000:.1f} s at {np.median(heard):.0f}" if len(heard) else ""
        self._levels = None
        return Heard(text=text, raw=text, confidence=1.0)


class Level:
    """A detector that takes any level for a voice."""

    rate = 16_000
    window = 512

    def probability(self, window: Any) -> float:
        assert window.shape == (512,)
        assert window.dtype == np.float32
        return float(np.abs(window).mean() > 0.001)

    def reset(self) -> None:
        pass


class Listening:
    def __init__(self, recogniser: Callable[[], Any] = Counting) -> None:
        self.made: list[Any] = []

        def make() -> Any:
            self.made.append(recogniser())
            return self.made[-1]

        self.ears = Ears(make, Level, self._deliver)
        self.heard: list[Happening] = []
        self.react: Callable[[Happening], Iterator[Any]] | None = None
        self._arrived = asyncio.Event()

    def _deliver(self, happening: Happening) -> None:
        self.heard.append(happening)
        self._arrived.set()
        if self.react is not None:
            for order in self.react(happening):
                self.ears.take(order)

    async def until(self, kind: type[Happening], count: int = 1) -> Any:
        async with asyncio.timeout(5):
            while sum(isinstance(happening, kind) for happening in self.heard) < count:
                self._arrived.clear()
                await self._arrived.wait()
        return [happening for happening in self.heard if isinstance(happening, kind)]


def tone(seconds: float, level: int = 1000) -> Hear:
    return Hear(to_bytes(np.full(round(seconds * SECOND), level, dtype=np.int16)))


@asynccontextmanager
async def listening(recogniser: Callable[[], Any] = Counting):
    subject = Listening(recogniser)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(subject.ears.run())
        yield subject
        task.cancel()


async def test_an_utterance_is_recognised_while_it_comes() -> None:
    async with listening() as subject:
        subject.ears.take(OpenUtterance(item_id="a", start=0))
        for _ in range(10):
            subject.ears.take(tone(0.1))
        subject.ears.take(FinishUtterance("a"))
        (heard,) = await subject.until(UtteranceHeard)
        assert heard == UtteranceHeard(item_id="a", text="1.0 s at 1000")
        assert len(subject.made) == 1
        # In pieces, so that it never holds the interpreter for long.
        assert max(subject.made[0].fed) <= 1700


async def test_a_long_append_is_heard_in_pieces() -> None:
    async with listening() as subject:
        subject.ears.take(OpenUtterance(item_id="a", start=0))
        subject.ears.take(tone(5.0))
        subject.ears.take(FinishUtterance("a"))
        await subject.until(UtteranceHeard)
        assert max(subject.made[0].fed) <= 1700


async def test_an_utterance_may_begin_in_the_past() -> None:
    async with listening() as subject:
        subject.ears.take(tone(1.0, level=0))
        subject.ears.take(tone(1.0, level=500))
        subject.ears.take(OpenUtterance(item_id="a", start=SECOND))
        subject.ears.take(tone(1.0, level=500))
        subject.ears.take(FinishUtterance("a"))
        (heard,) = await subject.until(UtteranceHeard)
        assert heard.text == "2.0 s at 500"


async def test_a_dropped_utterance_is_forgotten() -> None:
    async with listening() as subject:
        subject.ears.take(OpenUtterance(item_id="a", start=0))
        subject.ears.take(tone(1.0))
        subject.ears.take(DropUtterance())
        subject.ears.take(tone(1.0))
        subject.ears.take(OpenUtterance(item_id="b", start=2 * SECOND))
        subject.ears.take(tone(0.5))
        subject.ears.take(FinishUtterance("b"))
        (heard,) = await subject.until(UtteranceHeard)
        assert heard == UtteranceHeard(item_id="b", text="0.5 s at 1000")


async def test_voice_is_judged_only_while_it_is_wanted() -> None:
    async with listening() as subject:
        subject.ears.take(tone(0.5))
        subject.ears.take(DetectVoice(True))
        subject.ears.take(tone(0.5, level=0))
        subject.ears.take(tone(0.5))
        judged = await subject.until(VoiceJudged, 31)
        assert [round(each.end * 16_000) % 512 for each in judged[:3]] == [judged[0].end * 16_000 % 512] * 3
        assert judged[0].end == pytest.approx(0.5 + 0.032, abs=0.002)
        assert {each.probability for each in judged if each.end < 0.98} == {0.0}
        assert {each.probability for each in judged if each.end > 1.04} == {1.0}
        subject.ears.take(DetectVoice(False))
        subject.ears.take(tone(0.5))
        subject.ears.take(OpenUtterance(item_id="a", start=0))
        subject.ears.take(FinishUtterance("a"))
        await subject.until(UtteranceHeard)
        assert len(await subject.until(VoiceJudged)) == len(judged)


async def test_what_the_detector_leads_to_is_done_before_more_audio_is_heard() -> None:
    def react(happening: Happening) -> Iterator[Any]:
        if isinstance(happening, VoiceJudged):
            if happening.end == pytest.approx(1.024):
                yield OpenUtterance(item_id="a", start=SECOND // 2)
            if happening.end == pytest.approx(2.048):
                yield FinishUtterance("a")

    async with listening() as subject:
        subject.react = react
        subject.ears.take(DetectVoice(True))
        subject.ears.take(tone(5.0))
        (heard,) = await subject.until(UtteranceHeard)
        # From 0.5 s to the end of the piece in which the window at 2.05 s ended.
        assert heard.text in ("1.5 s at 1000", "1.6 s at 1000")


async def test_without_a_recogniser_utterances_are_lost_and_said_to_be() -> None:
    async with listening(lambda: None) as subject:
        subject.ears.take(OpenUtterance(item_id="a", start=0))
        subject.ears.take(tone(0.5))
        subject.ears.take(FinishUtterance("a"))
        (lost,) = await subject.until(UtteranceLost)
        assert lost.item_id == "a"
        assert "pip install" in lost.message


async def test_a_recogniser_that_fails_costs_its_utterance_only(caplog: pytest.LogCaptureFixture) -> None:
    class Failing(Counting):
        def feed(self, samples: Samples) -> None:
            if len(self.fed) == 3:
                raise RuntimeError("bad luck")
            super().feed(samples)

    async with listening(Failing) as subject:
        subject.ears.take(OpenUtterance(item_id="a", start=0))
        subject.ears.take(tone(1.0))
        subject.ears.take(FinishUtterance("a"))
        (lost,) = await subject.until(UtteranceLost)
        assert lost == UtteranceLost(item_id="a", message="The recogniser failed.")
        subject.ears.take(OpenUtterance(item_id="b", start=SECOND))
        subject.ears.take(FinishUtterance("b"))
        await subject.until(UtteranceHeard)
    assert "bad luck" in caplog.text


async def test_there_is_room_until_too_much_audio_waits() -> None:
    subject = Listening()
    subject.ears.take(tone(BACKLOG_SECONDS - 1))
    async with asyncio.timeout(1):
        await subject.ears.room()
    subject.ears.take(tone(2.0))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await subject.ears.room()
    async with asyncio.TaskGroup() as group:
        task = group.create_task(subject.ears.run())
        async with asyncio.timeout(5):
            await subject.ears.room()
        task.cancel()


async def test_whoever_does_not_wait_for_room_is_stopped() -> None:
    subject = Listening()
    for _ in range(1024):
        subject.ears.take(tone(0.001))
    with pytest.raises(OverflowError):
        subject.ears.take(tone(0.001))
