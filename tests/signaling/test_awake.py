"""A server that was stopped does not take for silent those whom it did not hear."""

from hypothesis import given
from hypothesis import strategies as st

from signaling.awake import MISSED, TICK, AwakeClock


def test_what_was_slept_through_does_not_count():
    at = 100.0
    clock = AwakeClock(lambda: at)
    for _ in range(10):
        at += TICK
        assert clock.now() == at
    at += 25.0
    assert clock.now() == at - (25.0 - TICK)
    at += 0.5
    assert clock.now() == at - (25.0 - TICK)


@given(steps=st.lists(st.floats(0.0, 60.0), max_size=50))
def test_it_never_goes_back_and_is_never_faster_than_its_source(steps):
    at = 0.0
    clock = AwakeClock(lambda: at)
    before = clock.now()
    for step in steps:
        at += step
        now = clock.now()
        counted = now - before
        assert -1e-9 <= counted <= step + 1e-9
        if step <= TICK + MISSED:
            assert abs(counted - step) < 1e-9
        else:
            assert abs(counted - TICK) < 1e-9
        before = now
