from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from agent_worker.cascade import espeak
from agent_worker.cascade.espeak import starts_of
from agent_worker.cascade.libespeak import Spoken


@pytest.mark.parametrize(
    ("words", "events", "starts"),
    [
        ("one two", ((0, 0), (4, 500)), (0, 500)),
        # A number has an event for each of its words, at characters that wander within it.
        ("for $4.50; yes", ((0, 0), (4, 300), (5, 350), (6, 400), (6, 450), (11, 800)), (0, 300, 800)),
        # After a dot before a lower-case letter the event stands on the space before the word.
        ("here. it's", ((0, 0), (5, 600)), (0, 600)),
        # No event for a dash, nor for the second of two single letters.
        ("A — B c", ((0, 0), (4, 400)), (0, 200, 400, 700)),
        ("one", (), (0,)),
    ],
)
def test_where_each_word_begins(words: str, events: tuple[tuple[int, int], ...], starts: tuple[int, ...]) -> None:
    spoken = Spoken(samples=np.zeros(1000, dtype=np.int16), words=events)
    assert starts_of(words.split(), spoken) == starts


def test_the_one_engine_speaks_one_text_at_a_time() -> None:
    texts = ["One.", "Two, and three.", "A rather longer sentence, which takes a while to say.", "Oh."]

    def length(text: str) -> int:
        return sum(len(chunk.samples) for chunk in espeak.load().speak(text))

    alone = [length(text) for text in texts]
    with ThreadPoolExecutor(8) as threads:
        together = list(threads.map(length, texts * 40))
    assert together == pytest.approx(alone * 40, abs=300)
