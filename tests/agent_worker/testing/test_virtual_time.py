import asyncio
import time

import pytest

from agent_worker.testing import DeadlockError, run_in_virtual_time


def test_an_hour_takes_no_time_and_timers_keep_their_order():
    async def main() -> list[float]:
        loop, times = asyncio.get_running_loop(), []

        async def wake(after: float) -> None:
            await asyncio.sleep(after)
            times.append(loop.time())

        async with asyncio.TaskGroup() as group:
            for after in (3600.0, 1.0, 0.5):
                group.create_task(wake(after))
        return times

    start = time.monotonic()
    assert run_in_virtual_time(main()) == pytest.approx([0.5, 1.0, 3600.0])
    assert time.monotonic() - start < 5.0


def test_a_deadlock_is_told_at_once():
    async def main() -> None:
        await asyncio.Event().wait()

    with pytest.raises(DeadlockError):
        run_in_virtual_time(main())


def test_work_for_a_thread_is_done_on_the_spot():
    async def work() -> tuple[str, float, str]:
        name = await asyncio.to_thread(lambda: "done")
        try:
            await asyncio.to_thread(int, "x")
        except ValueError as error:
            return name, asyncio.get_running_loop().time(), type(error).__name__
        return name, 0.0, "no error"

    assert run_in_virtual_time(work()) == ("done", 0.0, "ValueError")
