"""What a server does when the engine fails, loses its memory, or is shared with another server; real sockets."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from signaling import cluster
from signaling.engine.base import Engine, EngineError, Kind
from signaling.engine.memory import MemoryEngine, MemoryStore
from signaling.members import RoomSettings
from tests.signaling.serving import PATIENCE, Site, join_token, serving


class FailingEngine:
    """A memory engine that can be made to fail, or to say nothing."""

    def __init__(self, store: MemoryStore, node: str) -> None:
        self._engine = MemoryEngine(store, node)
        self.node = node
        self.is_down = False
        self.is_mute = False

    def __getattr__(self, name: str) -> Callable[..., Awaitable[Any]]:
        async def ask(*args: Any, **kwargs: Any) -> Any:
            if self.is_down:
                raise EngineError
            while self.is_mute:
                await asyncio.sleep(0.01)
            return await getattr(self._engine, name)(*args, **kwargs)

        return ask


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """A beat of the heart in a twentieth of its time."""
    monkeypatch.setattr(cluster, "BEAT", 0.1)
    monkeypatch.setattr(cluster, "DEADLINE", 0.3)


async def until(fulfilled: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not await fulfilled():
            await asyncio.sleep(0.02)


async def is_ready(site: Site) -> bool:
    return (await site.http.get("/readyz")).status_code == 200


async def told(site: Site, path: str) -> Any:
    answer = await site.http.get(path)
    assert answer.status_code == 200, answer.text
    return answer.json()


# An engine that fails. -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["is_down", "is_mute"])
async def test_without_the_engine_what_is_there_goes_on_and_nothing_new_begins(how: str):
    engine = FailingEngine(MemoryStore(), "ND_1")
    async with serving(engine=engine) as site, site.joined("ann") as ann, site.joined("bob") as bob:
        setattr(engine, how, True)
        assert not await is_ready(site)
        refused = (await site.http.get("/readyz")).json()
        assert (refused["status"], refused["code"]) == (503, "no_capacity")
        assert (await site.http.get("/healthz")).status_code == 200
        # The sockets that are there, and others into the rooms that are there.
        await ann.send("data", topic="t", payload="still here")
        assert (await bob.expect("data"))["payload"] == "still here"
        async with site.joined("cid"):
            await ann.expect("participant", op="joined")
        async with site.socket("/v1/rtc") as late:
            await late.send("join", token=join_token("dan", "another"))
            said = await late.take()
            assert (said["code"], said["retry_after_ms"]) == ("no_capacity", 2000)
            assert await late.closed() == 4503
        for method, path, body in [
            ("POST", "/v1/rooms", {"name": "another"}),
            ("POST", "/v1/rooms/r/dispatches", {}),
            ("GET", "/v1/rooms", None),
        ]:
            answer = await site.http.request(method, path, json=body)
            assert (answer.status_code, answer.json()["code"]) == (503, "no_capacity"), (method, path)
            assert answer.headers["retry-after"]
        assert (await site.http.delete("/v1/rooms/r/participants/bob")).status_code == 204
        await bob.expect("leave")
        setattr(engine, how, False)
        await until(lambda: is_ready(site))
        rooms = await told(site, "/v1/rooms")
        assert [room["name"] for room in rooms["rooms"]] == ["r"]
        assert [one["identity"] for one in (await told(site, "/v1/rooms/r/participants"))["participants"]] == ["ann"]
        async with site.joined("dan", "another"):
            pass


async def test_an_agent_that_is_wanted_while_the_engine_is_down_comes_when_it_is_back():
    engine = FailingEngine(MemoryStore(), "ND_1")
    made = {"name": "r", "empty_timeout_s": 60}
    async with serving(engine=engine) as site, site.worker() as worker:
        assert (await site.http.post("/v1/rooms", json=made)).status_code == 201
        engine.is_down = True
        async with site.joined("ann") as ann:
            pending = await ann.expect("dispatch", op="pending")
            assert "cannot reach" in pending["reason"]
            engine.is_down = False
            await until(lambda: is_ready(site))
            await worker.send("status", state="available")
            assert (await worker.expect("offer"))["room"]["name"] == "r"


async def test_an_engine_that_lost_everything_is_told_everything_anew():
    store = MemoryStore()
    async with (
        serving(engine=MemoryEngine(store, "ND_1")) as site,
        site.worker("w", max_jobs=1) as worker,
        site.joined("ann"),
        site.agent(worker),
    ):
        before = [await told(site, path) for path in PATHS]
        store.forget()

        async def is_whole() -> bool:
            answers = [await site.http.get(path) for path in PATHS]
            return [answer.json() for answer in answers] == before

        await until(is_whole)
        # The worker's one slot is known to be taken, although the reservation is lost.
        async with site.joined("bob", "second") as bob:
            assert (await bob.expect("dispatch"))["reason"] == "every worker is busy"
        owner = await MemoryEngine(store, "ND_2").own_room("r")
        assert owner.node == "ND_1"


async def test_a_room_that_is_secured_and_not_opened_is_given_up():
    store = MemoryStore()
    rooms = RoomSettings(reconnect_timeout=0.0, departure_timeout=0.0, max_rooms=1)
    async with (
        serving(engine=MemoryEngine(store, "ND_1"), rooms=rooms) as site,
        site.joined("host", "first"),
        site.socket("/v1/rtc") as socket,
    ):
        await socket.send("join", token=join_token("ann", "r"))
        assert (await socket.take())["code"] == "no_capacity"
        assert (await site.http.post("/v1/rooms", json={"name": "r"})).status_code == 503

        async def is_free() -> bool:
            return "r" not in store.owners

        await until(is_free)
        assert store.owners["first"].node == "ND_1"
        assert (await site.http.delete("/v1/rooms/first")).status_code == 204
        async with site.joined("ann", "r"):
            assert set(store.owners) == {"r"}


# Two servers. --------------------------------------------------------------------------------------------------

PATHS = ("/v1/rooms", "/v1/rooms/r/participants", "/v1/rooms/r/dispatches", "/v1/workers")


async def test_two_servers_know_of_each_others_rooms_and_workers_and_let_nobody_open_one_twice():
    store = MemoryStore()
    async with (
        serving(engine=MemoryEngine(store, "ND_1")) as one,
        serving(engine=MemoryEngine(store, "ND_2")) as two,
        one.worker("w1") as worker,
        one.joined("ann"),
        one.agent(worker),
        two.joined("bob", "other"),
    ):
        for path in PATHS:
            assert await told(one, path) == await told(two, path), path
        assert {room["name"] for room in (await told(two, "/v1/rooms"))["rooms"]} == {"r", "other"}
        (job,) = (await told(two, "/v1/rooms/r/dispatches"))["dispatches"]
        assert (job["state"], job["worker"]) == ("running", "w1")
        assert await told(two, f"/v1/jobs/{job['dispatch_id']}") == job
        async with two.socket("/v1/rtc") as late:
            await late.send("join", token=join_token("cid", "r"))
            assert (await late.take())["code"] == "no_capacity"
        # The other's worker is nobody whom this server can reach.
        async with two.joined("dan", "third") as dan:
            assert "no worker is connected" in (await dan.expect("dispatch"))["reason"]


async def test_a_token_that_is_revoked_at_one_server_is_so_at_all_and_a_worker_is_drained_where_it_is():
    store = MemoryStore()
    async with (
        serving(engine=MemoryEngine(store, "ND_1")) as one,
        serving(engine=MemoryEngine(store, "ND_2")) as two,
        one.worker("w") as worker,
        one.joined("ann", jti="t1") as ann,
    ):
        assert (await two.http.delete("/v1/tokens/t1")).status_code == 204
        assert (await ann.expect("leave"))["reason"] == "removed"
        assert (await two.http.post("/v1/workers/w/drain", json={"timeout_s": 5})).status_code == 202
        assert (await worker.expect("drain"))["timeout_ms"] == 5000
        assert (await two.http.post("/v1/workers/nobody/drain", json={})).status_code == 404
        async with one.socket("/v1/rtc") as late:
            await late.send("join", token=join_token("ann", "r", jti="t1"))
            assert (await late.take())["code"] == "unauthorized"
        # What a newer server may say some day is no harm.
        assert await MemoryEngine(store, "ND_2").send("ND_1", {"do": "something new"})
        assert (await one.http.get("/readyz")).status_code == 200


async def test_who_was_away_for_longer_than_its_lease_gives_up_what_another_owns_by_now():
    clock = {"ahead": 0.0}
    store = MemoryStore(clock=lambda: time.monotonic() + clock["ahead"])
    engine = FailingEngine(store, "ND_1")
    other: Engine = MemoryEngine(store, "ND_2")
    async with serving(engine=engine) as site, site.joined("ann") as ann, site.joined("bob", "kept") as bob:
        await told(site, "/v1/rooms")
        engine.is_down = True
        clock["ahead"] = 10.0
        await other.announce_node({})
        assert (await other.own_room("r")).node == "ND_2"
        engine.is_down = False
        left = await ann.expect("leave")
        assert (left["reason"], left["action"]) == ("server_draining", "rejoin")
        assert await ann.closed() == 4512
        assert (await bob.ask("ping"))["t"] == "ok"

        async def knows_the_other() -> bool:
            return [room["name"] for room in (await told(site, "/v1/rooms"))["rooms"]] == ["kept"]

        await until(knows_the_other)
        found = await other.get(Kind.ROOM, "kept")
        assert found is not None
        assert found.node == "ND_1"
