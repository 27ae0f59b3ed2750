"""The conversation as lines: what is finished, what grows, what happened; no stranger steers the terminal."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_worker.cli.transcript import MAX_OPEN, MAX_TEXT, Speaker, Transcript, on_one_line
from signaling.messages import Participant, RelayedData, RelayedStream


def opened(sid, *, topic="transcription", sender="agent-1", **attributes):
    return RelayedStream(op="open", sid=sid, topic=topic, sender=sender, attributes=attributes)


def chunk(sid, text):
    return RelayedStream(op="chunk", sid=sid, text=text, sender="agent-1")


def closed(sid, **attributes):
    return RelayedStream(op="close", sid=sid, sender="agent-1", attributes=attributes)


def agent(**attributes):
    return Participant(identity="agent-1", sid="s", kind="agent", attributes=attributes)


def plain(transcript, *messages):
    return [line.plain for message in messages for line in transcript.stream(message)]


def test_a_line_grows_and_is_finished_once():
    transcript = Transcript()
    assert plain(transcript, opened("a", role="agent"), chunk("a", "Hello "), chunk("a", "you.")) == []
    assert [line.plain for line in transcript.growing] == ["agent: Hello you."]
    assert plain(transcript, closed("a")) == ["agent: Hello you."]
    assert transcript.growing == ()
    assert plain(transcript, closed("a"), chunk("a", "more")) == []


@pytest.mark.parametrize(
    ("messages", "lines"),
    [
        (
            (opened("a", role="agent"), chunk("a", "One"), closed("a", interrupted="true")),
            ["agent: One [interrupted]"],
        ),
        ((opened("a", role="user", identity="ann"), chunk("a", "hi"), closed("a")), ["ann: hi"]),
        ((opened("a", topic="chat", sender="bob"), chunk("a", "typed"), closed("a")), ["bob: typed"]),
        ((opened("a", role="user", identity="ann"), closed("a")), []),
        ((opened("a", topic="other"), chunk("a", "not ours"), closed("a")), []),
        ((chunk("never", "opened"), closed("never")), []),
    ],
)
def test_whose_line_it_is(messages, lines):
    assert plain(Transcript(), *messages) == lines


def test_of_too_many_lines_the_oldest_is_finished():
    transcript = Transcript()
    plain(transcript, opened("first", role="agent"), chunk("first", "old"))
    rest = [opened(str(number), role="agent") for number in range(MAX_OPEN)]
    assert plain(transcript, *rest) == ["agent: old [...]"]


def test_a_line_has_an_end():
    transcript = Transcript()
    plain(transcript, opened("a", role="agent"), *[chunk("a", "x" * 10_000) for _ in range(5)])
    assert len(transcript.growing[0].text) <= MAX_TEXT + 10_000


@pytest.mark.parametrize(
    ("payload", "words"),
    [
        ({"type": "held"}, "pauses"),
        ({"type": "resumed", "held_seconds": 1.0}, "goes on"),
        ({"type": "interrupted"}, "was interrupted"),
        ({"type": "error", "message": "no model"}, "no model"),
        ({"type": "tool", "name": "get_time", "output": "noon"}, "get_time says: noon"),
    ],
)
def test_events_are_notes(payload, words):
    (line,) = Transcript().data(RelayedData(topic="agent.event", sender="agent-1", payload=payload))
    assert line.speaker is Speaker.NOTE
    assert words in line.plain


@pytest.mark.parametrize("payload", [{"type": "new"}, {}, "text", None, 3, [1]])
def test_unknown_events_are_passed_over(payload):
    assert Transcript().data(RelayedData(topic="agent.event", sender="x", payload=payload)) == []


def test_the_agents_state_is_told_once_each():
    transcript = Transcript()
    told = [
        line.plain
        for one in (agent(), agent(**{"agent.state": "listening"}), agent(**{"agent.state": "listening"}))
        for line in transcript.agent(one)
    ]
    assert told == ["* the agent is listening"]
    transcript.agent(agent(**{"agent.state": "speaking", "agent.held": "true"}))
    assert (transcript.agent_state, transcript.is_held) == ("speaking", True)


def test_an_agent_that_is_gone_ends_what_it_was_saying():
    transcript = Transcript()
    transcript.agent(agent(**{"agent.state": "speaking"}))
    plain(transcript, opened("a", role="agent"), chunk("a", "Once upon"))
    assert [line.plain for line in transcript.agent(None)] == ["agent: Once upon [...]"]
    assert (transcript.agent_state, transcript.growing) == ("", ())


@given(st.text())
def test_no_text_steers_the_terminal(text):
    assert on_one_line(text).isprintable()
    assert on_one_line(f"{text}\x1b]0;title\x07\n").isprintable()
