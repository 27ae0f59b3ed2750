import pytest

from agent_worker.cascade.flite import LONGEST_WORD, spell, starts_of
from agent_worker.cascade.libflite import Plan


@pytest.mark.parametrize(
    ("words", "text", "places"),
    [
        (("Hello,", "you."), "Hello, you.", (0, 7)),
        (("“Don’t", "—", "go…”"), '"Don\'t go."', (0, None, 7)),
        (("café", "naïve", "Straße"), "cafe naive Strasse", (0, 5, 11)),
        (("20°", "for", "€5"), "20 degrees for euros 5", (0, 11, 15)),
        (("今日", "yes"), "yes", (None, 0)),
        (("👍", "..."), "", (None, None)),
        (("a\x00b",), "ab", (0,)),
        (("x" * 500,), "x" * LONGEST_WORD, (0,)),
    ],
)
def test_flite_is_given_plain_ascii(words: tuple[str, ...], text: str, places: tuple[int | None, ...]) -> None:
    assert spell([word.replace("\x00", "") for word in words]) == (text, places)


def test_the_first_of_the_words_that_a_spelling_stands_for_says_where_it_begins() -> None:
    # "At 5:30 — go": Flite says "five" and "thirty", both at the characters of "5:30" or the space after it.
    places = (0, 3, None, 8)
    plan = Plan(words=((2, 160), (7, 3200), (7, 4800), (9, 8000)), end=9600)
    assert starts_of(places, plan) == (160, 3200, 5600, 8000)
