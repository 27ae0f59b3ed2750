import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_worker.cascade.base import Heard
from agent_worker.cascade.hearing import FoundWord, judge


def word(text: str, posterior: float = 1.0, seconds: float = 0.3, phones: int = 4) -> FoundWord:
    return FoundWord(text=text, posterior=posterior, seconds=seconds, phones=phones)


@pytest.mark.parametrize(
    ("words", "text", "confidence"),
    [
        ((), "", 0.0),
        ((word("stop"),), "stop", 1.0),
        ((word("what", 0.4), word("time", 0.8)), "what time", 0.6),
        ((word("wait", 0.25),), "wait", 0.25),
        ((word("wait", 0.24),), "", 0.24),
        ((word("um"), word("uh")), "", 1.0),
        ((word("oh"), word("oh")), "", 1.0),  # a ringing telephone
        ((word("um"), word("stop")), "um stop", 1.0),
        # The longest that "bye", of two phones, may last is 0.6 s: a knock on the table is no farewell.
        ((word("bye", seconds=0.6, phones=2),), "bye", 1.0),
        ((word("bye", seconds=0.61, phones=2),), "", 0.0),
        ((word("the", 0.9, 2.0, 2), word("story", 0.9)), "the story", 0.45),
    ],
)
def test_what_is_understood(words: tuple[FoundWord, ...], text: str, confidence: float) -> None:
    heard = judge(words)
    assert (heard.text, heard.confidence) == (text, pytest.approx(confidence))
    assert heard.raw == " ".join(each.text for each in words)


@given(st.lists(st.builds(word, st.sampled_from(["a", "um", "stop"]), st.floats(-1, 2), st.floats(0, 3)), max_size=5))
def test_confidence_is_a_probability_and_text_is_all_or_nothing(words: list[FoundWord]) -> None:
    heard = judge(words)
    assert isinstance(heard, Heard)
    assert 0.0 <= heard.confidence <= 1.0
    assert heard.text in ("", heard.raw)
