"""What every engine promises (signaling/engine/base.py). A new one is one more row."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from random import Random
from typing import Protocol

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signaling.engine.base import (
    FRESH,
    NODE_LEASE,
    Engine,
    Kind,
    NobodyFree,
    Ownership,
    Record,
    Reserved,
    StaleOwnerError,
    Want,
    participant_key,
)
from signaling.engine.memory import MemoryEngine, MemoryStore


class World(Protocol):
    """One engine with its own clock, which any number of nodes share."""

    def node(self, name: str) -> Engine: ...

    async def pass_time(self, seconds: float) -> None: ...

    async def lose_everything(self) -> None: ...


class MemoryWorld:
    def __init__(self) -> None:
        self.now = 1000.0
        self.store = MemoryStore(clock=lambda: self.now, random=Random(5))

    def node(self, name: str) -> Engine:
        return MemoryEngine(self.store, name)

    async def pass_time(self, seconds: float) -> None:
        self.now += seconds

    async def lose_everything(self) -> None:
        self.store.forget()


WORLDS: list[Callable[[], World]] = [MemoryWorld]


@pytest.fixture(params=WORLDS, ids=lambda make: make.__name__)
def world(request: pytest.FixtureRequest) -> World:
    return request.param()


async def living(world: World, *names: str) -> list[Engine]:
    engines = [world.node(name) for name in names]
    for engine in engines:
        await engine.announce_node({"rooms": 0})
    return engines


def worker(name: str, **fields) -> Record:
    value = {"agent": "", "connected": True, "state": "available", "load": 0.0, "max_jobs": 2}
    value |= {"held": [], "reported": [], "quiet": 0.0}
    return Record(kind=Kind.WORKER, key=name, value=value | fields)


async def wanting(engine: Engine, job: str = "AJ1", attempt: int = 1, **fields) -> Want:
    owner = await engine.own_room("r")
    assert owner.node == engine.node
    return Want(job=job, attempt=attempt, fence=("r", owner.epoch), **fields)


# Nodes. --------------------------------------------------------------------------------------------------------


async def test_a_node_lives_as_long_as_it_says_so(world: World):
    a, b = await living(world, "a", "b")
    await a.put(Record(kind=Kind.JOB, key="AJ1", value={"room": "r"}))
    await world.pass_time(NODE_LEASE - 1)
    await b.announce_node({"rooms": 7})
    assert {one.key for one in await b.scan(Kind.NODE)} == {"a", "b"}
    await world.pass_time(2)
    (alone,) = await b.scan(Kind.NODE)
    assert (alone.key, alone.node, alone.value) == ("b", "b", {"rooms": 7})
    assert await b.get(Kind.JOB, "AJ1") is None, "what it wrote is gone with it"
    assert not await b.send("a", {"do": "x"})


async def test_a_node_that_was_silent_for_too_long_learns_that_it_must_begin_anew(world: World):
    a, b = await living(world, "a", "b")
    memory = await a.announce_node({})
    await a.put(Record(kind=Kind.JOB, key="AJ1", value={}))
    await world.pass_time(NODE_LEASE - 1)
    assert await a.announce_node({}) == memory
    assert await a.get(Kind.JOB, "AJ1") is not None
    await world.pass_time(NODE_LEASE + 1)
    assert await a.announce_node({}) != memory
    assert await a.get(Kind.JOB, "AJ1") is None
    await b.announce_node({})
    assert (await b.own_room("r")).node == "b"


async def test_who_lost_everything_says_so(world: World):
    (a,) = await living(world, "a")
    memory = await a.announce_node({})
    owner = await a.own_room("r")
    await a.put(Record(kind=Kind.ROOM, key="r", value={}, fence=("r", owner.epoch)))
    await world.lose_everything()
    assert await a.announce_node({}) != memory
    assert await a.scan(Kind.ROOM) == ()
    assert (await a.own_room("r")).node == "a"


async def test_the_dead_are_cleared_away_by_one_caller(world: World):
    a, b, c = await living(world, "a", "b", "c")
    assert await b.sweep() == ()
    await a.put(worker("w"))
    await a.reserve(await wanting(a))
    await world.pass_time(NODE_LEASE + 1)
    await b.announce_node({})
    await c.announce_node({})
    assert sorted([*await b.sweep(), *await c.sweep()]) == ["a"]
    assert not await b.settle("AJ1", 1)
    assert (await c.own_room("r")).node == "c"


# Rooms. --------------------------------------------------------------------------------------------------------


async def test_a_room_has_one_owner_and_each_has_a_higher_epoch(world: World):
    a, b = await living(world, "a", "b")
    first = await a.own_room("r")
    assert first.node == "a"
    assert await a.own_room("r") == first
    assert await b.own_room("r") == first
    assert (await b.own_room("other")).node == "b"
    await b.release_room("r", first.epoch)
    assert await b.own_room("r") == first, "only its owner can give it back"
    await a.release_room("r", first.epoch + 1)
    assert await b.own_room("r") == first
    await a.release_room("r", first.epoch)
    second = await b.own_room("r")
    assert (second.node, second.epoch > first.epoch) == ("b", True)


async def test_of_many_that_want_a_room_at_once_one_has_it(world: World):
    nodes = await living(world, *"abcdef")
    owners = await asyncio.gather(*(node.own_room("r") for node in nodes))
    assert len(set(owners)) == 1


async def test_the_room_of_a_dead_node_is_free_and_its_owner_of_before_is_refused(world: World):
    a, b = await living(world, "a", "b")
    old = await a.own_room("r")
    await a.put(worker("w"))
    await world.pass_time(NODE_LEASE + 1)
    await b.announce_node({})
    new = await b.own_room("r")
    assert new.node == "b"
    assert new.epoch > old.epoch
    await a.announce_node({})
    assert await a.own_room("r") == new
    late = Record(kind=Kind.ROOM, key="r", value={"name": "r"}, fence=("r", old.epoch))
    with pytest.raises(StaleOwnerError) as refused:
        await a.put(worker("other"), late)
    assert refused.value.room == "r"
    assert await a.get(Kind.WORKER, "other") is None, "all or none"
    assert await a.get(Kind.ROOM, "r") is None
    with pytest.raises(StaleOwnerError):
        await a.reserve(Want(job="AJ1", attempt=1, fence=("r", old.epoch)))
    with pytest.raises(StaleOwnerError):
        await a.reserve(Want(job="AJ1", attempt=1, fence=("r", new.epoch)))


# Records. ------------------------------------------------------------------------------------------------------

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(st.characters(codec="utf-8"), max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=50)
@given(value=st.dictionaries(st.text(max_size=5), JSON, max_size=4))
@pytest.mark.parametrize("make", WORLDS)
def test_any_json_comes_back_as_it_was(make: Callable[[], World], value: dict):
    async def there_and_back() -> None:
        a, b = await living(make(), "a", "b")
        await a.put(Record(kind=Kind.JOB, key="AJ1", value=value))
        found = await b.get(Kind.JOB, "AJ1")
        assert found is not None
        assert json.dumps(found.value) == json.dumps(value)

    asyncio.run(there_and_back())


async def test_records_are_replaced_found_by_prefix_and_taken_back(world: World):
    a, b = await living(world, "a", "b")
    people = [Record(kind=Kind.PARTICIPANT, key=participant_key("r", who), value={"n": 1}) for who in ("ann", "bob")]
    await a.put(*people, Record(kind=Kind.PARTICIPANT, key=participant_key("r2", "cid"), value={}))
    await a.put(replace(people[0], value={"n": 2}))
    found = await b.scan(Kind.PARTICIPANT, participant_key("r"))
    assert [(one.key, one.value["n"], one.node) for one in found] == [("r/ann", 2, "a"), ("r/bob", 1, "a")]
    await b.remove((Kind.PARTICIPANT, "r/ann"))
    assert len(await b.scan(Kind.PARTICIPANT, "r/")) == 2, "nobody takes back what another wrote"
    await a.remove((Kind.PARTICIPANT, "r/ann"), (Kind.PARTICIPANT, "r/nobody"))
    assert [one.key for one in await a.scan(Kind.PARTICIPANT)] == ["r/bob", "r2/cid"]
    assert await a.get(Kind.ROOM, "r/bob") is None


async def test_what_was_read_is_nobodys_state(world: World):
    (a,) = await living(world, "a")
    mine = {"held": ["x"]}
    await a.put(Record(kind=Kind.JOB, key="AJ1", value=mine))
    mine["held"].append("y")
    found = await a.get(Kind.JOB, "AJ1")
    assert found is not None
    assert found.value == {"held": ["x"]}


# Messages. -----------------------------------------------------------------------------------------------------


async def test_messages_arrive_in_order_whenever_they_are_taken(world: World):
    a, b = await living(world, "a", "b")
    for number in range(3):
        assert await a.send("b", {"n": number})
    assert [(await b.receive())["n"] for _ in range(3)] == [0, 1, 2]
    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        late = group.create_task(b.receive())
        await asyncio.sleep(0)
        assert not late.done()
        assert await a.send("b", {"n": 3})
        assert await late == {"n": 3}
    assert not await a.send("nobody", {})


async def test_who_waits_for_messages_gets_them_after_everything_was_lost(world: World):
    a, b = await living(world, "a", "b")
    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        waiting = group.create_task(b.receive())
        await asyncio.sleep(0)
        await world.lose_everything()
        await b.announce_node({})
        assert await a.send("b", {"n": 1})
        assert await waiting == {"n": 1}


# Workers. ------------------------------------------------------------------------------------------------------


async def test_a_slot_is_held_until_it_is_settled_once(world: World):
    (a,) = await living(world, "a")
    await a.put(worker("w", max_jobs=1))
    want = await wanting(a)
    assert await a.reserve(want) == Reserved("w")
    assert await a.reserve(want) == Reserved("w"), "asking twice for the same gives the same"
    assert await a.reserve(replace(want, job="AJ2")) == NobodyFree("every worker is busy")
    assert not await a.settle("AJ1", 2), "another attempt holds nothing"
    assert not await a.settle("AJ9", 1)
    assert await a.settle("AJ1", 1)
    assert not await a.settle("AJ1", 1)
    assert await a.reserve(replace(want, job="AJ2")) == Reserved("w")


async def test_what_a_worker_runs_by_its_own_account_takes_its_slots_too(world: World):
    (a,) = await living(world, "a")
    want = await wanting(a)
    await a.put(worker("w", held=["AJ7", "AJ8"]))
    assert isinstance(await a.reserve(want), NobodyFree)
    await a.put(worker("w", held=["AJ7"]))
    assert await a.reserve(want) == Reserved("w")
    await a.put(worker("w", held=["AJ7", "AJ1"]))
    assert isinstance(await a.reserve(replace(want, job="AJ2")), NobodyFree)
    await a.settle("AJ1", 1)
    await a.put(worker("w", held=["AJ7"]))
    assert await a.reserve(replace(want, job="AJ2")) == Reserved("w")


async def test_many_that_ask_at_once_never_overfill_a_worker(world: World):
    nodes = await living(world, "a", "b")
    for number in range(3):
        await nodes[0].put(worker(f"w{number}", max_jobs=4))
    wants = [(node, Want(job="", attempt=1, fence=(f"r-{node.node}", 0))) for node in nodes]
    owned = [(node, await node.own_room(want.fence[0]), want) for node, want in wants]
    asked = [
        node.reserve(replace(want, job=f"{node.node}{number}", fence=(want.fence[0], owner.epoch)))
        for number in range(8)
        for node, owner, want in owned
    ]
    found = await asyncio.gather(*asked)
    workers = [one.worker for one in found if isinstance(one, Reserved)]
    assert sorted(workers) == sorted(["w0", "w1", "w2"] * 4)
    assert found.count(NobodyFree("every worker is busy")) == 4


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"connected": False}, "no worker is connected: start one with python -m agent_worker start AGENT"),
        ({"state": "draining"}, "every worker is busy"),
        ({"state": "full"}, "every worker is busy"),
        ({"quiet": FRESH + 0.1}, "every worker is busy"),
        ({"agent": "waiter"}, None),
    ],
)
async def test_who_cannot_take_a_job_is_not_asked(world: World, fields: dict, reason: str | None):
    (a,) = await living(world, "a")
    await a.put(worker("w", **fields))
    expected = Reserved("w") if reason is None else NobodyFree(reason)
    assert await a.reserve(await wanting(a)) == expected


async def test_a_worker_that_is_silent_is_not_asked(world: World):
    (a,) = await living(world, "a")
    await a.put(worker("w", quiet=2.0))
    await world.pass_time(FRESH - 1.0)
    await a.announce_node({})
    assert isinstance(await a.reserve(await wanting(a)), NobodyFree)
    await a.put(worker("w"))
    assert await a.reserve(await wanting(a)) == Reserved("w")


async def test_whom_the_want_names_is_asked_first_and_whom_it_tried_never(world: World):
    a, b = await living(world, "a", "b")
    for name in ("w1", "w2", "w3"):
        await a.put(worker(name, load=0.9 if name == "w3" else 0.0))
    await b.put(worker("w4", agent="waiter"))
    want = await wanting(a)
    assert await a.reserve(replace(want, first="w3")) == Reserved("w3")
    assert await a.reserve(replace(want, job="2", tried=frozenset({"w1", "w2"}))) == Reserved("w3")
    assert await a.reserve(replace(want, job="3", agent="waiter")) == Reserved("w4")
    here = replace(want, job="4", agent="waiter", at="a")
    assert await a.reserve(here) == NobodyFree("no worker is connected that runs the agent waiter")
    assert (await a.own_room("r")) == Ownership("a", want.fence[1])
