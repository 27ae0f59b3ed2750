"""What a process wrote last is in its supervisor's hands: bounded, in order, and there after any death."""

import logging
import os
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_worker.worker.last_lines import KEPT_BYTES, MAX_BYTES, LastLines, Remembering


@pytest.fixture
def both():
    ours, theirs = socket.socketpair()
    with ours, theirs, LastLines() as kept:
        kept.send_to(ours)
        remembering = Remembering.received(theirs)
        yield kept, remembering
        os.close(remembering.fd)


def record(text: str) -> logging.LogRecord:
    return logging.LogRecord("room", logging.INFO, "", 0, text, (), None)


def test_nothing_was_written(both):
    kept, _ = both
    assert kept.read() == []


def test_lines_stand_in_their_order_and_what_comes_beside_them_at_the_end(both):
    kept, remembering = both
    remembering.emit(record("first"))
    os.write(remembering.fd, b"Fatal Python error: Segmentation fault\n")
    remembering.emit(record("last"))
    assert kept.read() == ["first", "Fatal Python error: Segmentation fault", "last"]


@given(lengths=st.lists(st.integers(0, 700), max_size=60))
def test_the_last_whole_lines_are_kept_and_no_more_than_there_is_room_for(lengths):
    ours, theirs = socket.socketpair()
    with ours, theirs, LastLines() as kept:
        kept.send_to(ours)
        remembering = Remembering.received(theirs)
        wrote = [f"{number} {'x' * length}" for number, length in enumerate(lengths)]
        for text in wrote:
            remembering.emit(record(text))
        found = kept.read()
        os.close(remembering.fd)
    size = sum(len(line) + 1 for line in found)
    assert size <= MAX_BYTES
    assert found == wrote[len(wrote) - len(found) :]
    if len(found) < len(wrote):
        assert size > KEPT_BYTES - 710


def test_of_a_line_longer_than_all_there_is_room_for_the_end_is_kept(both):
    kept, remembering = both
    remembering.emit(record("x" * 3 * MAX_BYTES + "the end"))
    (line,) = kept.read()
    assert line.endswith("xxthe end")
    assert len(line) < MAX_BYTES


def test_a_record_that_cannot_be_written_breaks_nothing(both, monkeypatch):
    _, remembering = both
    monkeypatch.setattr(logging, "raiseExceptions", False)
    remembering.emit(logging.LogRecord("room", logging.INFO, "", 0, "%d", ("no number",), None))
