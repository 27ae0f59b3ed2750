import threading
import time

import pytest

from agent_worker.cascade import handover
from agent_worker.cascade.handover import Emit, made_by
from agent_worker.errors import SpeechError


def counting(upto: int, refused: list[int]):
    def work(emit: Emit[int]) -> None:
        for number in range(upto):
            if not emit(number):
                refused.append(number)
                return

    return work


def engine_threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name == "engine"]


def test_all_items_come_in_order() -> None:
    assert list(made_by(counting(5000, []), "engine")) == list(range(5000))
    assert engine_threads() == []


def test_an_engines_error_is_raised_after_what_it_made() -> None:
    def work(emit: Emit[int]) -> None:
        emit(1)
        raise SpeechError("out of breath")

    items = made_by(work, "engine")
    assert next(items) == 1
    with pytest.raises(SpeechError, match="out of breath"):
        next(items)
    assert engine_threads() == []


def test_closing_stops_the_engine_and_waits_for_it() -> None:
    refused: list[int] = []
    items = made_by(counting(10**9, refused), "engine")
    assert next(items) == 0
    items.close()
    assert engine_threads() == []
    assert len(refused) == 1


def test_a_full_queue_makes_the_engine_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handover, "DEPTH", 3)
    made: list[int] = []
    reached = threading.Event()

    def work(emit: Emit[int]) -> None:
        for number in range(100):
            made.append(number)
            if number == 4:
                reached.set()
            emit(number)

    items = made_by(work, "engine")
    assert next(items) == 0
    assert reached.wait(5)  # one taken, three waiting, the fifth in its hands
    time.sleep(0.1)  # were the queue not bounded, all hundred would be made in this time
    assert len(made) == 5
    assert list(items) == list(range(1, 100))


def test_an_engine_that_makes_nothing_has_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handover, "SILENT_SECONDS", 0.05)
    asleep = threading.Event()

    def work(emit: Emit[int]) -> None:
        asleep.wait(5)

    monkeypatch.setattr(handover, "STOP_SECONDS", 0.01)
    with pytest.raises(SpeechError, match="engine made no sound"):
        next(made_by(work, "engine"))
    asleep.set()
