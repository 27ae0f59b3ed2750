"""What is said without a person, and when: after the agent, one thing at a time, and never for ever."""

from collections import deque

from hypothesis import given
from hypothesis import strategies as st

from agent_worker.cli.errands import SETTLED_SECONDS, Errands, GiveUp, Leave, SayLine

TICK = 0.1


def errands(*lines, linger=3.0, patience=60.0, is_complete=True):
    return Errands(deque(map(SayLine, lines)), linger=linger, patience=patience, is_complete=is_complete)


def run(work, states, *, speaking=()):
    """(second, what was due) while the agent is in these states, one (state, seconds) after the other."""
    due, now = [], 0.0
    for state, seconds in states:
        for _ in range(round(seconds / TICK)):
            work.receive(state, speaking=any(start <= now < end for start, end in speaking), now=now)
            what = work.advance(now)
            if what is not None:
                due.append((round(now, 1), what))
            if isinstance(what, Leave | GiveUp):
                return due
            now += TICK
    return due


def test_a_line_is_said_when_the_agent_has_greeted_and_we_leave_after_the_answer():
    due = run(errands("hi"), [("", 1), ("speaking", 2), ("listening", 2), ("speaking", 2), ("listening", 9)])
    assert [what for _, what in due] == [SayLine("hi"), Leave()]
    (said, _), (left, _) = due
    assert 3 + SETTLED_SECONDS <= said <= 3.2 + SETTLED_SECONDS
    assert 10 <= left <= 10.3


def test_the_second_line_waits_for_the_answer_to_the_first():
    states = [("listening", 2.5), ("thinking", 4), ("speaking", 4), ("listening", 9)]
    (first, _), (second, _), _ = run(errands("one", "two"), states)
    assert first < 2
    assert second >= 10.5 + SETTLED_SECONDS - TICK


def test_an_agent_that_answers_nothing_is_spoken_to_again():
    due = run(errands("one", "two", linger=2.0), [("listening", 20)])
    assert [what for _, what in due] == [SayLine("one"), SayLine("two"), Leave()]
    assert due[1][0] - due[0][0] >= 2.0


def test_nothing_is_said_over_what_we_are_saying():
    due = run(errands("one"), [("listening", 10)], speaking=[(0.0, 5.0)])
    assert due[0][0] >= 5.0 + SETTLED_SECONDS


def test_while_more_may_come_nobody_leaves():
    work = errands(is_complete=False, patience=10.0)
    assert run(work, [("listening", 30)]) == []
    work.is_complete = True
    assert [what for _, what in run(work, [("listening", 5)])] == [Leave()]


def test_without_a_linger_nobody_leaves():
    assert run(errands(linger=None, patience=None), [("listening", 100)]) == []


def test_no_agent_and_an_agent_that_hangs_are_given_up_with_a_reason():
    ((at, gave_up),) = run(errands("hi", patience=10.0), [("", 30)])
    assert (round(at), "no agent came within 10 s" in gave_up.why) == (10, True)
    *_, (_, gave_up) = run(errands("hi", patience=10.0), [("listening", 2), ("thinking", 30)])
    assert "has been thinking for 10 s" in gave_up.why


@given(
    st.lists(
        st.tuples(st.sampled_from(["", "initializing", "listening", "thinking", "speaking"]), st.integers(1, 30)),
        max_size=12,
    ),
    st.integers(0, 4),
)
def test_whatever_the_agent_does_each_line_is_said_at_most_once_and_in_order(states, count):
    lines = [str(number) for number in range(count)]
    said = [what.text for _, what in run(errands(*lines), states) if isinstance(what, SayLine)]
    assert said == lines[: len(said)]
