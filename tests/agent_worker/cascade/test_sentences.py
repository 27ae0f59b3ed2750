import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_worker.cascade.sentences import LONGEST, is_spoken, printable, sentences

TABLE = [
    ("", []),
    (" \n\t ", []),
    ("... — !", []),
    ("Hello.", ["Hello."]),
    ("One. Two! Three? Four…  Five", ["One.", "Two!", "Three?", "Four…", "Five"]),
    ('He said "go." She went.', ['He said "go."', "She went."]),
    (
        "Mr. Smith met Dr. Who, i.e. me, in the U.S. today. Bye.",
        ["Mr. Smith met Dr. Who, i.e. me, in the U.S. today.", "Bye."],
    ),
    ("It costs $4.50 at 5:30. Yes.", ["It costs $4.50 at 5:30.", "Yes."]),
    ("No. Really.", ["No.", "Really."]),
    ("— Hello there — you. ... Again.", ["— Hello there — you.", "... Again."]),
    ("The end. —", ["The end. —"]),
    ("Zero\x00width\u200b joins.", ["Zerowidth joins."]),
]


@pytest.mark.parametrize(("text", "expected"), TABLE)
def test_the_sentences_of_a_text(text: str, expected: list[str]) -> None:
    assert [" ".join(sentence.words) for sentence in sentences(text)] == expected


def test_a_long_sentence_is_cut_at_a_comma_and_is_not_complete_there() -> None:
    text = (
        "When the long winter was over and the snow on all the mountains had melted away at last, she went down. Then"
    )
    first, second, third = sentences(text)
    assert (first.words[-1], first.complete) == ("last,", False)
    assert (second.words, second.complete) == (("she", "went", "down."), True)
    assert (third.words, third.complete) == (("Then",), True)


def test_a_sentence_without_a_comma_is_cut_at_a_word() -> None:
    parts = sentences("word " * 100 + "end.")
    assert all(len(" ".join(part.words)) <= LONGEST + len("word ") for part in parts)
    assert [part.complete for part in parts] == [False] * (len(parts) - 1) + [True]


@given(st.text(max_size=400))
def test_every_word_is_in_one_sentence_and_each_sentence_can_be_spoken(text: str) -> None:
    found = sentences(text)
    words = printable(text).split()
    if any(map(is_spoken, words)):
        assert [word for sentence in found for word in sentence.words] == words
    else:
        assert not found
    assert all(any(map(is_spoken, sentence.words)) for sentence in found)
