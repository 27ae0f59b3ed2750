"""A process that hangs is found in time, and one that answers never is taken for one, whatever the clock does."""

from hypothesis import given
from hypothesis import strategies as st

from agent_worker.worker.pulse import Beat, Pulse


def test_nothing_is_asked_before_it_can_answer():
    pulse = Pulse(1.0)
    assert pulse.deadline is None
    assert pulse.advance(100.0) is None


def test_one_that_never_answers_hangs_after_four_questions():
    pulse = Pulse(2.5)
    pulse.begin(0.0)
    beats = [(at / 2, pulse.advance(at / 2)) for at in range(40)]
    assert [at for at, beat in beats if beat is Beat.ASK] == [2.5, 5.0, 7.5, 10.0]
    assert [at for at, beat in beats if beat is Beat.HUNG] == [12.5]


def test_who_slept_itself_asks_again_before_it_judges():
    pulse = Pulse(2.5)
    pulse.begin(0.0)
    assert pulse.advance(2.5) is Beat.ASK
    # Stopped for an hour, the process together with us.
    assert pulse.advance(3600.0) is Beat.ASK
    assert pulse.advance(3600.0) is None
    pulse.answer(2, 0.01)
    assert pulse.lag == 0.01


def test_an_answer_to_what_was_not_asked_counts_for_nothing():
    pulse = Pulse(1.0)
    pulse.begin(0.0)
    assert pulse.advance(1.0) is Beat.ASK
    pulse.answer(99, 5.0)
    assert pulse.lag == 0.0
    assert [pulse.advance(float(at)) for at in range(2, 6)] == [Beat.ASK, Beat.ASK, Beat.ASK, Beat.HUNG]


@given(st.lists(st.tuples(st.floats(0.0, 100.0), st.integers(0, 3)), max_size=60))
def test_one_that_answers_within_three_questions_never_hangs(steps):
    pulse = Pulse(2.5)
    pulse.begin(0.0)
    now = 0.0
    for later, behind in steps:
        now += later
        assert pulse.advance(now) is not Beat.HUNG
        pulse.answer(max(0, pulse.number - behind), 0.0)
