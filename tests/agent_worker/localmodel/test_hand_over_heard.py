"""A hand-over and another language, as a listener hears them: real voices, told apart by their sound alone."""

import asyncio
import json
from base64 import b64decode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import numpy as np
from websockets.asyncio.client import ClientConnection, connect

from agent_worker.audio import MODEL_RATE, Samples, from_bytes
from agent_worker.cascade import engines as speech_engines
from agent_worker.localmodel.connection import Engines
from agent_worker.localmodel.server import serve
from agent_worker.vad.energy import EnergyVad
from tests.support.missing import missing

SECONDS = 30.0
"""Deadline of each wait."""
FRAME = MODEL_RATE // 25
LOWEST, HIGHEST = 60, 350
"""Hz: where voices are."""
VOICED = 0.6
"""The correlation of a frame with itself one period later that makes it a vowel."""
TIME = "what time is it"


def pitch(samples: Samples) -> float:
    """The median pitch of a voice in Hz, from the vowels in it."""
    found: list[float] = []
    for start in range(0, len(samples) - 2 * FRAME, FRAME // 2):
        frame = samples[start : start + 2 * FRAME].astype(np.float64)
        frame -= frame.mean()
        if np.sqrt(np.mean(frame**2)) < 300:
            continue
        head = frame[:FRAME]
        lags = np.arange(MODEL_RATE // HIGHEST, MODEL_RATE // LOWEST)
        alike = np.array(
            [
                np.dot(head, frame[lag : lag + FRAME])
                / (np.linalg.norm(head) * np.linalg.norm(frame[lag : lag + FRAME]) + 1e-9)
                for lag in lags
            ]
        )
        # The shortest period that is nearly as good as the best: twice a period is one as well.
        good = np.flatnonzero(alike > max(VOICED, 0.9 * alike.max()))
        if len(good):
            end = next((at for at in range(good[0], len(alike) - 1) if alike[at + 1] < alike[at]), int(good[0]))
            found.append(MODEL_RATE / lags[end])
    assert len(found) > 5, "no voice in it"
    return float(np.median(found))


def share_above(samples: Samples, hertz: float) -> float:
    """How much of the sound's energy lies above this frequency."""
    power = np.abs(np.fft.rfft(samples.astype(np.float64))) ** 2
    frequencies = np.fft.rfftfreq(len(samples), 1 / MODEL_RATE)
    return float(power[frequencies > hertz].sum() / power.sum())


@asynccontextmanager
async def session(engines: Engines) -> AsyncIterator[ClientConnection]:
    ready = asyncio.Queue[str](1)
    async with asyncio.TaskGroup() as group:
        serving = group.create_task(
            serve(host="127.0.0.1", port=0, record=None, ready=ready.put_nowait, engines=engines)
        )
        async with asyncio.timeout(SECONDS):
            url = await ready.get()
        try:
            async with connect(url, compression=None, max_size=2**25) as socket:
                yield socket
        finally:
            serving.cancel()


async def answer(socket: ClientConnection, text: str) -> tuple[Samples, str]:
    """The sound and the words of the answer to a typed sentence."""
    content = [{"type": "input_text", "text": text}]
    item = {"type": "message", "role": "user", "content": content}
    await socket.send(json.dumps({"type": "conversation.item.create", "item": item}))
    await socket.send(json.dumps({"type": "response.create"}))
    sound, words = b"", ""
    async with asyncio.timeout(SECONDS):
        async for frame in socket:
            event = json.loads(frame)
            match event["type"]:
                case "response.output_audio.delta":
                    sound += b64decode(event["delta"])
                case "response.output_audio_transcript.done":
                    words += event["transcript"]
                case "response.done":
                    return from_bytes(sound), words
    raise AssertionError("the connection was lost")


def flite() -> Engines:
    synthesiser = speech_engines.synthesiser()
    if synthesiser is None or len(synthesiser.voices) < 3:
        missing("three voices are needed: apt-get install flite")
    return Engines(synthesiser=synthesiser, recogniser=lambda: None, vad=EnergyVad, hears=False)


async def test_a_hand_over_is_heard_and_so_is_the_way_back() -> None:
    heard: dict[str, float] = {}
    async with session(flite()) as socket:
        for said in (TIME, "transfer me to billing", f"{TIME} now", "connect me to sales", "go back"):
            sound, _ = await answer(socket, said)
            heard[said] = pitch(sound)
    first, billing, still_billing, sales, back = heard.values()
    # A quarter of an octave is three semitones; one voice differs from itself by less than one of them.
    for one, other in ((first, back), (billing, still_billing)):
        assert abs(np.log2(one / other)) < 0.12, heard
    for one, other in ((first, billing), (first, sales), (billing, sales)):
        assert abs(np.log2(one / other)) > 0.25, heard


async def test_another_language_is_spoken_by_an_engine_that_knows_it() -> None:
    polyglot = speech_engines.synthesiser("espeak")
    if polyglot is None or "fr" not in polyglot.voices:
        missing("a synthesiser of French is needed: pip install espeakng-loader")
    async with session(replace(flite(), polyglot=polyglot)) as socket:
        french, words = await answer(socket, "how do you say excuse me in french")
        assert words == "Excusez-moi."
        english, words = await answer(socket, "what is seven plus five")
        assert words == "That makes 12."
    # Flite makes 16 kHz, of which nothing is above 8 kHz; espeak-ng makes 22.05 kHz.
    assert share_above(english, 8300) < 1e-5 < share_above(french, 8300)
