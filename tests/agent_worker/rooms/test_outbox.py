"""What waits to be sent: merged without changing what people read, and never faster than a server allows."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_worker.rooms.outbox import BURST, MAX_TEXT, MAX_WAITING, RATE, Outbox
from signaling.messages import Answer, Data, Leave, Stream, Update


def chunk(sid, text):
    return Stream(op="chunk", sid=sid, text=text)


def opened(sid):
    return Stream(op="open", sid=sid, topic="transcription")


def closed(sid):
    return Stream(op="close", sid=sid)


def update(**attributes):
    return Update(attributes=attributes)


HELD = Data(topic="agent.event", payload={"type": "held"})
ANSWER = Answer(to="anna", gen=1, sdp="v=0")


def drain(outbox, now=0.0):
    """Everything, in the order and with the waits that the outbox wants."""
    sent = []
    while not outbox.is_empty:
        message = outbox.take(now)
        if message is None:
            assert outbox.deadline > now
            now = outbox.deadline
        else:
            sent.append((now, message))
    assert outbox.deadline is None
    return sent


def messages(*put):
    outbox = Outbox()
    for message in put:
        assert outbox.put(message)
    return [message for _, message in drain(outbox)]


@pytest.mark.parametrize(
    ("put", "sent"),
    [
        ([], []),
        ([opened("a"), chunk("a", "x"), closed("a")], [opened("a"), chunk("a", "x"), closed("a")]),
        ([chunk("a", "x"), chunk("a", "y")], [chunk("a", "xy")]),
        ([chunk("a", "x"), chunk("b", "1"), chunk("a", "y")], [chunk("a", "xy"), chunk("b", "1")]),
        # what happened between two words stays between them
        ([chunk("a", "x"), HELD, chunk("a", "y")], [chunk("a", "x"), HELD, chunk("a", "y")]),
        ([chunk("a", "x"), closed("a"), opened("a")], [chunk("a", "x"), closed("a"), opened("a")]),
        ([opened("a"), chunk("a", "x")], [opened("a"), chunk("a", "x")]),
        ([chunk("a", "x"), update(s="1"), chunk("a", "y")], [chunk("a", "xy"), update(s="1")]),
        ([update(s="1"), HELD, update(s="2", t=None)], [update(s="2", t=None), HELD]),
        ([chunk("a", "x"), HELD, ANSWER], [ANSWER, chunk("a", "x"), HELD]),
        ([chunk("a", "x"), Leave()], [Leave(), chunk("a", "x")]),
    ],
)
def test_what_leaves_and_in_which_order(put, sent):
    assert messages(*put) == sent


def test_a_piece_grows_no_longer_than_fits():
    long = "x" * (MAX_TEXT - 1)
    assert messages(chunk("a", long), chunk("a", "y"), chunk("a", "z")) == [chunk("a", long + "y"), chunk("a", "z")]


@given(pieces=st.lists(st.tuples(st.sampled_from("ab"), st.text(max_size=6000)), max_size=20))
def test_merging_changes_no_text(pieces):
    sent = messages(*(chunk(sid, text) for sid, text in pieces))
    for sid in "ab":
        assert "".join(m.text for m in sent if m.sid == sid) == "".join(text for s, text in pieces if s == sid)
    assert all(len(message.text) <= MAX_TEXT for message in sent)


@given(gaps=st.lists(st.floats(0, 0.2), min_size=1, max_size=200))
def test_never_faster_than_the_rate(gaps):
    outbox = Outbox()
    now, sent = 0.0, []
    for number, gap in enumerate(gaps):
        now += gap
        outbox.put(Data(topic="t", payload=number))
        while outbox.take(now) is not None:
            sent.append(now)
    sent += [at for at, _ in drain(outbox, now)]
    assert len(sent) == len(gaps)
    for first in range(len(sent)):
        for last in range(first, len(sent)):
            assert last - first + 1 <= BURST + (sent[last] - sent[first]) * RATE + 1.001


def test_answers_do_not_wait_for_the_rate():
    outbox = Outbox()
    for number in range(int(BURST) * 2):
        outbox.put(Data(topic="t", payload=number))
    while outbox.take(0.0):
        pass
    outbox.put(ANSWER)
    assert outbox.deadline == 0.0
    assert outbox.take(0.0) == ANSWER
    assert outbox.take(0.0) is None


def test_a_full_lane_takes_no_more_and_keeps_what_it_has():
    outbox = Outbox()
    assert all(outbox.put(Data(topic="t", payload=number)) for number in range(MAX_WAITING))
    assert not outbox.put(HELD)
    assert outbox.put(ANSWER)
    sent = [message for _, message in drain(outbox)]
    assert [message.payload for message in sent[1:]] == list(range(MAX_WAITING))
