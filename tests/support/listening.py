"""Phrases said both ways over one line at once, and how they were heard: by the judge, and by the recogniser."""

import asyncio
import re
from dataclasses import dataclass

import numpy as np

from agent_worker.audio import VAD_RATE, Samples, samples_in, silence
from agent_worker.cascade.base import Recogniser
from agent_worker.media.resample import Resampler
from tests.support.alignment import halved
from tests.support.fidelity import Fidelity, compare
from tests.support.line import FRAME, RATE, Talking, line
from tests.support.lossy import CLEAN, Impairment
from tests.support.wav import Phrase

PAUSE_SECONDS = 0.3
SETTLING_SECONDS = 4.0
"""Before the first phrase on a bad link: until the receiver reports have switched the agent's FEC on."""
_WORD = re.compile(r"[a-z']+")


@dataclass(frozen=True)
class HeardPhrase:
    """A phrase at the other end.

    Attributes:
        way: "in" is what the agent heard of the person, "out" what the person heard of it.
        stalled: This machine did not let it be said in one go: how it sounds says nothing of the line.
    """

    phrase: Phrase
    way: str
    sound: Samples
    fidelity: Fidelity
    stalled: bool


async def both_ways(phrases: list[Phrase], impairment: Impairment, *, seed: int) -> list[HeardPhrase]:
    """Say them one after the other, both ways, and cut what was heard into phrases again."""
    lead = 0.5 if impairment == CLEAN else SETTLING_SECONDS
    pause = silence(samples_in(PAUSE_SECONDS, RATE))
    originals = [halved(phrase.samples) for phrase in phrases]
    speech = np.concatenate([piece for original in originals for piece in (original, pause)])
    talking = Talking(speech)
    async with line(np.concatenate((silence(samples_in(lead, RATE)), speech)), seed, talking) as call:
        call.there.impairment = call.back.impairment = impairment
        await asyncio.sleep(lead)
        talking.speaks = True
        await asyncio.sleep(len(speech) / RATE + 1.5)
    starts = np.cumsum([0, *(len(original) + len(pause) for original in originals)])
    heard: list[HeardPhrase] = []
    for way, ear, stalls in (
        ("in", call.ear, [at - samples_in(lead, RATE) for at in call.speaker.stalls]),
        ("out", call.persons_ear, talking.stalls),
    ):
        for phrase, original, start in zip(phrases, originals, starts, strict=False):
            stalled = any(start - FRAME <= at <= start + len(original) for at in stalls)
            heard.append(HeardPhrase(phrase, way, *_cut_out(original, ear.sound()), stalled))
    return heard


def _cut_out(original: Samples, recording: Samples) -> tuple[Samples, Fidelity]:
    fidelity = compare(original, recording)
    at = round(fidelity.lag * RATE)
    return recording[at : at + len(original)], fidelity


def words_of(text: str) -> list[str]:
    """As a recogniser writes them."""
    return _WORD.findall(text.lower())


def word_errors(said: list[str], understood: list[str]) -> int:
    """Words left out, put in or taken for others: the edit distance."""
    row = list(range(len(understood) + 1))
    for index, word in enumerate(said, 1):
        before, row[0] = row[0], index
        for place, other in enumerate(understood, 1):
            before, row[place] = row[place], min(row[place] + 1, row[place - 1] + 1, before + (word != other))
    return row[-1]


def understood(recogniser: Recogniser, sound: Samples) -> list[str]:
    """The words that the local recogniser makes of a sound at 24 kHz."""
    resampler = Resampler(RATE, VAD_RATE)
    recogniser.start()
    recogniser.feed(resampler.push(sound))
    recogniser.feed(resampler.flush())
    return words_of(recogniser.finish().raw)
