"""Streams that wait for each other's windows, in virtual time."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import numpy as np
import pytest

from agent_worker import clock
from agent_worker.testing.virtual_time import run_in_virtual_time
from agent_worker.vad.base import Window
from agent_worker.vad.batch import Batch, BatchStatistics


class Model:
    """Its probability is the loudest sample; it notes who was judged when, in milliseconds."""

    def __init__(self) -> None:
        self.runs: list[tuple[int, str]] = []
        self.broken = False

    def run(self, streams: Sequence[str], windows: Sequence[Window]) -> list[float]:
        self.runs.append((round(clock.now() * 1000), "".join(streams)))
        if self.broken:
            raise RuntimeError("the model broke")
        return [float(window.max()) for window in windows]


def loud(level: float) -> Window:
    return np.full(512, level, dtype=np.float32)


async def at(milliseconds: float, judge: Callable[[], Awaitable[float]]) -> tuple[float, int]:
    """(probability, when it was known) of a window that comes then."""
    await asyncio.sleep(milliseconds / 1000 - clock.now())
    return await judge(), round(clock.now() * 1000)


async def say(batch: Batch[str], stream: str, times: Sequence[float]) -> list[tuple[float, int]]:
    return [await at(time, lambda time=time: batch.judge(stream, loud(time / 1000))) for time in times]


async def all_say(batch: Batch[str], **times: Sequence[float]) -> list[list[tuple[float, int]]]:
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(say(batch, stream, each)) for stream, each in times.items()]
    return [task.result() for task in tasks]


def test_one_run_answers_all_each_with_its_own() -> None:
    model = Model()
    batch = Batch[str](model.run)
    found = run_in_virtual_time(all_say(batch, a=[1, 41, 81], b=[3, 43], c=[4, 50]))
    assert model.runs == [(1, "a"), (3, "b"), (4, "c"), (49, "ab"), (50, "c"), (89, "a")]
    approximately = pytest.approx
    assert found == [
        [
            approximately((0.001, 1), abs=1e-6),
            approximately((0.041, 49), abs=1e-6),
            approximately((0.081, 89), abs=1e-6),
        ],
        [approximately((0.003, 3), abs=1e-6), approximately((0.043, 49), abs=1e-6)],
        [approximately((0.004, 4), abs=1e-6), approximately((0.050, 50), abs=1e-6)],
    ]
    assert batch.statistics() == BatchStatistics(windows=7, runs=6, largest=2)


def test_one_alone_is_answered_without_waiting_for_anything() -> None:
    model = Model()
    batch = Batch[str](model.run)

    async def alone() -> None:
        judging = batch.judge("a", loud(0.5))
        with pytest.raises(StopIteration) as answer:
            judging.send(None)
        assert answer.value.value == 0.5

    run_in_virtual_time(alone())


def test_a_stream_that_begins_anew_is_silent_and_the_others_are_answered() -> None:
    model = Model()
    batch = Batch[str](model.run)

    async def converse() -> list[list[tuple[float, int]]]:
        asyncio.get_running_loop().call_at(0.042, batch.withdraw, "a")
        return await all_say(batch, a=[1, 41], b=[3, 43], c=[4])

    first, second, _ = run_in_virtual_time(converse())
    assert first[1] == (0.0, 42)
    assert second[1] == pytest.approx((0.043, 51))
    assert model.runs[3:] == [(51, "b")]


def test_who_gives_up_waiting_leaves_the_others() -> None:
    model = Model()
    batch = Batch[str](model.run)

    async def converse() -> list[tuple[float, int]]:
        async with asyncio.TaskGroup() as group:
            impatient = group.create_task(say(batch, "a", [1, 41]))
            others = [group.create_task(say(batch, "b", [3, 43])), group.create_task(say(batch, "c", [4]))]
            asyncio.get_running_loop().call_at(0.045, impatient.cancel)
        return others[0].result()

    assert run_in_virtual_time(converse())[1] == pytest.approx((0.043, 49))
    assert model.runs[3:] == [(49, "b")]


def test_a_model_that_fails_is_told_to_all_who_wait_and_to_nobody_else() -> None:
    model = Model()
    batch = Batch[str](model.run)

    async def fails(stream: str) -> None:
        with pytest.raises(RuntimeError, match="the model broke"):
            await batch.judge(stream, loud(0.1))

    async def converse() -> list[float]:
        await all_say(batch, a=[1], b=[2], c=[3])
        await asyncio.sleep(0.04)
        model.broken = True
        async with asyncio.TaskGroup() as group:
            group.create_task(fails("a"))
            group.create_task(fails("b"))
        model.broken = False
        await asyncio.sleep(0.2)
        return [await batch.judge(stream, loud(0.2)) for stream in "ab"]

    assert run_in_virtual_time(converse()) == pytest.approx([0.2, 0.2])
