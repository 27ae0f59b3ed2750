"""One grid for all rooms of a process, in virtual time."""

import asyncio
from typing import cast

import pytest

from agent_worker.media.ticker import Ticker
from tests.agent_worker.media.virtual import VirtualLoop, run


async def ticking(ticker: Ticker, *calls, seconds: float):
    outcomes = []

    async def served(call):
        try:
            await ticker.serve(call)
        except RuntimeError as error:
            outcomes.append(error)

    async with asyncio.TaskGroup() as tasks:
        running = [tasks.create_task(served(call)) for call in calls]
        await asyncio.sleep(0)
        running.append(tasks.create_task(ticker.run()))
        await asyncio.sleep(seconds)
        for task in running:
            task.cancel()
    return outcomes


def test_everybody_is_served_in_every_slot() -> None:
    one: list[tuple[int, float]] = []
    two: list[tuple[int, float]] = []

    def into(slots):
        return lambda slot: slots.append((slot, asyncio.get_running_loop().time()))

    ticker = Ticker()
    run(ticking(ticker, into(one), into(two), seconds=1.99))
    assert one == two == [(slot, pytest.approx(slot * 0.02)) for slot in range(100)]
    assert (ticker.statistics().slots, ticker.statistics().late, ticker.statistics().skipped) == (100, 0, 0)


def test_one_that_fails_leaves_the_others() -> None:
    served: list[int] = []

    def fails(slot: int) -> None:
        if slot == 10:
            raise RuntimeError("a bug in one room")

    outcomes = run(ticking(Ticker(), fails, served.append, seconds=0.99))
    assert [str(outcome) for outcome in outcomes] == ["a bug in one room"]
    assert served == list(range(50))


def test_after_a_stall_the_slot_that_is_due_is_served_for_all() -> None:
    slots: list[int] = []

    def stalls(slot: int) -> None:
        if slot == 5:
            cast(VirtualLoop, asyncio.get_running_loop()).stall(0.3)

    ticker = Ticker()
    run(ticking(ticker, stalls, slots.append, seconds=1.0))
    assert slots[:7] == [0, 1, 2, 3, 4, 5, 20]
    statistics = ticker.statistics()
    assert (statistics.skipped, statistics.late) == (14, 0)
    assert statistics.worst == pytest.approx(0.28)


def test_who_leaves_is_served_no_more() -> None:
    async def main() -> list[int]:
        ticker, slots = Ticker(), list[int]()
        async with asyncio.TaskGroup() as tasks:
            serving = tasks.create_task(ticker.serve(slots.append))
            running = tasks.create_task(ticker.run())
            await asyncio.sleep(0.5)
            serving.cancel()
            await asyncio.sleep(0.5)
            running.cancel()
        return slots

    assert len(run(main())) in (25, 26)
