"""When the voice is protected against loss: at once, for as long as it lasts, and a while after."""

from hypothesis import given
from hypothesis import strategies as st

from agent_worker.media.protection import Protection


def test_a_clean_link_goes_without() -> None:
    protection = Protection()
    assert [protection.receive(loss, at) for at, loss in enumerate((0.0, 0.005, 0.019, 0.0))] == [0, 0, 0, 0]


def test_it_rises_with_the_loss_and_not_between() -> None:
    protection = Protection()
    losses = (0.02, 0.05, 0.06, 0.04, 0.3)
    assert [protection.receive(loss, at) for at, loss in enumerate(losses)] == [5, 5, 10, 10, 20]


def test_it_ends_after_ten_calm_seconds() -> None:
    protection = Protection()
    assert protection.receive(0.1, 0.0) == 10
    assert protection.receive(0.0, 1.0) == 10
    assert protection.receive(0.0, 10.9) == 10
    assert protection.receive(0.0, 11.0) == 0


def test_loss_in_between_begins_the_calm_anew() -> None:
    protection = Protection()
    protection.receive(0.1, 0.0)
    protection.receive(0.0, 1.0)
    protection.receive(0.015, 9.0)
    assert protection.receive(0.0, 10.0) == 10
    assert protection.receive(0.0, 19.9) == 10
    assert protection.receive(0.0, 20.0) == 0


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0.02, 5)), max_size=80))
def test_whoever_loses_packets_is_protected_and_it_changes_seldom(reports: list[tuple[float, float]]) -> None:
    protection = Protection()
    at, changes, last = 0.0, 0, 0
    for loss, step in reports:
        at += step
        percent = protection.receive(loss, at)
        assert percent > 0 or loss < 0.02
        assert percent in (0, 5, 10, 20)
        changes += percent != last
        last = percent
    assert changes <= 4 * (1 + at / 10), "three steps up and one down for each calm"
