"""Keys in, lines out."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_worker.cli.line_editor import MAX_LINE, EndOfInput, LineEditor


@pytest.mark.parametrize(
    ("keys", "lines", "left"),
    [
        ("hello\n", ["hello"], ""),
        ("a\rb\n", ["a", "b"], ""),
        ("  \n\n", [], ""),
        ("helo\x7flo\n", ["hello"], ""),
        ("\x7f\x7fa", [], "a"),
        ("wrong\x15right\n", ["right"], ""),
        ("tell me a joke\x17story\n", ["tell me a story"], ""),
        ("one\x17two\n", ["two"], ""),
        ("a\x1b[Db\x1b[1;5Cc\x1bOAd\n", ["abcd"], ""),
        ("\x04", [EndOfInput()], ""),
        ("half\x04", [], "half"),
        ("grüße 你好\n", ["grüße 你好"], ""),
        ("tab\there\x01\n", ["tabhere"], ""),
    ],
)
def test_keys(keys, lines, left):
    editor = LineEditor()
    assert (list(editor.feed(keys)), editor.text) == (lines, left)


def test_a_line_has_an_end():
    editor = LineEditor()
    assert list(editor.feed("x" * (MAX_LINE + 5))) == []
    assert len(editor.text) == MAX_LINE


@given(st.text(), st.integers(0, 50))
def test_how_keys_arrive_makes_no_difference(keys, cut):
    at_once, in_pieces = LineEditor(), LineEditor()
    expected = list(at_once.feed(keys))
    assert list(in_pieces.feed(keys[:cut])) + list(in_pieces.feed(keys[cut:])) == expected
    assert in_pieces.text == at_once.text
    assert in_pieces.text.isprintable()
