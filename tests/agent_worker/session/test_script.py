import asyncio
from collections.abc import AsyncIterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_worker.session.script import complete_sentences, in_pieces, synthesised
from tests.agent_worker.session.play import FakeSynthesiser, tone


@pytest.mark.parametrize(
    ("text", "ready", "rest"),
    [
        ("", "", ""),
        ("Hello", "", "Hello"),
        ("Hello.", "", "Hello."),
        ("Hello. ", "Hello.", ""),
        ("Hello. How are", "Hello.", "How are"),
        ("One. Two! Three? Four ", "One. Two! Three?", "Four "),
        ("Dear Mr. ", "", "Dear Mr. "),
        ("It costs 3.", "", "It costs 3."),
        ("- ", "", "- "),
    ],
)
def test_a_sentence_is_complete_when_something_follows_it(text: str, ready: str, rest: str):
    assert complete_sentences(text) == (ready, rest)


@given(st.lists(st.text(alphabet="ab. !,", max_size=5), max_size=12))
def test_no_word_is_lost_however_a_text_comes(pieces: list[str]):
    spoken, waiting = [], ""
    for piece in pieces:
        ready, waiting = complete_sentences(waiting + piece)
        spoken.append(ready)
    assert " ".join([*spoken, waiting]).split() == "".join(pieces).split()


async def test_word_times_count_from_the_first_sample_of_all():
    async def written() -> AsyncIterator[str]:
        yield "One two. "
        yield "Three four."

    chunks = [chunk async for chunk in synthesised(FakeSynthesiser(), written(), None, patience=15.0)]
    words = [word for chunk in chunks for word in chunk.words]
    assert [(word.text, word.start_ms) for word in words] == [
        ("One", 0),
        ("two.", 300),
        ("Three", 800),
        ("four.", 1100),
    ]
    assert sum(len(chunk.samples) for chunk in chunks) == 24_000 * 1.4


async def test_who_stops_asking_stops_the_engine():
    synthesiser = FakeSynthesiser()
    sound = synthesised(synthesiser, "a b c d e f g h", None, patience=15.0)
    async for _ in sound:
        break
    await sound.aclose()
    async with asyncio.timeout(5):
        while not synthesiser.closed:
            await asyncio.sleep(0.01)
    assert synthesiser.chunks <= 2


async def test_sound_is_handed_on_in_short_pieces():
    sound = tone(0.25)

    async def pieces() -> AsyncIterator[np.ndarray]:
        yield sound

    whole = [piece async for piece in in_pieces(sound, patience=15.0)]
    assert [len(piece) for piece in whole] == [2400, 2400, 1200]
    assert np.array_equal(np.concatenate(whole), sound)
    assert [len(piece) async for piece in in_pieces(pieces(), patience=15.0)] == [2400, 2400, 1200]
