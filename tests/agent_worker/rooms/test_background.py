import asyncio

import pytest

from agent_worker.rooms.background import Background


async def forever(ended: list[str]) -> None:
    try:
        await asyncio.Event().wait()
    finally:
        ended.append("cancelled")


async def fail() -> None:
    raise RuntimeError("broken")


async def test_the_end_of_the_block_ends_the_work() -> None:
    ended: list[str] = []
    async with Background() as background:
        background.start(forever(ended), name="one")
        background.start(forever(ended), name="two")
        await asyncio.sleep(0)
    assert ended == ["cancelled", "cancelled"]


async def test_an_error_of_the_block_comes_out_as_it_is() -> None:
    ended: list[str] = []

    async def block() -> None:
        async with Background() as background:
            background.start(forever(ended), name="one")
            await asyncio.sleep(0)
            raise KeyError

    with pytest.raises(KeyError):
        await block()
    assert ended == ["cancelled"]


async def test_an_error_of_the_work_ends_the_block() -> None:
    async def block() -> None:
        async with Background() as background:
            background.start(fail(), name="one")
            await asyncio.Event().wait()

    with pytest.raises(ExceptionGroup) as caught:
        await block()
    assert caught.group_contains(RuntimeError, match="broken")
    task = asyncio.current_task()
    assert task is not None
    assert not task.cancelling(), "what cancelled the block was the group, not us"


async def test_a_cancellation_of_the_block_goes_on() -> None:
    ended: list[str] = []

    async def block() -> None:
        async with Background() as background:
            background.start(forever(ended), name="one")
            await asyncio.Event().wait()

    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(block())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        task.cancel()
    assert task.cancelled()
    assert ended == ["cancelled"]
