"""The queue towards a peer."""

import asyncio

from signaling.connection import Outbox


async def test_texts_come_out_in_order_and_then_the_end():
    outbox = Outbox(max_messages=3, max_chars=100)
    for text in "abc":
        assert outbox.put(text)
    outbox.end()
    assert outbox.put("too late"), "after the end nothing is refused, and nothing is taken"
    assert [await outbox.get() for _ in range(4)] == ["a", "b", "c", None]


async def test_a_reader_waits_for_the_next_text():
    outbox = Outbox(max_messages=3, max_chars=100)
    async with asyncio.timeout(1), asyncio.TaskGroup() as group:
        text = group.create_task(outbox.get())
        await asyncio.sleep(0)
        outbox.put("late")
        assert await text == "late"
        end = group.create_task(outbox.get())
        await asyncio.sleep(0)
        outbox.clear()
        assert await end is None


async def test_too_many_texts_are_all_dropped():
    outbox = Outbox(max_messages=2, max_chars=100)
    assert outbox.put("a")
    assert outbox.put("b")
    assert not outbox.put("c")
    outbox.end()
    assert await outbox.get() is None


async def test_too_long_texts_are_all_dropped_and_room_is_made_by_reading():
    outbox = Outbox(max_messages=10, max_chars=5)
    for _ in range(10):
        assert outbox.put("12345")
        assert await outbox.get() == "12345"
    assert outbox.put("123")
    assert not outbox.put("456")
