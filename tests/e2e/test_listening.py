"""A machine listens to both ends of a line, clean and at 5 % loss: the phrases arrive as they were said."""

import pytest

from agent_worker.cascade import engines
from tests.support.alignment import halved
from tests.support.listening import both_ways, understood, word_errors, words_of
from tests.support.lossy import CLEAN, Impairment
from tests.support.wav import phrases_of

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]

CALLS = 3
"""What is not said in one go, since this machine stalls, is said again."""
NAMES = ("s02", "s06", "s13", "s15", "s19", "s28")


@pytest.mark.parametrize("impairment", [CLEAN, Impairment(loss=0.05)], ids=["clean", "5 % loss"])
async def test_phrases_arrive_as_they_were_said(impairment):
    phrases = [phrase for phrase in phrases_of() if phrase.name in NAMES]
    heard = {}
    for seed in range(CALLS):
        for one in await both_ways(phrases, impairment, seed=10 * seed + 1):
            if not one.stalled:
                heard.setdefault((one.phrase.name, one.way), one)
        if len(heard) == 2 * len(NAMES):
            break
    assert len(heard) >= len(NAMES), "this machine is too busy to be listened to"
    faulty = {key: (one.fidelity.faults, one.fidelity) for key, one in heard.items() if one.fidelity.faults}
    assert not faulty, faulty
    recogniser = engines.recogniser()
    if recogniser is None:
        return
    for way in ("in", "out"):
        before = after = 0
        for phrase in (phrase for phrase in phrases if (phrase.name, way) in heard):
            said = words_of(phrase.text)
            before += word_errors(said, understood(recogniser, halved(phrase.samples)))
            after += word_errors(said, understood(recogniser, heard[phrase.name, way].sound))
        assert after <= before + 2, f"{way}: {after} words are wrong, {before} of the originals"
