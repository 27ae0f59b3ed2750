"""Between a supervisor and a room's process every message survives, and nothing else gets through."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_worker.errors import ProtocolError
from agent_worker.worker.ipc import (
    MAX_LINE,
    Broken,
    Ended,
    Lines,
    Ready,
    Start,
    Started,
    Stop,
    StopJob,
    Told,
    decode_for_process,
    decode_for_supervisor,
    encode,
)

texts = st.text(max_size=200)
to_process = st.one_of(
    st.builds(Start, job=texts, room=texts, url=texts, token=texts),
    st.builds(StopJob, job=texts, reason=texts),
    st.builds(Stop, reason=texts),
)
to_supervisor = st.one_of(
    st.builds(Ready, agent=texts),
    st.builds(Broken, message=texts),
    st.builds(Told, job=texts, what=st.builds(Started)),
    st.builds(Told, job=texts, what=st.builds(Ended, succeeded=st.booleans(), reason=texts)),
)


directions = st.one_of(
    st.tuples(st.just(decode_for_process), st.lists(to_process, max_size=8)),
    st.tuples(st.just(decode_for_supervisor), st.lists(to_supervisor, max_size=8)),
)


@given(direction=directions, data=st.data())
def test_messages_survive_any_cut_of_the_stream(direction, data):
    decode, messages = direction
    stream = b"".join(encode(message) for message in messages)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=10)))
    lines = Lines()
    received = []
    for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        received.extend(decode(line) for line in lines.feed(stream[start:end]))
    assert received == messages


@given(message=st.one_of(to_process, to_supervisor))
def test_a_message_is_one_line(message):
    assert encode(message).count(b"\n") == 1


@pytest.mark.parametrize(
    ("decode", "line"),
    [
        (decode_for_process, b""),
        (decode_for_process, b"garbage"),
        (decode_for_process, b"[]"),
        (decode_for_process, b'{"t":"fly"}'),
        (decode_for_process, b'{"t":"stop"}'),
        (decode_for_process, b'{"t":"stop","reason":7}'),
        (decode_for_process, encode(Told(job="J_1", what=Started()))),
        (decode_for_process, b'{"t":"stop","reason":"\xff"}'),
        (decode_for_supervisor, encode(Stop(reason="x"))),
        (decode_for_supervisor, b'{"t":"started"}'),
        (decode_for_supervisor, b'{"t":"told","job":"J_1","what":{"t":"ready","agent":""}}'),
        (decode_for_supervisor, b'{"t":"told","job":"J_1","what":{"t":"ended","succeeded":"perhaps","reason":""}}'),
    ],
)
def test_what_is_no_message_is_refused(decode, line):
    with pytest.raises(ProtocolError):
        decode(line)


def test_a_token_is_in_no_repr_and_no_error():
    start = Start(job="J_1", room="lobby", url="ws://127.0.0.1/", token="secret-token")
    assert "secret-token" not in repr(start)
    with pytest.raises(ProtocolError) as caught:
        decode_for_process(b'{"t":"start","job":1,"token":"secret-token"}')
    assert "secret-token" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_line_that_never_ends_is_refused_before_it_fills_the_memory():
    lines = Lines()
    assert list(lines.feed(b"x" * MAX_LINE)) == []
    with pytest.raises(ProtocolError) as caught:
        list(lines.feed(b"x"))
    assert caught.value.code == "too_large"


def test_a_message_too_long_for_a_line_is_not_sent():
    with pytest.raises(ProtocolError):
        encode(Broken(message="x" * MAX_LINE))
