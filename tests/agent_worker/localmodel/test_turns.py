from typing import Any

import pytest

from agent_worker.localmodel.settings import SemanticVad, ServerVad
from agent_worker.localmodel.turns import Turns, TurnStarted, TurnStopped

WINDOW = 0.032


def run(turns: Turns, *stretches: tuple[float, float]) -> list[Any]:
    """Feed stretches of (probability, seconds); give what was found, with the time at which it was."""
    found: list[Any] = []
    count = 0
    for probability, seconds in stretches:
        for _ in range(round(seconds / WINDOW)):
            count += 1
            found += [(count * WINDOW, event) for event in turns.receive(probability, count * WINDOW)]
    return found


def test_a_turn_begins_with_its_padding_and_ends_after_silence() -> None:
    turns = Turns(ServerVad(prefix_padding_ms=300, silence_duration_ms=500))
    (started_at, started), (stopped_at, stopped) = run(turns, (0.0, 1.024), (0.9, 1.024), (0.1, 1.024))
    assert started == TurnStarted(pytest.approx(1.024 - 0.3))
    assert started_at == pytest.approx(1.024 + 0.224, abs=0.001)
    assert stopped == TurnStopped(pytest.approx(2.048))
    assert stopped_at == pytest.approx(2.048 + 0.5, abs=WINDOW)


def test_the_padding_does_not_reach_before_the_session() -> None:
    ((_, started),) = run(Turns(ServerVad(prefix_padding_ms=5000)), (0.9, 0.5))
    assert started == TurnStarted(0.0)


def test_a_knock_is_no_turn() -> None:
    assert run(Turns(ServerVad()), (0.0, 0.5), (0.99, 0.16), (0.0, 1.0)) == []


def test_pauses_shorter_than_the_silence_are_part_of_the_turn() -> None:
    found = run(Turns(ServerVad(silence_duration_ms=700)), (0.9, 0.5), (0.0, 0.5), (0.9, 0.5), (0.0, 1.0))
    assert [type(event) for _, event in found] == [TurnStarted, TurnStopped]


@pytest.mark.parametrize(("threshold", "count"), [(0.5, 1), (0.9, 0)])
def test_the_threshold_is_the_clients(threshold: float, count: int) -> None:
    assert len(run(Turns(ServerVad(threshold=threshold)), (0.7, 1.0))) == count


@pytest.mark.parametrize(("eagerness", "silence"), [("high", 0.3), ("auto", 0.5), ("low", 0.9)])
def test_the_eager_wait_less(eagerness: Any, silence: float) -> None:
    turns = Turns(SemanticVad(type="semantic_vad", eagerness=eagerness))
    *_, (at, event) = run(turns, (0.9, 0.96), (0.0, 2.0))
    assert isinstance(event, TurnStopped)
    assert at - 0.96 == pytest.approx(silence, abs=WINDOW)


def test_after_a_reset_the_voice_begins_anew() -> None:
    turns = Turns(ServerVad())
    run(turns, (0.9, 0.5))
    turns.reset()
    assert [type(event) for _, event in run(turns, (0.9, 0.5))] == [TurnStarted]
