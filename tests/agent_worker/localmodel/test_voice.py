import asyncio
import time
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from agent_worker.audio import MODEL_RATE
from agent_worker.cascade.base import SpokenChunk, TimedWord
from agent_worker.errors import SpeechError
from agent_worker.localmodel.actions import Happening, Speak, SpeechFailed, SpeechFinished, SpeechMade
from agent_worker.localmodel.voice import HEAD_START, RATE, Voice, due

CHUNK = MODEL_RATE // 10


@pytest.mark.parametrize(("sent", "at"), [(0.0, 0.0), (0.9, 0.0), (1.0, 0.0), (1.3, 0.1), (4.0, 1.0)])
def test_the_first_second_goes_at_once_and_the_rest_three_times_as_fast_as_it_sounds(sent: float, at: float) -> None:
    assert due(sent) == pytest.approx(at)


class Humming:
    """A synthesiser that makes any number of chunks, and tells when it is closed."""

    name = "humming"
    voices = ("hum", "drum")

    def __init__(self, chunks: int, failure: Exception | None = None) -> None:
        self._chunks = chunks
        self._failure = failure
        self.made = 0
        self.asked: list[tuple[str, str | None, float]] = []
        self.closed = False

    def speak(self, text: str, *, voice: str | None = None, speed: float = 1.0) -> Iterator[SpokenChunk]:
        self.asked.append((text, voice, speed))
        try:
            for number in range(self._chunks):
                self.made += 1
                word = TimedWord(text=f"word{number}", start_ms=100 * number)
                yield SpokenChunk(samples=np.full(CHUNK, number, dtype=np.int16), words=(word,))
            if self._failure is not None:
                raise self._failure
        finally:
            self.closed = True


class Listener:
    """Takes what was made, with the time."""

    def __init__(self) -> None:
        self.heard: list[tuple[float, Happening]] = []
        self.roomy = asyncio.Event()
        self.roomy.set()

    def take(self, happening: Happening) -> None:
        self.heard.append((time.monotonic(), happening))

    async def room(self) -> None:
        await self.roomy.wait()

    @property
    def kinds(self) -> list[type[Happening]]:
        return [type(happening) for _, happening in self.heard]


ORDER = Speak(response_id="r", text="hello", voice="ash", speed=1.25)


async def test_a_speech_is_paced() -> None:
    engine, listener = Humming(25), Listener()
    voice = Voice(engine, listener.take, listener.room)
    await voice.speak(ORDER)
    voice.close()
    assert engine.asked == [("hello", "drum", 1.25)]
    assert listener.kinds == [SpeechMade] * 25 + [SpeechFinished]
    times = [at - listener.heard[0][0] for at, _ in listener.heard]
    assert times[int(HEAD_START * 10)] < 0.15
    # The last chunk goes when 2.4 s have gone: (2.4 - 1) / 3 s after the first. A busy machine may be later.
    assert (2.4 - HEAD_START) / RATE - 0.02 < times[24] < 1.5
    first = listener.heard[0][1]
    assert isinstance(first, SpeechMade)
    assert first == SpeechMade(response_id="r", pcm=bytes(2 * CHUNK), words=(TimedWord(text="word0", start_ms=0),))


async def test_a_cancelled_speech_stops_its_engine() -> None:
    engine, listener = Humming(10_000), Listener()
    voice = Voice(engine, listener.take, listener.room)
    async with asyncio.TaskGroup() as group:
        speech = group.create_task(voice.speak(ORDER))
        async with asyncio.timeout(5):
            while len(listener.heard) < 12:
                await asyncio.sleep(0.01)
        speech.cancel()
    heard = len(listener.heard)
    async with asyncio.timeout(5):
        while not engine.closed:
            await asyncio.sleep(0.01)
    assert len(listener.heard) == heard
    assert engine.made <= heard + 1
    assert SpeechFinished not in listener.kinds
    voice.close()


@pytest.mark.parametrize(("language", "speaks"), [("fr", "fr"), ("xx", None), (None, None)])
async def test_another_language_has_a_voice_of_its_own_where_there_is_one(language: str | None, speaks: str) -> None:
    engine, polyglot, listener = Humming(1), Humming(1), Listener()
    polyglot.voices = ("en", "fr")
    voice = Voice(engine, listener.take, listener.room, polyglot)
    await voice.speak(replace(ORDER, language=language))
    voice.close()
    asked = ("hello", speaks or "drum", 1.25)
    assert (engine.asked, polyglot.asked) == (([], [asked]) if speaks else ([asked], []))


async def test_a_slow_reader_makes_the_speech_wait() -> None:
    engine, listener = Humming(3), Listener()
    voice = Voice(engine, listener.take, listener.room)
    listener.roomy.clear()
    async with asyncio.TaskGroup() as group:
        group.create_task(voice.speak(ORDER))
        await asyncio.sleep(0.1)
        assert listener.heard == []
        assert engine.made == 1
        listener.roomy.set()
    assert listener.kinds == [SpeechMade] * 3 + [SpeechFinished]
    voice.close()


async def test_an_engine_that_fails_ends_the_speech() -> None:
    listener = Listener()
    voice = Voice(Humming(1, SpeechError("out of breath")), listener.take, listener.room)
    await voice.speak(ORDER)
    assert listener.kinds == [SpeechMade, SpeechFailed]
    assert listener.heard[-1][1] == SpeechFailed(response_id="r", message="No speech: out of breath")
    voice.close()
