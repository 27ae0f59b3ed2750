"""How busy a worker is: whichever is scarcest, averaged, between 0 and 1."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_worker.worker.load import Load, Reading, cores_allowed


def reading(cpu_seconds, cores=2.0, memory=0.1):
    return Reading(cpu_seconds=cpu_seconds, cores=cores, memory=memory)


@pytest.mark.parametrize(
    ("cpu_max", "in_set", "cores"),
    [
        ("", 4, 4.0),
        ("max 100000", 4, 4.0),
        ("50000 100000", 4, 0.5),
        ("400000 100000", 2, 2.0),
        ("1 0", 3, 3.0),
        ("rubbish", 3, 3.0),
    ],
)
def test_cores(cpu_max, in_set, cores):
    assert cores_allowed(cpu_max, in_set) == cores


def test_the_average_forgets_what_is_old():
    load = Load()
    load.add(reading(0.0), 0.0)
    assert load.cpu == 0.0
    load.add(reading(0.5), 0.5)  # half of two cores
    assert load.cpu == pytest.approx(0.5)
    for step in range(2, 20):
        load.add(reading(0.5), step / 2)
    assert load.cpu == 0.0


@pytest.mark.parametrize(
    ("jobs", "cpu", "memory", "load"), [(1, 0.2, 0.1, 0.25), (1, 0.6, 0.1, 0.6), (0, 0.0, 0.7, 0.7)]
)
def test_the_scarcest_counts(jobs, cpu, memory, load):
    made = Load()
    made.add(reading(0.0, memory=memory), 0.0)
    made.add(reading(cpu * 2.0, memory=memory), 1.0)
    assert made.of(jobs, 4) == pytest.approx(load)


@given(
    st.lists(st.tuples(st.floats(0, 1e6), st.floats(0.1, 64), st.floats(-1, 2), st.floats(0, 100)), max_size=30),
    st.integers(0, 20),
)
def test_it_is_always_a_fraction(readings, jobs):
    load, now = Load(), 0.0
    for cpu_seconds, cores, memory, later in readings:
        now += later
        load.add(Reading(cpu_seconds=cpu_seconds, cores=cores, memory=memory), now)
        assert 0.0 <= load.of(jobs, 8) <= 1.0
