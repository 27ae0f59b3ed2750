"""The queue towards a peer."""

import asyncio
import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from signaling.envelope import MAX_DATA_CHARS, Message, Participant
from signaling.member_messages import RelayedData, RelayedStream
from signaling.messages import parse_to_client
from signaling.outbox import Outbox
from signaling.room_messages import ParticipantChanged


def data(topic: str) -> RelayedData:
    return RelayedData(sender="ann", topic=topic)


def updated(seq: int, name: str, sid: str = "PA_1") -> ParticipantChanged:
    return ParticipantChanged(op="updated", participant=Participant(identity="ann", sid=sid, name=name), seq=seq)


def chunk(seq: int, text: str, sid: str = "s", **fields: Any) -> RelayedStream:
    return RelayedStream(sender="bot", op="chunk", sid=sid, text=text, seq=seq, **fields)


async def taken(outbox: Outbox) -> list[dict]:
    """Everything up to the end."""
    outbox.end()
    texts = []
    while (text := await outbox.get()) is not None:
        parse_to_client(text)
        texts.append(json.loads(text))
    return texts


async def test_messages_come_out_in_order_and_then_the_end():
    outbox = Outbox(max_messages=3, max_chars=1000)
    for topic in "abc":
        assert outbox.put(data(topic))
    outbox.end()
    assert outbox.put(data("too late")), "after the end nothing is refused, and nothing is taken"
    assert [one["topic"] for one in await taken(outbox)] == ["a", "b", "c"]


async def test_a_reader_waits_for_the_next_message():
    outbox = Outbox(max_messages=3, max_chars=1000)
    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        text = group.create_task(outbox.get())
        await asyncio.sleep(0)
        outbox.put(data("late"))
        assert "late" in (await text or "")
        end = group.create_task(outbox.get())
        await asyncio.sleep(0)
        outbox.clear()
        assert await end is None


async def test_too_many_messages_are_all_dropped():
    outbox = Outbox(max_messages=2, max_chars=1000)
    assert outbox.put(data("a"))
    assert outbox.put(data("b"))
    assert not outbox.put(data("c"))
    assert await taken(outbox) == []


async def test_too_long_messages_are_all_dropped_and_room_is_made_by_reading():
    outbox = Outbox(max_messages=10, max_chars=150)
    for _ in range(10):
        assert outbox.put(data("x" * 50))
        assert await outbox.get() is not None
    assert outbox.put(data("x" * 30))
    assert not outbox.put(data("x" * 30))


async def test_of_what_somebody_was_and_is_the_last_alone_is_told():
    outbox = Outbox(max_messages=3, max_chars=1000)
    other = updated(2, "bob", sid="PA_2")
    for message in (updated(1, "a"), other, data("between"), updated(3, "b"), updated(4, "c")):
        assert outbox.put(message)
    told = await taken(outbox)
    assert [one["seq"] for one in told if "seq" in one] == [2, 4]
    assert [one.get("topic") or one["participant"]["name"] for one in told] == ["bob", "between", "c"]


async def test_who_left_and_came_again_is_somebody_else():
    outbox = Outbox(max_messages=9, max_chars=2000)
    gone = ParticipantChanged(op="left", participant=Participant(identity="ann", sid="PA_1"))
    for message in (updated(1, "a"), gone, updated(3, "b", sid="PA_9")):
        outbox.put(message)
    assert [one["participant"]["sid"] for one in await taken(outbox)] == ["PA_1", "PA_1", "PA_9"]


async def test_pieces_of_one_text_become_one_and_what_came_between_stays_there():
    outbox = Outbox(max_messages=5, max_chars=100_000)
    pieces = [chunk(1, "It "), chunk(2, "is "), data("mark"), chunk(4, "half "), chunk(5, "past")]
    pieces += [updated(6, "a"), chunk(7, "!"), chunk(8, "x", sid="z")]
    for message in pieces:
        assert outbox.put(message)
    told = await taken(outbox)
    assert [one.get("text") for one in told] == ["It is ", None, None, "half past!", "x"]
    assert [one.get("seq") for one in told] == [2, None, 6, 7, 8]


async def test_pieces_that_are_numbered_or_too_long_together_stay_apart():
    outbox = Outbox(max_messages=9, max_chars=100_000)
    pieces = [chunk(1, "a", n=0), chunk(2, "b", n=1), chunk(3, "c"), chunk(4, "x" * (MAX_DATA_CHARS - 1))]
    for message in (*pieces, chunk(5, "yy")):
        outbox.put(message)
    told = await taken(outbox)
    assert [len(one["text"]) for one in told] == [1, 1, MAX_DATA_CHARS, 2]


MESSAGES = st.one_of(
    st.builds(lambda name, sid: ("updated", name, sid), st.text(max_size=3), st.sampled_from(["PA_1", "PA_2"])),
    st.builds(lambda text, sid: ("chunk", text, sid), st.text(max_size=3), st.sampled_from(["s", "z"])),
    st.just(("data", "", "")),
    st.just(("read", "", "")),
)


@given(st.lists(MESSAGES, max_size=40))
def test_whatever_is_joined_a_slow_reader_knows_the_same_in_the_end(history: list[tuple[str, str, str]]):
    outbox = Outbox(max_messages=1000, max_chars=10**6)
    states: dict[str, str] = {}
    texts: dict[str, str] = {}
    count = 0

    async def run() -> list[dict]:
        nonlocal count
        read: list[dict] = []
        for seq, (what, text, sid) in enumerate(history):
            message: Message
            match what:
                case "updated":
                    states[sid], message = text, updated(seq, text, sid)
                case "chunk":
                    texts[sid] = texts.get(sid, "") + text
                    message = chunk(seq, text, sid)
                case "data":
                    count, message = count + 1, data("t")
                case _:
                    if outbox._waiting:
                        read.append(json.loads(await outbox.get() or ""))
                    continue
            assert outbox.put(message)
        return read + await taken(outbox)

    told = asyncio.run(run())
    last = {one["participant"]["sid"]: one["participant"]["name"] for one in told if one["t"] == "participant"}
    assert last == states
    grown: dict[str, str] = {}
    for one in told:
        if one["t"] == "stream":
            grown[one["sid"]] = grown.get(one["sid"], "") + one["text"]
    assert grown == texts
    assert sum(one["t"] == "data" for one in told) == count
    numbers = [one["seq"] for one in told if "seq" in one]
    assert numbers == sorted(numbers), "numbers only rise, so a client may resume by the last"
