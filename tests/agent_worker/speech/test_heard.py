from hypothesis import given
from hypothesis import strategies as st

from agent_worker.speech.heard import HeardText


def timed(*words: tuple[str, int]) -> HeardText:
    text = HeardText()
    for word, start in words:
        text.add(word, start)
    return text


def test_a_word_counts_once_half_of_it_was_played():
    text = timed(("Once", 0), (" upon", 400), (" a", 800), (" time", 900))
    assert text.heard(played_ms=199, received_ms=1500) == ""
    assert text.heard(played_ms=200, received_ms=1500) == "Once"
    assert text.heard(played_ms=849, received_ms=1500) == "Once upon"
    assert text.heard(played_ms=1199, received_ms=1500) == "Once upon a"
    assert text.heard(played_ms=1200, received_ms=1500) == "Once upon a time"


def test_without_times_a_complete_text_is_spread_over_its_sound():
    text = HeardText()
    text.add("one two three four", None)
    text.complete = True
    assert text.heard(played_ms=500, received_ms=1000) == "one two"
    assert text.heard(played_ms=1000, received_ms=1000) == "one two three four"


def test_a_word_of_which_no_sound_has_come_was_not_heard():
    text = HeardText()
    text.add("one", 0)
    text.add(" two", 300)
    assert text.heard(played_ms=300, received_ms=300) == "one"
    assert text.heard(played_ms=500, received_ms=600) == "one two"


def test_without_times_an_incomplete_text_goes_at_the_pace_of_speech():
    text = HeardText()
    text.add("one two three four", None)
    assert text.heard(played_ms=500, received_ms=10_000) == "one two"


@given(
    st.lists(st.tuples(st.text("ab ", min_size=1, max_size=5), st.none() | st.integers(0, 5000)), max_size=12),
    st.integers(0, 6000),
    st.booleans(),
)
def test_what_was_heard_is_always_a_beginning_of_the_text(
    pieces: list[tuple[str, int | None]], played: int, complete: bool
):
    text = HeardText(complete=complete)
    for word, start in sorted(pieces, key=lambda piece: piece[1] or 0):
        text.add(word, start)
    assert text.text.startswith(text.heard(played_ms=played, received_ms=5000))
